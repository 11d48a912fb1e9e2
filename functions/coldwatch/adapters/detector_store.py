"""Detectors, the checkpoint of each shard and the marks of effects that are done: one DynamoDB table.

| `detector_id`        | what it is                     | other attributes                                         |
| -------------------- | ------------------------------ | -------------------------------------------------------- |
| `{model}/{key}`      | a detector                     | `version`, `body`; `due_page`, `due_ms` for the sweep;   |
|                      |                                | `model` for lists, while it is not deleted               |
| `shard/{shard_id}`   | how far a shard is evaluated   | `last_sequence`, `evaluated_until_ms`                    |
| `effect/{effect_id}` | an effect that was carried out | `done_at`, `expires_at` (epoch s)                        |
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from coldwatch.adapters.items import is_failed_condition, to_item
from coldwatch.detection.detector import Detector, decode_detector, encode_detector
from coldwatch.detection.errors import CheckpointMovedError
from coldwatch.detection.ports import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.batches import DynamoBatches
    from coldwatch.adapters.items import Item, Scalar

DUE_INDEX: Final = "by_due"
DUE_PAGE: Final = "due"
MODEL_INDEX: Final = "by_model"
MARK_KEPT_MS: Final = 30 * 24 * 3_600_000
"""Longer than the queue and its dead-letter queue keep a message (14 days each)."""
WORKERS: Final = 8
"""Conditional writes come one by one; side by side, those of 500 detectors take a second."""

_NAMES: Final = {"#version": "version", "#body": "body"}
_PROJECTION: Final = {"ProjectionExpression": "detector_id, #version, #body", "ExpressionAttributeNames": _NAMES}


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
        return {
            item["detector_id"]["S"]: decode_detector(item["body"]["S"], int(item["version"]["N"])) for item in items
        }

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
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(detector_id)"}
        if detector.version:
            condition = {
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":version": {"N": str(detector.version)}},
            }
        try:
            self.client.put_item(TableName=self.table, Item=_item(detector, now_ms), **condition)
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True


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
class DynamoModelIndex:
    """`ports.ModelIndex`."""

    client: DynamoDBClient
    table: str

    def page(self, model: str, *, after: str | None, at_most: int) -> tuple[list[str], str | None]:
        start: dict[str, Any] = {}
        if after is not None:
            start = {"ExclusiveStartKey": to_item({"model": model, "detector_id": after})}
        answer = self.client.query(
            TableName=self.table,
            IndexName=MODEL_INDEX,
            KeyConditionExpression="#model = :model",
            ExpressionAttributeNames={"#model": "model"},
            ExpressionAttributeValues={":model": {"S": model}},
            Limit=at_most,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        return [item["detector_id"]["S"] for item in answer["Items"]], last["detector_id"]["S"] if last else None


@dataclass(frozen=True, slots=True)
class DynamoCheckpoints:
    """`ports.Checkpoints`. Sequence numbers are kept as text: they have more digits than a DynamoDB number."""

    client: DynamoDBClient
    table: str

    def read(self, shard_id: str) -> Checkpoint | None:
        key = to_item({"detector_id": _shard(shard_id)})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return Checkpoint(int(item["last_sequence"]["S"]), int(item["evaluated_until_ms"]["N"])) if item else None

    def move(self, shard_id: str, checkpoint: Checkpoint, *, previous: Checkpoint | None) -> None:
        record: dict[str, Scalar | None] = {
            "detector_id": _shard(shard_id),
            "last_sequence": str(checkpoint.last_sequence),
            "evaluated_until_ms": checkpoint.evaluated_until_ms,
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(detector_id)"}
        if previous is not None:
            condition = {
                "ConditionExpression": "last_sequence = :previous",
                "ExpressionAttributeValues": {":previous": {"S": str(previous.last_sequence)}},
            }
        try:
            self.client.put_item(TableName=self.table, Item=to_item(record), **condition)
        except ClientError as error:
            if is_failed_condition(error):
                raise CheckpointMovedError(shard_id) from error
            raise


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


def _item(detector: Detector, now_ms: int) -> Item:
    wakes_at = detector.wakes_at(now_ms)
    return to_item(
        {
            "detector_id": detector.detector_id,
            "version": detector.version + 1,
            "body": encode_detector(detector),
            "model": detector.model if detector.snapshot is not None else None,
            "due_page": DUE_PAGE if wakes_at is not None else None,
            "due_ms": wakes_at,
        }
    )


def _shard(shard_id: str) -> str:
    return f"shard/{shard_id}"


def _effect(effect_id: str) -> str:
    return f"effect/{effect_id}"
