"""Codes, and how often they were tried, in the links' table, which forgets them: `code#{hash}` and `tries#{what}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from coldwatch.adapters.items import is_failed_condition, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class DynamoCodeStore:
    """`ports.CodeStore`. A try is counted by a condition, so that any number at once are counted one by one."""

    client: DynamoDBClient
    table: str

    def put(self, code_hash: str, link_hash: str, *, forget_at: int) -> bool:
        item = to_item({"link_hash": f"code#{code_hash}", "stands_for": link_hash, "forget_at": forget_at // 1000})
        return self._holds(self.client.put_item, Item=item, ConditionExpression="attribute_not_exists(link_hash)")

    def find(self, code_hash: str) -> str | None:
        key = to_item({"link_hash": f"code#{code_hash}"})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return item["stands_for"]["S"] if item else None

    def try_once(self, what: str, *, most: int, within_ms: int, now_ms: int) -> bool:
        return self._begin(what, within_ms, now_ms) or self._go_on(what, most)

    def give_back(self, what: str) -> None:
        self._update(what, "ADD #count :by", "#count > :none", {":by": -1, ":none": 0})

    def _begin(self, what: str, within_ms: int, now_ms: int) -> bool:
        """The first try, or the first after the time of the ones before is over."""
        set_all = "SET #count = :one, began_at = :now, forget_at = :forget"
        condition = "attribute_not_exists(#count) OR began_at <= :old"
        values = {":one": 1, ":now": now_ms, ":old": now_ms - within_ms, ":forget": (now_ms + _KEPT_MS) // 1000}
        return self._update(what, set_all, condition, values)

    def _go_on(self, what: str, most: int) -> bool:
        return self._update(what, "ADD #count :by", "#count < :most", {":by": 1, ":most": most})

    def _update(self, what: str, expression: str, condition: str, values: dict[str, int]) -> bool:
        return self._holds(
            self.client.update_item,
            Key=to_item({"link_hash": f"tries#{what}"}),
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#count": "count"},
            ExpressionAttributeValues={name: {"N": str(value)} for name, value in values.items()},
        )

    def _holds(self, call: Any, **asked: Any) -> bool:
        try:
            call(TableName=self.table, **asked)
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True
