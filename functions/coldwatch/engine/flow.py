"""What can have been set, and what must have been, by the time something is evaluated.

A detector goes round the states of its model. What is known where it enters a state is joined over all the ways that
lead there; `onInput` runs any number of times, so what it sets itself counts as possible from its second time on.
"""

from collections.abc import Iterable, Iterator, Mapping
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


def reads(model: DetectorModel) -> Iterator[Read]:
    """Everything that is read in the states that can be reached, in the order of the document."""
    entered = entry_knowledge(model)
    for state in model.states.values():
        if state.name in entered:
            walker = _Walker(model, state)
            for _ in walker.ways_out(entered[state.name]):
                pass
            yield from walker.reads


def timers_of(model: DetectorModel) -> Mapping[str, bool]:
    """Of every state that can be reached: whether a timer may run while a detector is in it."""
    entered = entry_knowledge(model)
    running = {}
    for name, known in entered.items():
        state = model.states[name]
        own = {each for event in (*state.on_enter, *state.on_input) for each in _set_by(event)}
        running[name] = any(each.kind == "timer" for each in known.possible | own)
    return running


def entry_knowledge(model: DetectorModel) -> dict[str, Known]:
    """By state, what is known when it is entered; states that cannot be reached are not there."""
    entered = {model.initial_state: NOTHING} if model.initial_state in model.states else {}
    waiting = list(entered)
    while waiting:
        state = model.states[waiting.pop()]
        for target, known in _Walker(model, state).ways_out(entered[state.name]):
            if target not in model.states:
                continue
            before = entered.get(target)
            after = known if before is None else before.joined(known)
            if after != before:
                entered[target] = after
                waiting.append(target)
    return entered


class _Walker:
    """Goes through a state once, and notes what is read on the way."""

    def __init__(self, model: DetectorModel, state: State) -> None:
        self.is_serial = model.evaluation_method is EvaluationMethod.SERIAL
        self.state = state
        self.reads: list[Read] = []

    def ways_out(self, known: Known) -> Iterator[tuple[str, Known]]:
        """Each state that a transition leads to, and what is known when it is entered."""
        entered = self._group(self.state.on_enter, known)
        again = entered.with_set((n for event in self.state.on_input for n in _set_by(event)), surely=False)
        left = self._group(self.state.on_input, again)
        for transition in self.state.transitions:
            before = left if self.is_serial else again
            self._condition(transition, before)
            gone = self._actions(transition, left, is_taken=True)
            if not never_holds(transition):
                yield transition.next_state, self._group(self.state.on_exit, gone)
            if always_holds(transition):
                break

    def _group(self, events: Iterable[ModelEvent], known: Known) -> Known:
        """BATCH asks every condition first; the actions' own values see what was done before them all the same."""
        before = known
        for event in events:
            self._condition(event, known if self.is_serial else before)
            known = self._actions(event, known)
        return known

    def _condition(self, event: ModelEvent, known: Known) -> None:
        if event.condition is not None:
            self._expression(event.condition, known)

    def _actions(self, event: ModelEvent, known: Known, *, is_taken: bool = False) -> Known:
        """What the condition reads is there where it holds, or the model has seen to it."""
        if never_holds(event):
            return known
        asked = frozenset[Name]() if event.condition is None else frozenset(_mentioned(event.condition.node))
        inside = Known(known.possible, known.certain | asked)
        for index, action in enumerate(event.actions):
            self._action(action, inside, f"{event.path}.actions[{index}]")
            inside = inside.with_set(_names_set(action), surely=True)
        return known.with_set(_set_by(event), surely=is_taken or always_holds(event))

    def _action(self, action: ActionTemplate, known: Known, path: str) -> None:
        if isinstance(action, ResetTimer):
            self.reads.append(Read(Name("timer", action.name), known, self.state, f"{path}.resetTimer.timerName"))
        for expression in action_expressions(action):
            self._expression(expression, known)

    def _expression(self, expression: Expression, known: Known) -> None:
        for name, node in _read(expression.node):
            self.reads.append(Read(name, known, self.state, expression.path, expression, node))


def _set_by(event: ModelEvent) -> Iterator[Name]:
    if not never_holds(event):
        for action in event.actions:
            yield from _names_set(action)


def _names_set(action: ActionTemplate) -> Iterator[Name]:
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
