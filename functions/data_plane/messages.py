"""BatchPutMessage: every detector that looks at a message has evaluated it, and is stored, before it is answered for.

A message that fails at one detector and was taken by others is failed: sent again, it is known by its id to those.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.effect import is_enough
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.message_ids import is_full
from coldwatch.detection.outside import write_outside
from coldwatch.detection.step import Arrival, Fate, receive
from coldwatch.engine.evaluation import Note
from coldwatch.profiles.deployment import Clock
from data_plane.errors import ApiError, ErrorCode
from data_plane.faults import FaultOf, attempt
from data_plane.intake import Task, take_in
from data_plane.knowledge import Knowledge, Ports


@dataclass(slots=True)
class Turn:
    """What came of a task; `left` are the messages that wait until the effects of those before them are sent."""

    detector: Detector
    has_changed: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    omitted: list[Note] = field(default_factory=list)
    failed: dict[str, ApiError] = field(default_factory=dict)
    left: list[Arrival] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """`counts` are of messages at detectors; `failed` is by message id."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    omitted: list[Note] = field(default_factory=list)
    failed: dict[str, ApiError] = field(default_factory=dict)

    def add(self, turn: Turn) -> None:
        self.counts.update(turn.counts)
        self.notes += turn.notes
        self.omitted += turn.omitted
        for message_id, error in turn.failed.items():
            self.failed.setdefault(message_id, error)


def put_messages(
    messages: Sequence[Mapping[str, Any]], ports: Ports, knowledge: Knowledge, fault_of: FaultOf, *, now_ms: int
) -> Report:
    intake = take_in(messages, ports.registry, knowledge, now_ms=now_ms)
    report = Report(Counter(unwatched=intake.unwatched), failed=intake.failed)
    frontier = ports.frontier()
    for task in intake.tasks.values():
        evaluate = partial(_evaluate, task, ports, frontier, report, now_ms=now_ms)
        if error := attempt(evaluate, fault_of):
            for arrival in task.arrivals:
                report.failed.setdefault(arrival.origin, error)
    return report


def _evaluate(task: Task, ports: Ports, frontier: Frontier, report: Report, *, now_ms: int) -> None:
    """All messages of one detector, in as few writes as what they send leaves room for."""
    name, left = task.blank.detector_id, task.arrivals
    while left:
        turns: list[Turn] = []

        def change(
            found: Mapping[str, Detector], *, left: Sequence[Arrival] = left, turns: list[Turn] = turns
        ) -> dict[str, Detector]:
            turns.append(_take_turn(found.get(name, task.blank), left, task.watch, frontier, now_ms=now_ms))
            return {name: turns[-1].detector} if turns[-1].has_changed else {}

        report.counts["effects"] += write_outside([name], change, ports.commit, now_ms=now_ms).effects
        report.add(turns[-1])
        left = turns[-1].left


def _take_turn(
    detector: Detector, arrivals: Sequence[Arrival], watch: Watch, frontier: Frontier, *, now_ms: int
) -> Turn:
    turn = Turn(detector)
    if _waits_for_stream(detector, frontier, now_ms):
        behind = ApiError(
            ErrorCode.UNAVAILABLE, f"The stream is behind a timer of {detector.detector_id}; send the message again."
        )
        turn.failed = {each.origin: behind for each in arrivals}
        return turn
    for place, arrival in enumerate(arrivals):
        if is_enough(turn.detector.pending):
            turn.left = list(arrivals[place:])
            break
        if is_full(turn.detector.message_ids, now_ms=now_ms):
            many = f"{detector.detector_id} has had too many messages in five minutes."
            turn.failed[arrival.origin] = ApiError(ErrorCode.THROTTLING, many)
            continue
        if _receive(turn, arrival, watch) is Fate.WAITING:
            turn.left = list(arrivals[place:])
            break
    return turn


def _receive(turn: Turn, arrival: Arrival, watch: Watch) -> Fate:
    step = receive(turn.detector, arrival, watch)
    # One that was dropped leaves no trace, as it would not be stored.
    turn.detector = step.detector if step.has_changed else turn.detector
    turn.has_changed |= step.has_changed
    turn.counts[step.fate] += step.fate is not Fate.WAITING
    turn.notes += step.notes
    turn.omitted += step.omitted
    return step.fate


def _waits_for_stream(detector: Detector, frontier: Frontier, now_ms: int) -> bool:
    """Whether a timer is due before which messages of the detector may still lie on the stream: to fire it would be to
    tell of a silence that there was not, and to evaluate past it would be out of order.
    """
    if detector.snapshot is None or detector.clock is not Clock.WALL or not detector.positions:
        return False
    dues = [timer.due_ms for timer in detector.snapshot.timers.values() if timer.is_pending and timer.due_ms <= now_ms]
    return bool(dues) and not frontier.reaches(max(dues), detector.positions, now_ms=now_ms)
