"""What telemetry looks like, per application: the types that decide what is accepted.

The JSON Schemas in `schemas/` say the same to the outside; `tests/contract/test_schemas.py` holds the two together.
Ranges are those of instruments, not of goods: what is too warm is a detector's question.
"""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from coldwatch.telemetry.topics import Application

EARLIEST_TIMESTAMP = 946_684_800_000
"""2000-01-01T00:00:00Z. Earlier ones come from clocks that were never set; recordings of 2013 must pass."""

# `$` alone would let a line feed through at the end.
DeviceId = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9:_-]{1,128}$(?!\n)")]
Firmware = Annotated[str, Meta(pattern=r"^[ -~]{1,64}$(?!\n)")]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Celsius = Annotated[float, Meta(ge=-120, le=200)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Gravity = Annotated[float, Meta(ge=0, le=1000)]
Value = Annotated[float, Meta(ge=-1e9, le=1e9)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Probe = Literal["OK", "HI", "LO", "LOST"]
SensorType = Literal["temperature", "pressure", "vibration"]


class Location(msgspec.Struct, frozen=True):
    lat: Latitude
    lon: Longitude


class ColdchainTelemetry(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of refrigerated cargo or a cold room. An optional member that is null is absent."""

    required: ClassVar[tuple[str, ...]] = (
        "device_id",
        "timestamp",
        "seq",
        "temp_c",
        "humidity_pct",
        "shock_g",
        "battery_pct",
    )

    device_id: DeviceId
    timestamp: int
    seq: Seq
    temp_c: Celsius
    humidity_pct: Percent
    shock_g: Gravity
    battery_pct: Percent
    fleet_id: str | None = None
    door_open: bool | None = None
    probe: Probe | None = None
    firmware: Firmware | None = None
    location: Location | None = None
    metadata: dict[str, Any] | None = None


class FactoryTelemetry(msgspec.Struct, frozen=True, kw_only=True):
    """One sensor's value on a machine. An optional member that is null is absent."""

    required: ClassVar[tuple[str, ...]] = ("device_id", "sensor_type", "value", "timestamp")

    device_id: DeviceId
    sensor_type: SensorType
    value: Value
    timestamp: int
    seq: Seq | None = None
    fleet_id: str | None = None
    metadata: dict[str, Any] | None = None


type Telemetry = ColdchainTelemetry | FactoryTelemetry

SHAPES: dict[Application, type[ColdchainTelemetry] | type[FactoryTelemetry]] = {
    Application.COLDCHAIN: ColdchainTelemetry,
    Application.FACTORY: FactoryTelemetry,
}
