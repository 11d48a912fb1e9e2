"""What keeps a storm from flooding people, in one table: groups, budgets, digests, maintenance windows.

| `subject`           | `part`                               | what it is                                       |
| ------------------- | ------------------------------------ | ------------------------------------------------ |
| `group#{key}`       | `{at}#{incident}`                    | an incident of a gateway or site                 |
| `budget#{contact}`  | `spent`                              | what a contact was sent in its window            |
| `digests`           | `{due}#{contact}#{incident}#{round}` | a page that waits for a digest                   |
| `budget#{contact}`  | `digest`                             | who sends this contact's digests, until when     |
| `digested#{contact}`| `{at}#{number}`                      | what a digest that was sent has in it            |
| `maintenance`       | `{until}#{window}`                   | a maintenance window; kept for good              |

All but the last leave by time to live (`forget_at`, seconds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError

from coldwatch.adapters.items import from_item, is_failed_condition, to_item
from coldwatch.incidents.storms.budget import Spent
from coldwatch.incidents.storms.grouping import Member
from coldwatch.incidents.storms.maintenance import MaintenanceWindow
from coldwatch.incidents.storms.ports import DigestEntry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.items import Scalar
    from coldwatch.incidents.storms.ports import MessageIds

_DAY_MS = 86_400_000
_BUDGET_KEPT_MS, _DIGEST_KEPT_MS = _DAY_MS, 7 * _DAY_MS
_DIGESTS, _MAINTENANCE = "digests", "maintenance"
_PAGES_PER_NOTE = 1000
"""Of two hundred bytes each: far below what an item holds."""
type _Pages = list[tuple[str, int, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class DynamoStormStore:
    """`storms.ports.GroupStore`, `BudgetStore` and `MaintenanceStore`."""

    client: DynamoDBClient
    table: str

    def enter(self, group: str, member: Member, *, forget_at: int) -> None:
        part = f"{member.at:013d}#{member.incident_id}"
        self._put({"subject": f"group#{group}", "part": part, "forget_at": forget_at // 1000})

    def members(self, group: str, from_ms: int, to_ms: int, *, at_most: int) -> list[Member]:
        records = self._between(f"group#{group}", f"{from_ms:013d}", f"{to_ms:013d}$", at_most=at_most)
        parts = (str(each["part"]).partition("#") for each in records)
        return [Member(incident_id, int(at)) for at, _, incident_id in parts]

    def spent(self, contact_id: str) -> Spent | None:
        key = to_item({"subject": f"budget#{contact_id}", "part": "spent"})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return msgspec.json.decode(item["state"]["S"], type=Spent) if item else None

    def spend(self, contact_id: str, before: Spent | None, after: Spent) -> bool:
        record: dict[str, Scalar | None] = {
            "subject": f"budget#{contact_id}",
            "part": "spent",
            "state": _text(after),
            "forget_at": (after.since + _BUDGET_KEPT_MS) // 1000,
        }
        condition = "attribute_not_exists(part)" if before is None else "#state = :before"
        named: dict[str, Any] = {"ConditionExpression": condition}
        if before is not None:
            named["ExpressionAttributeNames"] = {"#state": "state"}
            named["ExpressionAttributeValues"] = {":before": {"S": _text(before)}}
        return self._put_if(record, **named)

    def queue(self, entry: DigestEntry) -> None:
        forget_at = (entry.due_at + _DIGEST_KEPT_MS) // 1000
        self._put({**_entry_key(entry), "entry": _text(entry), "forget_at": forget_at})

    def due(self, now_ms: int) -> list[DigestEntry]:
        records = self._between(_DIGESTS, "0", f"{now_ms:013d}$")
        return [msgspec.json.decode(each["entry"], type=DigestEntry) for each in records]

    def unqueue(self, entry: DigestEntry) -> None:
        self.client.delete_item(TableName=self.table, Key=to_item(_entry_key(entry)))

    def claim_digest(self, contact_id: str, *, now_ms: int, until_ms: int) -> bool:
        record = {
            **_claim_key(contact_id),
            "claimed_until": until_ms,
            "forget_at": (until_ms + _BUDGET_KEPT_MS) // 1000,
        }
        return self._put_if(
            record,
            ConditionExpression="attribute_not_exists(part) OR claimed_until <= :now",
            ExpressionAttributeValues=to_item({":now": now_ms}),
        )

    def release_digest(self, contact_id: str, *, until_ms: int) -> None:
        try:
            self.client.delete_item(
                TableName=self.table,
                Key=to_item(_claim_key(contact_id)),
                ConditionExpression="claimed_until = :own",
                ExpressionAttributeValues=to_item({":own": until_ms}),
            )
        except ClientError as error:
            if not is_failed_condition(error):
                raise

    def note_digest(self, contact_id: str, at: int, told: Mapping[DigestEntry, MessageIds]) -> None:
        pages = [(entry.incident_id, entry.round, message_ids) for entry, message_ids in told.items()]
        for start in range(0, len(pages), _PAGES_PER_NOTE):
            self._put(
                {
                    "subject": f"digested#{contact_id}",
                    "part": f"{at:013d}#{start}",
                    "pages": _text(pages[start : start + _PAGES_PER_NOTE]),
                    "forget_at": (at + _DIGEST_KEPT_MS) // 1000,
                }
            )

    def noted_digests(self, contact_id: str) -> Mapping[tuple[str, int], tuple[int, MessageIds]]:
        noted: dict[tuple[str, int], tuple[int, MessageIds]] = {}
        for each in self._between(f"digested#{contact_id}", "0", "9" * 14):
            at, pages = int(str(each["part"]).partition("#")[0]), msgspec.json.decode(each["pages"], type=_Pages)
            noted |= {(incident_id, round_): (at, message_ids) for incident_id, round_, message_ids in pages}
        return noted

    def unfinished(self, now_ms: int) -> list[MaintenanceWindow]:
        return list(self._windows(f"{now_ms:013d}"))

    def windows(self) -> list[MaintenanceWindow]:
        """All there ever were, in the order of their ends."""
        return list(self._windows("0"))

    def put_window(self, window: MaintenanceWindow, *, before: MaintenanceWindow | None = None) -> bool:
        """A new one, or one that was ended if it is still `before`. Nobody takes one away."""
        part = f"{window.until_ms:013d}#{window.window_id}"
        named: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(part)"}
        if before is not None:
            named = {
                "ConditionExpression": "#window = :before",
                "ExpressionAttributeNames": {"#window": "window"},
                "ExpressionAttributeValues": {":before": {"S": _text(before)}},
            }
        return self._put_if({"subject": _MAINTENANCE, "part": part, "window": _text(window)}, **named)

    def _windows(self, from_: str) -> Iterator[MaintenanceWindow]:
        for each in self._between(_MAINTENANCE, from_, "9" * 14):
            yield msgspec.json.decode(each["window"], type=MaintenanceWindow)

    def _between(self, subject: str, from_: str, to: str, *, at_most: int | None = None) -> list[dict[str, Any]]:
        limit: dict[str, Any] = {"PaginationConfig": {"MaxItems": at_most}} if at_most else {}
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="subject = :subject AND part BETWEEN :from AND :to",
            ExpressionAttributeValues={":subject": {"S": subject}, ":from": {"S": from_}, ":to": {"S": to}},
            ConsistentRead=True,
            **limit,
        )
        return [from_item(item) for page in pages for item in page["Items"]]

    def _put(self, record: dict[str, Scalar | None]) -> None:
        self.client.put_item(TableName=self.table, Item=to_item(record))

    def _put_if(self, record: dict[str, Scalar | None], **condition: Any) -> bool:
        try:
            self.client.put_item(TableName=self.table, Item=to_item(record), **condition)
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True


def _claim_key(contact_id: str) -> dict[str, Scalar | None]:
    return {"subject": f"budget#{contact_id}", "part": "digest"}


def _entry_key(entry: DigestEntry) -> dict[str, Scalar | None]:
    part = f"{entry.due_at:013d}#{entry.contact_id}#{entry.incident_id}#{entry.round}"
    return {"subject": _DIGESTS, "part": part}


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
