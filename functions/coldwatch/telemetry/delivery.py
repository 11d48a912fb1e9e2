"""The records of an invocation event, each read when it is asked for: of most of them three columns are enough."""

import binascii
from collections.abc import Iterator, Mapping, Sequence
from operator import lt
from typing import Any, overload, override

from coldwatch.telemetry.envelope import StreamRecord, stream_record

type Column = tuple[str, bytes, int]
"""Partition key, data, and when it arrived."""


class Delivery(Sequence[StreamRecord]):
    def __init__(self, records: Sequence[Mapping[str, Any]]) -> None:
        """`records`: members of `Records` of a Kinesis invocation event."""
        self._records = records

    @override
    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, place: int) -> StreamRecord: ...
    @overload
    def __getitem__(self, place: slice) -> "Delivery": ...
    @override
    def __getitem__(self, place: int | slice) -> "StreamRecord | Delivery":
        return Delivery(self._records[place]) if isinstance(place, slice) else stream_record(self._records[place])

    @property
    def columns(self) -> Iterator[Column]:
        found = [each["kinesis"] for each in self._records]
        keys = [each["partitionKey"] for each in found]
        data = [each["data"] for each in found]
        times = [int(float(each["approximateArrivalTimestamp"]) * 1000) for each in found]
        return zip(keys, map(binascii.a2b_base64, data), times, strict=True)

    @property
    def numbers(self) -> list[str]:
        return [each["kinesis"]["sequenceNumber"] for each in self._records]


def columns(records: Sequence[StreamRecord]) -> Iterator[Column]:
    if isinstance(records, Delivery):
        return records.columns
    return ((each.partition_key, each.data, each.arrived_at) for each in records)


def sequence_numbers(records: Sequence[StreamRecord]) -> list[str]:
    return records.numbers if isinstance(records, Delivery) else [each.sequence_number for each in records]


def is_in_order(numbers: Sequence[str]) -> bool:
    """As a shard delivers them. Numbers of one length are in the order of their texts."""
    return len(set(map(len, numbers))) <= 1 and all(map(lt, numbers, numbers[1:]))
