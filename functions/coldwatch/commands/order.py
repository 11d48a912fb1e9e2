"""What somebody asks for: a command for a device, how long to wait for it, and what to do when nobody answers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal

import msgspec

PARAMETERS_LIMIT = 8 * 1024
"""Bytes of JSON. The broker takes 128 KiB, but a device has to hold it."""

type Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Command:
    """A named instruction that a device can carry out."""

    name: str
    parameters: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Order:
    """`timeout_s` is how long each of the `attempts` waits. `incident_on_timeout` is the severity of the incident that
    opens when no attempt was answered.
    """

    device_id: str
    command: Command
    timeout_s: int
    attempts: int
    client_token: str
    requested_by: str
    incident_on_timeout: str | None = None

    def asks_the_same_as(self, other: "Order") -> bool:
        """Who asks makes no difference: the token says that it is one wish."""
        return _content(self) == _content(other)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command is not sent: a sentence for whoever asked."""

    sentence: str


Word = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$(?!\n)")]
"""AWS IoT API, `CommandId`."""
DeviceId = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9:_-]{1,128}$(?!\n)")]
"""Nothing that means something in a topic filter."""
ParameterName = Annotated[str, msgspec.Meta(pattern=r"^[.$a-zA-Z0-9_-]{1,192}$(?!\n)")]
"""AWS IoT API, `CommandParameterName`."""
Token = Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{1,64}$(?!\n)")]
"""AWS IoT API, `StartCommandExecution`, `clientToken`."""
Text = Annotated[str, msgspec.Meta(max_length=1024)]
Integer = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
Double = Annotated[float, msgspec.Meta(ge=-1e308, le=1e308)]
"""No NaN and no infinity, which Python writes as if they were JSON."""
Person = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _Wire(msgspec.Struct, forbid_unknown_fields=True):
    device_id: DeviceId
    command: Word
    requested_by: Person
    parameters: Annotated[dict[ParameterName, Text | Integer | Double | bool], msgspec.Meta(max_length=32)] = {}
    timeout_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    attempts: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    client_token: Token | None = None
    incident_on_timeout: Literal["critical", "warning"] | None = None


_RULES = {
    "device_id": "1 to 128 letters, digits, ':', '_' and '-'",
    "command": "1 to 64 letters, digits, '_' and '-'",
    "requested_by": "text of 1 to 128 characters: who asks",
    "parameters": "at most 32 names, each with a text of at most 1,024 characters, a number, true or false",
    "timeout_s": "a whole number of seconds from 5 to 3600",
    "attempts": "a whole number from 1 to 5",
    "client_token": "1 to 64 printable ASCII characters without spaces",
    "incident_on_timeout": "critical or warning",
}


def read_order(event: object, *, fallback_token: str) -> Order | Refusal:
    """The order in an invocation event. Without a client token of its own it gets `fallback_token`."""
    try:
        wire = msgspec.convert(event, _Wire)
    except msgspec.ValidationError as error:
        return Refusal(_complaint(str(error)))
    if len(json.dumps(wire.parameters).encode()) > PARAMETERS_LIMIT:
        return Refusal(f"The parameters are more than {PARAMETERS_LIMIT:,} bytes of JSON.")
    return Order(
        device_id=wire.device_id,
        command=Command(wire.command, wire.parameters),
        timeout_s=wire.timeout_s,
        attempts=wire.attempts,
        client_token=wire.client_token or fallback_token,
        requested_by=wire.requested_by,
        incident_on_timeout=wire.incident_on_timeout,
    )


def _content(order: Order) -> str:
    """As JSON, where 1 and true differ."""
    document: dict[str, Any] = asdict(replace(order, requested_by=""))
    return json.dumps(document, sort_keys=True)


def _complaint(error: str) -> str:
    """What the decoder says, told by the rule of the member that it names."""
    for name, rule in _RULES.items():
        if f"`$.{name}" in error:
            return f"{name} must be {rule}."
    return f"This is no command: {error}."
