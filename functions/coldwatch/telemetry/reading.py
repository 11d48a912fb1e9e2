"""The canonical reading: what both stores hold.

A reading is named by its device and its *reading key*, so that the same reading lands on the same place however often
it comes, while several sensors, and several values, at one instant have a place each.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from coldwatch.telemetry.envelope import Envelope
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.shapes import ColdchainTelemetry, FactoryTelemetry, Telemetry

NO_SENSOR = "-"
_SHORT_HASH = 8
SMALLEST_MEASUREMENT = 1e-100
"""DynamoDB takes no number between 0 and 1e-130; anything this small is 0 to any instrument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What a device said, in canonical form: the content that makes two readings the same."""

    device_id: str
    timestamp: int
    seq: int | None = None
    sensor_type: str | None = None
    value: float | None = None
    temp_c: float | None = None
    humidity_pct: float | None = None
    shock_g: float | None = None
    battery_pct: float | None = None
    door_open: bool | None = None
    probe: str | None = None
    firmware: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    metadata: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An accepted message. `origin` names the message; `arrived_at` (epoch ms) is when its record came to the stream.

    `redriven_by` is the event id of the record that brought in a message put on the stream again; None for a message
    that was accepted as it came. `instead_of` holds the event ids of records whose delivery was given up, so that
    whatever those stored has not been counted.
    """

    measurements: Measurements
    application: str
    thing: str
    fleet_id: str
    received_at: int
    arrived_at: int
    origin: str
    content_hash: str
    reading_key: str
    mapping: str | None = None
    redriven_by: str | None = None
    instead_of: tuple[str, ...] = ()
    conflict: bool = False

    @property
    def device_id(self) -> str:
        return self.measurements.device_id

    @property
    def timestamp(self) -> int:
        return self.measurements.timestamp

    @property
    def key(self) -> tuple[str, str]:
        """Where it is stored: device id and reading key."""
        return self.device_id, self.reading_key

    @property
    def sensor(self) -> str:
        return self.measurements.sensor_type or NO_SENSOR

    @property
    def rank(self) -> tuple[int, int, str]:
        """Orders the readings of one sensor; the greatest is the latest, whatever order they came in."""
        seq = self.measurements.seq
        return self.timestamp, -1 if seq is None else seq, self.reading_key


def make_reading(
    envelope: Envelope, device: Device, telemetry: Telemetry, unknown: dict[str, Any], mapping: str | None
) -> Reading:
    """The reading that a message of `device` carries; `unknown` are the members that its shape does not name."""
    measurements = measure(telemetry, unknown)
    digest = content_hash(measurements)
    return Reading(
        measurements=measurements,
        application=device.application,
        thing=envelope.thing,
        fleet_id=device.fleet_id,
        received_at=envelope.received_at,
        arrived_at=envelope.record.arrived_at,
        origin=envelope.origin,
        content_hash=digest,
        reading_key=reading_key(measurements, digest),
        mapping=mapping,
        redriven_by=envelope.record.event_id if envelope.is_put_again else None,
        instead_of=envelope.instead_of,
    )


def measure(telemetry: Telemetry, unknown: dict[str, Any]) -> Measurements:
    """Telemetry of either application in canonical form."""
    metadata = _metadata(telemetry.metadata, unknown)
    match telemetry:
        case ColdchainTelemetry():
            return _measure_coldchain(telemetry, metadata)
        case FactoryTelemetry():
            return Measurements(
                device_id=telemetry.device_id,
                timestamp=telemetry.timestamp,
                seq=telemetry.seq,
                sensor_type=telemetry.sensor_type,
                value=_number(telemetry.value),
                metadata=metadata,
            )


def content_hash(measurements: Measurements) -> str:
    """32 hexadecimal digits of SHA-256 over the canonical content, so the order of members does not matter."""
    content = msgspec.json.encode(measurements, order="deterministic")
    return hashlib.sha256(content).hexdigest()[:32]


def reading_key(measurements: Measurements, digest: str) -> str:
    """`{timestamp:013d}#{sensor_type or -}#{seq, else a short content hash}`: sorts by device time."""
    seq = digest[:_SHORT_HASH] if measurements.seq is None else measurements.seq
    return f"{measurements.timestamp:013d}#{measurements.sensor_type or NO_SENSOR}#{seq}"


def as_conflict(reading: Reading) -> Reading:
    """The same reading beside another one that has its key."""
    return replace(reading, reading_key=f"{reading.reading_key}~{reading.content_hash[:_SHORT_HASH]}", conflict=True)


def event_day(timestamp: int) -> str:
    """The UTC day of an event, as the archive is partitioned.

    >>> event_day(1386018900000)
    '2013-12-02'
    """
    return datetime.fromtimestamp(timestamp // 1000, UTC).strftime("%Y-%m-%d")


def canonical_record(reading: Reading) -> dict[str, str | int | float | bool | None]:
    """The record as both stores hold it (`schemas/archive_record.schema.json`); what is absent is None."""
    return {
        "application": reading.application,
        "thing": reading.thing,
        "fleet_id": reading.fleet_id,
        "reading_key": reading.reading_key,
        "received_at": reading.received_at,
        "day": event_day(reading.timestamp),
        "conflict": reading.conflict,
        "origin": reading.origin,
        "mapping": reading.mapping,
        **asdict(reading.measurements),
    }


def _measure_coldchain(telemetry: ColdchainTelemetry, metadata: str | None) -> Measurements:
    location = telemetry.location
    return Measurements(
        device_id=telemetry.device_id,
        timestamp=telemetry.timestamp,
        seq=telemetry.seq,
        temp_c=_number(telemetry.temp_c),
        humidity_pct=_number(telemetry.humidity_pct),
        shock_g=_number(telemetry.shock_g),
        battery_pct=_number(telemetry.battery_pct),
        door_open=telemetry.door_open,
        probe=telemetry.probe,
        firmware=telemetry.firmware,
        latitude=_number(location.lat) if location else None,
        longitude=_number(location.lon) if location else None,
        metadata=metadata,
    )


def _number(value: float) -> float:
    """`value` as both stores can hold it: no negative zero, nothing too small for DynamoDB."""
    return value if abs(value) >= SMALLEST_MEASUREMENT else 0.0


def _metadata(metadata: dict[str, Any] | None, unknown: dict[str, Any]) -> str | None:
    """One JSON object, as text, of `metadata` and the unknown members. A name in both keeps both values."""
    merged = dict(metadata or {})
    for name, value in unknown.items():
        free = name
        while free in merged:
            free += "_"
        merged[free] = value
    return msgspec.json.encode(merged, order="deterministic").decode() if merged else None
