"""One batch of the telemetry stream: judge, evaluate, store, hand on, move the shard's checkpoint.

The order of writes makes every crash harmless (`coldwatch.detection.commit`), and the checkpoint comes last: up to it
everything is done with. A batch may stop anywhere and be delivered again, whole, in halves or together with other
records: detectors and effects come out the same.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.commit import commit, send_pending, wake_soon
from coldwatch.detection.detector import Detector
from coldwatch.detection.errors import DetectorContestedError
from coldwatch.detection.ports import Checkpoint, Checkpoints, Registry
from coldwatch.engine.machine import Note
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors.intake import Intake, Knowledge, Task, take_in
from evaluate_detectors.turn import Turn, take_turn

TRIES = 10
"""How often a detector may turn out to have been written by somebody else. Timers write rarely, and a detector that
several shards feed is the only other one that can be.
"""


@dataclass(frozen=True, slots=True)
class Ports:
    registry: Registry
    checkpoints: Checkpoints
    commit: CommitPorts


@dataclass(frozen=True, slots=True)
class BatchReport:
    """`counts` are of what this delivery did. `failures` says, per sequence number, what could not be dealt with: the
    stream has to deliver from the lowest of them again. `notes` are expressions that could not be evaluated, `omitted`
    actions that could not be performed.
    """

    records: Sequence[StreamRecord]
    counts: Mapping[str, int]
    failures: Mapping[int, Exception]
    faults: Mapping[str, Sequence[str]]
    notes: Sequence[Note]
    omitted: Sequence[Note]

    @property
    def lowest_failed(self) -> int | None:
        return min(self.failures, default=None)


@dataclass(slots=True)
class _Progress:
    """Where a batch has got to; `tries` counts, by detector, how often somebody else came first."""

    failures: dict[int, Exception]
    counts: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    omitted: list[Note] = field(default_factory=list)


def evaluate_batch(records: Sequence[StreamRecord], ports: Ports, knowledge: Knowledge, *, now_ms: int) -> BatchReport:
    """Deal with `records`, which are of one shard and in its order. Raises when the whole batch must come again."""
    shard_id = records[0].shard_id
    previous = ports.checkpoints.read(shard_id)
    new = [record for record in records if previous is None or record.sequence > previous.last_sequence]
    intake = take_in(new, ports.registry, knowledge) if new else Intake()
    progress = _Progress(dict(intake.failures), Counter(intake.counts))
    _evaluate(intake.tasks, ports.commit, progress, now_ms)
    checkpoint = _reached(new, intake.arrived, min(progress.failures, default=None), previous)
    if checkpoint is not None:
        ports.checkpoints.move(shard_id, checkpoint, previous=previous)
    return BatchReport(records, progress.counts, progress.failures, intake.faults, progress.notes, progress.omitted)


def _evaluate(tasks: Mapping[str, Task], ports: CommitPorts, progress: _Progress, now_ms: int) -> None:
    """Turn by turn, until every detector has had its messages: one that makes many effects hands them on in between,
    and one that somebody else has written is read and evaluated again.
    """
    known = {name: task.blank for name, task in tasks.items()} | dict(ports.detectors.load(tasks)) if tasks else {}
    left = dict(tasks)
    while left:
        owing = _send_owed(known.values(), ports, progress)
        turns = {name: take_turn(known[name], task) for name, task in left.items()}
        changed = [turn.detector for name, turn in turns.items() if turn.has_changed or name in owing]
        committed = commit(changed, ports, now_ms=now_ms)
        progress.counts["effects"] += committed.effects
        known = {each.detector_id: each for each in committed.stored}
        _wake_again(turns.values(), known, ports, now_ms)
        left = {name: left[name] for name in committed.moved}
        left |= _finish({name: turn for name, turn in turns.items() if name not in left}, known, tasks, progress)
        if committed.moved:
            known |= _read_again(committed.moved, tasks, ports, progress)
        known = {name: known[name] for name in left}


def _send_owed(known: Iterable[Detector], ports: CommitPorts, progress: _Progress) -> set[str]:
    """Send what a process has stored and not sent before it died; the ids of those that owed something."""
    owing = [each for each in known if each.pending]
    progress.counts["effects"] += send_pending(owing, ports.effects)
    return {each.detector_id for each in owing}


def _finish(
    turns: Mapping[str, Turn], known: Mapping[str, Detector], tasks: Mapping[str, Task], progress: _Progress
) -> dict[str, Task]:
    """Count what was done; what is left to do."""
    left: dict[str, Task] = {}
    for name, turn in turns.items():
        progress.counts.update(turn.counts)
        progress.counts["changed"] += turn.has_changed
        progress.notes += turn.notes
        progress.omitted += turn.omitted
        if turn.failure is not None:
            progress.failures.setdefault(turn.failure[0], turn.failure[1])
        elif turn.left:
            left[name] = Task(tasks[name].watch, known[name], turn.left)
    return left


def _read_again(
    moved: Iterable[str], tasks: Mapping[str, Task], ports: CommitPorts, progress: _Progress
) -> dict[str, Detector]:
    names = set(moved)
    progress.tries.update(names)
    contested = [name for name in names if progress.tries[name] > TRIES]
    if contested:
        raise DetectorContestedError(f"written by others {TRIES} times while it was evaluated: {min(contested)}")
    return {name: tasks[name].blank for name in names} | dict(ports.detectors.load(names))


def _wake_again(turns: Iterable[Turn], stored: Mapping[str, Detector], ports: CommitPorts, now_ms: int) -> None:
    """A process that died may have stored a timer and told nobody."""
    again = [turn.detector for turn in turns if turn.is_redelivery and turn.detector.detector_id not in stored]
    wake_soon(again, ports.timers, now_ms=now_ms)


def _reached(
    records: Sequence[StreamRecord], arrived: Mapping[int, int], lowest_failed: int | None, previous: Checkpoint | None
) -> Checkpoint | None:
    """The checkpoint behind the last record before which nothing failed; None if that is where it stands."""
    done = [each.sequence for each in records if lowest_failed is None or each.sequence < lowest_failed]
    if not done:
        return None
    until = previous.evaluated_until_ms if previous else 0
    return Checkpoint(done[-1], max([until, *(arrived[each] for each in done if each in arrived)]))
