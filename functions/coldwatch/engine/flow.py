"""What can have been set, and what must have been, by the time something is evaluated.

A detector goes round the states of its model. What is known where it enters a state is joined over all the ways that
lead there; `onInput` runs any number of times, so what it sets itself counts as possible from its second time on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from coldwatch.engine.constants import always_holds, never_holds
from coldwatch.engine.model import (
    ActionTemplate,
    DetectorModel,
    EvaluationMethod,
    Expression,
    ModelEvent,
    ResetTimer,
    SetTimer,
    SetVariable,
    State,
)
from coldwatch.engine.survey import action_expressions
from coldwatch.engine.syntax import Binary, Call, Node, VariableReference, children, walk
from coldwatch.engine.syntax import Literal as LiteralNode


class Name(NamedTuple):
    kind: Literal["variable", "timer"]
    name: str


@dataclass(frozen=True, slots=True)
class Known:
    """Names that some way has set, and names that every way has."""

    possible: frozenset[Name]
    certain: frozenset[Name]

    def joined(self, other: "Known") -> "Known":
        return Known(self.possible | other.possible, self.certain & other.certain)

    def with_set(self, names: Iterable[Name], *, surely: bool) -> "Known":
        added = frozenset(names)
        return Known(self.possible | added, self.certain | added if surely else self.certain)


@dataclass(frozen=True, slots=True)
class Read:
    """A name that is read: at `expression` and `node`, or by an action that has no expression, at `path`."""

    name: Name
    known: Known
    state: State
    path: str
    expression: Expression | None = None
    node: Node | None = None


NOTHING: Final = Known(frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class _Outline:
    """What matters of an event: looked at once, walked past often."""

    event: ModelEvent
    sets: frozenset[Name]
    asks: frozenset[Name]
    always: bool
    never: bool


class Flow:
    """Goes round a model's states until nothing new comes to be known."""

    def __init__(self, model: DetectorModel) -> None:
        self.states = model.states
        self.is_serial = model.evaluation_method is EvaluationMethod.SERIAL
        self._outlines = {event.path: _outlined(event) for state in model.states.values() for event in state.events}
        self.entered = self._entry_knowledge(model.initial_state)
        """By state, what is known when it is entered; states that cannot be reached are not there."""

    def _entry_knowledge(self, initial: str) -> dict[str, Known]:
        entered = {initial: NOTHING}
        waiting = [initial]
        while waiting:
            state = self.states[waiting.pop()]
            for target, known in self._ways_out(state, entered[state.name]):
                before = entered.get(target)
                after = known if before is None else before.joined(known)
                if after != before:
                    entered[target] = after
                    waiting.append(target)
        return entered

    def reads(self) -> Iterator[Read]:
        """Everything that is read in the states that can be reached, in the order of the document."""
        for name, state in self.states.items():
            if name in self.entered:
                found: list[Read] = []
                for _ in self._ways_out(state, self.entered[name], found):
                    pass
                yield from found

    def may_have_timers(self, state: State) -> bool:
        """Whether a timer may run while a detector is in this state."""
        if state.name not in self.entered:
            return False
        own = (name for event in (*state.on_enter, *state.on_input) for name in self._outlines[event.path].sets)
        return any(name.kind == "timer" for name in (*self.entered[state.name].possible, *own))

    def _ways_out(self, state: State, known: Known, found: list[Read] | None = None) -> Iterator[tuple[str, Known]]:
        """Each state that a transition leads to, and what is known when it is entered; reads go to `found`."""
        entered = self._group(state, state.on_enter, known, found)
        again = entered.with_set((n for e in state.on_input for n in self._outlines[e.path].sets), surely=False)
        left = self._group(state, state.on_input, again, found)
        for transition in state.transitions:
            outline = self._outlines[transition.path]
            _note_condition(state, transition, left if self.is_serial else again, found)
            gone = _acted(state, outline, left, found, is_taken=True)
            if not outline.never:
                yield transition.next_state, self._group(state, state.on_exit, gone, found)
            if outline.always:
                break

    def _group(self, state: State, events: Iterable[ModelEvent], known: Known, found: list[Read] | None) -> Known:
        """BATCH asks every condition first; the actions' own values see what was done before them all the same."""
        before = known
        for event in events:
            _note_condition(state, event, known if self.is_serial else before, found)
            known = _acted(state, self._outlines[event.path], known, found)
        return known


def _outlined(event: ModelEvent) -> _Outline:
    never = never_holds(event)
    sets = frozenset[Name]() if never else frozenset(name for action in event.actions for name in names_set(action))
    asks = frozenset[Name]() if event.condition is None else frozenset(_mentioned(event.condition.node))
    return _Outline(event, sets, asks, always_holds(event), never)


def _note_condition(state: State, event: ModelEvent, known: Known, found: list[Read] | None) -> None:
    if found is not None and event.condition is not None:
        _note(state, event.condition, known, found)


def _acted(state: State, outline: _Outline, known: Known, found: list[Read] | None, *, is_taken: bool = False) -> Known:
    """What the condition reads is there where it holds, or the model has seen to it."""
    if found is not None and not outline.never:
        inside = Known(known.possible, known.certain | outline.asks)
        for index, action in enumerate(outline.event.actions):
            _note_action(state, action, inside, f"{outline.event.path}.actions[{index}]", found)
            inside = inside.with_set(names_set(action), surely=True)
    return known.with_set(outline.sets, surely=is_taken or outline.always) if outline.sets else known


def _note_action(state: State, action: ActionTemplate, known: Known, path: str, found: list[Read]) -> None:
    if isinstance(action, ResetTimer):
        found.append(Read(Name("timer", action.name), known, state, f"{path}.resetTimer.timerName"))
    for expression in action_expressions(action):
        _note(state, expression, known, found)


def _note(state: State, expression: Expression, known: Known, found: list[Read]) -> None:
    for name, node in _read(expression.node):
        found.append(Read(name, known, state, expression.path, expression, node))


def names_set(action: ActionTemplate) -> Iterator[Name]:
    if isinstance(action, SetVariable):
        yield Name("variable", action.name)
    elif isinstance(action, SetTimer):
        yield Name("timer", action.name)


def _read(node: Node) -> Iterator[tuple[Name, Node]]:
    """Names that had better be set. `isUndefined` and `!=` are how models ask whether they are."""
    match node:
        case VariableReference(name=name):
            yield Name("variable", name), node
        case Call(function="timeout", arguments=(LiteralNode(value=str(name)),)):
            yield Name("timer", name), node
        case Call(function="isUndefined"):
            return
        case Binary(operator="!=", left=left, right=right):
            for side in (left, right):
                if not isinstance(side, VariableReference):
                    yield from _read(side)
        case _:
            for child in children(node):
                yield from _read(child)


def _mentioned(node: Node) -> Iterator[Name]:
    return (Name("variable", each.name) for each in walk(node) if isinstance(each, VariableReference))
