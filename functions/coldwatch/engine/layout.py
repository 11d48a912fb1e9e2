"""How compiled code keeps a detector, and how it sees a payload.

A detector is one tuple: its state's number, when its next timer is due, then a slot for each variable, each timer and
each remembered input. One that nothing happened to is the same tuple as before. What does not fit into the slots (a
variable of a kind that its model never gives it, a state of another model) stays a snapshot, behind the number
`FOREIGN`.

A payload is a struct with the members that the model reads, and no others; decoding it checks their types.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import takewhile
from types import MappingProxyType
from typing import Any, Final

import msgspec

from coldwatch.engine.model import ClearTimer, DetectorModel, ResetTimer, SetTimer
from coldwatch.engine.references import Carries, Reference, conclude
from coldwatch.engine.snapshot import Snapshot, Timer, next_due, pending
from coldwatch.engine.survey import expressions
from coldwatch.engine.syntax import Call, Literal, Step, walk
from coldwatch.engine.values import MAX_TEXT, UNDEFINED

NAN: Final = float("nan")
"""An undefined number. JSON has none of its own, and every comparison with it but `!=` is false, as with undefined."""

NEVER: Final = 1 << 62
"""Later than any timer."""

FOREIGN: Final = -1

PENDING: Final = 0
EXPIRED: Final = 1
READ: Final = 2
CLEARED: Final = 3
"""A timer's slot is None before it is first set, then (due in epoch ms, seconds, one of these)."""

LARGEST: Final = 9.2e18
"""Numbers below are within 64 bits whatever they are; the interpreter looks at the others."""

type Packed = tuple[Any, ...]
type TimerSlot = tuple[int, int, int] | None

_TYPES: Final[Mapping[Carries, Any]] = {Carries.NUMBER: int | float, Carries.TEXT: str, Carries.TRUTH: bool}


class UnreadableInputError(Exception):
    """An input that is read as a whole has no struct; its messages are for the interpreter."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path's value is: source such as `.f0.f2`, and the steps that the struct does not take."""

    attributes: str
    rest: tuple[Step, ...]
    carries: Carries


@dataclass
class _Member:
    """A member of a payload: a value, or an object of which some members are read."""

    carries: Carries | None = None
    members: dict[str, "_Member"] = field(default_factory=dict)


class PayloadForm:
    """What a model reads of one input's messages."""

    def __init__(self, carries: Mapping[tuple[Step, ...], Carries], root: _Member | None = None) -> None:
        """In the order in which they are mentioned: a decoder is quickest where messages have the same."""
        self._root = root or _Member()
        for path in sorted(carries, key=lambda each: len(_members(each))):
            self._add(path, carries[path])

    def _add(self, path: tuple[Step, ...], carries: Carries) -> None:
        names = _members(path)
        if not names:
            raise UnreadableInputError
        member = self._root
        for name in names:
            if member.carries is not None:
                break
            member = member.members.setdefault(name, _Member())
        is_one_value = names == path and member.carries in {None, carries}
        member.carries = carries if is_one_value else Carries.ANY

    def with_member(self, path: tuple[str, ...], carries: Carries) -> "PayloadForm":
        """One more member, whether the model reads it or not; all others stay where they are.

        Raises UnreadableInputError where the model takes it for something else: its code would compare unlike things.
        """
        root = member = deepcopy(self._root)
        for name in path:
            if member.carries is not None:
                raise UnreadableInputError
            member = member.members.setdefault(name, _Member())
        if member.members or member.carries not in {None, Carries.ANY, carries}:
            raise UnreadableInputError
        member.carries = member.carries or carries
        return PayloadForm({}, root)

    def place(self, path: tuple[Step, ...]) -> Place:
        member, attributes = self._root, ""
        for number, step in enumerate(path):
            if member.carries is not None:
                return Place(attributes, path[number:], Carries.ANY)
            attributes += f".f{list(member.members).index(str(step))}"
            member = member.members[str(step)]
        return Place(attributes, (), member.carries or Carries.ANY)

    def struct(
        self, required: Mapping[tuple[str, ...], Any] | None = None, like: Mapping[str, Any] | None = None
    ) -> type[msgspec.Struct]:
        """`required`: the types of the members that no message may lack, by their paths.

        `like`: a message of those that will be decoded, which is quickest when the members come in the same order.
        """
        return _struct(self._root, (), required or {}, list(like or ()))

    def document(self, payload: Any) -> dict[str, Any]:
        """The members that a struct has, under their own names."""
        return _document(self._root, payload)


def _members(path: tuple[Step, ...]) -> tuple[str, ...]:
    """The steps before the first index of an array."""
    return tuple(str(step) for step in takewhile(lambda step: isinstance(step, str), path))


def _struct(
    member: _Member, path: tuple[str, ...], required: Mapping[tuple[str, ...], Any], order: Sequence[str] = ()
) -> type[msgspec.Struct]:
    fields: list[Any] = []
    numbered = list(enumerate(member.members.items()))
    for number, (name, inner) in sorted(numbered, key=lambda each: _place_in(order, each[1][0])):
        here = (*path, name)
        if inner.carries is not None:
            kind = required.get(here, _TYPES.get(inner.carries, Any))
            default = NAN if inner.carries is Carries.NUMBER else UNDEFINED
            fields.append((f"f{number}", kind) if here in required else (f"f{number}", kind, default))
        else:
            kind = _struct(inner, here, required)
            is_required = any(each[: len(here)] == here for each in required)
            fields.append((f"f{number}", kind) if is_required else (f"f{number}", kind, kind()))
    rename = {f"f{number}": name for number, name in enumerate(member.members)}
    return msgspec.defstruct("Payload", fields, rename=rename, frozen=True, gc=False, kw_only=True)


def _place_in(order: Sequence[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _document(member: _Member, payload: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, (name, inner) in enumerate(member.members.items()):
        value = getattr(payload, f"f{number}")
        if inner.carries is None:
            value = _document(inner, value) or UNDEFINED
        is_there = value is not UNDEFINED and (inner.carries is not Carries.NUMBER or value == value)  # noqa: PLR0124 - NaN
        if is_there:
            found[name] = value
    return found


class SharedForm:
    """What several models read of one input's messages, whose kinds are known: an object with attributes under the
    members' own names, absent ones NaN or UNDEFINED. What reads other paths is the interpreter's.
    """

    def __init__(self, carries: Mapping[tuple[str, ...], Carries]) -> None:
        self.carries = carries

    def place(self, path: tuple[Step, ...]) -> Place | None:
        names = _members(path)
        if names != path or names not in self.carries:
            return None
        return Place("".join(f".{name}" for name in names), (), self.carries[names])


class Layout:
    def __init__(self, model: DetectorModel, shared: Mapping[str, SharedForm] = MappingProxyType({})) -> None:
        """`shared`: of the inputs that are read so. Raises UnreadableInputError if the model remembers messages, of
        whatever input.
        """
        if shared and model.remembered:
            raise UnreadableInputError
        self.model = model
        facts: dict[Reference, Carries] = {
            (name, path): carries for name, form in shared.items() for path, carries in form.carries.items()
        }
        self.carries: Mapping[Reference, Carries] = conclude(model, facts)
        self.states = tuple(model.states)
        self.variables = tuple(sorted(each for each in self.carries if isinstance(each, str)))
        self.timers = tuple(sorted(_timer_names(model)))
        self.inputs = tuple(sorted(model.inputs))
        self._shared = shared
        self._forms: dict[str, PayloadForm | None] = {}
        forms = {name: self.form(name) for name in sorted(model.remembered)}
        self._absent = {name: form.struct()() for name, form in forms.items() if form is not None}
        self.kept = tuple(self._absent)
        self.enters = bool(model.states[model.initial_state].on_enter)
        """Whether something happens when a detector is created."""
        self.blank: Packed = (
            self.states.index(model.initial_state),
            NEVER,
            *(NAN if self.carries[name] is Carries.NUMBER else UNDEFINED for name in self.variables),
            *(None for _ in self.timers),
            *self._absent.values(),
        )

    def form(self, input_name: str) -> PayloadForm | None:
        """None of an input that is read as a whole."""
        if input_name not in self._forms:
            key = {self.model.key_path: Carries.TEXT} if self.model.key_path else {}
            mine = {of[1]: kind for of, kind in self.carries.items() if isinstance(of, tuple) and of[0] == input_name}
            try:
                self._forms[input_name] = PayloadForm(key | mine)
            except UnreadableInputError:
                self._forms[input_name] = None
        return self._forms[input_name]

    def place(self, input_name: str, path: tuple[Step, ...]) -> Place | None:
        """Where a message has what a path leads to; None if it has no place."""
        form = self._shared.get(input_name) or self.form(input_name)
        return None if form is None else form.place(path)

    def is_readable_later(self, input_name: str, path: tuple[Step, ...]) -> bool:
        """Whether a remembered message still has what the path leads to."""
        remembered = self.model.remembered.get(input_name, frozenset())
        return any(path[: len(each)] == each for each in remembered)

    def variable_slot(self, name: str) -> int:
        return 2 + self.variables.index(name)

    def timer_slot(self, name: str) -> int:
        return 2 + len(self.variables) + self.timers.index(name)

    def input_slot(self, name: str) -> int:
        return 2 + len(self.variables) + len(self.timers) + self.kept.index(name)

    def with_slot(self, packed: Packed, slot: int, timer: TimerSlot) -> Packed:
        """The detector with another timer in its slot, and when its next one is due."""
        slots = list(packed)
        slots[slot] = timer
        first = 2 + len(self.variables)
        return (slots[0], soonest(*slots[first : first + len(self.timers)]), *slots[2:])

    def is_as_before(self, before: Packed, after: Packed) -> bool:
        """Whether variables and timers are the same; remembered messages do not count. Neither may be `FOREIGN`."""
        end = 2 + len(self.variables) + len(self.timers)
        return before[2:end] == after[2:end]

    def pending(self, packed: Packed) -> Mapping[str, int]:
        """When its pending timers are due (epoch ms), by their names."""
        if packed[1] == NEVER:
            return {}
        if packed[0] == FOREIGN:
            return pending(packed[2])
        slots = zip(self.timers, packed[2 + len(self.variables) :], strict=False)
        return {name: slot[0] for name, slot in slots if slot is not None and slot[2] == PENDING}

    def next_timer(self, packed: Packed) -> tuple[int, str]:
        """Of those that are pending, of which there is one: when it is due (epoch ms), and its name."""
        return min((due_ms, name) for name, due_ms in self.pending(packed).items())

    def pack(self, snapshot: Snapshot) -> Packed:
        packed = self._packed(snapshot)
        if packed is not None:
            return packed
        due = next_due(snapshot)
        return (FOREIGN, NEVER if due is None else due[0], snapshot)

    def _packed(self, snapshot: Snapshot) -> Packed | None:
        timers = {name: _slot_of(timer) for name, timer in snapshot.timers.items()}
        timers |= {name: (0, seconds, CLEARED) for name, seconds in snapshot.cleared.items()}
        is_ours = (
            snapshot.state in self.states
            and timers.keys() <= set(self.timers)
            and len(timers) == len(snapshot.timers) + len(snapshot.cleared)
            and snapshot.variables.keys() <= set(self.variables)
            and all(fits(value, self.carries[name]) for name, value in snapshot.variables.items())
        )
        inputs = self._packed_inputs(snapshot.inputs) if is_ours else None
        if inputs is None:
            return None
        slots = [timers.get(name) for name in self.timers]
        blank = self.blank[2 : 2 + len(self.variables)]
        variables = [snapshot.variables.get(name, none) for name, none in zip(self.variables, blank, strict=True)]
        return (self.states.index(snapshot.state), soonest(*slots), *variables, *slots, *inputs)

    def _packed_inputs(self, inputs: Mapping[str, Any]) -> list[Any] | None:
        if not inputs.keys() <= self._absent.keys():
            return None
        try:
            return [
                msgspec.convert(inputs[name], type(absent)) if name in inputs else absent
                for name, absent in self._absent.items()
            ]
        except msgspec.ValidationError:
            return None

    def unpack(self, packed: Packed) -> Snapshot:
        if packed[0] == FOREIGN:
            snapshot: Snapshot = packed[2]
            return snapshot
        variables = dict(zip(self.variables, packed[2:], strict=False))
        slots = dict(zip(self.timers, packed[2 + len(self.variables) :], strict=False))
        timers = {name: slot for name, slot in slots.items() if slot is not None}
        inputs = dict(zip(self.kept, packed[2 + len(self.variables) + len(self.timers) :], strict=True))
        return Snapshot(
            state=self.states[packed[0]],
            variables={name: value for name, value in variables.items() if _is_there(value)},
            timers={name: _timer_of(slot) for name, slot in timers.items() if slot[2] != CLEARED},
            inputs={
                name: form.document(payload)
                for name, payload in inputs.items()
                if payload is not self._absent[name] and (form := self.form(name)) is not None
            },
            cleared={name: slot[1] for name, slot in timers.items() if slot[2] == CLEARED},
        )


def soonest(*slots: TimerSlot) -> int:
    """When the next of them is due."""
    due = NEVER
    for slot in slots:
        if slot is not None and slot[2] == PENDING and slot[0] < due:
            due = slot[0]
    return due


def _is_there(value: Any) -> bool:
    return value is not UNDEFINED and value == value  # noqa: PLR0124 - NaN is an undefined number


def fits(value: Any, carries: Carries) -> bool:
    """Whether a variable's slot takes a value, which undefined, null, and what is no value at all, are not."""
    match carries:
        case Carries.NUMBER:
            return type(value) in {int, float} and -LARGEST < value < LARGEST
        case Carries.TEXT:
            return type(value) is str and len(value) <= MAX_TEXT
        case Carries.TRUTH:
            return type(value) is bool
        case Carries.ANY:
            kind = Carries.TEXT if type(value) is str else Carries.TRUTH if type(value) is bool else Carries.NUMBER
            return fits(value, kind)


def _slot_of(timer: Timer) -> tuple[int, int, int]:
    return (timer.due_ms, timer.duration_s, READ if timer.is_read else EXPIRED if timer.is_expired else PENDING)


def _timer_of(slot: tuple[int, int, int]) -> Timer:
    return Timer(slot[0], slot[1], is_expired=slot[2] == EXPIRED, is_read=slot[2] == READ)


def _timer_names(model: DetectorModel) -> set[str]:
    """Those that are set, reset, cleared, or asked about by name."""
    events = [event for state in model.states.values() for event in state.events]
    actions = (each for event in events for each in event.actions)
    named = {each.name for each in actions if isinstance(each, SetTimer | ResetTimer | ClearTimer)}
    nodes = (node for expression in expressions(model.states.values()) for node in walk(expression.node))
    asked = (node.arguments[0] for node in nodes if isinstance(node, Call) and node.function == "timeout")
    return named | {name.value for name in asked if isinstance(name, Literal) and isinstance(name.value, str)}
