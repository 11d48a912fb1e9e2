"""A detector model, compiled."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Final

import msgspec

from coldwatch.engine import machine
from coldwatch.engine.actions import external, whole_seconds
from coldwatch.engine.compiler import Header, write_evaluate, write_expire, write_feed
from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.evaluation import Action, Evaluation, Happening, Message, Trigger
from coldwatch.engine.expression_code import NAMES, Constants
from coldwatch.engine.layout import (
    EXPIRED,
    FOREIGN,
    NEVER,
    Layout,
    Packed,
    PayloadForm,
    UnreadableInputError,
    fits,
    soonest,
)
from coldwatch.engine.model import DetectorModel, ExternalAction
from coldwatch.engine.references import Carries
from coldwatch.engine.run import Run
from coldwatch.engine.source import Source

KEY: Final = Annotated[str, msgspec.Meta(min_length=1, max_length=machine.MAX_KEY)]


class Irregular(Exception):  # noqa: N818 - no error: the compiled code gives the message to the interpreter
    pass


IRREGULAR: Final = (
    *(Irregular, EvaluationError, TypeError, AttributeError, OverflowError),
    *(msgspec.DecodeError, UnicodeDecodeError, RecursionError),
)
"""What a value raises that is of another kind than the compiled code expects, and what an unreadable message does."""


type Evaluated = tuple[Packed, Evaluation]

type Stepped = tuple[Packed, Evaluation | None]
"""The detector afterwards; no evaluation where compiled code neither acted nor changed anything, and then mostly the
very same tuple: another one remembers another message.
"""


class Program:
    """Steps as `machine` does, from packed detector to packed detector (`layout.pack` and `layout.unpack`), without the
    results of single conditions and what is merely undefined.

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
        self._takes = {name: self.take(name) for name in self._structs}

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

    def take(self, input_name: str) -> Callable[..., Packed]:
        """The function for one message: `(detector or None, payload, key, now, happened, trigger)`."""
        function: Callable[..., Packed] = self._functions[f"evaluate_{self.layout.inputs.index(input_name)}"]
        return function

    def payload(self, input_name: str) -> tuple[type[msgspec.Struct], Callable[[Any], str | None]]:
        """What a payload is decoded to for `step_decoded`, and where its key is, which none may lack.

        Raises UnreadableInputError for an input whose messages are the interpreter's.
        """
        form, required = self._form(input_name, None)
        key = form.place(self.model.key_path).attributes if self.model.key_path else ""
        return form.struct(required), attrgetter(key[1:]) if key else _no_key

    def _form(self, input_name: str, time: tuple[str, ...] | None) -> tuple[PayloadForm, Mapping[tuple[str, ...], Any]]:
        """With the members that are needed beside those that the model reads."""
        form = self.layout.form(input_name)
        if form is None:
            raise UnreadableInputError
        required: dict[tuple[str, ...], Any] = {}
        for path, carries, kind in ((self.model.key_path, Carries.TEXT, KEY), (time or (), Carries.NUMBER, int)):
            if path:
                form = form.with_member(path, carries)
                required[path] = kind
        return form, required

    def feed(
        self, input_name: str, time: tuple[str, ...] | None, like: Mapping[str, Any] | None = None
    ) -> tuple[Callable[..., None], type[msgspec.Struct]]:
        """The loop for a batch, and the struct that it decodes. Raises UnreadableInputError where there is none.

        `like`: one of the messages, for the order of their members.
        """
        form, required = self._form(input_name, time)
        key = form.place(self.model.key_path).attributes if self.model.key_path else None
        now = form.place(time).attributes if time else None
        source = Source()
        write_feed(self.layout, self._constants, source, input_name, Header(key, now))
        function = self._run(source.text())[f"feed_{self.layout.inputs.index(input_name)}"]
        return function, form.struct(required, like)

    def step(self, before: Packed | None, message: Message, *, key: str | None, now_ms: int) -> Stepped:
        """What a message does to a detector, which it creates where there is none."""
        trigger = Trigger("message", message.input_name, message.message_id)
        try:
            if message.input_name not in self._structs:
                raise Irregular
            payload = msgspec.convert(message.payload, self._structs[message.input_name])
            return self.step_decoded(
                before, payload, message.input_name, key=key, now_ms=now_ms, trigger=lambda: trigger
            )
        except IRREGULAR:
            return self.step_interpreted(before, message, key=key, now_ms=now_ms)

    def step_decoded(
        self,
        before: Packed | None,
        payload: Any,
        input_name: str,
        *,
        key: str | None,
        now_ms: int,
        trigger: Callable[[], Trigger],
    ) -> Stepped:
        """Likewise, of a payload that is decoded already. Raises one of `IRREGULAR`, with nothing done."""
        happened: list[Happening] = []
        after = self._takes[input_name](before, payload, key, now_ms, happened.append, trigger)
        is_as_before = before is not None and (after is before or self.layout.is_as_before(before, after))
        if is_as_before and not happened:
            return after, None
        return after, self._evaluation(trigger(), before, after, happened, key=key, now_ms=now_ms)

    def step_interpreted(self, before: Packed | None, message: Message, *, key: str | None, now_ms: int) -> Evaluated:
        """Likewise, whatever the message is like."""
        snapshot = None if before is None else self.layout.unpack(before)
        evaluation = machine.evaluate(self.model, snapshot, message, key=key, now_ms=now_ms)
        return self.layout.pack(evaluation.after), evaluation

    def expire(self, before: Packed, timer_name: str, *, key: str | None, now_ms: int) -> Evaluated:
        """What the expiry of a timer does."""
        happened: list[Happening] = []
        try:
            after = self.fire(before, timer_name, key=key, now_ms=now_ms, happened=happened.append)
        except IRREGULAR:
            return self.expire_interpreted(before, timer_name, key=key, now_ms=now_ms)
        trigger = Trigger("timer", timer_name=timer_name)
        return after, self._evaluation(trigger, before, after, happened, key=key, now_ms=now_ms)

    def fire(
        self,
        before: Packed,
        timer_name: str,
        *,
        key: str | None,
        now_ms: int,
        happened: Callable[[Happening], None],
    ) -> Packed:
        """Likewise, telling only what happened. Raises one of `IRREGULAR`, with nothing done."""
        if timer_name not in self.layout.pending(before) or before[0] == FOREIGN:
            raise Irregular
        slot = self.layout.timer_slot(timer_name)
        due, seconds, _ = before[slot]
        fired = self.layout.with_slot(before, slot, (due, seconds, EXPIRED))
        after: Packed = self._functions["expire"](
            fired, key, now_ms, happened, lambda: Trigger("timer", timer_name=timer_name)
        )
        return after

    def expire_interpreted(self, before: Packed, timer_name: str, *, key: str | None, now_ms: int) -> Evaluated:
        evaluation = machine.expire(self.model, self.layout.unpack(before), timer_name, key=key, now_ms=now_ms)
        return self.layout.pack(evaluation.after), evaluation

    def advance(self, before: Packed, *, key: str | None, until_ms: int) -> Iterator[Evaluated]:
        """Every timer that is due by then (epoch ms, included), in order, each at its own time."""
        packed = before
        while packed[1] <= until_ms and packed[1] < NEVER:
            due_ms, name = self.layout.next_timer(packed)
            packed, evaluation = self.expire(packed, name, key=key, now_ms=due_ms)
            yield packed, evaluation

    def unchanged(self, packed: Packed, trigger: Trigger, *, key: str | None, now_ms: int) -> Evaluation:
        """For whoever wants to be told, too, when nothing happened."""
        return self._evaluation(trigger, packed, packed, (), key=key, now_ms=now_ms)

    def _evaluation(
        self,
        trigger: Trigger,
        before: Packed | None,
        after: Packed,
        happened: Sequence[Happening],
        *,
        key: str | None,
        now_ms: int,
    ) -> Evaluation:
        earlier, later = None if before is None else self.layout.unpack(before), self.layout.unpack(after)
        return Evaluation(
            time_ms=now_ms,
            key=key,
            trigger=trigger,
            before=earlier,
            after=later,
            from_state=self.model.initial_state if earlier is None else earlier.state,
            to_state=later.state,
            actions=happened[-1].actions if happened else (),
            has_transitioned=bool(happened) and happened[-1].has_transitioned,
        )


def _no_key(_: Any) -> None:
    """A model without a key has one detector."""
