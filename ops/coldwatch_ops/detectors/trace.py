"""A trace: JSON lines, each a message as `BatchPutMessage` took it, what a customer does with an alarm, or an order to
move the clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from coldwatch.engine.customer_action import CustomerAction, read_customer_action
from coldwatch.engine.documents import json_fault
from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.evaluation import Message


@dataclass(frozen=True, slots=True)
class Advance:
    """Move the clock (epoch ms)."""

    line: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Arrival:
    line: int
    message: Message
    at_ms: int | None
    """None: it comes at the time it is."""
    has_id: bool
    """Without an id of its own it cannot be recognised as a repeat."""


@dataclass(frozen=True, slots=True)
class Response:
    line: int
    key: str | None
    """Of the alarm."""
    action: CustomerAction
    at_ms: int | None
    """None: it comes at the time it is."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    line: int
    reason: str
    at_ms: int | None = None
    message_id: str | None = None
    input_name: str | None = None


LATEST_MS: Final = 1 << 53
"""Times are below: a number that every JSON has exactly."""
_TIME_FAULT: Final = "timestamp must be {timeInMillis: epoch ms}"

type Entry = Advance | Arrival | Response | Unreadable


def read_trace(lines: Iterable[bytes]) -> Iterator[Entry]:
    """Entries in the order of the file. Empty lines are passed over; a bad one is told and harms no other."""
    for number, line in enumerate(lines, start=1):
        entry = read_line(number, line)
        if entry is not None:
            yield entry


def read_line(number: int, line: bytes) -> Entry | None:
    """None of an empty one."""
    text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    if not text.strip():
        return None
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return Unreadable(number, f"not JSON: {json_fault(error)}")
    if not isinstance(document, dict):
        return Unreadable(number, "not a JSON object")
    if "advanceTo" in document:
        to_ms = document["advanceTo"]
        return Advance(number, to_ms) if _is_time(to_ms) else Unreadable(number, "advanceTo must be epoch ms")
    if "customerAction" in document:
        return _read_response(number, document)
    return _read_message(number, document)


def _read_response(number: int, document: dict[str, Any]) -> Response | Unreadable:
    key, request_id = document.get("key"), document.get("requestId")
    at_ms, has_good_time = _time_of(document.get("timestamp"))
    faults = {
        "key must be text": key is None or isinstance(key, str),
        "requestId must be text": request_id is None or (isinstance(request_id, str) and request_id),
        _TIME_FAULT: has_good_time,
    }
    wrong = [fault for fault, is_right in faults.items() if not is_right]
    if wrong:
        return Unreadable(number, "; ".join(wrong), at_ms)
    try:
        action = read_customer_action(document["customerAction"], request_id or f"line-{number}")
    except EvaluationError as error:
        return Unreadable(number, error.message, at_ms)
    return Response(number, key, action, at_ms)


def _read_message(number: int, document: dict[str, Any]) -> Arrival | Unreadable:
    message_id, name, payload = (document.get(member) for member in ("messageId", "inputName", "payload"))
    at_ms, has_good_time = _time_of(document.get("timestamp"))
    faults = {
        "messageId must be text": message_id is None or (isinstance(message_id, str) and message_id),
        "inputName must be text": isinstance(name, str) and name,
        "payload must be a JSON object": isinstance(payload, dict),
        _TIME_FAULT: has_good_time,
    }
    wrong = [fault for fault, is_right in faults.items() if not is_right]
    if wrong:
        named = [each if isinstance(each, str) else None for each in (message_id, name)]
        return Unreadable(number, "; ".join(wrong), at_ms, *named)
    assert isinstance(name, str)
    assert isinstance(payload, dict)
    return Arrival(number, Message(name, payload, message_id or f"line-{number}"), at_ms, bool(message_id))


def _time_of(timestamp: Any) -> tuple[int | None, bool]:
    """The time and whether it is right; it may be absent."""
    if timestamp is None:
        return None, True
    at_ms = timestamp.get("timeInMillis") if isinstance(timestamp, dict) else None
    return (at_ms, True) if _is_time(at_ms) else (None, False)


def _is_time(value: Any) -> bool:
    return type(value) is int and 0 <= value < LATEST_MS
