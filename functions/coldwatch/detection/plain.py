"""An ordinary message of refrigerated cargo, read in one step: an envelope as the topic rule makes it, and in it a
reading of the usual form, as detectors see it (`profiles.context`).

The long way (`open_envelope`, `interpret`, `make_reading`, `join`) comes to the same. What that might see otherwise, or
reject, raises here, and has to go the long way. Left to whoever reads are who speaks, the time, and `firmware`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from coldwatch.engine.program import Irregular
from coldwatch.engine.references import Carries
from coldwatch.engine.values import UNDEFINED
from coldwatch.profiles.values import ColdchainValues
from coldwatch.telemetry.envelope import EpochMs, Text
from coldwatch.telemetry.payload import MAX_PAYLOAD_BYTES, decode_payload
from coldwatch.telemetry.reading import NO_SENSOR, SMALLEST_MEASUREMENT
from coldwatch.telemetry.shapes import (
    EARLIEST_TIMESTAMP,
    Celsius,
    Firmware,
    Gravity,
    Latitude,
    Longitude,
    Percent,
    Probe,
    Seq,
)
from coldwatch.telemetry.validation import with_whole_numbers

_ABSENT: Final = cast("Any", UNDEFINED)
_WITH_13_DIGITS: Final = 10**12
_MEASURED: Final = ("temp_c", "humidity_pct", "shock_g", "battery_pct")


class PlainEnvelope(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Of a message that comes for the first time: one that is put on the stream again has members more."""

    payload: bytes
    topic: Text
    thing: str
    application: str
    client_id: str | None = None
    received_at: EpochMs
    trace_id: str | None = None


class _Location(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    lat: Latitude
    lon: Longitude


class PlainReading(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """`shapes.ColdchainTelemetry`, but for `metadata`. `profile` is for whoever reads to fill in. A message may have a
    member of that name, which says nothing; to the decoder it is null or wrong, and so it is looked at as those are
    that nobody knows.
    """

    device_id: str
    timestamp: int
    seq: Seq
    temp_c: Celsius
    humidity_pct: Percent
    shock_g: Gravity
    battery_pct: Percent
    door_open: bool = _ABSENT
    probe: Probe = _ABSENT
    firmware: str | None = None
    fleet_id: str | None = None
    location: _Location | None = None
    metadata: None = None
    if TYPE_CHECKING:
        profile: Any = None
    else:
        profile: None = None


def _carries(kind: Any) -> Carries:
    """Of a type as `shapes` and `values` have them."""
    while not isinstance(kind, type):
        kind = kind.__origin__
    return {bool: Carries.TRUTH, str: Carries.TEXT}.get(kind, Carries.NUMBER)


SEEN: Final[Mapping[tuple[str, ...], Carries]] = {
    **{(name,): Carries.NUMBER for name in ("timestamp", "seq", *_MEASURED)},
    **{(name,): Carries.TEXT for name in ("device_id", "probe")},
    ("door_open",): Carries.TRUTH,
    **{("profile", each.name): _carries(each.type) for each in msgspec.structs.fields(ColdchainValues)},
}
"""What conditions may read of it."""

open_plain: Final = msgspec.json.Decoder(PlainEnvelope).decode
_decode: Final = msgspec.json.Decoder(PlainReading).decode


def read_plain(payload: bytes) -> PlainReading:
    """Raises one of `program.IRREGULAR`."""
    try:
        reading = _decode(payload)
    except msgspec.ValidationError:
        reading = _read_loosely(payload)
    if reading.timestamp < EARLIEST_TIMESTAMP or len(payload) > MAX_PAYLOAD_BYTES:
        raise Irregular
    # As `reading.measure` has them; each by name, since this is done for every message.
    if -SMALLEST_MEASUREMENT < reading.temp_c < SMALLEST_MEASUREMENT:
        reading.temp_c = 0.0
    if reading.humidity_pct < SMALLEST_MEASUREMENT:
        reading.humidity_pct = 0.0
    if reading.shock_g < SMALLEST_MEASUREMENT:
        reading.shock_g = 0.0
    if reading.battery_pct < SMALLEST_MEASUREMENT:
        reading.battery_pct = 0.0
    return reading


def _read_loosely(payload: bytes) -> PlainReading:
    """With nulls for what is absent, and members that no detector looks at."""
    members = decode_payload(payload)
    if not isinstance(members, dict) or not isinstance(members.get("metadata"), dict | None):
        raise Irregular
    named = {
        name: value
        for name, value in with_whole_numbers(members).items()
        if value is not None and name in PlainReading.__struct_fields__ and name not in {"metadata", "profile"}
    }
    if isinstance(location := named.get("location"), dict):
        named["location"] = {name: location[name] for name in ("lat", "lon") if name in location}
    return msgspec.convert(named, PlainReading)


def plain_key(timestamp: int, seq: int) -> str:
    """As `reading.reading_key` of a reading of one of these."""
    digits = str(timestamp) if timestamp >= _WITH_13_DIGITS else f"{timestamp:013d}"
    return f"{digits}#{NO_SENSOR}#{seq}"


def check_firmware(firmware: str | None) -> None:
    """Apart from the rest, as it seldom changes: a pattern takes longer than most of a message."""
    if firmware is not None:
        msgspec.convert(firmware, Firmware)
