"""A detector's turn in a batch: its messages one after the other, until its effects have to be handed on."""

from collections import Counter
from dataclasses import dataclass, field

from coldwatch.detection.detector import Detector, without_pending
from coldwatch.detection.effect import is_enough
from coldwatch.detection.step import Arrival, Fate, receive
from coldwatch.engine.errors import Level
from coldwatch.engine.machine import Note
from evaluate_detectors.intake import Task


@dataclass(slots=True)
class Turn:
    """`left` are the messages of a turn that ended early; `failure` is the sequence number of the message on which our
    own code failed, and how: it and all behind it must come again.
    """

    detector: Detector
    has_changed: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    omitted: list[Note] = field(default_factory=list)
    left: list[Arrival] = field(default_factory=list)
    failure: tuple[int, Exception] | None = None

    @property
    def is_redelivery(self) -> bool:
        return bool(self.counts[Fate.REDELIVERED])


def take_turn(detector: Detector, task: Task) -> Turn:
    """Evaluate what `task` holds. What the detector owed has been sent, and is not in the outcome."""
    turn = Turn(without_pending(detector))
    for place, arrival in enumerate(task.arrivals):
        if is_enough(turn.detector.pending):
            turn.left = task.arrivals[place:]
            break
        try:
            fate = _receive(turn, arrival, task)
        except Exception as error:  # noqa: BLE001 - the edge: our fault in one detector must not cost the others
            turn.failure = (arrival.sequence, error)
            break
        if fate is Fate.WAITING:
            turn.left = task.arrivals[place:]
            break
    turn.counts["moved"] += turn.has_changed and _version(turn.detector) != _version(detector)
    return turn


def _version(detector: Detector) -> tuple[str, str]:
    return detector.model_version, detector.clock


def _receive(turn: Turn, arrival: Arrival, task: Task) -> Fate:
    step = receive(turn.detector, arrival, task.watch)
    turn.detector = step.detector
    turn.has_changed |= step.has_changed
    turn.counts[step.fate] += step.fate is not Fate.WAITING
    # What is merely undefined, as a member is that a device never sends, is no fault; a lane does not notice it either.
    turn.notes += [each for each in step.notes if each.level is not Level.INFO]
    turn.omitted += step.omitted
    return step.fate
