"""What a device answers on its response topic (`schemas/command_response.schema.json`). Everything in it is hostile."""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from coldwatch.commands.status import Status

RESPONSE_LIMIT = 16 * 1024
"""Bytes. A status with its reason and a few results is far smaller; a stored item has room for it twice."""
_DETAIL_LIMIT = 200


class ResponseFault(StrEnum):
    """Why a response was not taken, in the order of looking. The words are logged: they do not change."""

    NOT_AN_EVENT = "not_an_event"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    DOES_NOT_FIT = "does_not_fit"
    UNKNOWN_EXECUTION = "unknown_execution"
    WRONG_DEVICE = "wrong_device"


@dataclass(frozen=True, slots=True)
class RejectedResponse:
    """The verdict on a response that does not fit; `detail` may hold words of the device's, but few."""

    fault: ResponseFault
    detail: str


@dataclass(frozen=True, slots=True)
class ResponseMessage:
    """A response as the topic rule hands it over: the published bytes, and who published them, by the topic."""

    thing: str
    payload: bytes
    received_at: int


@dataclass(frozen=True, slots=True)
class StatusReason:
    """AWS IoT API, `StatusReason`: a word for programs and a sentence for people."""

    reason_code: str
    reason_description: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """`timestamp` is the device's own clock, epoch milliseconds."""

    execution_id: str
    status: Status
    status_reason: StatusReason | None = None
    result: Mapping[str, Any] | None = None
    timestamp: int | None = None


EpochMs = Annotated[int, msgspec.Meta(ge=0, lt=10**13)]
ExecutionId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$(?!\n)")]
ReasonCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9_-]{1,64}$(?!\n)")]
ResultName = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,32}$(?!\n)")]
"""AWS IoT API, `CommandExecutionResultName`."""
Text = Annotated[str, msgspec.Meta(max_length=1024)]
"""AWS IoT API, `StatusReasonDescription`."""
Integer = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
"""What every JSON reader holds exactly (RFC 8259, part 6)."""


class _Envelope(msgspec.Struct):
    payload: bytes
    thing: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    received_at: EpochMs


class _Reason(msgspec.Struct):
    reason_code: ReasonCode
    reason_description: Text = ""


class _Wire(msgspec.Struct):
    execution_id: ExecutionId
    status: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"]
    status_reason: _Reason | None = None
    result: Annotated[dict[ResultName, Text | Integer | float | bool], msgspec.Meta(max_length=32)] | None = None
    timestamp: Annotated[float, msgspec.Meta(ge=0, lt=1e13)] | None = None


_decoder = msgspec.json.Decoder(_Wire)


def open_message(event: object) -> ResponseMessage | RejectedResponse:
    """The message in an invocation event of the topic rule."""
    try:
        envelope = msgspec.convert(event, _Envelope)
    except (msgspec.ValidationError, binascii.Error) as error:
        return _rejected(ResponseFault.NOT_AN_EVENT, error)
    return ResponseMessage(envelope.thing, envelope.payload, envelope.received_at)


def read_response(payload: bytes) -> Response | RejectedResponse:
    if len(payload) > RESPONSE_LIMIT:
        detail = f"{len(payload):,} bytes; a response may have {RESPONSE_LIMIT:,}."
        return RejectedResponse(ResponseFault.TOO_LARGE, detail)
    try:
        wire = _decoder.decode(payload)
    except msgspec.ValidationError as error:
        return _rejected(ResponseFault.DOES_NOT_FIT, error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _rejected(ResponseFault.NOT_JSON, error)
    timestamp = None if wire.timestamp is None else int(wire.timestamp)
    return Response(wire.execution_id, Status(wire.status), _reason(wire), wire.result, timestamp)


def _reason(wire: _Wire) -> StatusReason | None:
    given = wire.status_reason
    return StatusReason(given.reason_code, given.reason_description) if given else None


def _rejected(fault: ResponseFault, error: Exception) -> RejectedResponse:
    return RejectedResponse(fault, str(error)[:_DETAIL_LIMIT])
