"""A detector model as the engine runs it: read, and every expression parsed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from coldwatch.engine.syntax import Node, Step


class EvaluationMethod(StrEnum):
    """BATCH: the conditions of a group see the variables as they were before it. SERIAL: each sees the changes made
    by the events before it.
    """

    BATCH = "BATCH"
    SERIAL = "SERIAL"


class LifeCycle(StrEnum):
    """The three groups of events of a state, as the service's log named them."""

    ON_ENTER = "OnEnter"
    ON_INPUT = "OnInput"
    ON_EXIT = "OnExit"


@dataclass(frozen=True, slots=True)
class Expression:
    source: str
    node: Node
    path: str
    """Where it stands in the definition, such as `states[0].onInput.events[1].condition`."""


@dataclass(frozen=True, slots=True)
class SetVariable:
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class SetTimer:
    name: str
    duration: Expression
    """Seconds."""


@dataclass(frozen=True, slots=True)
class ResetTimer:
    name: str


@dataclass(frozen=True, slots=True)
class ClearTimer:
    name: str


type Field = str | bool | int | float | Expression | Mapping[str, "Field"]


@dataclass(frozen=True, slots=True)
class PayloadTemplate:
    content: Expression
    type: Literal["STRING", "JSON"]


@dataclass(frozen=True, slots=True)
class ExternalAction:
    """One that the engine does not carry out. Without a payload of its own it sends the default one."""

    type: str
    fields: Mapping[str, Field]
    payload: PayloadTemplate | None
    takes_payload: bool


type ActionTemplate = SetVariable | SetTimer | ResetTimer | ClearTimer | ExternalAction


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """`condition` None always holds. Its place leads to the event."""

    name: str
    condition: Expression | None
    actions: tuple[ActionTemplate, ...]
    path: str


@dataclass(frozen=True, slots=True)
class TransitionEvent(ModelEvent):
    next_state: str


@dataclass(frozen=True, slots=True)
class State:
    name: str
    on_enter: tuple[ModelEvent, ...]
    on_input: tuple[ModelEvent, ...]
    transitions: tuple[TransitionEvent, ...]
    on_exit: tuple[ModelEvent, ...]
    path: str

    @property
    def events(self) -> Iterator[ModelEvent]:
        yield from self.on_enter
        yield from self.on_input
        yield from self.transitions
        yield from self.on_exit


@dataclass(frozen=True)
class DetectorModel:
    name: str
    version: str
    key: str | None
    evaluation_method: EvaluationMethod
    states: Mapping[str, State]
    initial_state: str
    inputs: frozenset[str]
    """The inputs that its expressions mention: their messages, and no others, are its messages."""
    has_timers: bool
    key_path: tuple[str, ...] = ()
    remembered: Mapping[str, frozenset[tuple[Step, ...]]] = field(default_factory=dict)
    """What a later evaluation may read of a message: paths by input. The rest of a payload need not be kept."""
