"""What starts an evaluation, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

import msgspec

from coldwatch.engine.errors import Level
from coldwatch.engine.model import LifeCycle
from coldwatch.engine.snapshot import Snapshot
from coldwatch.engine.syntax import Span


@dataclass(frozen=True, slots=True)
class Message:
    input_name: str
    payload: Mapping[str, Any]
    message_id: str


@dataclass(frozen=True, slots=True)
class Trigger:
    type: Literal["message", "timer", "customerAction"]
    input_name: str | None = None
    message_id: str | None = None
    """Of a customer action: the id of its request."""
    timer_name: str | None = None
    action_name: str | None = None
    """What a customer did with an alarm."""

    def to_document(self) -> dict[str, Any]:
        if self.type == "timer":
            return {"type": "timer", "timerName": self.timer_name}
        if self.type == "customerAction":
            return {"type": "customerAction", "actionName": self.action_name, "requestId": self.message_id}
        return {"type": "message", "messageId": self.message_id, "inputName": self.input_name}


@dataclass(frozen=True, slots=True)
class Action:
    """An external action, evaluated to what is to be sent. `fields` leaves the payload out."""

    type: str
    event_name: str
    fields: Mapping[str, Any]
    payload: Any
    """A JSON value (the default payload, or a JSON content expression), or text; None where an action has none."""
    action_execution_id: str
    """A UUID that the same evaluation of the same message gives again."""

    def to_document(self) -> dict[str, Any]:
        return {
            "type": self.type,
            "eventName": self.event_name,
            "fields": dict(self.fields),
            **({} if self.payload is None else {"payload": self.payload}),
        }


@dataclass(frozen=True, slots=True)
class Note:
    """Something that could not be evaluated while the detector ran. Never stops the evaluation."""

    level: Level
    path: str
    """The place in the definition, such as `states[0].onInput.events[1].condition`."""
    event_name: str
    message: str
    expression: str | None = None
    span: Span | None = None


class Outcome(StrEnum):
    """As the service's log named them."""

    TRUE = "True"
    FALSE = "False"
    SKIPPED = "Skipped"


@dataclass(frozen=True, slots=True)
class ConditionResult:
    result: Outcome
    event_name: str
    state: str
    life_cycle: LifeCycle
    has_transition: bool
    details: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    time_ms: int
    key: str | None
    trigger: Trigger
    before: Snapshot | None
    """None when the message created the detector."""
    after: Snapshot
    from_state: str
    to_state: str
    actions: tuple[Action, ...]
    """The external ones, in the order in which they came about."""
    notes: tuple[Note, ...] = ()
    results: tuple[ConditionResult, ...] = ()
    has_transitioned: bool = field(default=False)
    """Also true of a transition back into the same state."""

    @property
    def has_changed(self) -> bool:
        """Whether the detector is new or another: its state, variables or timers. Remembered messages do not count."""
        before, after = self.before, self.after
        return (
            before is None
            or self.has_transitioned
            or before.variables != after.variables
            or before.timers != after.timers
            or before.cleared != after.cleared
        )


class Happening(msgspec.Struct, frozen=True, gc=False):
    """An evaluation that is worth telling: it took a transition, or acted on the world outside."""

    key: str | None
    time_ms: int
    from_state: str
    to_state: str
    actions: tuple[Action, ...]
    has_transitioned: bool
