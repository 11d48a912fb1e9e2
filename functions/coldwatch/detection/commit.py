"""How changed detectors are stored and what they ask for is handed on, so that no crash loses or doubles an effect.

The effects of a change are stored with it, and then sent. Nothing is written to say that they were: the stored detector
goes on to say that it owes them, until its next write, or until the sweep a minute later has sent them once more and
notes it. Whoever reads a detector that owes effects sends them before anything takes their place, under the same ids;
the queue, and whoever carries them out, know them again. So an effect is sent at least once, and none overtakes an
earlier one of its detector.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from coldwatch.detection.detector import Detector, without_pending, written
from coldwatch.detection.errors import EffectsUnsentError
from coldwatch.detection.log import Logs
from coldwatch.detection.ports import DetectorStore, EffectQueue, TimerQueue, Wake

SETTLE_MS: Final = 2_000
"""How long a message may take from its arrival to its place on the stream; a timer waits for that long."""
SOON_MS: Final = 75_000
"""A sweep comes every 60 s and looks 60 s ahead, in an index that lags a little: a timer that is due sooner than this
might be missed by it.
"""

type Write = Callable[[Sequence[Detector]], set[str]]
"""Stores detectors; the ids of those that somebody else has written meanwhile."""


@dataclass(frozen=True, slots=True)
class Ports:
    detectors: DetectorStore
    logs: Logs
    effects: EffectQueue
    timers: TimerQueue


@dataclass(frozen=True, slots=True)
class Committed:
    """`stored` as they are now, owing nothing; `moved` are those that somebody else has written meanwhile, by id."""

    stored: tuple[Detector, ...]
    moved: frozenset[str]
    effects: int


def commit(changed: Sequence[Detector], write: Write, ports: Ports, *, now_ms: int) -> Committed:
    """Write, send. Raises EffectsUnsentError with the effects still stored."""
    moved = write(changed) if changed else set()
    stored = [written(each) for each in changed if each.detector_id not in moved]
    sent = send_pending(stored, ports.effects)
    wake_soon(stored, ports.timers, now_ms=now_ms)
    return Committed(tuple(without_pending(each) for each in stored), frozenset(moved), sent)


def send_pending(detectors: Iterable[Detector], queue: EffectQueue) -> int:
    """Send what the detectors owe, and say how much it was."""
    effects = [effect for each in detectors for effect in each.pending]
    unsent = queue.send(effects) if effects else set()
    if unsent:
        raise EffectsUnsentError(f"the queue did not take {len(unsent)} of {len(effects)} effects; they stay stored")
    return len(effects)


def wake_soon(detectors: Iterable[Detector], queue: TimerQueue, *, now_ms: int) -> None:
    """See to it that timers fire to the second which the sweep might find too late."""
    wake_at(((each.detector_id, each.next_timer_ms) for each in detectors), queue, now_ms=now_ms)


def wake_at(dues: Iterable[tuple[str, int | None]], queue: TimerQueue, *, now_ms: int) -> None:
    """Likewise, of detectors by id."""
    wakes = [Wake(name, due, delay_s(due, now_ms)) for name, due in dues if due is not None and due <= now_ms + SOON_MS]
    if wakes:
        queue.send(wakes)


def delay_s(due_ms: int, now_ms: int) -> int:
    """Whole seconds until a timer can fire; nothing for one that could already."""
    return max(0, -((now_ms - due_ms - SETTLE_MS) // 1000))
