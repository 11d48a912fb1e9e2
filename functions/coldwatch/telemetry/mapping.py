"""Payload mappings: fleets with messages of another shape connect unchanged.

A mapping is data (`schemas/payload_mapping.schema.json`): whose messages it reads, which of their fields is which
canonical one, and how they write time.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from coldwatch.telemetry.rejection import Reason, Rejection, quoted
from coldwatch.telemetry.shapes import SHAPES
from coldwatch.telemetry.topics import Application

_LAST_YEAR_9999_MS = 253_402_300_799_999


class TimeField(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    field: str
    format: Literal["epoch_ms", "epoch_s", "iso8601"]


class PayloadMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`fields` maps a source path (`temps.air`, dots between names) to a canonical field (`temp_c`, `location.lat`)."""

    name: str
    about: str
    topic_filter: str
    fields: dict[str, str]
    time: TimeField

    @property
    def sources(self) -> dict[str, str]:
        """Where each canonical field comes from, time included."""
        return {target: path for path, target in self.fields.items()} | {"timestamp": self.time.field}


def read_mapping(document: bytes) -> PayloadMapping:
    """A mapping from its JSON; raises `msgspec.MsgspecError` saying what is wrong with it."""
    return msgspec.json.decode(document, type=PayloadMapping)


def find_mapping(
    mappings: Iterable[PayloadMapping], *, topic: str, application: Application, members: Mapping[str, Any]
) -> PayloadMapping | None:
    """The first mapping that fits a message. A canonical message needs none."""
    lacking = [name for name in SHAPES[application].required if members.get(name) is None]
    if not lacking:
        return None
    for mapping in mappings:
        if matches(mapping.topic_filter, topic) and _supplies(mapping, lacking, members):
            return mapping
    return None


def apply_mapping(mapping: PayloadMapping, members: Mapping[str, Any]) -> dict[str, Any] | Rejection:
    """The canonical members of a message in the mapping's shape.

    What the mapping does not read stays as it is. Where a message has a canonical field already, that one stands.
    """
    result = _copy(members)
    for target, path in mapping.sources.items():
        if _get(result, target) is not None or (value := _take(result, path)) is None:
            continue
        if target == "timestamp":
            value = epoch_ms(value, mapping.time)
            if isinstance(value, Rejection):
                return value
        _put(result, target, value)
    return result


def matches(topic_filter: str, topic: str) -> bool:
    """Whether an MQTT topic filter matches; a level may also be a glob such as `acme-*`.

    >>> matches("dt/coldchain/acme-*/telemetry", "dt/coldchain/acme-fridge-1/telemetry")
    True
    """
    return _levels_match(topic_filter.split("/"), topic.split("/"))


def epoch_ms(value: Any, time: TimeField) -> int | float | Rejection:
    """A device's time as epoch milliseconds. ISO 8601 without an offset is UTC."""
    if time.format == "iso8601":
        return _from_iso8601(value, time.field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Rejection(Reason.WRONG_TYPE, f"`{time.field}`: expected a number ({time.format}), got {quoted(value)}.")
    if abs(value) > _LAST_YEAR_9999_MS:
        return Rejection(Reason.OUT_OF_SPAN, f"`{time.field}` {quoted(value)} is no time of this age.")
    return round(value * 1000) if time.format == "epoch_s" else value


def _from_iso8601(value: Any, field: str) -> int | Rejection:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return Rejection(Reason.WRONG_TYPE, f"`{field}`: expected a time in ISO 8601, got {quoted(value)}.")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _levels_match(levels: Sequence[str], topic: Sequence[str]) -> bool:
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(topic) or not (level == "+" or fnmatchcase(topic[index], level)):
            return False
    return len(levels) == len(topic)


def _supplies(mapping: PayloadMapping, lacking: Iterable[str], members: Mapping[str, Any]) -> bool:
    sources = mapping.sources
    return all(name in sources and _get(members, sources[name]) is not None for name in lacking)


def _copy(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _copy(value) if isinstance(value, dict) else value for name, value in members.items()}


def _get(members: Mapping[str, Any], path: str) -> Any:
    value: Any = members
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _take(members: dict[str, Any], path: str) -> Any:
    """Remove and return what is at `path`, with the objects that this leaves empty."""
    name, _, rest = path.partition(".")
    if not rest:
        return members.pop(name, None)
    inner = members.get(name)
    if not isinstance(inner, dict):
        return None
    value = _take(inner, rest)
    if not inner:
        del members[name]
    return value


def _put(members: dict[str, Any], path: str, value: Any) -> None:
    name, _, rest = path.partition(".")
    if not rest:
        members[name] = value
        return
    if members.get(name) is None:
        members[name] = {}
    if isinstance(members[name], dict):
        _put(members[name], rest, value)
