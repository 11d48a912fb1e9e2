"""What a model does with a trace: all its detectors or alarms, one clock, and the timers due before each message."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coldwatch.engine.errors import KeyMissingError
from coldwatch.engine.evaluation import Evaluation
from coldwatch.engine.inputs import Input
from coldwatch.engine.machines import AlarmMachine
from coldwatch.engine.snapshot import Snapshot
from coldwatch_ops.detectors.machines import InterpretedMachine, Machine
from coldwatch_ops.detectors.repeats import Repeats
from coldwatch_ops.detectors.trace import Advance, Arrival, Entry, Response, Unreadable, read_trace

_REPEAT_MS: Final = 5 * 60 * 1000
"""Within this time the service dropped a second message with the same id."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A message, or what a customer did, that could not be evaluated."""

    time_ms: int
    reason: str
    line: int
    message_id: str | None
    input_name: str | None

    @classmethod
    def of(cls, entry: Unreadable, now_ms: int) -> "Failure":
        return cls(now_ms, entry.reason, entry.line, entry.message_id, entry.input_name)

    def to_document(self) -> dict[str, Any]:
        named = {"messageId": self.message_id, "inputName": self.input_name}
        given = {name: value for name, value in named.items() if value is not None}
        return {"time": self.time_ms, "error": self.reason, "line": self.line, **given}


class Replay[Kept]:
    """The clock is the trace's: it stands until an entry moves it, and never runs backwards."""

    def __init__(self, machine: Machine[Kept], inputs: Mapping[str, Input] | None = None) -> None:
        self.machine = machine
        self.inputs = inputs
        self.now_ms = 0
        self.detectors: dict[str | None, Kept] = {}
        self.repeats = Repeats(_REPEAT_MS)
        self._due: list[tuple[int, int, str, str | None]] = []
        """A heap of due time, serial number of the detector, timer and key; it may hold timers changed since."""
        self._serials: dict[str | None, int] = {}

    def read(self, lines: Iterable[bytes]) -> Iterator[Evaluation | Failure]:
        """What comes of a trace: every evaluation that the machine tells of, and what could not be evaluated."""
        for entry in read_trace(lines):
            yield from self.enter(entry)

    def enter(self, entry: Entry) -> Iterator[Evaluation | Failure]:
        if isinstance(entry, Advance):
            yield from self.advance(entry.to_ms)
            return
        yield from self.advance(self.now_ms if entry.at_ms is None else entry.at_ms)
        match entry:
            case Arrival():
                yield from self._receive(entry)
            case Response():
                yield self.respond(entry)
            case Unreadable():
                yield Failure.of(entry, self.now_ms)

    def advance(self, to_ms: int) -> Iterator[Evaluation]:
        """Every timer due by then, of all detectors, in order and each at its own time."""
        while self._due and self._due[0][0] <= to_ms:
            due_ms, _, name, key = heapq.heappop(self._due)
            before = self.detectors[key]
            if self.machine.pending(before).get(name) == due_ms:
                self.now_ms = max(self.now_ms, due_ms)
                after, evaluation = self.machine.expire(before, name, key=key, now_ms=due_ms)
                self.keep(key, before, after)
                yield evaluation
        self.now_ms = max(self.now_ms, to_ms)

    def respond(self, response: Response) -> Evaluation | Failure:
        return Failure(self.now_ms, "a detector takes no customerAction; an alarm does", response.line, None, None)

    def is_repeat(self, key: str | None, message_id: str) -> bool:
        """Whether the detector has had this message: by its number, each detector's ids are its own."""
        serial = self._serials.setdefault(key, len(self._serials))
        return self.repeats.is_repeat(f"{serial} {message_id}", self.now_ms)

    def keep(self, key: str | None, before: Kept | None, after: Kept) -> None:
        """The detector as it now is, and when its timers are due."""
        self.detectors[key] = after
        pending = self.machine.pending(after)
        if not pending:
            return
        earlier = {} if before is None else self.machine.pending(before)
        serial = self._serials.setdefault(key, len(self._serials))
        for name, due_ms in pending.items():
            if earlier.get(name) != due_ms:
                heapq.heappush(self._due, (due_ms, serial, name, key))

    def _receive(self, arrival: Arrival) -> Iterator[Evaluation | Failure]:
        message = arrival.message
        if self.inputs is not None and message.input_name not in self.inputs:
            yield self._failure(arrival, f"Input of name: {message.input_name} not found")
            return
        if message.input_name not in self.machine.inputs:
            return
        try:
            key = self.machine.key_value(message)
        except KeyMissingError as error:
            yield self._failure(arrival, error.message)
            return
        if arrival.has_id and self.is_repeat(key, message.message_id):
            return
        before = self.detectors.get(key)
        after, evaluation = self.machine.evaluate(before, message, key=key, now_ms=self.now_ms)
        self.keep(key, before, after)
        if evaluation is not None:
            yield evaluation

    def _failure(self, arrival: Arrival, reason: str) -> Failure:
        message = arrival.message
        return Failure(
            self.now_ms, reason, arrival.line, message.message_id if arrival.has_id else None, message.input_name
        )


class AlarmReplay(Replay[Snapshot]):
    """Customers have their say, too."""

    def __init__(self, alarms: AlarmMachine, inputs: Mapping[str, Input] | None = None) -> None:
        super().__init__(InterpretedMachine(alarms), inputs)
        self._alarms = alarms

    def respond(self, response: Response) -> Evaluation | Failure:
        """A customer can only do something with an alarm that a message has created."""
        key = response.key
        before = self.detectors.get(key)
        if before is None:
            named = "there is no alarm yet" if key is None else f"there is no alarm `{key}`"
            return Failure(self.now_ms, f"{named}: one begins with its first message", response.line, None, None)
        evaluation = self._alarms.respond(before, response.action, key=key, now_ms=self.now_ms)
        self.keep(key, before, evaluation.after)
        return evaluation


def evaluation_document(evaluation: Evaluation) -> dict[str, Any]:
    """One line of `coldwatch replay`. Variables and timers come in the order of their names."""
    after = evaluation.after
    return {
        "time": evaluation.time_ms,
        "key": evaluation.key,
        "trigger": evaluation.trigger.to_document(),
        "from": evaluation.from_state,
        "to": evaluation.to_state,
        "actions": [action.to_document() for action in evaluation.actions],
        "variables": dict(sorted(after.variables.items())),
        "timers": {name: timer.due_ms for name, timer in sorted(after.timers.items())},
    }
