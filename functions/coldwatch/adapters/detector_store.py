"""Detectors and the marks of effects that are done, in DynamoDB.

| `detector_id`        | what it is                     | other attributes                                            |
| -------------------- | ------------------------------ | ----------------------------------------------------------- |
| `{model}/{key}`      | a detector                     | `version`, `body`; `owed` until somebody notes that its     |
|                      |                                | effects are sent; `due_page`, `due_ms` for the sweep        |
| `effect/{effect_id}` | an effect that was carried out | `done_at`, `expires_at` (epoch s)                           |

Of `shard/` and `seen/` says `checkpoint_store`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from coldwatch.adapters.checkpoint_store import creating, raising
from coldwatch.adapters.items import is_failed_condition, to_item
from coldwatch.adapters.transactions import is_beaten, transact
from coldwatch.detection.detector import Detector, decode_detector, encode_detector

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.batches import DynamoBatches
    from coldwatch.adapters.items import Item
    from coldwatch.detection.ports import Checkpoint

DUE_INDEX: Final = "by_due"
DUE_PAGE: Final = "due"
MARK_KEPT_MS: Final = 30 * 24 * 3_600_000
"""Longer than the queue and its dead-letter queue keep a message (14 days each)."""
WORKERS: Final = 8
"""Conditional writes come one by one; side by side, those of 500 detectors take a second."""

_NAMES: Final = {"#version": "version", "#body": "body", "#owed": "owed"}
_PROJECTION: Final = {
    "ProjectionExpression": "detector_id, #version, #body, #owed",
    "ExpressionAttributeNames": _NAMES,
}


@dataclass(frozen=True, slots=True)
class DynamoDetectorStore:
    """`ports.DetectorStore`."""

    client: DynamoDBClient
    batches: DynamoBatches
    table: str
    workers: int = WORKERS

    def load(self, detector_ids: Collection[str]) -> dict[str, Detector]:
        keys = [(self.table, to_item({"detector_id": each})) for each in sorted(detector_ids)]
        items = (item for _, item in self.batches.get(keys, {self.table: _PROJECTION}))
        return {item["detector_id"]["S"]: _detector(item) for item in items}

    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        def is_written(detector: Detector) -> bool:
            return self._write(detector, now_ms)

        if self.workers == 1 or len(detectors) == 1:
            results = [is_written(each) for each in detectors]
        else:
            with ThreadPoolExecutor(self.workers) as pool:
                results = list(pool.map(is_written, detectors))
        return {each.detector_id for each, is_done in zip(detectors, results, strict=True) if not is_done}

    def _write(self, detector: Detector, now_ms: int) -> bool:
        try:
            self.client.put_item(**self._put(detector, now_ms))
        except ClientError as error:
            if is_failed_condition(error) or is_beaten(error):
                return False
            raise
        return True

    def write_outside(
        self, detectors: Sequence[Detector], checkpoints: Mapping[str, Checkpoint], *, now_ms: int
    ) -> bool:
        names = [each.detector_id for each in detectors]
        raised = [raising(self.table, shard_id, each, names) for shard_id, each in checkpoints.items()]
        actions = [*raised, *({"Put": self._put(each, now_ms)} for each in detectors)]
        new = [each.detector_id for each in detectors if not each.version]
        return transact(self.client, actions, creating(self.table, new) if new else None)

    def settle(self, detectors: Sequence[Detector]) -> None:
        for each in detectors:
            self._settle(each)

    def _settle(self, detector: Detector) -> None:
        """The index goes by the stored detector's own timer again."""
        due_ms = detector.stored_due_ms
        rearm = "REMOVE owed, due_page, due_ms" if due_ms is None else "SET due_ms = :due REMOVE owed"
        values: dict[str, Any] = {":version": {"N": str(detector.version)}}
        if due_ms is not None:
            values[":due"] = {"N": str(due_ms)}
        try:
            self.client.update_item(
                TableName=self.table,
                Key=to_item({"detector_id": detector.detector_id}),
                UpdateExpression=rearm,
                ConditionExpression="#version = :version",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if not is_failed_condition(error):
                raise

    def _put(self, detector: Detector, now_ms: int) -> dict[str, Any]:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(detector_id)"}
        if detector.version:
            condition = {
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":version": {"N": str(detector.version)}},
            }
        return {"TableName": self.table, "Item": _item(detector, now_ms), **condition}


@dataclass(frozen=True, slots=True)
class DynamoDueIndex:
    """`ports.DueIndex`. The index follows the table after a moment."""

    client: DynamoDBClient
    table: str

    def due(self, until_ms: int) -> list[tuple[str, int]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table,
            IndexName=DUE_INDEX,
            KeyConditionExpression="due_page = :page AND due_ms <= :until",
            ExpressionAttributeValues={":page": {"S": DUE_PAGE}, ":until": {"N": str(until_ms)}},
        )
        return [(item["detector_id"]["S"], int(item["due_ms"]["N"])) for page in pages for item in page["Items"]]


@dataclass(frozen=True, slots=True)
class DynamoDoneMarkers:
    """`ports.DoneMarkers`."""

    client: DynamoDBClient
    table: str

    def is_done(self, effect_id: str) -> bool:
        key = to_item({"detector_id": _effect(effect_id)})
        return "Item" in self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)

    def mark(self, effect_id: str, *, now_ms: int) -> None:
        expires_at = (now_ms + MARK_KEPT_MS) // 1000
        item = to_item({"detector_id": _effect(effect_id), "done_at": now_ms, "expires_at": expires_at})
        self.client.put_item(TableName=self.table, Item=item)


def _detector(item: Mapping[str, Any]) -> Detector:
    return decode_detector(item["body"]["S"], int(item["version"]["N"]), is_owing="owed" in item)


def _item(detector: Detector, now_ms: int) -> Item:
    wakes_at = detector.wakes_at(now_ms)
    return to_item(
        {
            "detector_id": detector.detector_id,
            "version": detector.version + 1,
            "body": encode_detector(detector),
            "owed": now_ms if detector.pending else None,
            "due_page": DUE_PAGE if wakes_at is not None else None,
            "due_ms": wakes_at,
        }
    )


def _effect(effect_id: str) -> str:
    return f"effect/{effect_id}"
