"""A reading out of whatever form it came in: what it says, when it was measured, and when it arrived."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from coldwatch.telemetry.shapes import (
    Celsius,
    DeviceId,
    Gravity,
    Latitude,
    Longitude,
    Percent,
    Probe,
    SensorType,
    Value,
)
from coldwatch_ops.times import to_epoch_ms

NEVER: Final = -1
"""When a reading arrived of which only its own time is known."""
_FIRST_MS: Final = 100_000_000_000
"""A smaller number is seconds: as milliseconds it would be before March 1973."""
_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999. What is later is no time, and would not fit where times are kept."""
_LONGEST: Final = 400
"""Digits. No Decimal has more, and Python reads whole numbers of 4,300 at most."""
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_TIME_NAMES: Final = ("timestamp", "time", "ts", "datetime", "date")
_TEXTS: Final = frozenset(
    {"device_id", "sensor_type", "probe", "firmware", "reading_key", "application", "device_type"}
)
"""Columns whose digits, if that is what they hold, are a name."""


class Row(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One message on its way to the detectors. Times are epoch ms. `owner` decides which process takes it."""

    order: int
    file: int
    line: int
    timestamp: int
    arrived_at: int
    owner: str
    track: str
    """One sensor of one device, whose readings follow each other."""
    identity: str
    """Names a reading among those of its track and time; empty where nothing does."""
    input_name: str
    payload: bytes


class Measured(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What Coldwatch's telemetry, the archive's columns and the canonical messages alike, says to a detector."""

    device_id: DeviceId = ""
    timestamp: int
    seq: int | None = None
    sensor_type: SensorType | None = None
    value: Value | None = None
    temp_c: Celsius | None = None
    humidity_pct: Percent | None = None
    shock_g: Gravity | None = None
    battery_pct: Percent | None = None
    door_open: bool | None = None
    probe: Probe | None = None
    firmware: str | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    metadata: str | None = None


MEASUREMENTS: Final = frozenset(Measured.__struct_fields__)


class FaultyRowError(Exception):
    """Says in a sentence's part what is wrong with a row."""


@dataclass(frozen=True, slots=True)
class Form:
    """How rows are to be read, as the command was told and as the models need it."""

    is_joined: bool
    input_name: str | None
    """The only input of the models; None where a row has to say it."""
    key_path: tuple[str, ...] | None
    owner_path: tuple[str, ...] | None
    """What splits the readings among processes; None keeps them together."""
    names: Mapping[str, str] = field(default_factory=dict)
    time: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    """Attributes that every row has, unless it says otherwise."""

    @property
    def is_canonical(self) -> bool:
        """Whether nothing was told of how rows differ from Coldwatch's own."""
        return self.is_joined and not (self.names or self.given or self.time)

    def attribute(self, column: str) -> str:
        return self.names.get(column, column)


def read_row(members: dict[str, Any], form: Form, place: tuple[int, int]) -> Row:
    """Raises FaultyRowError."""
    if not form.is_joined and isinstance(members.get("payload"), dict) and isinstance(members.get("inputName"), str):
        return _sent(members, form, place)
    named = {form.attribute(name): value for name, value in members.items() if value is not None}
    named = {**form.given, **named}
    at_ms = _time(named, members, form)
    arrived = named.get("received_at")
    arrived_at = epoch_ms(arrived) if form.is_joined and arrived is not None else NEVER
    if form.is_joined:
        if "location" in named:
            named |= _located(named.pop("location"))
        return _joined({**named, "timestamp": at_ms}, arrived_at, place)
    return _as_it_is(nested(named), at_ms, form, place)


def _time(named: Mapping[str, Any], members: Mapping[str, Any], form: Form) -> int:
    if form.time is not None:
        if members.get(form.time) is None:
            raise FaultyRowError(f"no `{form.time}`, which is to say when")
        return epoch_ms(members[form.time])
    name = next((each for each in _TIME_NAMES if named.get(each) is not None), None)
    if name is None:
        raise FaultyRowError("no `timestamp`; name the member that says when with --time")
    return epoch_ms(named[name])


def epoch_ms(value: Any) -> int:
    """Of epoch ms or seconds, RFC 3339, or a date and time, which are UTC where they do not say otherwise.

    >>> epoch_ms("2013-12-02 21:15:00"), epoch_ms(1386018900)
    (1386018900000, 1386018900000)
    """
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return _within_calendar(round(value if abs(value) >= _FIRST_MS else value * 1_000), value)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    if not isinstance(moment, datetime):
        raise FaultyRowError(f"{_shown(value)} is not a time")
    return _within_calendar(to_epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC)), value)


def _within_calendar(at_ms: int, value: Any) -> int:
    if abs(at_ms) > _LAST_MS:
        raise FaultyRowError(f"{_shown(value)} is not a time")
    return at_ms


def _joined(named: dict[str, Any], arrived_at: int, place: tuple[int, int]) -> Row:
    if isinstance(named.get("metadata"), dict):
        named["metadata"] = msgspec.json.encode(named["metadata"]).decode()
    try:
        measured = msgspec.convert(named, Measured)
    except msgspec.ValidationError as error:
        raise FaultyRowError(str(error).replace("Object contains", "the row has").replace("$.", "")) from None
    if not measured.device_id:
        raise FaultyRowError("no `device_id`; name the column that says whose it is with --key")
    return _measured(measured, arrived_at, place)


class _Canonical(Measured):
    received_at: int | None = None
    location: Any = None


_canonical = msgspec.json.Decoder(_Canonical)


def read_canonical(line: bytes, place: tuple[int, int]) -> Row | None:
    """The usual line, at a third of the effort. None where it is another: then `read_row` has to look at it."""
    try:
        measured = _canonical.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    arrived_at = NEVER if measured.received_at is None else measured.received_at
    times = (measured.timestamp, measured.timestamp if arrived_at == NEVER else arrived_at)
    if not measured.device_id or measured.location is not None or min(times) < _FIRST_MS or max(times) > _LAST_MS:
        return None
    measured.received_at = None  # what is None is not in the payload
    return _measured(measured, arrived_at, place)


def _measured(measured: Measured, arrived_at: int, place: tuple[int, int]) -> Row:
    at_ms = measured.timestamp
    payload = msgspec.json.encode(measured)
    kind = INPUT_OF_FACTORY if measured.sensor_type is not None else INPUT_OF_COLDCHAIN
    order = at_ms if arrived_at == NEVER else arrived_at
    identity = str(measured.seq) if measured.seq is not None else payload.decode()
    track = f"{measured.device_id}:{measured.sensor_type or ''}"
    return Row(order, *place, at_ms, arrived_at, measured.device_id, track, identity, kind, payload)


INPUT_OF_COLDCHAIN: Final = "telemetry"
INPUT_OF_FACTORY: Final = "factory_telemetry"


def _located(location: Any) -> dict[str, Any]:
    if not isinstance(location, Mapping):
        raise FaultyRowError(f"{_shown(location)} is no location: it needs `lat` and `lon`")
    return {"latitude": location.get("lat"), "longitude": location.get("lon")}


def _as_it_is(payload: dict[str, Any], at_ms: int, form: Form, place: tuple[int, int]) -> Row:
    if form.input_name is None:
        raise FaultyRowError("the model has several inputs, and the row does not say of which it is: add --input")
    return _message(form.input_name, payload, at_ms, form, place)


def _sent(members: dict[str, Any], form: Form, place: tuple[int, int]) -> Row:
    """A message as `coldwatch replay` takes it."""
    stamp = members.get("timestamp")
    at = stamp.get("timeInMillis") if isinstance(stamp, dict) else stamp
    if at is None:
        raise FaultyRowError("no `timestamp`")
    return _message(members["inputName"], {**form.given, **members["payload"]}, epoch_ms(at), form, place)


def _message(input_name: str, payload: dict[str, Any], at_ms: int, form: Form, place: tuple[int, int]) -> Row:
    owner = "" if form.owner_path is None else _followed(payload, form.owner_path)
    if form.owner_path is not None and (owner is None or owner == ""):
        raise FaultyRowError(f"no `{'.'.join(form.owner_path)}`, which names the detector")
    body = msgspec.json.encode(payload)
    return Row(at_ms, *place, at_ms, NEVER, str(owner), "", "", input_name, body)


def _followed(payload: Any, path: Iterable[str]) -> Any:
    for step in path:
        payload = payload.get(step) if isinstance(payload, dict) else None
    return payload


def nested(members: Mapping[str, Any]) -> dict[str, Any]:
    """A column `a.b` is the member `b` of the object `a`.

    >>> nested({"a.b": 1, "a.c": 2})
    {'a': {'b': 1, 'c': 2}}
    """
    found: dict[str, Any] = {}
    for path, value in members.items():
        *above, last = path.split(".")
        inner = found
        for step in above:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise FaultyRowError(f"`{path}` stands below `{step}`, which is a value of its own")
        inner[last] = value
    return found


def cell(name: str, text: str) -> Any:
    """What a cell of a CSV says: nothing, a number, true or false, or text.

    >>> [cell("a", each) for each in ("", "4.50", "0042", "true", "warm", "1e999")]
    [None, 4.5, '0042', True, 'warm', '1e999']
    """
    if text == "":
        return None
    if name in _TEXTS:
        return text
    if _NUMBER.fullmatch(text) and len(text) <= _LONGEST and math.isfinite(float(text)):
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return {"true": True, "false": False}.get(text.lower(), text)


def _shown(value: Any) -> str:
    return repr(value)[:60]
