"""Many messages of many detectors, in one compiled loop.

For recordings and backtests: the messages of each detector come in the order of their time.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import length_hint
from typing import Any, Final

import msgspec

from coldwatch.engine import machine
from coldwatch.engine.errors import KeyMissingError, Level
from coldwatch.engine.evaluation import Evaluation, Happening, Message, Trigger
from coldwatch.engine.interpreter import follow
from coldwatch.engine.layout import NEVER, Packed, UnreadableInputError
from coldwatch.engine.program import IRREGULAR, Program
from coldwatch.engine.snapshot import Snapshot

EVENT_TIME: Final = ("timestamp",)


class Batch:
    """The detectors of one model, fed with JSON payloads of one of its inputs.

    `time` is the path of each payload's time (epoch ms); None: every call says the times itself.
    """

    def __init__(
        self, program: Program, *, input_name: str | None = None, time: tuple[str, ...] | None = EVENT_TIME
    ) -> None:
        self.program = program
        self._input = input_name or _only(program)
        self._time = time
        self.slow = 0
        """Messages that the interpreter had to take."""
        self.unreadable: list[tuple[int, str]] = []
        """Messages that no detector could take: the number of each, counted from 0, and why."""
        self.faults: Counter[tuple[str, str]] = Counter()
        """How often each place of the model failed, by the place and the reason."""
        self._states: dict[str | None, Packed] = {}
        self._resting: dict[str | None, Packed] = {}
        """In the initial state, and waiting for no timer. One that is in `_states` too is there as it is now."""
        self._happened: list[Happening] = []
        self._taken = 0
        self._coming: Iterator[Any] = iter(())
        self._end = 0
        self._loop: Callable[[Iterator[Any]], None] | None = None

    def _prepared(self, first: bytes) -> Callable[[Iterator[Any]], None]:
        """The loop over a batch, with everything that it needs; made for messages like the first."""
        try:
            feed, struct = self.program.feed(self._input, self._time, _decoded_or_empty(first))
        except UnreadableInputError:
            return self._interpret_all
        return partial(
            feed,
            msgspec.json.Decoder(struct).decode,
            self._states,
            self._resting,
            self._happened.append,
            self._trigger,
            self._create,
            self._advance,
            self._interpret,
            IRREGULAR,
        )

    def _interpret_all(self, lines: Iterator[Any]) -> None:
        for line in lines:
            self._interpret(*((line,) if self._time else line))

    @property
    def keys(self) -> Sequence[str | None]:
        """Of the detectors that something has happened to."""
        return list(dict.fromkeys([*self._resting, *self._states]))

    def snapshot(self, key: str | None) -> Snapshot:
        """One that nothing has happened to is in its initial state."""
        return self.program.layout.unpack(self._known(key) or self.program.layout.blank)

    def _known(self, key: str | None) -> Packed | None:
        return self._states.get(key) or self._resting.get(key)

    def feed(self, payloads: Sequence[bytes], times: Sequence[int] | None = None) -> list[Happening]:
        """What came of them, in the order of the messages; before each, the timers of its detector that were due."""
        lines: Sequence[Any] = payloads if times is None else list(zip(payloads, times, strict=True))
        self._end = self._taken + len(lines)
        self._coming = iter(lines)
        if self._loop is None and payloads:
            self._loop = self._prepared(payloads[0])
        if self._loop is not None:
            self._loop(self._coming)
        self._taken = self._end
        return self._told()

    def finish(self, until_ms: int) -> list[Happening]:
        """Fire every timer that is due by then (included); what came of it, in the order of time."""
        for key, packed in list(self._states.items()):
            self._advance(key, packed, until_ms)
        return sorted(self._told(), key=lambda each: each.time_ms)

    def _told(self) -> list[Happening]:
        told = self._happened.copy()
        self._happened.clear()
        return told

    def _create(self, key: str | None, message: Any, now_ms: int) -> None:
        """A detector whose initial state is entered with the message that creates it."""
        take = self.program.take(self._input)
        self._states[key] = take(None, message, key, now_ms, self._happened.append, self._trigger)

    def _advance(self, key: str | None, packed: Packed, until_ms: int) -> Packed:
        while packed[1] <= until_ms and packed[1] < NEVER:
            due_ms, name = self.program.layout.next_timer(packed)
            try:
                packed = self.program.fire(packed, name, key=key, now_ms=due_ms, happened=self._happened.append)
                self._states[key] = packed
            except IRREGULAR:
                packed, evaluation = self.program.expire_interpreted(packed, name, key=key, now_ms=due_ms)
                self._keep(packed, evaluation)
        return packed

    def _interpret(self, payload: bytes, now_ms: int | None = None) -> None:
        number = self._number()
        try:
            message = Message(self._input, _decoded(payload), str(number))
            key = machine.key_value(self.program.model, message)
            at_ms = self._moment(message) if now_ms is None else now_ms
        except (KeyMissingError, _UnreadableError) as error:
            self.unreadable.append((number, str(error)))
            return
        self.slow += 1
        known = self._known(key)
        if known is not None:
            known = self._advance(key, known, at_ms)
        self._keep(*self.program.step_interpreted(known, message, key=key, now_ms=at_ms))

    def _number(self) -> int:
        """Of the message that is being evaluated: nobody counts while all goes well."""
        return self._end - length_hint(self._coming) - 1

    def _trigger(self) -> Trigger:
        """A message's number takes the place of an id."""
        return Trigger("message", self._input, str(self._number()))

    def _moment(self, message: Message) -> int:
        moment = follow(message.payload, self._time or ())
        if type(moment) is not int:
            raise _UnreadableError(f"the message has no `{'.'.join(self._time or ())}`, which is its time in ms")
        return moment

    def _keep(self, packed: Packed, evaluation: Evaluation) -> None:
        self._states[evaluation.key] = packed
        self.faults.update((each.path, each.message) for each in evaluation.notes if each.level is not Level.INFO)
        if evaluation.has_transitioned or evaluation.actions:
            states = evaluation.from_state, evaluation.to_state
            about = evaluation.actions, evaluation.has_transitioned
            self._happened.append(Happening(evaluation.key, evaluation.time_ms, *states, *about))


class _UnreadableError(Exception):
    pass


def _decoded(payload: bytes) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _UnreadableError(f"the message is not JSON: {error}") from None
    if not isinstance(decoded, dict):
        raise _UnreadableError("the message is not a JSON object")
    return decoded


def _decoded_or_empty(payload: bytes) -> dict[str, Any]:
    try:
        return _decoded(payload)
    except _UnreadableError:
        return {}


def _only(program: Program) -> str:
    (name,) = program.layout.inputs
    return name
