"""What a model knows of what a detector keeps, and a detector of another version of it as this one can go on with it.

A name is known that the model sets, resets, clears or asks about by name. What it does not know it could neither read
nor take away, so it is dropped. Nothing is evaluated: a detector that goes on is where it was, and has done nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from coldwatch.engine.alarm_model import AlarmModel, AlarmState
from coldwatch.engine.alarm_payloads import SNOOZE, Record
from coldwatch.engine.flow import Flow, Name
from coldwatch.engine.kinds import ANY, NUMBERS, Kind, Kinds, kinds_of_variables
from coldwatch.engine.model import ActionTemplate, ClearTimer, DetectorModel, ResetTimer, SetTimer
from coldwatch.engine.snapshot import Snapshot
from coldwatch.engine.survey import expressions, kept
from coldwatch.engine.syntax import Call, Literal, Node, Step, VariableReference, walk
from coldwatch.engine.values import Value

_OF_TYPE: Final[Mapping[type, Kinds]] = {
    bool: frozenset((Kind.BOOLEAN,)),
    int: NUMBERS,
    float: NUMBERS,
    str: frozenset((Kind.STRING,)),
}
"""Integer and Decimal agree, as they do wherever a model uses them."""


@dataclass(frozen=True, slots=True)
class Losses:
    """What a detector kept and a model drops; `unfit` are variables of a kind that it never gives them."""

    variables: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()
    timers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.variables or self.unfit or self.timers)


NO_LOSSES: Final = Losses()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`certain`: by state, the names that have been set on every way into it."""

    variables: Mapping[str, Kinds]
    timers: frozenset[str]
    remembered: Mapping[str, frozenset[tuple[Step, ...]]]
    certain: Mapping[str, frozenset[Name]]

    def has_state(self, name: str) -> bool:
        return name in self.certain

    def fitted(self, snapshot: Snapshot) -> tuple[Snapshot, Losses]:
        """The same state with what is known of the rest. A timer keeps its moment, its duration and whether it was
        read. Of old messages what is still read is kept; the rest comes with the next ones.
        """
        unknown = tuple(sorted(snapshot.variables.keys() - self.variables.keys()))
        unfit = tuple(sorted(name for name, value in snapshot.variables.items() if not self._fits(name, value)))
        losses = Losses(unknown, unfit, tuple(sorted(snapshot.timers.keys() - self.timers)))
        dropped = {*unknown, *unfit}
        paths = self.remembered
        fitted = Snapshot(
            state=snapshot.state,
            variables={name: value for name, value in snapshot.variables.items() if name not in dropped},
            timers={name: timer for name, timer in snapshot.timers.items() if name in self.timers},
            inputs={name: kept(body, paths[name]) for name, body in snapshot.inputs.items() if name in paths},
            cleared={name: seconds for name, seconds in snapshot.cleared.items() if name in self.timers},
        )
        return fitted, losses

    def lacking(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Variables and timers that every detector has set by the time it is in this state, and this one has not: it
        came there under a model that did not know them. Until it comes there again, what asks about them does not hold.
        """
        there = {Name("variable", name) for name in snapshot.variables}
        there |= {Name("timer", name) for name in (*snapshot.timers, *snapshot.cleared)}
        return tuple(sorted(each.name for each in self.certain.get(snapshot.state, frozenset()) - there))

    def _fits(self, name: str, value: Value) -> bool:
        return name not in self.variables or bool(self.variables[name] & _OF_TYPE.get(type(value), ANY))


def vocabulary(model: DetectorModel | AlarmModel) -> Vocabulary:
    """Every alarm model knows the same states, variables and timer: an alarm goes on under any other version."""
    if isinstance(model, AlarmModel):
        names = (Record.PROPERTY, Record.THRESHOLD, Record.ACTION, Record.NOTE, Record.SYSTEM_EVENT)
        states = dict.fromkeys((state.value for state in AlarmState), frozenset[Name]())
        return Vocabulary(dict.fromkeys(names, ANY), frozenset((SNOOZE,)), model.frame.remembered, states)
    return _of_detectors(model)


def _of_detectors(model: DetectorModel) -> Vocabulary:
    states = model.states.values()
    nodes = [node for expression in expressions(states) for node in walk(expression.node)]
    actions = [action for state in states for event in state.events for action in event.actions]
    known = dict.fromkeys(_variables_read(nodes), ANY) | dict(kinds_of_variables(states))
    variables = {name: kinds | NUMBERS if kinds & NUMBERS else kinds for name, kinds in known.items()}
    entered = Flow(model).entered
    certain = {name: entered[name].certain if name in entered else frozenset[Name]() for name in model.states}
    asked = _asked_by_name(nodes)
    return Vocabulary(variables, frozenset((*_timers_named(actions), *asked)), model.remembered, certain)


def _variables_read(nodes: list[Node]) -> Iterator[str]:
    return (node.name for node in nodes if isinstance(node, VariableReference))


def _timers_named(actions: list[ActionTemplate]) -> Iterator[str]:
    return (action.name for action in actions if isinstance(action, SetTimer | ResetTimer | ClearTimer))


def _asked_by_name(nodes: list[Node]) -> Iterator[str]:
    for node in nodes:
        match node:
            case Call(function="timeout", arguments=(Literal(value=str(name)),)):
                yield name
