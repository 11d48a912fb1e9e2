"""Readings, and the latest reading of each sensor, in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coldwatch.adapters.items import from_item, to_item
from coldwatch.telemetry.classification import Key, Stored
from coldwatch.telemetry.ports import Existing, Rank
from coldwatch.telemetry.reading import Reading, canonical_record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from coldwatch.adapters.batches import DynamoBatches, Placed
    from coldwatch.adapters.items import Item

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class DynamoReadingStore:
    """`ports.ReadingStore` on two tables, read and written in the same requests."""

    batches: DynamoBatches
    reading_table: str
    latest_table: str
    retention_days: int

    def read(self, readings: Collection[Key], latest: Collection[Key]) -> Existing:
        keys: list[Placed] = [
            (self.reading_table, to_item({"device_id": device_id, "reading_key": key})) for device_id, key in readings
        ]
        keys += [
            (self.latest_table, to_item({"device_id": device_id, "sensor": sensor})) for device_id, sensor in latest
        ]
        existing = Existing({}, {})
        for table, item in self.batches.get(keys, self._projections()):
            record = from_item(item)
            if table == self.reading_table:
                existing.readings[record["device_id"], record["reading_key"]] = _stored(record)
            else:
                existing.latest[record["device_id"], record["sensor"]] = _rank(record)
        return existing

    def write(self, readings: Sequence[Reading], latest: Sequence[Reading]) -> set[Key]:
        """Conflicts go last, and only once everything else is written.

        A conflict beside nothing would be stored a second time, under its plain key, if the reading it conflicts with
        were never to be stored.
        """
        plain = [self._reading_item(reading) for reading in readings if not reading.conflict]
        unwritten = self.batches.put([*plain, *(self._latest_item(reading) for reading in latest)])
        conflicts = [self._reading_item(reading) for reading in readings if reading.conflict]
        unwritten += conflicts if unwritten else self.batches.put(conflicts)
        return set(_keys(unwritten))

    def _reading_item(self, reading: Reading) -> Placed:
        expires_at = reading.arrived_at // 1000 + self.retention_days * _DAY_S
        own = {"content_hash": reading.content_hash, "redriven_by": reading.redriven_by, "expires_at": expires_at}
        return self.reading_table, to_item({**canonical_record(reading), **own})

    def _latest_item(self, reading: Reading) -> Placed:
        return self.latest_table, to_item({**canonical_record(reading), "sensor": reading.sensor})

    def _projections(self) -> dict[str, dict[str, Any]]:
        return {
            self.reading_table: {"ProjectionExpression": "device_id, reading_key, origin, content_hash, redriven_by"},
            self.latest_table: {
                "ProjectionExpression": "device_id, sensor, #timestamp, seq, reading_key",
                "ExpressionAttributeNames": {"#timestamp": "timestamp"},
            },
        }


def _stored(record: dict[str, Any]) -> Stored:
    return Stored(record["origin"], record["content_hash"], record.get("redriven_by"))


def _rank(record: dict[str, Any]) -> Rank:
    return record["timestamp"], record.get("seq", -1), record["reading_key"]


def _keys(items: Iterable[tuple[str, Item]]) -> Iterable[Key]:
    """Every item, latest ones too, carries the key of the reading that it is or shows."""
    for _, item in items:
        record = from_item({name: item[name] for name in ("device_id", "reading_key")})
        yield record["device_id"], record["reading_key"]
