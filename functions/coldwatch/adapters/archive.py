"""Readings to the archive, by Firehose.

Limits (Amazon Data Firehose API reference, PutRecordBatch): 500 records or 4 MiB a request. A request may succeed in
part: what it did not take is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from coldwatch.adapters.batches import Sleep, tries
from coldwatch.telemetry.classification import Key
from coldwatch.telemetry.reading import Reading, canonical_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_firehose import FirehoseClient

RECORDS_PER_PUT = 500
BYTES_PER_PUT = 4 * 1024 * 1024

type Line = tuple[Key, bytes]


@dataclass(frozen=True, slots=True)
class FirehoseArchive:
    """`ports.Archive`: each reading is a JSON line; the delivery stream partitions by `application` and `day`."""

    client: FirehoseClient
    delivery_stream: str
    sleep: Sleep

    def put(self, readings: Sequence[Reading]) -> set[Key]:
        lines = [(reading.key, msgspec.json.encode(canonical_record(reading)) + b"\n") for reading in readings]
        return {key for batch in _batches(lines) for key, _ in self._put_all(batch)}

    def _put_all(self, lines: list[Line]) -> list[Line]:
        for _ in tries(self.sleep):
            answer = self.client.put_record_batch(
                DeliveryStreamName=self.delivery_stream, Records=[{"Data": line} for _, line in lines]
            )
            if not answer["FailedPutCount"]:
                return []
            results = answer["RequestResponses"]
            lines = [line for line, result in zip(lines, results, strict=True) if "ErrorCode" in result]
        return lines


def _batches(lines: Sequence[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == RECORDS_PER_PUT or size + len(line[1]) > BYTES_PER_PUT):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line[1])
    if batch:
        yield batch
