"""Why a message was not taken. The words are stored, counted and shown: they do not change."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_QUOTE_LIMIT = 60


class Reason(StrEnum):
    """One word per way to be wrong, in the order of looking; `docs/telemetry.md` explains each to people."""

    TOO_LARGE = "too_large"
    EMPTY = "empty"
    NOT_UTF8 = "not_utf8"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_APPLICATION = "unknown_application"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    OUT_OF_SPAN = "out_of_span"
    UNKNOWN_DEVICE = "unknown_device"
    IDENTITY_MISMATCH = "identity_mismatch"


@dataclass(frozen=True, slots=True)
class Rejection:
    """The verdict on a message that does not fit; `detail` is a sentence for a person, free of hostile characters."""

    reason: Reason
    detail: str


def quoted(value: Any) -> str:
    """A device's own words made safe to print: JSON, ASCII, at most 60 characters.

    >>> quoted(["warm", 1.5])
    '["warm", 1.5]'
    """
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= _QUOTE_LIMIT else f"{text[: _QUOTE_LIMIT - 3]}..."
