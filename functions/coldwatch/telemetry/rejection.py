"""Why a message was not taken. The words are stored, counted and shown: they do not change."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_QUOTE_LIMIT = 60


class Reason(StrEnum):
    """One word per way to be wrong; the sentence beside each explains it to a person."""

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


SENTENCES: dict[Reason, str] = {
    Reason.TOO_LARGE: "The message is larger than telemetry may be.",
    Reason.EMPTY: "The message has no content.",
    Reason.NOT_UTF8: "The message is not text in UTF-8.",
    Reason.TOO_DEEP: "The message nests lists or objects deeper than telemetry may.",
    Reason.NOT_JSON: "The message is not JSON.",
    Reason.NOT_AN_OBJECT: "The message is JSON, but not an object with named fields.",
    Reason.UNKNOWN_APPLICATION: "The message belongs to no application that Coldwatch knows.",
    Reason.MISSING_FIELD: "The message lacks a field that its application requires.",
    Reason.WRONG_TYPE: "A field holds a value of the wrong kind, such as text where a number belongs.",
    Reason.OUT_OF_RANGE: "A field holds a value that it cannot have.",
    Reason.OUT_OF_SPAN: "The device's time stamp is before 2000 or ahead of the cloud's clock.",
    Reason.UNKNOWN_DEVICE: "The publishing thing is not in the device registry.",
    Reason.IDENTITY_MISMATCH: "The message speaks for a device that its publisher may not speak for.",
}


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
