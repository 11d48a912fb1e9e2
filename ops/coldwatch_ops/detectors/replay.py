"""What a model does with a trace: all its detectors or alarms, one clock, and the timers due before each message."""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coldwatch.engine.alarm_model import AlarmModel
from coldwatch.engine.errors import KeyMissingError
from coldwatch.engine.evaluation import Evaluation, Message
from coldwatch.engine.inputs import Input
from coldwatch.engine.machines import AlarmMachine, machine_of
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.snapshot import Snapshot
from coldwatch_ops.detectors.trace import Advance, Arrival, Entry, Response, Unreadable

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

    def to_document(self) -> dict[str, Any]:
        named = {"messageId": self.message_id, "inputName": self.input_name}
        given = {name: value for name, value in named.items() if value is not None}
        return {"time": self.time_ms, "error": self.reason, "line": self.line, **given}


class Replay:
    """The clock is the trace's: it stands until an entry moves it, and never runs backwards."""

    detectors: dict[str | None, Snapshot]

    def __init__(self, model: DetectorModel | AlarmModel, inputs: Mapping[str, Input] | None = None) -> None:
        self.machine = machine_of(model)
        self.inputs = inputs
        self.now_ms = 0
        self.detectors = {}
        self._seen: dict[tuple[str | None, str], int] = {}
        self._due: list[tuple[int, int, str, str | None]] = []
        """A heap of due time, serial number of the detector, timer and key; it may hold timers changed since."""
        self._serials: dict[str | None, int] = {}

    def run(self, entries: Iterable[Entry]) -> Iterator[Evaluation | Failure]:
        for entry in entries:
            match entry:
                case Advance(to_ms=to_ms):
                    yield from self.advance(to_ms)
                case Arrival():
                    yield from self.advance(self.now_ms if entry.at_ms is None else entry.at_ms)
                    yield from self._receive(entry)
                case Response():
                    yield from self.advance(self.now_ms if entry.at_ms is None else entry.at_ms)
                    yield self._respond(entry)
                case Unreadable():
                    yield from self.advance(self.now_ms if entry.at_ms is None else entry.at_ms)
                    yield Failure(self.now_ms, entry.reason, entry.line, entry.message_id, entry.input_name)

    def advance(self, to_ms: int) -> Iterator[Evaluation]:
        """Every timer due by then, of all detectors, in order and each at its own time."""
        while self._due and self._due[0][0] <= to_ms:
            due_ms, _, name, key = heapq.heappop(self._due)
            timer = self.detectors[key].timers.get(name)
            if timer is not None and timer.is_pending and timer.due_ms == due_ms:
                self.now_ms = max(self.now_ms, due_ms)
                yield self._settle(self.machine.expire(self.detectors[key], name, key=key, now_ms=due_ms))
        self.now_ms = max(self.now_ms, to_ms)

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
        if not (arrival.has_id and self._is_repeat(key, message)):
            before = self.detectors.get(key)
            yield self._settle(self.machine.evaluate(before, message, key=key, now_ms=self.now_ms))

    def _respond(self, response: Response) -> Evaluation | Failure:
        """A customer can only do something with an alarm that a message has created."""
        key, action = response.key, response.action
        if not isinstance(self.machine, AlarmMachine):
            return Failure(self.now_ms, "a detector takes no customerAction; an alarm does", response.line, None, None)
        before = self.detectors.get(key)
        if before is None:
            named = "there is no alarm yet" if key is None else f"there is no alarm `{key}`"
            return Failure(self.now_ms, f"{named}: one begins with its first message", response.line, None, None)
        return self._settle(self.machine.respond(before, action, key=key, now_ms=self.now_ms))

    def _failure(self, arrival: Arrival, reason: str) -> Failure:
        message = arrival.message
        return Failure(
            self.now_ms, reason, arrival.line, message.message_id if arrival.has_id else None, message.input_name
        )

    def _is_repeat(self, key: str | None, message: Message) -> bool:
        """Whether the detector has had this id; ids are remembered in order of time, so the oldest go first."""
        seen = self._seen
        while seen and next(iter(seen.values())) <= self.now_ms - _REPEAT_MS:
            del seen[next(iter(seen))]
        identity = (key, message.message_id)
        if identity in seen:
            return True
        seen[identity] = self.now_ms
        return False

    def _settle(self, evaluation: Evaluation) -> Evaluation:
        """Keep the detector as it now is, and note when its timers are due."""
        key, after = evaluation.key, evaluation.after
        earlier = {} if evaluation.before is None else evaluation.before.timers
        serial = self._serials.setdefault(key, len(self._serials))
        for name, timer in after.timers.items():
            if timer.is_pending and earlier.get(name) != timer:
                heapq.heappush(self._due, (timer.due_ms, serial, name, key))
        self.detectors[key] = after
        return evaluation


def evaluation_document(evaluation: Evaluation) -> dict[str, Any]:
    """One line of `coldwatch replay`."""
    after = evaluation.after
    return {
        "time": evaluation.time_ms,
        "key": evaluation.key,
        "trigger": evaluation.trigger.to_document(),
        "from": evaluation.from_state,
        "to": evaluation.to_state,
        "actions": [action.to_document() for action in evaluation.actions],
        "variables": dict(after.variables),
        "timers": {name: timer.due_ms for name, timer in after.timers.items()},
    }
