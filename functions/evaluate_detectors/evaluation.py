"""One batch of the telemetry stream: judge, evaluate, store, hand on, move the shard's checkpoint.

An environment that dealt with the shard's last batch remembers its detectors (`coldwatch.detection.memory`): it makes
two requests, and one for each detector that changed by more than a small change.

The order of writes makes every crash harmless (`coldwatch.detection.commit`), and the checkpoint comes last: up to it
everything is done with. A batch may stop anywhere and be delivered again, whole, in halves or together with other
records: detectors and effects come out the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.errors import CheckpointMovedError, DetectorContestedError, OvertakenError
from coldwatch.detection.memory import KnownDevices, Memory, ShardMemory
from coldwatch.detection.ports import Checkpoint, Checkpoints
from coldwatch.engine.machine import Note
from coldwatch.telemetry.delivery import is_in_order, sequence_numbers
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors.intake import Intake, Knowledge, take_in
from evaluate_detectors.lanes import Surroundings
from evaluate_detectors.quiet import Heard, Listener
from evaluate_detectors.work import Place, Progress, Work

TRIES = 10
"""How often somebody may write detectors of the shard from outside while a batch is evaluated."""


@dataclass(frozen=True, slots=True)
class Ports:
    """`registry` and `memory` are what the execution environment remembers."""

    registry: KnownDevices
    memory: Memory
    checkpoints: Checkpoints
    commit: CommitPorts


@dataclass(frozen=True, slots=True)
class BatchReport:
    """`counts` are of what this delivery did. `failures` says, per sequence number, what could not be dealt with: the
    stream has to deliver from the lowest of them again. `notes` are expressions that could not be evaluated, `omitted`
    actions that could not be performed. `lane_faults` are our own faults by which devices went the long way.
    """

    records: Sequence[StreamRecord]
    counts: Mapping[str, int]
    failures: Mapping[int, Exception]
    faults: Mapping[str, Sequence[str]]
    notes: Sequence[Note]
    omitted: Sequence[Note]
    lane_faults: Mapping[str, Exception]

    @property
    def lowest_failed(self) -> int | None:
        return min(self.failures, default=None)


def evaluate_batch(records: Sequence[StreamRecord], ports: Ports, knowledge: Knowledge, *, now_ms: int) -> BatchReport:
    """Deal with `records`, which are of one shard and in its order. Raises when the whole batch must come again.

    If detectors of the shard are written from outside meanwhile, it is evaluated again, with what they are now; what it
    has stored by then knows which records it has seen.
    """
    shard_id, effects = records[0].shard_id, 0
    first: Checkpoint | None = None
    for _ in range(TRIES):
        start = ports.checkpoints.begin(shard_id)
        checkpoint = start.checkpoint
        first = first or checkpoint
        if checkpoint.last_sequence != first.last_sequence or checkpoint.owner not in {first.owner, ports.memory.owner}:
            raise CheckpointMovedError(shard_id)
        progress = Progress()
        try:
            known = ports.memory.take(shard_id, start) or _read_log(shard_id, checkpoint, ports)
            with ports.memory.keeping(shard_id, known):
                batch = Batch(records, ports.registry.at(start.devices), knowledge)
                faults = _evaluate(batch, Place(shard_id, checkpoint, now_ms), known, ports, progress)
        except OvertakenError:
            effects += progress.counts["effects"]
            continue
        progress.counts["effects"] += effects
        told = progress.notes, progress.omitted, progress.lane_faults
        return BatchReport(records, progress.counts, progress.failures, faults, *told)
    raise DetectorContestedError(f"{shard_id}: detectors were written from outside {TRIES} times during one batch")


@dataclass(frozen=True, slots=True)
class Batch:
    """The records that came, and what is known of their devices."""

    records: Sequence[StreamRecord]
    devices: KnownDevices
    knowledge: Knowledge


def _evaluate(
    batch: Batch, place: Place, known: ShardMemory, ports: Ports, progress: Progress
) -> Mapping[str, Sequence[str]]:
    """What is quiet, then the rest. What was wrong with the profiles."""
    new, is_ordered = _unseen(batch.records, place.checkpoint)
    if not new:
        return {}
    has_lanes = is_ordered and batch.knowledge.has_lanes
    if not has_lanes:
        known.lanes.clear()  # the long way changes what they hold
    heard = _listen(new, batch, place.shard_id, known) if has_lanes else Heard.nothing_of(new)
    progress.lane_faults |= heard.faults
    left = heard.left
    intake = take_in(left, batch.devices, batch.knowledge) if left else Intake()
    progress.failures |= intake.failures
    progress.counts.update(intake.counts)
    progress.counts.update(heard.counts)
    work = Work(place, ports.memory.owner, known, ports.checkpoints, ports.commit, progress, heard)
    try:
        work.evaluate(intake.tasks)
        _move(work, new, intake.arrived)
    except OvertakenError:
        heard.undo(known)
        raise
    return intake.faults


def _unseen(records: Sequence[StreamRecord], checkpoint: Checkpoint) -> tuple[Sequence[StreamRecord], bool]:
    """Those that are not done with, and whether they are in order beyond doubt."""
    numbers, last = sequence_numbers(records), checkpoint.last_sequence
    is_ordered = is_in_order(numbers)
    if last is None or (is_ordered and int(numbers[0]) > last):
        return records, is_ordered
    return [each for each in records if not checkpoint.has_seen(each.sequence)], is_ordered


def _listen(records: Sequence[StreamRecord], batch: Batch, shard_id: str, known: ShardMemory) -> Heard:
    knowledge = batch.knowledge
    around = Surroundings(shard_id, records[0].sequence, known, knowledge.choirs, knowledge.catalog)
    return Listener(batch.devices, around, knowledge.rules.max_clock_lead_ms).listen(records)


def _read_log(shard_id: str, checkpoint: Checkpoint, ports: Ports) -> ShardMemory:
    """What an environment has to know that remembers nothing of the shard."""
    small = ports.commit.logs.entries(shard_id, checkpoint)
    if small is None:
        raise OvertakenError(shard_id)
    known = ShardMemory(checkpoint.last_sequence, checkpoint.generation, small=small)
    known.forget(checkpoint.touched)
    return known


def _move(work: Work, records: Sequence[StreamRecord], arrived: Mapping[int, int]) -> None:
    """The checkpoint, behind the last record before which nothing failed. `arrived`: what was not quiet."""
    lowest_failed = min(work.progress.failures, default=None)
    if lowest_failed is None:
        last, arrivals = records[-1].sequence, [*work.heard.arrivals, *arrived.values()]
    else:
        sequences = [each.sequence for each in records]
        done = [place for place, sequence in enumerate(sequences) if sequence < lowest_failed]
        if not done:
            return
        last = sequences[done[-1]]
        arrivals = [work.heard.arrivals[each] for each in done]
        arrivals += [arrived[sequences[each]] for each in done if sequences[each] in arrived]
    work.move(last, max(work.place.checkpoint.evaluated_until_ms, *arrivals))
