"""How far each shard is evaluated, and the log of its small changes: in the table of the detectors.

| `detector_id`            | what it is                  | other attributes                                     |
| ------------------------ | --------------------------- | ---------------------------------------------------- |
| `shard/{shard_id}`       | a checkpoint                | `last_sequence`, `evaluated_until_ms`, `generation`, |
|                          |                             | `owner`, `touched`, `touched_all`,                   |
|                          |                             | `log_base`, `log_chunks`, `log_last`                 |
| `seen/{shard_id}/{slot}` | a page of the shard's log   | `number`, `page`                                     |
| `seen/shards`            | which shards have a log     | `shard_ids`                                          |
| `seen/created`           | detectors made from outside | `epoch`, `changed`                                   |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from coldwatch.adapters.epochs import EPOCH_ID, NAMES, Raise, read_epoch, typed
from coldwatch.adapters.items import is_failed_condition, to_item
from coldwatch.adapters.transactions import is_beaten, transact
from coldwatch.detection.ports import Checkpoint, LogReach, Page, Start

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.batches import DynamoBatches
    from coldwatch.adapters.items import Item

_SHARDS: Final = "seen/shards"
_CREATED: Final = "seen/created"
_CREATED_KEY: Final = to_item({"detector_id": _CREATED})
_STAND: Final = ("last_sequence", "generation", "owner")
_PROJECTION: Final = {
    "ProjectionExpression": (
        "detector_id, last_sequence, evaluated_until_ms, generation, #owner, touched, touched_all,"
        " log_base, log_chunks, log_last, #epoch, #changed"
    ),
    "ExpressionAttributeNames": {"#owner": "owner", **NAMES},
}
_EPOCH: Final = {"ProjectionExpression": "device_id, #epoch, #changed", "ExpressionAttributeNames": NAMES}
_PAGE_PROJECTION: Final = {
    "ProjectionExpression": "detector_id, #number, #page",
    "ExpressionAttributeNames": {"#number": "number", "#page": "page"},
}


@dataclass(frozen=True, slots=True)
class DynamoCheckpoints:
    """`ports.Checkpoints`. Sequence numbers are kept as text: they have more digits than a DynamoDB number."""

    client: DynamoDBClient
    batches: DynamoBatches
    table: str
    device_table: str

    def begin(self, shard_id: str) -> Start:
        devices = to_item({"device_id": EPOCH_ID})
        keys = [(self.table, _shard_key(shard_id)), (self.table, _CREATED_KEY), (self.device_table, devices)]
        items = [item for _, item in self.batches.get(keys, {self.table: _PROJECTION, self.device_table: _EPOCH})]
        found: dict[str, Any] = {item.get("detector_id", {}).get("S", EPOCH_ID): item for item in items}
        checkpoint = _checkpoint(found.get(_shard(shard_id), {}))
        return Start(checkpoint, read_epoch(found.get(EPOCH_ID, {})), read_epoch(found.get(_CREATED, {})))

    def read(self, shard_ids: Collection[str]) -> dict[str, Checkpoint]:
        keys = [(self.table, _shard_key(each)) for each in sorted(shard_ids)]
        found = {item["detector_id"]["S"]: item for _, item in self.batches.get(keys, {self.table: _PROJECTION})}
        return {each: _checkpoint(found.get(_shard(each), {})) for each in shard_ids}

    def move(self, shard_id: str, to: Checkpoint, *, previous: Checkpoint, pages: Sequence[Page] = ()) -> bool:
        put = {"TableName": self.table, "Item": _item(shard_id, to), **_standing_like(previous)}
        if pages:
            written: list[Any] = [{"Put": put}, *({"Put": self._page(shard_id, each)} for each in pages)]
            return transact(self.client, written + ([] if previous.log.last else [self._first_log(shard_id)]))
        try:
            self.client.put_item(**put)
        except ClientError as error:
            if is_failed_condition(error) or is_beaten(error):
                return False
            raise
        return True

    def pages(self, shard_id: str, slots: Collection[str]) -> dict[str, Page]:
        names = {_page(shard_id, slot): slot for slot in slots}
        keys = [(self.table, to_item({"detector_id": name})) for name in names]
        items = (item for _, item in self.batches.get(keys, {self.table: _PAGE_PROJECTION}))
        found = {names[item["detector_id"]["S"]]: item for item in items}
        return {slot: Page(slot, int(item["number"]["N"]), item["page"]["B"]) for slot, item in found.items()}

    def logged_shards(self) -> list[str]:
        key = to_item({"detector_id": _SHARDS})
        item: Any = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item", {})
        return sorted(item["shard_ids"]["SS"]) if item else []

    def _page(self, shard_id: str, page: Page) -> dict[str, Any]:
        item = to_item({"detector_id": _page(shard_id, page.slot), "number": page.number})
        return {"TableName": self.table, "Item": {**item, "page": {"B": page.body}}}

    def _first_log(self, shard_id: str) -> dict[str, Any]:
        return {
            "Update": {
                "TableName": self.table,
                "Key": to_item({"detector_id": _SHARDS}),
                "UpdateExpression": "ADD shard_ids :shard",
                "ExpressionAttributeValues": {":shard": {"SS": [shard_id]}},
            }
        }


def raising(table: str, shard_id: str, checkpoint: Checkpoint, detector_ids: Collection[str]) -> dict[str, Any]:
    """The action that raises the generation of a shard in a transaction that writes these detectors of it."""
    raised = checkpoint.raised(detector_ids)
    return {"Put": {"TableName": table, "Item": _item(shard_id, raised), **_standing_like(checkpoint)}}


def creating(table: str, detector_ids: Sequence[str]) -> Raise:
    """The action that tells of detectors that were made from outside."""
    return Raise(table, _CREATED_KEY, detector_ids, typed)


def _standing_like(checkpoint: Checkpoint) -> dict[str, Any]:
    """The condition that nobody has moved a checkpoint, or raised its generation, since it was read."""
    there = {name: value for name, value in _item("", checkpoint).items() if name in _STAND}
    conditions = [f"#{name} = :{name}" if name in there else f"attribute_not_exists(#{name})" for name in _STAND]
    request: dict[str, Any] = {
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in _STAND},
    }
    if there:
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in there.items()}
    return request


def _item(shard_id: str, checkpoint: Checkpoint) -> Item:
    """What is nothing is left out: so it was before there were generations and logs."""
    sequence = checkpoint.last_sequence
    item: Item = to_item(
        {
            "detector_id": _shard(shard_id),
            "last_sequence": None if sequence is None else str(sequence),
            "evaluated_until_ms": checkpoint.evaluated_until_ms,
            "generation": checkpoint.generation or None,
            "owner": checkpoint.owner or None,
            "touched_all": checkpoint.touched_all or None,
            "log_base": checkpoint.log.base or None,
            "log_chunks": checkpoint.log.chunks or None,
            "log_last": checkpoint.log.last or None,
        }
    )
    if checkpoint.touched:
        item["touched"] = {"SS": sorted(checkpoint.touched)}
    return item


def _checkpoint(item: Mapping[str, Any]) -> Checkpoint:
    def number(name: str) -> int:
        return int(item[name]["N"]) if name in item else 0

    return Checkpoint(
        last_sequence=int(item["last_sequence"]["S"]) if "last_sequence" in item else None,
        evaluated_until_ms=number("evaluated_until_ms"),
        generation=number("generation"),
        owner=item["owner"]["S"] if "owner" in item else "",
        touched=frozenset(item["touched"]["SS"] if "touched" in item else ()),
        touched_all="touched_all" in item,
        log=LogReach(number("log_base"), number("log_chunks"), number("log_last")),
    )


def _shard(shard_id: str) -> str:
    return f"shard/{shard_id}"


def _shard_key(shard_id: str) -> Item:
    return to_item({"detector_id": _shard(shard_id)})


def _page(shard_id: str, slot: str) -> str:
    return f"seen/{shard_id}/{slot}"
