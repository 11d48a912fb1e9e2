"""What the detectors of a candidate do with their messages, which come in order of arrival.

Most devices send in order. Theirs is the `OrderedRun`, which is fast. A device of which a reading came late, twice or
from the future gets the `StreamRun`: the very step of the stream, which knows what to do with those.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from coldwatch.detection.detector import Detector, Watch, new_detector, without_pending
from coldwatch.detection.step import Arrival, Fate, Step, expire_due, receive
from coldwatch.engine import evaluation as engine
from coldwatch.engine.batch import Batch
from coldwatch.engine.errors import KeyMissingError, Level
from coldwatch.engine.evaluation import Evaluation, Message, Note
from coldwatch.engine.machine import evaluate, expirations, key_value
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.program import Program
from coldwatch.engine.snapshot import Snapshot, next_due
from coldwatch.profiles.deployment import Clock
from coldwatch_ops.backtest.blocks import Fault
from coldwatch_ops.backtest.candidates import Candidate
from coldwatch_ops.backtest.messages import Incoming, incoming
from coldwatch_ops.backtest.rows import NEVER, Row

_NOTES_KEPT: Final = 100


@dataclass(frozen=True, slots=True)
class Happening:
    """An evaluation that went to another state, or acted. `began_at` is the variable of that name, if it tells one."""

    key: str | None
    time_ms: int
    from_state: str
    to_state: str
    actions: tuple[str, ...]
    """The names of the events whose actions they are."""
    began_at: int | None = None


@dataclass(slots=True)
class Told:
    """What there is to say beside what happened."""

    messages: int = 0
    late: int = 0
    repeated: int = 0
    notes: Counter[tuple[str, str]] = field(default_factory=Counter)
    unkeyed: list[Fault] = field(default_factory=list)
    """Messages that name no detector."""

    def keyed(
        self, model: DetectorModel, messages: Iterable[Incoming]
    ) -> Iterator[tuple[str | None, Message, Incoming]]:
        for each in messages:
            row = each.row
            message = Message(row.input_name, each.payload, f"{row.file}:{row.line}")
            try:
                yield key_value(model, message), message, each
            except KeyMissingError as error:
                self.unkeyed.append(Fault(row.file, row.line, error.message))

    def note(self, notes: Iterable[Note]) -> None:
        for note in notes:
            place = (note.path, note.message)
            if note.level is not Level.INFO and (place in self.notes or len(self.notes) < _NOTES_KEPT):
                self.notes[place] += 1


class OrderedRun:
    """Detectors whose messages come in order of time, each once: compiled, by input. A device of Coldwatch's sends to
    one input, so what a model does for several are different detectors.
    """

    def __init__(self, candidate: Candidate, told: Told) -> None:
        program = program_of(candidate)
        self._told = told
        self._batches = {name: Batch(program, input_name=name, time=None) for name in candidate.model.inputs}
        self._taken = Counter[str]()
        for batch in self._batches.values():
            batch.faults = told.notes

    def feed(self, messages: Sequence[Incoming]) -> Iterator[Happening]:
        for name, batch in self._batches.items():
            yield from self._feed(name, batch, [each for each in messages if each.row.input_name == name])

    def _feed(self, name: str, batch: Batch, messages: Sequence[Incoming]) -> Iterator[Happening]:
        happened = batch.feed([each.encoded for each in messages], [each.at_ms for each in messages])
        for number, reason in batch.unreadable:
            row = messages[number - self._taken[name]].row
            self._told.unkeyed.append(Fault(row.file, row.line, reason))
        batch.unreadable.clear()
        self._taken[name] += len(messages)
        yield from map(_happening, happened)

    def finish(self, until_ms: int) -> Iterator[Happening]:
        """Fire the timers that are due by then."""
        for batch in self._batches.values():
            yield from map(_happening, batch.finish(until_ms))


def _happening(found: engine.Happening) -> Happening:
    names = tuple(action.event_name for action in found.actions)
    return Happening(found.key, found.time_ms, found.from_state, found.to_state, names, began_at(found.actions))


@cache
def program_of(candidate: Candidate) -> Program:
    return Program(candidate.model)


class InterpretedRun:
    """Likewise, of a model with several inputs: compiled code takes the messages of one."""

    def __init__(self, candidate: Candidate, told: Told) -> None:
        self._model = candidate.model
        self._told = told
        self._detectors: dict[str | None, Snapshot] = {}

    def feed(self, messages: Iterable[Incoming]) -> Iterator[Happening]:
        for key, message, came in self._told.keyed(self._model, messages):
            yield from self._fire(key, came.at_ms)
            before = self._detectors.get(key)
            yield from self._settle(evaluate(self._model, before, message, key=key, now_ms=came.at_ms))

    def finish(self, until_ms: int) -> Iterator[Happening]:
        """Fire the timers that are due by then."""
        for key in list(self._detectors):
            yield from self._fire(key, until_ms)

    def _fire(self, key: str | None, until_ms: int) -> Iterator[Happening]:
        snapshot = self._detectors.get(key)
        if snapshot is not None and snapshot.timers:
            for evaluation in expirations(self._model, snapshot, key=key, until_ms=until_ms):
                yield from self._settle(evaluation)

    def _settle(self, evaluation: Evaluation) -> Iterator[Happening]:
        self._detectors[evaluation.key] = evaluation.after
        if evaluation.notes:
            self._told.note(evaluation.notes)
        if evaluation.has_transitioned or evaluation.actions:
            yield Happening(
                evaluation.key,
                evaluation.time_ms,
                evaluation.from_state,
                evaluation.to_state,
                tuple(action.event_name for action in evaluation.actions),
                began_at(evaluation.actions),
            )


class StreamRun:
    """Detectors as the stream evaluates them: late and repeated readings are known as such."""

    def __init__(self, candidate: Candidate, told: Told) -> None:
        self._model = candidate.model
        self._watch = Watch(candidate.model, candidate.clock, "backtest")
        self._told = told
        self._detectors: dict[str | None, Detector] = {}
        self._sequence = 0

    def feed(self, messages: Iterable[Incoming]) -> Iterator[Happening]:
        for key, message, came in self._told.keyed(self._model, messages):
            detector = self._detectors.get(key) or new_detector(self._watch, key)
            self._sequence += 1
            arrival = _arrival(message, came.row, self._sequence)
            step = receive(detector, arrival, self._watch)
            if step.fate is Fate.EVALUATED:
                yield from self._fire(key, detector, came.at_ms)
                detector = self._detectors.get(key, detector)
                step = receive(detector, arrival, self._watch)
            self._told.late += step.fate is Fate.LATE
            self._told.repeated += step.fate is Fate.REPEATED
            yield from self._settle(key, detector, step, came.at_ms)

    def finish(self, until_ms: int) -> Iterator[Happening]:
        for key, detector in list(self._detectors.items()):
            yield from self._fire(key, detector, until_ms)

    def _fire(self, key: str | None, detector: Detector, until_ms: int) -> Iterator[Happening]:
        """One after the other, so that each tells for itself what it did."""
        while detector.snapshot and (due := next_due(detector.snapshot)) is not None and due[0] <= until_ms:
            step = expire_due(detector, self._watch, until_ms=due[0])
            yield from self._settle(key, detector, step, due[0])
            detector = self._detectors[key]

    def _settle(self, key: str | None, before: Detector, step: Step, at_ms: int) -> Iterator[Happening]:
        effects = step.detector.pending
        self._detectors[key] = without_pending(step.detector)
        self._told.note((*step.notes, *step.omitted))
        states = _state(before, self._model), _state(step.detector, self._model)
        if effects or states[0] != states[1]:
            names = tuple(effect.event_name for effect in effects)
            yield Happening(key, at_ms, *states, names, began_at(effect.action for effect in effects))


def _state(detector: Detector, model: DetectorModel) -> str:
    return model.initial_state if detector.snapshot is None else detector.snapshot.state


def _arrival(message: Message, row: Row, sequence: int) -> Arrival:
    return Arrival(
        input_name=message.input_name,
        payload=message.payload,
        origin=message.message_id,
        shard_id="backtest",
        sequence=sequence,
        thing=row.owner,
        device_id=row.owner,
        application="",
        reading_key=f"{row.track}#{row.timestamp}#{row.identity}",
        timestamp=row.timestamp,
        arrived_at=row.timestamp if row.arrived_at == NEVER else row.arrived_at,
    )


def began_at(actions: Iterable[Any]) -> int | None:
    """What the model itself remembers as the beginning, where the payload of an action says it."""
    for action in actions:
        value = action.payload
        for member in ("payload", "state", "variables", "began_at"):
            value = value.get(member) if isinstance(value, dict) else None
        if type(value) is int:
            return value
    return None


class CandidateRun:
    """All detectors of one candidate. `careful` are the owners whose readings are out of order."""

    def __init__(self, candidate: Candidate, careful: frozenset[str]) -> None:
        self.candidate = candidate
        self.told = Told()
        self._inputs = candidate.model.inputs
        self._careful = careful
        is_compiled = candidate.is_joined or len(self._inputs) == 1
        self._ordered = (OrderedRun if is_compiled else InterpretedRun)(candidate, self.told)
        self._stream = StreamRun(candidate, self.told)

    def feed(self, rows: Iterable[Row]) -> Iterator[Happening]:
        messages = [incoming(row, self.candidate) for row in rows if row.input_name in self._inputs]
        self.told.messages += len(messages)
        yield from self._ordered.feed([each for each in messages if each.row.owner not in self._careful])
        yield from self._stream.feed([each for each in messages if each.row.owner in self._careful])

    def finish(self, until_ms: int) -> Iterator[Happening]:
        """On the wall clock time passes without messages; on the event clock it does not."""
        if self.candidate.clock is Clock.WALL:
            yield from self._ordered.finish(until_ms)
            yield from self._stream.finish(until_ms)
