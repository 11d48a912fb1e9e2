"""Firing the timers of detectors that hear nothing: what is due is looked up, and each detector stepped by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coldwatch.detection.batch import ATTEMPTS
from coldwatch.detection.commit import SETTLE_MS, Ports, commit, delay_s, send_pending
from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.errors import DetectorContestedError
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.ports import DueIndex, TimerQueue, Wake
from coldwatch.detection.step import expire_due

AHEAD_MS: Final = 60_000
"""A sweep sees to everything that is due before the next one."""
AGAIN_S: Final = 5
"""So long until the stream is looked at again that has not been evaluated up to a timer."""
LOOKS: Final = 24
"""After so many looks the next sweep goes on: two minutes."""


class Firing(StrEnum):
    FIRED = "fired"
    NOTHING_DUE = "nothing_due"
    TOO_EARLY = "too_early"
    """Its telemetry has not been evaluated up to the timer: it may have been heard."""


@dataclass(frozen=True, slots=True)
class Fired:
    firing: Firing
    effects: int = 0


def sweep(index: DueIndex, timers: TimerQueue, *, now_ms: int) -> int:
    """Wake every detector whose timer is due by the next sweep, each at its second; how many there are."""
    wakes = [Wake(name, delay_s(due_ms, now_ms)) for name, due_ms in index.due(now_ms + AHEAD_MS)]
    if wakes:
        timers.send(wakes)
    return len(wakes)


def fire(wake: Wake, watches: Mapping[str, Watch], frontier: Frontier, ports: Ports, *, now_ms: int) -> Fired:
    """Fire what is due of one detector, if its telemetry has been evaluated up to then.

    Owed effects are sent in any case: whoever stored them may have died before sending them.
    """
    for _ in range(ATTEMPTS):
        detector = ports.detectors.load({wake.detector_id}).get(wake.detector_id)
        watch = watches.get(detector.model) if detector else None
        if detector is None or watch is None:
            return Fired(Firing.NOTHING_DUE)
        owed = send_pending([detector], ports.effects)
        changed, firing = _expired(detector, watch, frontier, now_ms)
        if changed is None and not detector.pending:
            _look_again(wake, firing, ports.timers)
            return Fired(firing, owed)
        committed = commit([changed or detector], ports, now_ms=now_ms)
        if not committed.moved:
            _look_again(wake, firing, ports.timers)
            return Fired(firing, max(owed, committed.effects))
    raise DetectorContestedError(f"others wrote {wake.detector_id} each time it was to be written")


def _expired(detector: Detector, watch: Watch, frontier: Frontier, now_ms: int) -> tuple[Detector | None, Firing]:
    """The detector with its due timers fired, one time after the other, none beyond what has been evaluated."""
    known, firing = detector, Firing.NOTHING_DUE
    while (due_ms := known.next_timer_ms) is not None and due_ms <= now_ms - SETTLE_MS:
        if not frontier.reaches(due_ms, known.positions, now_ms=now_ms):
            return (known if known is not detector else None), Firing.TOO_EARLY
        step = expire_due(known, watch, until_ms=due_ms)
        known, firing = step.detector, Firing.FIRED
        if step.detector.next_timer_ms == due_ms:
            break  # more of one instant than a single step fires: the next wake goes on
    return (known if known is not detector else None), firing


def _look_again(wake: Wake, firing: Firing, timers: TimerQueue) -> None:
    if firing is Firing.TOO_EARLY and wake.attempt < LOOKS:
        timers.send([Wake(wake.detector_id, AGAIN_S, wake.attempt + 1)])


def fire_all(
    wakes: Sequence[Wake], watches: Mapping[str, Watch], frontier: Frontier, ports: Ports, *, now_ms: int
) -> list[Fired | Exception]:
    """Each by itself: what goes wrong with one detector leaves the others be."""
    results: list[Fired | Exception] = []
    for wake in wakes:
        try:
            results.append(fire(wake, watches, frontier, ports, now_ms=now_ms))
        except Exception as error:  # noqa: BLE001 - the edge of one detector; its message comes again
            results.append(error)
    return results
