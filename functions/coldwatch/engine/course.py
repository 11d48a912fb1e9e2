"""The code of one trigger: what each state of a model does with a message, or with the expiry of a timer."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from coldwatch.engine.actions import MAX_TIMER_S
from coldwatch.engine.expression_code import Constants, ExpressionCode, NotCompiledError
from coldwatch.engine.layout import CLEARED, EXPIRED, LARGEST, NEVER, PENDING, READ, Layout, fits
from coldwatch.engine.model import (
    ClearTimer,
    EvaluationMethod,
    ExternalAction,
    ModelEvent,
    ResetTimer,
    SetTimer,
    SetVariable,
    State,
    TransitionEvent,
)
from coldwatch.engine.reach import acts, any_of, asks_timers, shallow, timers_asked
from coldwatch.engine.references import Carries, Reference, carried
from coldwatch.engine.source import Source
from coldwatch.engine.survey import action_expressions
from coldwatch.engine.syntax import InputReference, Literal, Node, VariableReference, walk

_LINEAR: Final = 3
"""States that are told apart one after another; more of them by halves."""


class Course:
    """The code of one trigger: an input's message `m`, or a timer.

    It finds the detector in `s`, and its key and the time in the names that it is told. A function's code returns the
    detector as it is afterwards, which is `s` itself where nothing changed; a loop's, which goes on with `continue`,
    writes what changed to `states`.
    """

    def __init__(
        self,
        layout: Layout,
        constants: Constants,
        source: Source,
        trigger: str | None,
        leave: str = "return s",
        *,
        key: str = "key",
        now: str = "now",
        rests: bool = False,
    ) -> None:
        self._rests = rests
        """Detectors in the initial state that wait for no timer are kept apart, and looked for if something happens."""
        self._is_resting = False
        self._key = key
        self._now = now
        self.constants = constants
        self.carries: Mapping[Reference, Carries] = layout.carries
        self.trigger = trigger
        self._layout = layout
        self._source = source
        self._leave = leave
        self._kept_in = f"states[{key}]" if leave == "continue" else "s"
        self._code = ExpressionCode(self)
        self._is_loaded = False
        self._may_act = False
        self._acts = False
        self._here = 0
        self._conditions = 0
        self._is_serial = layout.model.evaluation_method is EvaluationMethod.SERIAL

    # --- where an expression finds what it refers to ---

    def variable(self, name: str) -> str:
        index = self._layout.variables.index(name)
        return f"v{index}" if self._is_loaded else f"s[{2 + index}]"

    def payload(self, node: InputReference) -> tuple[str, Carries] | None:
        place = self._layout.place(node.input_name, node.path)
        if place is None:
            raise NotCompiledError
        if node.input_name == self.trigger:
            base = "m"
        elif self._layout.is_readable_later(node.input_name, node.path):
            base = f"s[{self._layout.input_slot(node.input_name)}]"
        else:
            return None
        source = f"{base}{place.attributes}"
        return (f"follow({source}, {self.constants.name(place.rest)})" if place.rest else source), place.carries

    def timed_out(self, name: str) -> str:
        index = self._layout.timers.index(name)
        return f"(e{index} and (r{index} := True))"

    # --- states ---

    def body(self) -> None:
        self._is_loaded = False
        self._source.add("i = s[0]")
        self._dispatch(list(enumerate(self._layout.model.states.values())))
        self._source.add("raise Irregular  # a state of another model")

    def initial(self) -> None:
        """For a detector at rest. Mostly no condition holds, and then nobody looks for it: there may be many."""
        index = self._layout.blank[0]
        state = self._layout.model.states[self._layout.states[index]]
        self._is_resting = not self._looks_at_detector(state)
        if not self._is_resting:
            self._source.add(f"s = rest({self._key}, BLANK)")
        self._state(index, state)
        self._is_resting = False

    def _looks_at_detector(self, state: State) -> bool:
        """Whether its conditions ask about the detector, not about the message alone."""
        roots = (each.condition.node for each in (*state.on_input, *state.transitions) if each.condition)
        nodes = [node for root in roots for node in walk(root)]
        return (
            self._is_serial
            or self.trigger in self._layout.kept
            or bool(self._asked(self._reach(state)))
            or any(isinstance(node, VariableReference) for node in nodes)
            or any(isinstance(node, InputReference) and node.input_name != self.trigger for node in nodes)
        )

    def _dispatch(self, states: Sequence[tuple[int, State]]) -> None:
        """The initial state first, where detectors are most of the time; many others by halves."""
        first = self._layout.blank[0]
        ordered = sorted(states, key=lambda each: each[0] != first)
        if ordered[0][0] == first and len(states) > _LINEAR:
            with self._source.block(f"if i == {first}"):
                self._state(*ordered[0])
            self._dispatch(ordered[1:])
        elif len(states) <= _LINEAR:
            for number, (index, state) in enumerate(ordered):
                with self._source.block(f"{'el' if number else ''}if i == {index}"):
                    self._state(index, state)
        else:
            half = len(states) // 2
            with self._source.block(f"if i < {states[half][0]}"):
                self._dispatch(states[:half])
            with self._source.block("else"):
                self._dispatch(states[half:])

    def _state(self, index: int, state: State) -> None:
        self._here = index
        self._may_act = acts(self._reach(state))
        with self._source.alternative():
            self._source.add(f"# {state.name!a}")
            timers = self._asked(self._reach(state))
            for timer in timers:
                slot = self._layout.timer_slot(self._layout.timers[timer])
                self._source.add(f"e{timer} = s[{slot}] is not None and s[{slot}][2] == {EXPIRED}")
                self._source.add(f"r{timer} = False")
            if not state.on_input:
                self._transitions_alone(state, timers)
            elif self._is_serial:
                self._serial(state, timers)
            else:
                self._batch(state, timers)
            self._remember()
            self._source.add(self._leave)
        self._is_loaded = False

    def _transitions_alone(self, state: State, timers: Sequence[int]) -> None:
        for transition in state.transitions:
            with self._source.when(self._condition(transition)):
                self._load()
                self._take(state, transition, timers)
            self._is_loaded = False
        if timers:
            with self._source.block(f"if {any_of(timers)}"):
                self._load()
                self._stay(timers)

    def _batch(self, state: State, timers: Sequence[int]) -> None:
        """All conditions first: while they are asked, nothing has changed yet, and mostly nothing will."""
        holds = self._conditions_of(state.on_input)
        possible = self._find_transition(state.transitions) if state.transitions else []
        reasons = [*(name for name in holds if name != "False"), *(["k >= 0"] if possible else [])]
        with self._source.when(any_of(timers, *reasons) or "False"):
            self._load()
            self._perform_those(state.on_input, holds)
            for number in possible:
                with self._source.block(f"if k == {number}"):
                    self._take(state, state.transitions[number], timers)
            self._stay(timers)

    def _serial(self, state: State, timers: Sequence[int]) -> None:
        """Each condition sees what the events before it have done."""
        self._load()
        self._source.add("d = False")
        for event in state.on_input:
            with self._source.when(self._condition(event)):
                self._source.add("d = True")
                self._perform(event)
        for transition in state.transitions:
            with self._source.when(self._condition(transition)):
                self._take(state, transition, timers)
        with self._source.block(f"if {any_of(timers, 'd')}"):
            self._stay(timers)

    def _conditions_of(self, events: Sequence[ModelEvent]) -> list[str]:
        """Names of what each condition gave, or `True` and `False` where that is known beforehand."""
        names = []
        for event in events:
            source = self._condition(event)
            if source in {"True", "False"}:
                names.append(source)
                continue
            self._conditions += 1
            names.append(f"h{self._conditions}")
            self._source.add(f"{names[-1]} = {source}")
        return names

    def _find_transition(self, transitions: Sequence[TransitionEvent]) -> list[int]:
        """Puts the number of the first that holds into `k`; those that may hold."""
        self._source.add("k = -1")
        conditions = [(number, self._condition(each)) for number, each in enumerate(transitions)]
        possible = [(number, source) for number, source in conditions if source != "False"]
        for place, (number, source) in enumerate(possible):
            with self._source.block(f"{'el' if place else ''}if {source}"):
                self._source.add(f"k = {number}")
        return [number for number, _ in possible]

    def _condition(self, event: ModelEvent) -> str:
        if event.condition is None:
            return "True"
        return self._code.test(shallow(event.condition.node))

    # --- what happens ---

    def _load(self) -> None:
        """All slots into local names, at the first that may change one."""
        self._is_loaded = True
        self._acts = False
        if self._is_resting:
            self._source.add(f"s = rest({self._key}, BLANK)")
        if self._may_act:
            self._source.add("a = []")
        if names := self._names():
            self._source.add(f"_, _, {', '.join(names)} = s")
        if self.trigger in self._layout.kept:
            self._source.add(f"n{self._layout.kept.index(str(self.trigger))} = m")

    def _names(self) -> list[str]:
        layout = self._layout
        sizes = (("v", layout.variables), ("t", layout.timers), ("n", layout.kept))
        return [f"{letter}{number}" for letter, names in sizes for number in range(len(names))]

    def _perform_those(self, events: Sequence[ModelEvent], holds: Sequence[str]) -> None:
        for event, name in zip(events, holds, strict=True):
            with self._source.when(name):
                self._perform(event)

    def _perform(self, event: ModelEvent) -> None:
        for action in event.actions:
            match action:
                case SetVariable():
                    self._set_variable(action)
                case SetTimer():
                    self._set_timer(action)
                case ResetTimer(name=name):
                    slot = f"t{self._layout.timers.index(name)}"
                    with self._source.block(f"if {slot} is None"):
                        self._source.add("raise Irregular")
                    self._source.add(f"{slot} = ({self._now} + {slot}[1] * 1000, {slot}[1], {PENDING})")
                case ClearTimer(name=name):
                    slot = f"t{self._layout.timers.index(name)}"
                    with self._source.block(f"if {slot} is not None"):
                        self._source.add(f"{slot} = (0, {slot}[1], {CLEARED})")
                case ExternalAction():
                    self._act(event, action)

    def _act(self, event: ModelEvent, action: ExternalAction) -> None:
        """What an action sends is made by the interpreter's own code, from the detector as it is at this point."""
        if any(asks_timers(expression.node) for expression in action_expressions(action)):
            raise NotCompiledError
        self._acts = True
        names = self.constants.add(action), self.constants.name(event.name)
        detector = f"({', '.join([str(self._here), '0', *self._names()])})"
        message = "None" if self.trigger is None else "m"
        self._source.add(f"act(trigger, a, {names[0]}, {names[1]}, {self._key}, {self._now}, {detector}, {message})")

    def _set_variable(self, action: SetVariable) -> None:
        node, name = shallow(action.value.node), self.variable(action.name)
        carries = self.carries[action.name]
        if isinstance(node, Literal) and fits(node.value, carries):
            self._source.add(f"{name} = {self._code.value(node)}")
            return
        if carries is Carries.NUMBER and self._carried(node) is Carries.NUMBER:
            self._source.add(f"x = {self._code.number(node)}")
            with self._source.block(f"if not -{LARGEST!r} < x < {LARGEST!r}"):
                self._source.add("raise Irregular")
        else:
            self._source.add(f"x = {self._code.value(node)}")
            with self._source.block(f"if not fits(x, {self.constants.name(carries)})"):
                self._source.add("raise Irregular")
        self._source.add(f"{name} = x")

    def _set_timer(self, action: SetTimer) -> None:
        node, slot = shallow(action.duration.node), f"t{self._layout.timers.index(action.name)}"
        if isinstance(node, Literal) and type(node.value) is int and 1 <= node.value <= MAX_TIMER_S:
            self._source.add(f"{slot} = ({self._now} + {node.value * 1000}, {node.value}, {PENDING})")
            return
        self._source.add(f"x = whole_seconds({self._code.value(node)})")
        self._source.add(f"{slot} = ({self._now} + x * 1000, x, {PENDING})")

    def _carried(self, node: Node) -> Carries | None:
        if isinstance(node, InputReference):
            found = self.payload(node)
            return None if found is None else found[1]
        return carried(node, self.carries)

    def _take(self, state: State, transition: TransitionEvent, timers: Sequence[int]) -> None:
        model, before = self._layout.model, self._here
        self._perform(transition)
        self._group(state.on_exit)
        self._here = self._layout.states.index(transition.next_state)
        self._group(model.states[transition.next_state].on_enter)
        self._commit(timers)
        self._tell(before, "True")
        self._source.add(self._leave)
        self._here = before

    def _stay(self, timers: Sequence[int]) -> None:
        self._commit(timers)
        if self._acts:
            with self._source.block("if a"):
                self._tell(self._here, "False")
        self._source.add(self._leave)

    def _tell(self, before: int, has_transitioned: str) -> None:
        names = (self.constants.name(self._layout.states[index]) for index in (before, self._here))
        actions = "tuple(a)" if self._acts else "()"
        told = f"{self._key}, {self._now}, {', '.join(names)}, {actions}, {has_transitioned}"
        self._source.add(f"happened(Happening({told}))")

    def _group(self, events: Sequence[ModelEvent]) -> None:
        if self._is_serial:
            for event in events:
                with self._source.when(self._condition(event)):
                    self._perform(event)
        else:
            self._perform_those(events, self._conditions_of(events))

    def _commit(self, timers: Sequence[int]) -> None:
        """The one place that writes; nothing behind it can fail."""
        for timer in timers:
            slot = f"t{timer}"
            with self._source.block(f"if r{timer} and {slot} is not None and {slot}[2] == {EXPIRED}"):
                self._source.add(f"{slot} = ({slot}[0], {slot}[1], {READ})")
        slots = [f"t{number}" for number in range(len(self._layout.timers))]
        due = f"soonest({', '.join(slots)})" if slots else str(NEVER)
        packed = ", ".join([str(self._here), due, *self._names()])
        if not (self._rests and self._here == self._layout.blank[0]):
            self._source.add(f"{self._kept_in} = ({packed})")
            return
        self._source.add(f"s = ({packed})")
        with self._source.block(f"if s[1] == {NEVER}"):
            self._source.add(f"resting[{self._key}] = s")
            self._source.add(f"states.pop({self._key}, None)")
        with self._source.block("else"):
            self._source.add(f"states[{self._key}] = s")

    def _remember(self) -> None:
        """The message of an only input need not be kept while no timer is pending: the next one takes its place."""
        if self.trigger not in self._layout.kept:
            return
        slot = self._layout.input_slot(str(self.trigger))
        write = f"{self._kept_in} = (*s[:{slot}], m, *s[{slot + 1}:])"
        if len(self._layout.model.inputs) > 1:
            self._source.add(write)
            return
        with self._source.block(f"if s[1] < {NEVER}"):
            self._source.add(write)

    def _reach(self, state: State) -> list[ModelEvent]:
        """All events that an evaluation in this state can come to."""
        entered = (self._layout.model.states[each.next_state].on_enter for each in state.transitions)
        return [*state.on_input, *state.transitions, *state.on_exit, *(event for group in entered for event in group)]

    def _asked(self, events: Iterable[ModelEvent]) -> list[int]:
        return timers_asked(events, self._layout.timers)

    def creation(self) -> None:
        """`onEnter` of the initial state, for the message that creates the detector; no timer can have expired."""
        enter = self._layout.model.states[self._layout.model.initial_state].on_enter
        self._source.add("s = BLANK")
        if not enter:
            return
        if acts(enter):
            raise NotCompiledError
        self._here = self._layout.blank[0]
        timers = self._asked(enter)
        for timer in timers:
            self._source.add(f"e{timer} = r{timer} = False")
        self._load()
        self._group(enter)
        self._commit(timers)
