"""The detectors of one batch: looked up, evaluated, and stored as their changes deserve.

| what a message did to a detector    | what is written                                              |
| ----------------------------------- | ------------------------------------------------------------ |
| nothing                             | nothing                                                      |
| a small change (`detection.small`)  | an entry of the shard's log, in one with the checkpoint      |
| anything else                       | the detector, under its version                              |
| anything, in another shard than home| the detector, in a transaction with the other's checkpoint   |
"""

from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from coldwatch.detection.commit import Committed, commit, send_pending, wake_at, wake_soon
from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import Detector, without_pending
from coldwatch.detection.errors import DetectorContestedError, OvertakenError
from coldwatch.detection.log import PAGE_BYTES, is_full, next_pages, oldest_beyond
from coldwatch.detection.memory import ShardMemory
from coldwatch.detection.outside import write_with_homes
from coldwatch.detection.overlay import Loaded, load
from coldwatch.detection.ports import Checkpoint, Checkpoints, Page
from coldwatch.detection.small import Small, overlaid, pack, small_change
from coldwatch.engine.machine import Note
from evaluate_detectors.intake import Task
from evaluate_detectors.quiet import Heard
from evaluate_detectors.turn import Turn, take_turn

_FEW = PAGE_BYTES // 600
"""So many entries fit a page, however they pack."""
TRIES = 10
"""How often a detector may turn out to have been written by somebody else. Timers write rarely, and a detector that
several shards feed is the only other one that can be.
"""


@dataclass(slots=True)
class Progress:
    """Where a batch has got to; `tries` counts, by detector, how often somebody else came first. `lane_faults` are our
    own in the short way, by device.
    """

    failures: dict[int, Exception] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    omitted: list[Note] = field(default_factory=list)
    lane_faults: dict[str, Exception] = field(default_factory=dict)


@dataclass(slots=True)
class Place:
    """Where and when a batch is evaluated; `checkpoint` is the shard's, as it was read or written last."""

    shard_id: str
    checkpoint: Checkpoint
    now_ms: int


@dataclass(slots=True)
class Work:
    """Of the environment `owner`. `known` is what it remembers of the shard; `loaded` are the detectors that it does
    not, as they were read; `heard` is the quiet part of the batch; `small` what is to go into the log, of which
    `changed` has the detectors that are not in `heard`. It `has_read` detectors since it last made sure that the shard
    is its own.
    """

    place: Place
    owner: str
    known: ShardMemory
    checkpoints: Checkpoints
    ports: CommitPorts
    progress: Progress
    heard: Heard
    loaded: Loaded = field(default_factory=lambda: Loaded({}, {}))
    small: dict[str, Small] = field(default_factory=dict)
    changed: dict[str, Detector] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    has_read: bool = False

    def evaluate(self, tasks: Mapping[str, Task]) -> None:
        """Turn by turn, until every detector has had its messages: one that makes many effects hands them on in
        between, and one that somebody else has written is read and evaluated again.
        """
        self.tasks = tasks
        self.small |= self.heard.small
        self._write_heard()
        current = self._look_up()
        left = dict(tasks)
        while left:
            self._send_owed(current.values())
            turns = {name: take_turn(current[name], task) for name, task in left.items()}
            committed = self._commit(self._worth_writing(turns, current))
            current = {each.detector_id: each for each in committed.stored}
            self._wake_again(turns.values(), current)
            left = {name: left[name] for name in committed.moved}
            left |= self._finish({name: turn for name, turn in turns.items() if name not in left}, current)
            current |= self._read_again(committed.moved)
            current = {name: current[name] for name in left}
        if self.progress.failures:
            self.write_small(list(self.small))
            # Some of these records come again: only what is stored, not a lane, knows that they were here.
            self.heard.undo(self.known)

    def move(self, last_sequence: int, evaluated_until_ms: int) -> None:
        """Move the checkpoint, log and all, to behind the last record."""
        self._shorten()
        dues = ((name, entry.due_ms) for name, entry in self.small.items())
        wake_at(dues, self.ports.timers, now_ms=self.place.now_ms)
        for _ in range(TRIES):
            to, pages = self._next(last_sequence, evaluated_until_ms)
            previous = self.place.checkpoint
            if self.checkpoints.move(self.place.shard_id, to, previous=previous, pages=pages) or self._is_at(to):
                self._settle_down(to)
                return
            self._step_aside()
        raise OvertakenError(self.place.shard_id)

    def _next(self, last_sequence: int, evaluated_until_ms: int) -> tuple[Checkpoint, list[Page]]:
        at = self.place.checkpoint
        log, pages = next_pages(at.log, self.small, self.known.gone, ChainMap(self.small, self.known.small))
        to = Checkpoint(
            last_sequence=last_sequence,
            evaluated_until_ms=evaluated_until_ms,
            generation=at.generation,
            owner=self.owner,
            log=log,
        )
        return to, pages

    def _step_aside(self) -> None:
        """Let detectors that were written from outside meanwhile be as they are, if they are none of this batch.

        Else whatever was found of them, even that a message changed nothing, may be wrong.
        """
        now = self.checkpoints.read([self.place.shard_id])[self.place.shard_id]
        before = self.place.checkpoint
        if now.stands_like(before):
            return
        is_still_here = (now.last_sequence, now.owner) == (before.last_sequence, before.owner)
        is_apart = now.touched.isdisjoint(self.tasks) and not self.heard.has_heard(now.touched)
        if not is_still_here or now.touched_all or not is_apart:
            raise OvertakenError(self.place.shard_id)
        self.known.catch_up(now)
        self.place.checkpoint = now

    def write_small(self, names: Sequence[str]) -> None:
        """Write the detectors, not the log: where the checkpoint will not move behind what changed them, or where the
        log has no room.
        """
        found = [self.changed[name] for name in names if name in self.changed]
        found += self.heard.detectors([name for name in names if name not in self.changed], self.place.shard_id)
        for name in names:
            del self.small[name]
        committed = self._commit(found)
        if committed.moved:
            raise DetectorContestedError(f"written by others while it was evaluated: {min(committed.moved)}")

    def _write_heard(self) -> None:
        """What lanes have changed by more than a small change."""
        names = [name for name in self.heard.changed if name not in self.heard.small]
        if not names:
            return
        committed = self._commit(self.heard.detectors(names, self.place.shard_id))
        if committed.moved:
            raise OvertakenError(self.place.shard_id)
        self.heard.keep(committed.stored, self.known, self.place.shard_id)

    def _look_up(self) -> dict[str, Detector]:
        """Each as it is now, from memory where that may be trusted: that there is no such detector only of one that no
        other shard can have made.
        """
        found = {name: self.known.current(name) for name in self.tasks}
        known = {name: each for name, each in found.items() if each is not None}
        known |= {
            name: task.blank for name, task in self.tasks.items() if task.is_private and name in self.known.absent
        }
        return known | self._load([name for name in self.tasks if name not in known])

    def _load(self, names: Sequence[str]) -> dict[str, Detector]:
        if not names:
            return {}
        self.has_read = True
        found = load(names, self.ports.detectors, self.ports.logs, own=self.place.shard_id)
        detectors = {name: self._overlaid(each) for name, each in found.detectors.items()}
        self.loaded = Loaded({**self.loaded.detectors, **detectors}, {**self.loaded.logs, **found.logs})
        return {name: self.tasks[name].blank for name in names} | detectors

    def _overlaid(self, stored: Detector) -> Detector:
        return (
            overlaid(stored, self.known.small.get(stored.detector_id)) if stored.home == self.place.shard_id else stored
        )

    def _send_owed(self, detectors: Iterable[Detector]) -> None:
        """Send what a process has stored and perhaps not sent before it died."""
        self.progress.counts["effects"] += send_pending(detectors, self.ports.effects)

    def _worth_writing(self, turns: Mapping[str, Turn], before: Mapping[str, Detector]) -> list[Detector]:
        """The outcomes that are written as detectors. Of the others is noted what they are."""
        found: list[Detector] = []
        for name, turn in turns.items():
            old = without_pending(before[name])
            if not turn.has_changed and not self._needs_home(old, self.tasks[name]):
                self._note_unchanged(old)
                continue
            entry = self._small_change(old, turn.detector)
            if entry is None or turn.left:
                found.append(turn.detector)
            else:
                self.small[name], self.changed[name] = entry, turn.detector
        return found

    def _small_change(self, before: Detector, after: Detector) -> Small | None:
        """Only against a version that this environment has written. One that it found the shard's former owner may
        have read, too, and write once more: nothing would then be left of what the log says.
        """
        if before.detector_id not in self.known.written:
            return None
        return small_change(before, after, self.known.small.get(before.detector_id), self.place.shard_id)

    def _needs_home(self, detector: Detector, task: Task) -> bool:
        """One that another shard may feed is stored where it is first seen, changed or not: its home tells others whom
        to ask. So it is where this shard goes on for another.
        """
        if not detector.version:
            return not task.is_private
        return detector.homes != {self.place.shard_id} and self.place.shard_id not in detector.positions

    def _note_unchanged(self, detector: Detector) -> None:
        if not detector.version:
            self.known.absent.add(detector.detector_id)
        elif detector.homes == {self.place.shard_id} and detector.detector_id not in self.known.detectors:
            self.known.detectors[detector.detector_id] = detector

    def _commit(self, changed: Sequence[Detector]) -> Committed:
        if changed:
            self._claim()
        shard_id = self.place.shard_id
        at_home = [each if each.home == shard_id else replace(each, home=shard_id) for each in changed]
        committed = commit(at_home, self._write, self.ports, now_ms=self.place.now_ms)
        self.progress.counts["effects"] += committed.effects
        for each in committed.stored:
            self.known.remember(each)
        self.known.forget(committed.moved)
        return committed

    def _claim(self) -> None:
        """Before it writes a detector an environment makes the shard its own. Should it die before it moves the
        checkpoint, another one, which remembers how the detectors were, would not know otherwise.

        One that owned it already may be late: frozen while another took the shard over, it would go on from detectors
        that it read after that, of which it lacks what the other's log says.
        """
        if self.place.checkpoint.owner == self.owner:
            if self.has_read:
                self._step_aside()
                self.has_read = False
            return
        claimed = replace(self.place.checkpoint, owner=self.owner)
        if not self.checkpoints.move(self.place.shard_id, claimed, previous=self.place.checkpoint) and not self._is_at(
            claimed
        ):
            raise OvertakenError(self.place.shard_id)
        self.place.checkpoint, self.has_read = claimed, False

    def _is_at(self, to: Checkpoint) -> bool:
        """A request whose answer was lost is tried again by the client, and then finds its own work done."""
        return self.checkpoints.read([self.place.shard_id])[self.place.shard_id].stands_like(to)

    def _write(self, detectors: Sequence[Detector]) -> set[str]:
        foreign = [each for each in detectors if not self._is_own(each)]
        own = [each for each in detectors if self._is_own(each)]
        moved = self.ports.detectors.write(own, now_ms=self.place.now_ms) if own else set()
        return moved | write_with_homes(foreign, self.loaded, self.ports.detectors, now_ms=self.place.now_ms)

    def _is_own(self, detector: Detector) -> bool:
        name = detector.detector_id
        if not detector.version or name in self.known.detectors or name not in self.loaded.detectors:
            return True
        return self.loaded.detectors[name].homes <= {self.place.shard_id}

    def _finish(self, turns: Mapping[str, Turn], current: Mapping[str, Detector]) -> dict[str, Task]:
        """Count what was done; what is left to do."""
        left: dict[str, Task] = {}
        for name, turn in turns.items():
            self._count(turn)
            if turn.failure is not None:
                self.progress.failures.setdefault(turn.failure[0], turn.failure[1])
            elif turn.left:
                left[name] = replace(self.tasks[name], blank=current[name], arrivals=turn.left)
        return left

    def _count(self, turn: Turn) -> None:
        self.progress.counts.update(turn.counts)
        self.progress.counts["changed"] += turn.has_changed
        self.progress.notes += turn.notes
        self.progress.omitted += turn.omitted

    def _read_again(self, moved: Iterable[str]) -> dict[str, Detector]:
        names = sorted(moved)
        self.progress.tries.update(names)
        contested = [name for name in names if self.progress.tries[name] > TRIES]
        if contested:
            raise DetectorContestedError(f"written by others {TRIES} times while it was evaluated: {contested[0]}")
        return self._load(names)

    def _wake_again(self, turns: Iterable[Turn], stored: Mapping[str, Detector]) -> None:
        """A process that died may have stored a timer and told nobody."""
        again = [turn.detector for turn in turns if turn.is_redelivery and turn.detector.detector_id not in stored]
        wake_soon(again, self.ports.timers, now_ms=self.place.now_ms)

    def _shorten(self) -> None:
        """Keep the log small enough for its pages."""
        if len(self.small) > _FEW and len(pack(self.small)) > PAGE_BYTES:
            self.write_small(list(self.small))
        if is_full(self.place.checkpoint.log):
            self._write_oldest([name for name in oldest_beyond(self.known.small) if name not in self.small])

    def _write_oldest(self, names: Sequence[str]) -> None:
        """Write detectors that the log has no room for; of some it knows nothing any more."""
        entries = {name: self.known.small[name] for name in names}
        stored = self.ports.detectors.load(names) if names else {}
        ahead = [
            overlaid(each, entries[name])
            for name, each in stored.items()
            if each.home == self.place.shard_id and each.version == entries[name].version
        ]
        self.known.forget(names)
        self._commit(ahead)

    def _settle_down(self, to: Checkpoint) -> None:
        """Remember what the log says now."""
        self.known.small |= self.small
        self.known.behind.update(self.small)
        for name in self.changed.keys() & self.small.keys() if self.changed else ():
            self.known.detectors[name] = self.changed[name]
            self.known.behind.discard(name)
        self.heard.settle()
        self.known.gone.clear()
        self.known.last_sequence = to.last_sequence
