"""Incidents in one DynamoDB table: the truth of each, and what is kept beside it.

| `incident_id`        | `part`                   | what it is                                                |
| -------------------- | ------------------------ | --------------------------------------------------------- |
| the incident         | `incident`               | the incident, alone in the indexes by status and device   |
| the incident         | `event#{at}#{event_id}`  | an event of its timeline                                  |
| the incident         | `page#{round}#{contact}#{channel}` | what a responder was sent, by a channel          |
| the incident         | `token`                  | the task token that waits, and how the incident stood for it |
| `open#{model}#{key}` | `lock`                   | `holder`: the incident that is open                       |
| `open#{model}#{key}` | `recovered`              | when a recovery was seen that found no open incident      |
| `effect#{effect_id}` | `taken`                  | `holder`: the incident that the effect was taken into     |

What belongs together is one transaction. A condition that does not hold is an answer, not an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from coldwatch.adapters.incident_items import (
    event_of,
    incident_item,
    incident_of,
    page_item,
    page_of,
    page_part,
)
from coldwatch.adapters.incident_writes import ABSENT, put, put_event, write_all
from coldwatch.adapters.items import from_item, is_failed_condition, to_item
from coldwatch.incidents.incident import REPORT_MISSED_MS, Incident, Page, Status, TimelineEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.items import Scalar
    from coldwatch.incidents.lifecycle import Change

LOOKED_BACK_MS = 90 * 86_400_000
"""How long ago an incident may have opened whose record or report is missed."""

type Record = dict[str, Scalar | None]


@dataclass(frozen=True, slots=True)
class DynamoIncidentStore:
    """`ports.IncidentStore`, `ports.PageStore` and `ports.TokenStore`."""

    client: DynamoDBClient
    table: str

    def find(self, incident_id: str) -> Incident | None:
        record = self._get(incident_id, "incident")
        return incident_of(record) if record else None

    def timeline(self, incident_id: str) -> list[TimelineEvent]:
        return [event_of(record) for record in self._query(incident_id, "event#")]

    def pages(self, incident_id: str) -> list[Page]:
        return [page_of(record) for record in self._query(incident_id, "page#")]

    def find_open(self, detector_model: str, key: str) -> Incident | None:
        lock = self._get(_open(detector_model, key), "lock")
        return self.find(lock["holder"]) if lock else None

    def taken_into(self, effect_id: str) -> str | None:
        taken = self._get(f"effect#{effect_id}", "taken")
        return str(taken["holder"]) if taken else None

    def open(self, incident: Incident, event: TimelineEvent) -> bool:
        lock = {"incident_id": _open(incident.detector_model, incident.key), "part": "lock"}
        return write_all(
            self.client,
            put(self.table, incident_item(incident), ABSENT),
            put(self.table, to_item(lock | {"holder": incident.incident_id}), ABSENT),
            put_event(self.table, incident.incident_id, event),
        )

    def apply(self, change: Change) -> bool:
        after = change.after
        revision = {":revision": {"N": str(change.before.revision)}}
        writes = [put(self.table, incident_item(after), "revision = :revision", revision)]
        if change.event:
            writes.append(put_event(self.table, after.incident_id, change.event))
        if change.effect_id:
            taken = {"incident_id": f"effect#{change.effect_id}", "part": "taken", "holder": after.incident_id}
            writes.append(put(self.table, to_item(taken), ABSENT))
        if change.releases_lock:
            writes.append(self._release_lock(after))
        return write_all(self.client, *writes)

    def note_recovery(self, detector_model: str, key: str, occurred_at: int) -> None:
        record: Record = {"incident_id": _open(detector_model, key), "part": "recovered", "occurred_at": occurred_at}
        later = {":at": {"N": str(occurred_at)}}
        write_all(self.client, put(self.table, to_item(record), f"{ABSENT} OR occurred_at < :at", later))

    def last_recovery(self, detector_model: str, key: str) -> int | None:
        record = self._get(_open(detector_model, key), "recovered")
        return int(record["occurred_at"]) if record else None

    def pages_of(self, incident_id: str, round_: int, contact_id: str) -> list[Page]:
        found = (page_of(record) for record in self._query(incident_id, page_part(round_, contact_id)))
        return [page for page in found if page.contact_id == contact_id]

    def keep_page(self, page: Page, event: TimelineEvent) -> bool:
        unsent = {":false": {"BOOL": False}}
        return write_all(
            self.client,
            put(self.table, page_item(page), f"{ABSENT} OR is_sent = :false", unsent),
            put_event(self.table, page.incident_id, event),
        )

    def note_delivery(self, page: Page, event: TimelineEvent | None) -> bool:
        writes = [put(self.table, page_item(page), "attribute_exists(part)")]
        return write_all(self.client, *writes, *([put_event(self.table, page.incident_id, event)] if event else []))

    def keep_token(self, incident: Incident, token: str) -> None:
        record: Record = {
            "incident_id": incident.incident_id,
            "part": "token",
            "token": token,
            "revision": incident.revision,
            "standing": incident.standing,
        }
        try:
            self.client.put_item(
                TableName=self.table,
                Item=to_item(record),
                ConditionExpression=f"{ABSENT} OR attribute_not_exists(revision) OR revision <= :revision",
                ExpressionAttributeValues={":revision": {"N": str(incident.revision)}},
            )
        except ClientError as error:
            if not is_failed_condition(error):
                raise

    def token(self, incident_id: str) -> tuple[str, str, int] | None:
        """The token that waits, how the incident stood for it, and at which revision; earlier ones did not say."""
        record = self._get(incident_id, "token")
        return (record["token"], record.get("standing", ""), record.get("revision", 0)) if record else None

    def unfinished(self) -> list[str]:
        """Those that are not over, in whichever status; the index follows the table after a moment."""
        waiting = (status for status in Status if status is not Status.RESOLVED)
        return [incident_id for status in waiting for incident_id in self._ids(status, since=0)]

    def unrecorded(self, *, now_ms: int) -> list[str]:
        """Those that are over and not complete, of the last months; what is older, somebody has seen to."""
        missed = "attribute_not_exists(recorded_at) OR (attribute_not_exists(reported_at) AND recorded_at > :missed)"
        values = {":missed": {"N": str(now_ms - REPORT_MISSED_MS)}}
        return list(self._ids(Status.RESOLVED, since=max(0, now_ms - LOOKED_BACK_MS), only=missed, values=values))

    def listed(self, status: Status) -> Iterator[Incident]:
        """Incidents by status, newest first; the index follows the table after a moment."""
        yield from self._indexed("by_status", "status", status)

    def of_device(self, device_id: str) -> Iterator[Incident]:
        """The incidents of a device, newest first; the index follows the table after a moment."""
        yield from self._indexed("by_device", "device_id", device_id)

    def _ids(
        self,
        status: Status,
        *,
        since: int,
        only: str = "attribute_exists(part)",
        values: Mapping[str, Any] | None = None,
    ) -> Iterator[str]:
        """Ids alone: an item that cannot be read keeps nobody from the others."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName="by_status",
            KeyConditionExpression="#status = :status AND opened_at >= :since",
            ProjectionExpression="incident_id",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": {"S": status}, ":since": {"N": str(since)}, **(values or {})},
            FilterExpression=only,
        )
        yield from (item["incident_id"]["S"] for page in pages for item in page["Items"])

    def _indexed(self, index: str, name: str, value: str) -> Iterator[Incident]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=index,
            KeyConditionExpression="#name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": {"S": value}},
            ScanIndexForward=False,
        )
        yield from (incident_of(from_item(item)) for page in pages for item in page["Items"])

    def _get(self, incident_id: str, part: str) -> dict[str, Any] | None:
        key = to_item({"incident_id": incident_id, "part": part})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return from_item(item) if item else None

    def _query(self, incident_id: str, prefix: str) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="incident_id = :id AND begins_with(part, :prefix)",
            ExpressionAttributeValues={":id": {"S": incident_id}, ":prefix": {"S": prefix}},
            ConsistentRead=True,
        )
        yield from (from_item(item) for page in pages for item in page["Items"])

    def _release_lock(self, incident: Incident) -> Any:
        """Whoever resolves gives it back; a lock that another incident holds is not theirs to give."""
        key = {"incident_id": _open(incident.detector_model, incident.key), "part": "lock"}
        return {
            "Delete": {
                "TableName": self.table,
                "Key": to_item(key),
                "ConditionExpression": "holder = :holder",
                "ExpressionAttributeValues": {":holder": {"S": incident.incident_id}},
            }
        }


def _open(detector_model: str, key: str) -> str:
    return f"open#{detector_model}#{key}"
