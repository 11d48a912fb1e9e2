"""What somebody orders a stored detector or alarm to do or to be, past its messages.

A timer that is due and has not fired yet does not fire first: what is ordered holds in any case, and a timer may have
to wait for the stream, where an order must not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.migration import gone_on
from coldwatch.detection.owing import owing
from coldwatch.detection.step import Step
from coldwatch.engine.customer_action import CustomerAction
from coldwatch.engine.machines import AlarmMachine
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.engine.values import Value
from coldwatch.profiles.deployment import Clock

REFUSED: Final = "customerAction"
"""The path of a note that says why an alarm did not do as told."""


@dataclass(frozen=True, slots=True)
class OrderedState:
    """All that a detector shall be. `timers` says in how many seconds each is due."""

    state: str
    variables: Mapping[str, Value]
    timers: Mapping[str, int]


def as_deployed(detector: Detector, watch: Watch) -> Detector:
    """As it goes on under the version that it is to have; without a snapshot if it begins anew."""
    return gone_on(detector, watch.for_key(detector.key))


def respond(detector: Detector, snapshot: Snapshot, action: CustomerAction, watch: Watch, *, now_ms: int) -> Step:
    """What a customer does with an alarm. The step has a note at REFUSED where that is nothing."""
    if not isinstance(watch.machine, AlarmMachine):
        raise TypeError(f"{watch.name} is no alarm model")
    now_ms = _time(detector, now_ms)
    evaluation = watch.machine.respond(snapshot, action, key=detector.key, now_ms=now_ms)
    if any(note.path == REFUSED for note in evaluation.notes):
        return Step(detector, has_changed=False, notes=evaluation.notes)
    changed = _changed(replace(detector, snapshot=evaluation.after), now_ms)
    cause = (REFUSED, action.name, action.request_id, now_ms)
    after, omitted = owing(changed, evaluation, cause, watch, None)
    return Step(after, has_changed=True, notes=evaluation.notes, omitted=tuple(omitted))


def replaced(detector: Detector, snapshot: Snapshot, ordered: OrderedState, *, now_ms: int) -> Detector:
    """In that state, which is not entered: nothing is evaluated before the next message. Variables and timers that are
    not named are cleared; a reset brings such a timer back, as it does after `clearTimer`.
    """
    now_ms = _time(detector, now_ms)
    timers = {name: Timer(now_ms + 1000 * seconds, seconds) for name, seconds in ordered.timers.items()}
    cleared = {name: timer.duration_s for name, timer in snapshot.timers.items()} | dict(snapshot.cleared)
    kept = {name: seconds for name, seconds in cleared.items() if name not in timers}
    after = Snapshot(ordered.state, dict(ordered.variables), timers, snapshot.inputs, kept)
    return _changed(replace(detector, snapshot=after), now_ms)


def deleted(detector: Detector) -> Detector:
    """It begins anew with the next message. What it has seen stays known: the past does not come again."""
    return replace(detector, snapshot=None, profile=None)


def _time(detector: Detector, now_ms: int) -> int:
    return max(now_ms, detector.changed_at)


def _changed(detector: Detector, now_ms: int) -> Detector:
    """On the event clock only a device makes time pass: what its buffer still holds is not late by an order."""
    return detector if detector.clock is Clock.EVENT else replace(detector, changed_at=now_ms, changed_keys=())
