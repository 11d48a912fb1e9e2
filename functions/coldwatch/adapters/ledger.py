"""The accounts of each shard in DynamoDB."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from coldwatch.adapters.items import is_failed_condition, to_item
from coldwatch.telemetry.ports import LedgerMovedError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.telemetry.accounting import Posting


@dataclass(frozen=True, slots=True)
class DynamoLedger:
    """`ports.Ledger`. Sequence numbers are kept as text: they have more digits than a DynamoDB number."""

    client: DynamoDBClient
    table: str

    def last_sequence(self, shard_id: str) -> int | None:
        key = to_item({"shard_id": shard_id})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return int(item["last_sequence"]["S"]) if item else None

    def post(self, shard_id: str, posting: Posting, *, now_ms: int) -> None:
        counts = asdict(posting.counts)
        values: dict[str, Any] = {f":{name}": {"N": str(count)} for name, count in counts.items()}
        values |= {":last": {"S": str(posting.last_sequence)}, ":now": {"N": str(now_ms)}}
        condition = "attribute_not_exists(last_sequence)"
        if posting.previous is not None:
            condition = "last_sequence = :previous"
            values[":previous"] = {"S": str(posting.previous)}
        added = ", ".join(f"{name} :{name}" for name in counts)
        try:
            self.client.update_item(
                TableName=self.table,
                Key=to_item({"shard_id": shard_id}),
                UpdateExpression=f"SET last_sequence = :last, updated_at = :now ADD {added}",
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if is_failed_condition(error):
                raise LedgerMovedError(shard_id) from error
            raise
