"""One batch of the telemetry stream put to the detectors.

A batch may stop anywhere and be delivered again, whole or in pieces. Up to the shard's checkpoint everything is done
with, effects and all, and is skipped. Behind it, a detector that was stored knows up to which record it has seen the
shard, and still holds the effects that were not sent; one that was not stored had not changed, and does not change by
being asked again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from coldwatch.detection.commit import Ports, commit, send_pending
from coldwatch.detection.detector import Detector, Watch, new_detector
from coldwatch.detection.effect import detector_id
from coldwatch.detection.errors import DetectorContestedError
from coldwatch.detection.ports import Checkpoint, Checkpoints
from coldwatch.detection.step import Arrival, Fate, Step, receive
from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.machine import Message, Note, key_value

ATTEMPTS: Final = 5
"""Only the timers' function writes detectors besides, seldom, and a few at a time."""

_ERROR_LIMIT: Final = 200


class Watches(Protocol):
    """Which detector models run, by the name of the input that they mention."""

    def of_input(self, input_name: str) -> Sequence[Watch]: ...


@dataclass(frozen=True, slots=True)
class Work:
    """A detector and the messages for it, in their order."""

    watch: Watch
    key: str | None
    arrivals: list[Arrival] = field(default_factory=list)

    @property
    def detector_id(self) -> str:
        return detector_id(self.watch.model.name, self.key)


@dataclass(slots=True)
class Outcome:
    """`fates` counts what became of messages at detectors. `failures` says, by sequence number, what went wrong."""

    fates: dict[Fate, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)
    changed: int = 0
    effects: int = 0

    def count(self, step: Step) -> None:
        self.fates[step.fate] = self.fates.get(step.fate, 0) + 1
        self.notes += step.notes


def evaluate(arrivals: Iterable[Arrival], watches: Watches, ports: Ports, *, now_ms: int) -> Outcome:
    """Put the messages to every detector that they concern, store what changed, and hand on what it asks for.

    What goes wrong with one detector is a failure of its messages, and of no other's.
    """
    outcome = Outcome()
    waiting = _work_of(arrivals, watches, outcome)
    for _ in range(ATTEMPTS):
        waiting = _evaluate_all(waiting, ports, outcome, now_ms)
        if not waiting:
            return outcome
    raise DetectorContestedError(f"others wrote {', '.join(sorted(waiting))} each time it was to be written")


def advance(
    checkpoints: Checkpoints,
    shard_id: str,
    done: Sequence[tuple[int, int]],
    *,
    previous: Checkpoint | None,
    lowest_failed: int | None,
) -> None:
    """Move the checkpoint behind the records (sequence number, arrival in epoch ms) before the first that failed."""
    before = [each for each in done if lowest_failed is None or each[0] < lowest_failed]
    if not before:
        return
    reached = max(arrived_at for _, arrived_at in before)
    until = max(reached, previous.evaluated_until_ms) if previous else reached
    checkpoints.move(shard_id, Checkpoint(max(sequence for sequence, _ in before), until), previous=previous)


def _work_of(arrivals: Iterable[Arrival], watches: Watches, outcome: Outcome) -> dict[str, Work]:
    work: dict[str, Work] = {}
    for arrival in arrivals:
        message = Message(arrival.input_name, arrival.payload, arrival.origin)
        for watch in watches.of_input(arrival.input_name):
            try:
                asked = Work(watch, key_value(watch.model, message))
            except EvaluationError as error:
                outcome.failures.setdefault(arrival.sequence, str(error)[:_ERROR_LIMIT])
                continue
            work.setdefault(asked.detector_id, asked).arrivals.append(arrival)
    return work


def _evaluate_all(work: Mapping[str, Work], ports: Ports, outcome: Outcome, now_ms: int) -> dict[str, Work]:
    """The work on detectors that somebody else has written meanwhile: it is to be done again."""
    if not work:
        return {}
    stored = ports.detectors.load(set(work))
    # Owed from before: it goes first, and is sent again below if the detector changes.
    send_pending(stored.values(), ports.effects)
    steps = {name: _steps(each, stored.get(name), outcome) for name, each in work.items()}
    changed = [step for step in steps.values() if step is not None]
    committed = commit(changed, ports, now_ms=now_ms)
    outcome.changed += len(committed.stored)
    outcome.effects += committed.effects
    return {name: each for name, each in work.items() if name in committed.moved}


def _steps(work: Work, stored: Detector | None, outcome: Outcome) -> Detector | None:
    """The detector after its messages, if it has to be stored: it changed, or has sent what it owed."""
    detector, has_changed = stored or new_detector(work.watch, work.key), False
    for arrival in work.arrivals:
        try:
            step = receive(detector, arrival, work.watch)
        except Exception as error:  # noqa: BLE001 - the edge of one detector: our fault in it must not cost the others
            outcome.failures.setdefault(arrival.sequence, repr(error)[:_ERROR_LIMIT])
            break
        outcome.count(step)
        detector, has_changed = step.detector, has_changed or step.has_changed
    return detector if has_changed or detector.pending else None


def until_failure[T, R](
    things: Iterable[T], step: Callable[[T], R], sequence: Callable[[T], int]
) -> tuple[list[R], dict[int, str]]:
    """What `step` makes of the things, up to the first on which our own code fails; that one, by sequence number.

    Where it is the very first, its exception goes through and tells the log where the fault is.
    """
    results: list[R] = []
    for thing in things:
        try:
            results.append(step(thing))
        except Exception as error:
            if not results:
                raise
            return results, {sequence(thing): repr(error)[:_ERROR_LIMIT]}
    return results, {}
