"""Giving the detectors a batch that was given up: by invoking their function, never by the stream, where the store
would meet what it has stored.

The shard's checkpoint has long passed such a batch, so the records come as those of a shard of their own, which is
named by the letter: a letter that is redriven twice is evaluated once. Each message keeps its origin, so that what it
makes detectors do is what it would have been, and detectors know it for one of the past.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

from coldwatch_ops.dead_letters.batch_records import BatchRecord
from coldwatch_ops.stack import Stack
from coldwatch_ops.stream import StreamMessage

type Sent = tuple[BatchRecord, StreamMessage]

_MOST_RECORDS = 100
_MOST_BYTES = 4_000_000
"""A synchronous invocation takes 6 MB (Lambda quotas), and the data weighs a third more in base64."""


def evaluate(stack: Stack, letter_id: str, batch: Sequence[Sent]) -> str | None:
    """None once all of it is evaluated, else why it is not. What was done before stays done, and is not done again."""
    function = stack.output("EvaluateDetectorsFunctionName")
    for chunk in _chunks(batch):
        event = {"Records": [_record(stack, f"redriven-{letter_id}", each) for each in chunk]}
        answer = stack.clients.lambda_.invoke(FunctionName=function, Payload=json.dumps(event).encode())
        said: dict[str, Any] = json.loads(answer["Payload"].read() or b"null") or {}
        if answer.get("FunctionError"):
            return f"the function failed ({said.get('errorMessage', 'its log says why')})"
        for failure in said.get("batchItemFailures", []):
            return f"the function stopped at record {failure['itemIdentifier']}; its log says why"
    return None


def _record(stack: Stack, shard_id: str, sent: Sent) -> dict[str, Any]:
    """A member of the event (Lambda guide, "Process Amazon Kinesis Data Streams records")."""
    record, message = sent
    return {
        "eventID": f"{shard_id}:{record.sequence}",
        "eventSource": "aws:kinesis",
        "eventName": "aws:kinesis:record",
        "eventSourceARN": stack.output("TelemetryStreamName"),
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": message.partition_key,
            "sequenceNumber": record.sequence,
            "data": base64.b64encode(message.data).decode(),
            "approximateArrivalTimestamp": record.arrived_at / 1000,
        },
    }


def _chunks(batch: Sequence[Sent]) -> Iterator[list[Sent]]:
    chunk: list[Sent] = []
    size = 0
    for record, message in batch:
        if chunk and (len(chunk) == _MOST_RECORDS or size + len(message.data) > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append((record, message))
        size += len(message.data)
    if chunk:
        yield chunk
