"""Storms and their children, in the table of incidents.

| `incident_id`       | `part`             | what it is                                             |
| ------------------- | ------------------ | ------------------------------------------------------ |
| the storm           | `child#{id}`       | an incident that joined it, for good                   |
| `open#children#{storm}` | the child      | one that is not over; also before it joins, of the first |
| `open#storm#{key}`  | `last`             | `holder`: the storm that is open, or the last that was |

Hundreds join at once, so whoever joins writes its own items and none that others write: nothing of it is a counter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldwatch.adapters.incident_items import incident_item, incident_of
from coldwatch.adapters.incident_writes import ABSENT, put, put_event, write_all
from coldwatch.adapters.items import from_item, to_item
from coldwatch.incidents.incident import STORM, Incident, TimelineEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.items import Item
    from coldwatch.incidents.lifecycle import Change

_CHILD = "child#"


@dataclass(frozen=True, slots=True)
class DynamoFamilyStore:
    """`storms.ports.FamilyStore`."""

    client: DynamoDBClient
    table: str

    def last_storm(self, group: str) -> Incident | None:
        last = self._get(_lock(group), "last")
        found = self._get(last["holder"], "incident") if last else None
        return incident_of(found) if found else None

    def open_storm(self, storm: Incident, event: TimelineEvent, expected: Sequence[str]) -> bool:
        holder = {"incident_id": _lock(storm.key), "holder": storm.incident_id}
        return write_all(
            self.client,
            put(self.table, incident_item(storm), ABSENT),
            put(self.table, to_item({**holder, "part": "lock"}), ABSENT),
            put(self.table, to_item({**holder, "part": "last"})),
            put_event(self.table, storm.incident_id, event),
            *(put(self.table, _open_child(storm.incident_id, each)) for each in expected),
        )

    def attach(self, change: Change, parent_id: str, event: TimelineEvent) -> bool:
        child = change.after
        assert change.event is not None, "who joins says so on its timeline"
        revision = {":revision": {"N": str(change.before.revision)}}
        return write_all(
            self.client,
            put(self.table, incident_item(child), "revision = :revision", revision),
            put_event(self.table, child.incident_id, change.event),
            put(self.table, _child(parent_id, child.incident_id)),
            put(self.table, _open_child(parent_id, child.incident_id)),
            put_event(self.table, parent_id, event),
        )

    def leave(self, parent_id: str, child_id: str) -> None:
        self.client.delete_item(TableName=self.table, Key=_open_child(parent_id, child_id))

    def has_open_child(self, parent_id: str) -> bool:
        return bool(self.client.query(**self._parts(_family(parent_id), ""), Limit=1)["Items"])

    def open_children(self, parent_id: str) -> list[str]:
        return self._ids(_family(parent_id), "")

    def children(self, parent_id: str) -> list[str]:
        return self._ids(parent_id, _CHILD)

    def count_children(self, parent_id: str) -> int:
        pages = self.client.get_paginator("query").paginate(**self._parts(parent_id, _CHILD), Select="COUNT")
        return sum(page["Count"] for page in pages)

    def _ids(self, parent_id: str, prefix: str) -> list[str]:
        pages = self.client.get_paginator("query").paginate(**self._parts(parent_id, prefix))
        parts = (item["part"]["S"] for page in pages for item in page["Items"])
        return [part.removeprefix(prefix) for part in parts]

    def _parts(self, name: str, prefix: str) -> Any:
        """All of a name, or those parts that begin so."""
        condition, values = "incident_id = :id", {":id": {"S": name}}
        if prefix:
            condition, values = f"{condition} AND begins_with(part, :prefix)", values | {":prefix": {"S": prefix}}
        return {
            "TableName": self.table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }

    def _get(self, incident_id: str, part: str) -> dict[str, Any] | None:
        key = to_item({"incident_id": incident_id, "part": part})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return from_item(item) if item else None


def _lock(group: str) -> str:
    return f"open#{STORM}#{group}"


def _family(parent_id: str) -> str:
    """Whoever may give back locks may take these away, and nothing else."""
    return f"open#children#{parent_id}"


def _child(parent_id: str, child_id: str) -> Item:
    return to_item({"incident_id": parent_id, "part": f"{_CHILD}{child_id}"})


def _open_child(parent_id: str, child_id: str) -> Item:
    return to_item({"incident_id": _family(parent_id), "part": child_id})
