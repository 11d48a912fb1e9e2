"""Timers of the wall clock, fired when nothing arrives: found by the sweep, and each looked at when it is due.

Of a device that is not watched, or registered no more, none fires: nobody looks at its messages, so its silence says
nothing. Its detector begins anew with the next message that is looked at.

Of a detector of another version of its model they fire under the one that is deployed: it moves. While a new version
is put in place, functions of both run side by side for some seconds, and the older ones must not move back what they do
not know. So a detector that would lose something by it waits until its timer has been due for a while.

A timer that another message has fired meanwhile, or that was cleared or set anew, is left alone: what counts is the
detector as it is, stored and logged, and a wake only says where to look. So wakes may come twice, late or for nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.commit import delay_s
from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.effect import is_enough
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.log import due_later
from coldwatch.detection.migration import moved
from coldwatch.detection.outside import Outcome as Written
from coldwatch.detection.outside import write_outside
from coldwatch.detection.ports import DueIndex, Entry, Registry, Wake
from coldwatch.detection.step import FIRINGS, POSITION_KEPT_MS, Step, expire_due
from coldwatch.engine.machine import Note

AHEAD_MS = 60_000
"""How far a sweep looks ahead: to the next one."""
ATTEMPTS = 5
"""How often a timer that waits for the stream is looked at again, after 2, 4, ... s; then it is left to the sweeps."""
ENDED_AFTER_MS = POSITION_KEPT_MS
"""A shard of which nothing was evaluated for so long has ended, most likely. Without its log a wake comes early."""
RETIRED_AFTER_MS = 3_600_000
"""Overdue for so long, a timer of a model that is deployed no more is taken off."""
SIDE_BY_SIDE_MS = 600_000
"""Longer than functions of two deployments run side by side."""


class Outcome(StrEnum):
    FIRED = "fired"
    TOLD = "told"
    """Nothing was due; what the detector still owed was sent."""
    EARLY = "early"
    """Due later, or the stream has not been evaluated that far."""
    RETIRED = "retired"
    """Its model is deployed no more, or has no more of what it was in, or its device is not watched: its timers are
    gone.
    """
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Ports:
    commit: CommitPorts
    index: DueIndex
    frontier: Frontier
    watches: Mapping[str, Watch]
    registry: Registry


@dataclass(frozen=True, slots=True)
class Fired:
    """`effects` are of all detectors that were looked at together. `notes` are expressions that could not be evaluated,
    `omitted` actions that could not be performed.
    """

    outcomes: Mapping[str, Outcome]
    effects: int = 0
    notes: tuple[Note, ...] = ()
    omitted: tuple[Note, ...] = ()


def sweep(ports: Ports, *, now_ms: int) -> int:
    """Send a wake for every detector that is due before the next sweep; how many.

    The index may know too early a time, that of the stored detector. What the logs say is asked once, for all.
    """
    until_ms = now_ms + AHEAD_MS
    due = ports.index.due(until_ms)
    logs = ports.commit.logs
    shards = logs.checkpoints.logged_shards() if due else ()
    later = due_later(logs.read(shards, since_ms=now_ms - ENDED_AFTER_MS).values())
    wakes = [_wake(name, _really_due(due_ms, later.get(name)), now_ms) for name, due_ms in due]
    wakes = [wake for wake in wakes if wake.due_ms <= until_ms]
    if wakes:
        ports.commit.timers.send(wakes)
    return len(wakes)


def _really_due(due_ms: int, moved: tuple[int, int] | None) -> int:
    """Later only if it is the very time that the log's entry was made against: the detector may have been written
    since.
    """
    return moved[1] if moved and moved[0] == due_ms else due_ms


def _wake(detector_id: str, due_ms: int, now_ms: int) -> Wake:
    """One that the sweep before has found already is looked at once: the next sweep comes again, and so wakes for a
    stream that is hours behind do not multiply.
    """
    attempt = 0 if due_ms > now_ms - AHEAD_MS else ATTEMPTS
    return Wake(detector_id, due_ms, delay_s(due_ms, now_ms), attempt)


def fire(wakes: Sequence[Wake], ports: Ports, *, now_ms: int) -> Fired:
    """Fire what is due of these detectors, together; come again later for those whose stream is not that far yet."""
    looking, told = _Looking(ports, now_ms), {(wake.detector_id, wake.due_ms): wake for wake in wakes}
    names = {wake.detector_id for wake in wakes}
    written = write_outside(names, looking.change, ports.commit, now_ms=now_ms)
    outcomes = {name: looking.outcome(name, told.keys(), written) for name in names}
    early = [
        _again(wake, now_ms)
        for (name, due_ms), wake in told.items()
        if outcomes[name] is Outcome.EARLY and looking.known[name].next_timer_ms == due_ms
    ]
    again = [wake for wake in early if wake is not None]
    if again:
        ports.commit.timers.send(again)
    notes = tuple(note for step in looking.steps.values() for note in step.notes)
    omitted = tuple(note for step in looking.steps.values() for note in step.omitted)
    return Fired(outcomes, written.effects, notes, omitted)


def _again(wake: Wake, now_ms: int) -> Wake | None:
    delay, attempt = delay_s(wake.due_ms, now_ms), wake.attempt
    if not delay:
        attempt += 1
        delay = 2**attempt
    return Wake(wake.detector_id, wake.due_ms, delay, attempt) if attempt <= ATTEMPTS else None


@dataclass(slots=True)
class _Looking:
    """At detectors, as they are: what is due of each. Where somebody else came first it looks again."""

    ports: Ports
    now_ms: int
    known: dict[str, Detector] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)

    def change(self, detectors: Mapping[str, Detector]) -> dict[str, Detector]:
        begun = {name: self._begin(each) for name, each in detectors.items()}
        due = [step.detector for step, _ in begun.values() if self._is_overdue(step.detector)]
        devices = {each.device_id for each in due} - {""}
        entries = self.ports.registry.look_up(devices) if devices else {}
        steps = {name: self._expire(step, watch, entries) for name, (step, watch) in begun.items()}
        self.known |= detectors
        self.steps |= steps
        return {name: step.detector for name, step in steps.items() if step.has_changed}

    def outcome(self, name: str, told: Collection[tuple[str, int]], written: Written) -> Outcome:
        """`told` are the detectors and times that the wakes named: several of one detector, if some are outdated."""
        if name in written.stored:
            return Outcome.RETIRED if written.stored[name].snapshot is None else Outcome.FIRED
        if name in written.settled:
            return Outcome.TOLD
        if name not in written.found or (name, self.known[name].next_timer_ms) not in told:
            # Whoever set another timer has seen to that.
            return Outcome.NOTHING
        return Outcome.EARLY

    def _begin(self, detector: Detector) -> tuple[Step, Watch | None]:
        """As it goes on, and under which version of its model; None if its timers rest."""
        deployed = self.ports.watches.get(detector.model)
        if deployed is None:
            return self._retire_when_old(detector), None
        watch = deployed.for_key(detector.key)
        move = moved(detector, watch)
        if move is None:
            return Step(detector, has_changed=False), watch
        if not move.is_faithful and not self._is_overdue(detector, by_ms=SIDE_BY_SIDE_MS):
            return Step(detector, has_changed=False), None
        return Step(move.detector, has_changed=not move.is_faithful, notes=move.notes), watch

    def _retire_when_old(self, detector: Detector) -> Step:
        """The timers of a model that is gone fire no more; not at once, since it may just be coming."""
        if self._is_overdue(detector, by_ms=RETIRED_AFTER_MS):
            return _retired(detector)
        return Step(detector, has_changed=False)

    def _is_overdue(self, detector: Detector, *, by_ms: int = 0) -> bool:
        due_ms = detector.next_timer_ms
        return due_ms is not None and due_ms <= self.now_ms - by_ms

    def _expire(self, known: Step, watch: Watch | None, entries: Mapping[str, Entry]) -> Step:
        """Its timers, up to the first that has to wait."""
        if watch is None:
            return known
        if self._is_overdue(known.detector) and not _is_watched(known.detector.device_id, entries):
            return _retired(known.detector)
        for _ in range(FIRINGS):
            due_ms = known.detector.next_timer_ms
            if due_ms is None or due_ms > self.now_ms or is_enough(known.detector.pending):
                break
            if not self.ports.frontier.reaches(due_ms, known.detector.positions, now_ms=self.now_ms):
                break
            step = expire_due(known.detector, watch, until_ms=due_ms)
            notes, omitted = (*known.notes, *step.notes), (*known.omitted, *step.omitted)
            known = Step(step.detector, has_changed=True, notes=notes, omitted=omitted)
        return known


def _is_watched(device_id: str, entries: Mapping[str, Entry]) -> bool:
    """A detector that was fed by the data plane API alone may be of no device: nobody can have stopped watching it."""
    if not device_id:
        return True
    entry = entries.get(device_id)
    return entry is not None and entry.watched.watched


def _retired(detector: Detector) -> Step:
    return Step(replace(detector, snapshot=None, profile=None), has_changed=True)
