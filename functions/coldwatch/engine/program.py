"""A detector model, compiled."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec

from coldwatch.engine import machine
from coldwatch.engine.actions import external, whole_seconds
from coldwatch.engine.compiler import Header, write_evaluate, write_expire, write_feed
from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.evaluation import Action, Evaluation, Happening, Message, Trigger
from coldwatch.engine.expression_code import NAMES, Constants
from coldwatch.engine.layout import EXPIRED, FOREIGN, Layout, Packed, UnreadableInputError, fits, soonest
from coldwatch.engine.model import DetectorModel, ExternalAction
from coldwatch.engine.references import Carries
from coldwatch.engine.run import Run
from coldwatch.engine.snapshot import Snapshot, next_due
from coldwatch.engine.source import Source

KEY: Final = Annotated[str, msgspec.Meta(min_length=1, max_length=machine.MAX_KEY)]


class Irregular(Exception):  # noqa: N818 - no error: the compiled code gives the message to the interpreter
    pass


IRREGULAR: Final = (
    *(Irregular, EvaluationError, TypeError, AttributeError, OverflowError),
    *(msgspec.DecodeError, UnicodeDecodeError, RecursionError),
)
"""What a value raises that is of another kind than the compiled code expects, and what an unreadable message does."""


class Program:
    """Answers as `machine` does, without the results of single conditions and what is merely undefined.

    Whatever the compiled code does not know is evaluated by `machine`, notes and all.
    """

    def __init__(self, model: DetectorModel) -> None:
        self.model = model
        self.layout = Layout(model)
        self._constants = Constants()
        source = Source()
        self._structs: dict[str, type[msgspec.Struct]] = {}
        for name in self.layout.inputs:
            form = self.layout.form(name)
            if form is not None:
                self._structs[name] = form.struct()
                write_evaluate(self.layout, self._constants, source, name)
        write_expire(self.layout, self._constants, source)
        self.source = source.text()
        self._functions = self._run(self.source)

    def _run(self, source: str) -> dict[str, Any]:
        names = {
            **NAMES,
            **self._constants.by_name,
            "BLANK": self.layout.blank,
            "Happening": Happening,
            "Irregular": Irregular,
            "act": self._act,
            "fits": fits,
            "soonest": soonest,
            "whole_seconds": whole_seconds,
        }
        exec(compile(source, f"<{self.model.name!a}>", "exec"), names)  # noqa: S102 - ours: no text of the model is in it
        return names

    def _act(  # noqa: PLR0917 - called by generated code alone, by position
        self,
        trigger: Callable[[], Trigger],
        actions: list[Action],
        action: ExternalAction,
        event_name: str,
        key: str | None,
        now_ms: int,
        packed: Packed,
        payload: Any,
    ) -> None:
        cause = trigger()
        run = Run(self.model, self.layout.unpack(packed), cause, key=key, now_ms=now_ms)
        form = self.layout.form(cause.input_name) if cause.input_name else None
        if form is not None:
            run.inputs[str(cause.input_name)] = form.document(payload)
        run.actions = actions
        actions.append(external(run, action, event_name))
        if run.notes:
            raise Irregular

    def take(self, input_name: str) -> Callable[..., None]:
        """The function for one message: `(m, key, now, states, happened, trigger)`."""
        function: Callable[..., None] = self._functions[f"evaluate_{self.layout.inputs.index(input_name)}"]
        return function

    def feed(
        self, input_name: str, time: tuple[str, ...] | None, like: Mapping[str, Any] | None = None
    ) -> tuple[Callable[..., None], type[msgspec.Struct]]:
        """The loop for a batch, and the struct that it decodes. Raises UnreadableInputError where there is none.

        `like`: one of the messages, for the order of their members.
        """
        form = self.layout.form(input_name)
        if form is None:
            raise UnreadableInputError
        required: dict[tuple[str, ...], Any] = {}
        for path, carries, kind in ((self.model.key_path, Carries.TEXT, KEY), (time or (), Carries.NUMBER, int)):
            if path:
                form = form.with_member(path, carries)
                required[path] = kind
        key = form.place(self.model.key_path).attributes if self.model.key_path else None
        now = form.place(time).attributes if time else None
        source = Source()
        write_feed(self.layout, self._constants, source, input_name, Header(key, now))
        function = self._run(source.text())[f"feed_{self.layout.inputs.index(input_name)}"]
        return function, form.struct(required, like)

    def evaluate(self, snapshot: Snapshot | None, message: Message, *, key: str | None, now_ms: int) -> Evaluation:
        """As `machine.evaluate`."""
        trigger = Trigger("message", message.input_name, message.message_id)
        states = {} if snapshot is None else {key: self.layout.pack(snapshot)}
        happened: list[Happening] = []
        try:
            if message.input_name not in self._structs:
                raise Irregular
            payload = msgspec.convert(message.payload, self._structs[message.input_name])
            self.take(message.input_name)(payload, key, now_ms, states, happened.append, lambda: trigger)
        except IRREGULAR:
            return machine.evaluate(self.model, snapshot, message, key=key, now_ms=now_ms)
        after = self.layout.unpack(states.get(key, self.layout.blank))
        return self._evaluation(trigger, snapshot, after, happened, key=key, now_ms=now_ms)

    def _evaluation(
        self,
        trigger: Trigger,
        before: Snapshot | None,
        after: Snapshot,
        happened: list[Happening],
        *,
        key: str | None,
        now_ms: int,
    ) -> Evaluation:
        return Evaluation(
            time_ms=now_ms,
            key=key,
            trigger=trigger,
            before=before,
            after=after,
            from_state=self.model.initial_state if before is None else before.state,
            to_state=after.state,
            actions=happened[-1].actions if happened else (),
            has_transitioned=bool(happened) and happened[-1].has_transitioned,
        )

    def expire(self, snapshot: Snapshot, timer_name: str, *, key: str | None, now_ms: int) -> Evaluation:
        """As `machine.expire`."""
        states = {key: self.layout.pack(snapshot)}
        happened: list[Happening] = []
        timer = snapshot.timers.get(timer_name)
        try:
            if timer is None or not timer.is_pending:
                raise Irregular
            self.expire_packed(key, timer_name, now_ms, states, happened.append)
        except IRREGULAR:
            return machine.expire(self.model, snapshot, timer_name, key=key, now_ms=now_ms)
        trigger = Trigger("timer", timer_name=timer_name)
        after = self.layout.unpack(states[key])
        return self._evaluation(trigger, snapshot, after, happened, key=key, now_ms=now_ms)

    def expire_packed(
        self,
        key: str | None,
        timer_name: str,
        now_ms: int,
        states: dict[str | None, Packed],
        happened: Callable[[Happening], None],
    ) -> None:
        """Raises one of `IRREGULAR` with the detector as it was."""
        before = states[key]
        if before[0] == FOREIGN:
            raise Irregular
        slot = self.layout.timer_slot(timer_name)
        due, seconds, _ = before[slot]
        states[key] = self.layout.with_slot(before, slot, (due, seconds, EXPIRED))
        try:
            trigger = Trigger("timer", timer_name=timer_name)
            self._functions["expire"](key, now_ms, states, happened, lambda: trigger)
        except IRREGULAR:
            states[key] = before
            raise

    def advance(self, snapshot: Snapshot, *, key: str | None, until_ms: int) -> list[Evaluation]:
        """As `machine.advance`."""
        return list(self.expirations(snapshot, key=key, until_ms=until_ms))

    def expirations(self, snapshot: Snapshot, *, key: str | None, until_ms: int) -> Iterator[Evaluation]:
        while (due := next_due(snapshot)) is not None and due[0] <= until_ms:
            evaluation = self.expire(snapshot, due[1], key=key, now_ms=due[0])
            yield evaluation
            snapshot = evaluation.after
