"""Timers of the wall clock, fired when nothing arrives: found by the sweep, and each looked at when it is due.

Of a device that is not watched, or registered no more, none fires: nobody looks at its messages, so its silence says
nothing. Its detector begins anew with the next message that is looked at.

A timer that another message has fired meanwhile, or that was cleared or set anew, is left alone: what counts is the
detector as it is stored, and a wake only says where to look. So wakes may come twice, late or for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.commit import commit, delay_s, send_pending
from coldwatch.detection.detector import Detector, Watch, without_pending
from coldwatch.detection.effect import is_enough
from coldwatch.detection.errors import DetectorContestedError
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.ports import DueIndex, Registry, Wake
from coldwatch.detection.step import FIRINGS, Step, expire_due
from coldwatch.engine.machine import Note

AHEAD_MS = 60_000
"""How far a sweep looks ahead: to the next one."""
TRIES = 10
ATTEMPTS = 5
"""How often a timer that waits for the stream is looked at again, after 2, 4, ... s; then it is left to the sweeps."""
RETIRED_AFTER_MS = 3_600_000
"""Overdue for so long, a timer of a model that is deployed no more, or in another version, is taken off."""


class Outcome(StrEnum):
    FIRED = "fired"
    TOLD = "told"
    """Nothing was due; what the detector still owed was sent."""
    EARLY = "early"
    """Due later, or the stream has not been evaluated that far."""
    RETIRED = "retired"
    """Its model is deployed no more, or in another version, or its device is not watched: its timers are gone."""
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
    """`notes` are expressions that could not be evaluated, `omitted` actions that could not be performed."""

    outcome: Outcome
    effects: int = 0
    notes: tuple[Note, ...] = ()
    omitted: tuple[Note, ...] = ()


def sweep(ports: Ports, *, now_ms: int) -> int:
    """Send a wake for every detector that is due before the next sweep; how many."""
    wakes = [_wake(name, due_ms, now_ms) for name, due_ms in ports.index.due(now_ms + AHEAD_MS)]
    if wakes:
        ports.commit.timers.send(wakes)
    return len(wakes)


def _wake(detector_id: str, due_ms: int, now_ms: int) -> Wake:
    """One that the sweep before has found already is looked at once: the next sweep comes again, and so wakes for a
    stream that is hours behind do not multiply.
    """
    attempt = 0 if due_ms > now_ms - AHEAD_MS else ATTEMPTS
    return Wake(detector_id, due_ms, delay_s(due_ms, now_ms), attempt)


def fire(wake: Wake, ports: Ports, *, now_ms: int) -> Fired:
    """Fire what is due of one detector; come again later if the stream is not that far yet."""
    for _ in range(TRIES):
        detector = ports.commit.detectors.load([wake.detector_id]).get(wake.detector_id)
        if detector is None:
            return Fired(Outcome.NOTHING)
        sent = send_pending([detector], ports.commit.effects)
        step = _expire(detector, ports, now_ms)
        if not step.has_changed and not detector.pending:
            return Fired(_wait(detector, wake, ports, now_ms))
        committed = commit([step.detector], ports.commit, now_ms=now_ms)
        if not committed.moved:
            outcome = _outcome(step)
            return Fired(outcome, sent + committed.effects, step.notes, step.omitted)
    raise DetectorContestedError(f"written by others {TRIES} times while its timer was fired: {wake.detector_id}")


def _outcome(step: Step) -> Outcome:
    if not step.has_changed:
        return Outcome.TOLD
    return Outcome.FIRED if step.detector.snapshot is not None else Outcome.RETIRED


def _expire(detector: Detector, ports: Ports, now_ms: int) -> Step:
    """Its timers, up to the first that has to wait."""
    known = Step(without_pending(detector), has_changed=False)
    watch = ports.watches.get(detector.model)
    if watch is None or detector.model_version != watch.version or detector.clock is not watch.clock:
        return _retire_when_old(known.detector, now_ms)
    due_ms = known.detector.next_timer_ms
    if due_ms is not None and due_ms <= now_ms and not _is_watched(detector.device_id, ports.registry):
        return _retired(known.detector)
    for _ in range(FIRINGS):
        due_ms = known.detector.next_timer_ms
        if due_ms is None or due_ms > now_ms or is_enough(known.detector.pending):
            break
        if not ports.frontier.reaches(due_ms, known.detector.positions, now_ms=now_ms):
            break
        step = expire_due(known.detector, watch, until_ms=due_ms)
        notes, omitted = (*known.notes, *step.notes), (*known.omitted, *step.omitted)
        known = Step(step.detector, has_changed=True, notes=notes, omitted=omitted)
    return known


def _is_watched(device_id: str, registry: Registry) -> bool:
    """A detector that was fed by the data plane API alone may be of no device: nobody can have stopped watching it."""
    if not device_id:
        return True
    entry = registry.look_up([device_id]).get(device_id)
    return entry is not None and entry.watched.watched


def _retire_when_old(detector: Detector, now_ms: int) -> Step:
    """The timers of a model that is gone fire no more; its detector begins anew with its next message.

    Not at once: while a new version is put in place, functions of both run side by side.
    """
    due_ms = detector.next_timer_ms
    if due_ms is None or due_ms > now_ms - RETIRED_AFTER_MS:
        return Step(detector, has_changed=False)
    return _retired(detector)


def _retired(detector: Detector) -> Step:
    return Step(replace(detector, snapshot=None, profile=None), has_changed=True)


def _wait(detector: Detector, wake: Wake, ports: Ports, now_ms: int) -> Outcome:
    """Come again, if this is still the timer that the wake was for: whoever set another one has seen to that."""
    if detector.next_timer_ms != wake.due_ms:
        return Outcome.NOTHING
    delay, attempt = delay_s(wake.due_ms, now_ms), wake.attempt
    if not delay:
        attempt += 1
        delay = 2**attempt
    if attempt <= ATTEMPTS:
        ports.commit.timers.send([Wake(wake.detector_id, wake.due_ms, delay, attempt)])
    return Outcome.EARLY
