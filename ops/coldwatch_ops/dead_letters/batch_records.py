"""The records of a batch that Lambda gave up on: still on the stream for seven days, found by their numbers."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldwatch_ops.dead_letters.contents import FailedBatch
from coldwatch_ops.publishers import Publishers
from coldwatch_ops.stream import StreamMessage, envelope
from coldwatch_ops.times import to_epoch_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import RecordTypeDef


@dataclass(frozen=True)
class BatchRecord:
    sequence: str
    partition_key: str
    arrived_at: int
    data: bytes


def read_records(kinesis: "KinesisClient", stream_name: str, batch: FailedBatch) -> list[BatchRecord]:
    """Every record of the shard from the first to the last; fewer than `batch.size` once retention took some."""
    last = int(batch.last)
    records: list[BatchRecord] = []
    for page in _pages(kinesis, stream_name, batch):
        records += [_record_of(record) for record in page if int(record["SequenceNumber"]) <= last]
        if page and int(page[-1]["SequenceNumber"]) >= last:
            break
    return records


def _pages(kinesis: "KinesisClient", stream_name: str, batch: FailedBatch) -> "Iterator[list[RecordTypeDef]]":
    iterator: str | None = kinesis.get_shard_iterator(
        StreamName=stream_name,
        ShardId=batch.shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=batch.first,
    )["ShardIterator"]
    while iterator:
        page = kinesis.get_records(ShardIterator=iterator)
        yield page["Records"]
        if not page["Records"] and page.get("MillisBehindLatest", 0) == 0:
            return
        iterator = page.get("NextShardIterator")


def _record_of(record: "RecordTypeDef") -> BatchRecord:
    arrived_at = to_epoch_ms(record["ApproximateArrivalTimestamp"])
    return BatchRecord(record["SequenceNumber"], record["PartitionKey"], arrived_at, record["Data"])


def message_of(shard_id: str, record: BatchRecord, publishers: Publishers) -> StreamMessage:
    """The record to be put again. Its origin stays the record that first carried the message, and it names those that
    were given up: some of the batch may be stored already, and is then recognised.

    A bare-bytes record of an unknown publisher stays one: nothing of it can be stored.
    """
    event_id = f"{shard_id}:{record.sequence}"
    document = _as_envelope(record.data)
    if document is not None:
        before = document.get("instead_of")
        given_up = [*(before if isinstance(before, list) else ()), event_id]
        again = {"origin": event_id} | document | {"instead_of": given_up}
        return StreamMessage(record.partition_key, json.dumps(again).encode())
    application = publishers.application_of(record.partition_key)
    if application is None:
        return StreamMessage(record.partition_key, record.data)
    return envelope(
        payload=record.data,
        topic=publishers.topic_of(application, record.partition_key),
        thing=record.partition_key,
        application=application,
        client_id="",
        received_at=record.arrived_at,
        origin=event_id,
    )


def _as_envelope(data: bytes) -> dict[str, Any] | None:
    """None for a bare-bytes record, whatever its bytes are."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    is_envelope = isinstance(document, dict) and {"payload", "topic", "thing", "application"} <= document.keys()
    return document if is_envelope else None
