"""From published bytes to the members of a JSON object. Everything a device sends is hostile."""

import re
from typing import Any

import msgspec

from coldwatch.telemetry.rejection import Reason, Rejection, quoted

MAX_PAYLOAD_BYTES = 16 * 1024
"""Telemetry is a few hundred bytes; this leaves room for metadata and keeps a stored item small."""

MAX_DEPTH = 32
"""As deep as DynamoDB nests, and far from the depth at which a recursive decoder gives up."""

_BYTE_OF_ERROR = re.compile(r"\(byte (\d+)\)")
_QUOTED_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_decoder = msgspec.json.Decoder()


def decode_payload(payload: bytes) -> dict[str, Any] | Rejection:
    """The members of the object in `payload`, or the first thing that is wrong with its bytes.

    Where a name occurs twice the last one holds, as in most JSON readers (RFC 8259, part 4, leaves it open). Identity
    does not depend on it: that comes from the topic.
    """
    return _unreadable(payload) or _members(payload)


def depth(payload: bytes) -> int:
    """How deep lists and objects nest in `payload`, be it JSON or not.

    >>> depth(b'{"a": [1, "[[["]}')
    2
    """
    level = deepest = 0
    for token in _QUOTED_OR_BRACKET.findall(payload):
        if token in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif token in b"]}":
            level -= 1
    return deepest


def _unreadable(payload: bytes) -> Rejection | None:
    """What can be said of the bytes without decoding them."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Rejection(Reason.TOO_LARGE, f"{len(payload):,} bytes; telemetry may have {MAX_PAYLOAD_BYTES:,}.")
    if not payload.strip():
        return Rejection(Reason.EMPTY, "No bytes were published." if not payload else "Only white space was published.")
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        return Rejection(Reason.NOT_UTF8, f"Byte {error.start} is no UTF-8: 0x{payload[error.start]:02x}.")
    # Counting is a hundred times cheaper than walking, and clears every ordinary message.
    brackets = payload.count(b"[") + payload.count(b"{")
    if brackets > MAX_DEPTH and (levels := depth(payload)) > MAX_DEPTH:
        return Rejection(Reason.TOO_DEEP, f"Nested {levels:,} deep; telemetry may nest {MAX_DEPTH} deep.")
    return None


def _members(payload: bytes) -> dict[str, Any] | Rejection:
    try:
        decoded = _decoder.decode(payload)
    except msgspec.ValidationError:
        return Rejection(Reason.OUT_OF_RANGE, "A number in the message is larger than a double can hold.")
    except msgspec.DecodeError as error:
        return Rejection(Reason.NOT_JSON, _where(str(error), payload))
    if not isinstance(decoded, dict):
        return Rejection(Reason.NOT_AN_OBJECT, f"Expected an object with named fields, got {quoted(decoded)}.")
    return decoded


def _where(message: str, payload: bytes) -> str:
    """What the decoder says, with the text around the place it says it of."""
    if payload.startswith(b"\xef\xbb\xbf"):
        return "The text starts with a byte order mark, which JSON forbids (RFC 8259, part 8.1)."
    found = _BYTE_OF_ERROR.search(message)
    if found is None:
        return f"{message}."
    start = max(0, int(found[1]) - 8)
    return f"{message}, near {quoted(payload[start : start + 24].decode(errors='replace'))}."
