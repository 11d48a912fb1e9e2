"""Messages that do not fit, made in code: what a broken or malicious device may send under its own name.

The broker takes every one of them; what becomes of them is decided behind it. `DETAILS` says in a sentence what is
wrong with each.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DETAILS = {
    "not_json": "text that is not JSON",
    "invalid_utf8": "bytes that are not UTF-8",
    "list": "a list where an object belongs",
    "empty": "no bytes at all",
    "wrong_types": "words where numbers belong",
    "missing_fields": "no measured value and no time",
    "nan": "NaN as a temperature",
    "number_too_large": "1e400 as a temperature",
    "size_127_kb": "127 KiB, just under what the broker takes",
    "timestamp_2090": "a time in 2090",
    "timestamp_1970": "a time in 1970",
    "other_device_id": "another device's id in the message",
    "deep_nesting": "3,000 lists inside each other",
}

_IN_2090_MS = 3_786_912_000_000
_IN_1970_MS = 86_400_000
_DEPTH = 3000


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as what, and at what time (epoch ms); `other` is the thing it names in `other_device_id`."""

    thing: str
    application: str
    other: str
    timestamp_ms: int


def payload(name: str, sender: Sender) -> bytes:
    """The bytes of the malformed message `name`, one of `DETAILS`."""
    return _MAKERS[name](sender)


def valid(sender: Sender) -> bytes:
    """A message with nothing wrong in it, for attempts that are wrong by their topic."""
    return _encode(_valid(sender))


def _valid(sender: Sender, **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"device_id": sender.thing, "timestamp": sender.timestamp_ms}
    if sender.application == "factory":
        body |= {"sensor_type": "temperature", "value": 41.5}
    else:
        body |= {"seq": 0, "temp_c": 5.0, "humidity_pct": 50.0, "shock_g": 0.0, "battery_pct": 90.0}
    return body | changes


def _measured(sender: Sender) -> str:
    return "value" if sender.application == "factory" else "temp_c"


def _encode(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _with_literal(sender: Sender, literal: str) -> bytes:
    """A valid message whose measured value is `literal`, which JSON libraries would refuse to write."""
    return _encode(_valid(sender, **{_measured(sender): "@"})).replace(b'"@"', literal.encode())


def _missing_fields(sender: Sender) -> bytes:
    return _encode({"device_id": sender.thing, "firmware": "1.4.2"})


def _wrong_types(sender: Sender) -> bytes:
    return _encode(_valid(sender, **{_measured(sender): "cold", "timestamp": "yesterday"}))


def _size_127_kb(sender: Sender) -> bytes:
    return filled(_valid(sender), 127 * 1024)


def filled(body: dict[str, Any], size_bytes: int) -> bytes:
    """`body` as JSON with a member `padding` that makes it exactly `size_bytes` long."""
    empty = len(_encode(body | {"padding": ""}))
    return _encode(body | {"padding": "x" * (size_bytes - empty)})


def _deep_nesting(sender: Sender) -> bytes:
    return _encode(_valid(sender, metadata="@")).replace(b'"@"', b"[" * _DEPTH + b"]" * _DEPTH)


_MAKERS: dict[str, Callable[[Sender], bytes]] = {
    "not_json": lambda _: b"temp=5.0;battery=90",
    "invalid_utf8": lambda sender: _encode(_valid(sender, firmware="@")).replace(b"@", b"\xff\xfe\xc3"),
    "list": lambda sender: b"[" + _encode(_valid(sender)) + b"]",
    "empty": lambda _: b"",
    "wrong_types": _wrong_types,
    "missing_fields": _missing_fields,
    "nan": lambda sender: _with_literal(sender, "NaN"),
    "number_too_large": lambda sender: _with_literal(sender, "1e400"),
    "size_127_kb": _size_127_kb,
    "timestamp_2090": lambda sender: _encode(_valid(sender, timestamp=_IN_2090_MS)),
    "timestamp_1970": lambda sender: _encode(_valid(sender, timestamp=_IN_1970_MS)),
    "other_device_id": lambda sender: _encode(_valid(sender, device_id=sender.other)),
    "deep_nesting": _deep_nesting,
}
