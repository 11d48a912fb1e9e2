"""Putting messages on the telemetry stream again, in the envelope that the topic rules make."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef

_MOST_RECORDS = 500
_MOST_BYTES = 4_500_000
"""One PutRecords takes 500 records and 5 MiB, partition keys included (API reference, PutRecords)."""
_ATTEMPTS = 6
_FIRST_PAUSE_S = 0.2


@dataclass(frozen=True)
class StreamMessage:
    partition_key: str
    data: bytes


def envelope(
    *,
    payload: bytes,
    topic: str,
    thing: str,
    application: str,
    client_id: str,
    received_at: int,
    trace_id: str = "",
    origin: str | None = None,
    redrive_of: str | None = None,
) -> StreamMessage:
    """A message as the topic rule would put it, in the order of its publisher; `received_at` is its first arrival."""
    document: dict[str, Any] = {
        "payload": base64.b64encode(payload).decode(),
        "topic": topic,
        "thing": thing,
        "application": application,
        "client_id": client_id,
        "received_at": received_at,
        "trace_id": trace_id,
    }
    known = {"origin": origin, "redrive_of": redrive_of}
    document |= {name: value for name, value in known.items() if value is not None}
    return StreamMessage(thing or "unknown", json.dumps(document).encode())


def put_messages(
    kinesis: "KinesisClient", stream_name: str, messages: Sequence[StreamMessage], pause: Callable[[float], None]
) -> list[str | None]:
    """For each message None once the stream has it, else the reason why it has not, after several attempts."""
    reasons: list[str | None] = ["not tried"] * len(messages)
    waiting = list(range(len(messages)))
    for attempt in range(_ATTEMPTS):
        if attempt:
            pause(_FIRST_PAUSE_S * 2**attempt)
        for chunk in _chunks(waiting, messages):
            _put_chunk(kinesis, stream_name, messages, chunk, reasons)
        waiting = [index for index in waiting if reasons[index] is not None]
        if not waiting:
            break
    return reasons


def _chunks(waiting: Sequence[int], messages: Sequence[StreamMessage]) -> Iterator[list[int]]:
    chunk: list[int] = []
    size = 0
    for index in waiting:
        weight = len(messages[index].data) + len(messages[index].partition_key)
        if chunk and (len(chunk) == _MOST_RECORDS or size + weight > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(index)
        size += weight
    if chunk:
        yield chunk


def _put_chunk(
    kinesis: "KinesisClient",
    stream_name: str,
    messages: Sequence[StreamMessage],
    chunk: Sequence[int],
    reasons: list[str | None],
) -> None:
    records: list[PutRecordsRequestEntryTypeDef] = [
        {"Data": messages[index].data, "PartitionKey": messages[index].partition_key} for index in chunk
    ]
    response = kinesis.put_records(StreamName=stream_name, Records=records)
    for index, result in zip(chunk, response["Records"], strict=True):
        code = result.get("ErrorCode")
        reasons[index] = f"{code}: {result.get('ErrorMessage', '')}" if code else None
