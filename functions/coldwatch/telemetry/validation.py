"""From the members of a message to telemetry of a known shape, or a rejection that names every missing field or the
first wrong one.
"""

import re
from typing import Any, get_args

import msgspec

from coldwatch.telemetry.rejection import Reason, Rejection, quoted
from coldwatch.telemetry.shapes import EARLIEST_TIMESTAMP, SHAPES, Probe, SensorType, Telemetry
from coldwatch.telemetry.topics import Application

_WHOLE_NUMBERS = ("timestamp", "seq")
_TYPE = re.compile(r"`([a-z |]+)`")
_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "object": "an object",
    "null": "nothing",
}
_PLACE = re.compile(r" - at `\$\.?([a-z_.]*)`\Z")
_CHOICES = {"probe": get_args(Probe), "sensor_type": get_args(SensorType)}


def validate(members: dict[str, Any], application: Application) -> Telemetry | Rejection:
    """`members` as telemetry of `application`. Members that the shape does not name are left out: see `leftover`."""
    shape = SHAPES[application]
    missing = [name for name in shape.required if members.get(name) is None]
    if missing:
        return Rejection(Reason.MISSING_FIELD, f"{application} telemetry needs {', '.join(f'`{n}`' for n in missing)}.")
    try:
        return msgspec.convert(with_whole_numbers(members), shape)
    except msgspec.ValidationError as error:
        return _explain(str(error), members)


def check_span(timestamp: int, *, received_at: int, max_clock_lead_ms: int) -> Rejection | None:
    """A reading may be old, as buffered uploads and recordings are, but not from before 2000, and hardly from later."""
    if timestamp < EARLIEST_TIMESTAMP:
        return Rejection(Reason.OUT_OF_SPAN, f"`timestamp` {quoted(timestamp)} is before 2000-01-01: is the clock set?")
    if timestamp > received_at + max_clock_lead_ms:
        minutes = max_clock_lead_ms // 60_000
        return Rejection(
            Reason.OUT_OF_SPAN,
            f"`timestamp` {quoted(timestamp)} is more than {minutes} minutes after its arrival at {received_at}.",
        )
    return None


def leftover(members: dict[str, Any], application: Application) -> dict[str, Any]:
    """The members that the shape of `application` does not name, at the top and inside `location`."""
    known = SHAPES[application].__struct_fields__
    unknown = {name: value for name, value in members.items() if name not in known}
    location = members.get("location")
    if "location" in known and isinstance(location, dict):
        extra = {name: value for name, value in location.items() if name not in {"lat", "lon"}}
        return unknown | ({"location": extra} if extra else {})
    return unknown


def with_whole_numbers(members: dict[str, Any]) -> dict[str, Any]:
    """`members` with 1767225600000.0 read as the whole number it is, as JSON Schema does."""
    floats = {name: members[name] for name in _WHOLE_NUMBERS if isinstance(members.get(name), float)}
    return members | {name: int(value) for name, value in floats.items() if value.is_integer()}


def _explain(message: str, members: dict[str, Any]) -> Rejection:
    """Turn the decoder's finding into a reason and a sentence with the offending value."""
    found = _PLACE.search(message)
    place = found[1] if found else ""
    value = _at(place, members)
    if message.startswith("Invalid enum value"):
        # The decoder goes on with the value itself, whole and as it came: nothing of that may be read or repeated.
        return Rejection(
            Reason.OUT_OF_RANGE, f"`{place}`: expected one of {', '.join(_CHOICES[place])}, got {quoted(value)}."
        )
    expectation, is_type, _ = (message[: found.start()] if found else message).partition(", got ")
    sentence = _TYPE.sub(_in_words, expectation[:1].lower() + expectation[1:])
    if expectation.startswith("Object missing required field"):
        return Rejection(Reason.MISSING_FIELD, f"`{place}`: {sentence}.")
    reason = Reason.WRONG_TYPE if is_type else Reason.OUT_OF_RANGE
    return Rejection(reason, f"`{place}`: {sentence}, got {quoted(value)}.")


def _at(place: str, members: dict[str, Any]) -> Any:
    value: Any = members
    for name in place.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _in_words(types: re.Match[str]) -> str:
    """The decoder's names of types as a person says them."""
    return " or ".join(_WORDS.get(name, f"`{name}`") for name in types[1].split(" | "))
