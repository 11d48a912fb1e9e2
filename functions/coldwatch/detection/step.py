"""What a message, or the passing of time, does to a stored detector.

Every answer depends on the stored detector and the message alone, never on which messages shared a batch. So a batch
may be delivered again in any pieces: what was stored is not done again, and a message that changed nothing, of which
nothing was stored, changes nothing again.

**The event clock and devices whose clock is ahead.** Time on the event clock is the device's timestamp, but never later
than the message's arrival. A reading from the future would otherwise make every right one after it late, up to the
whole lead that validation allows; so it counts as of now, and a device that is always ahead is watched as on the wall
clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from coldwatch.detection.detector import Detector, Position, Watch, snapshot_bytes
from coldwatch.detection.effect import as_document, is_enough
from coldwatch.detection.message_ids import has_come, remembering
from coldwatch.detection.migration import Move, moved
from coldwatch.detection.owing import Cause, owing
from coldwatch.engine.evaluation import Evaluation, Message, Note
from coldwatch.profiles.deployment import Clock

FIRINGS: Final = 1_000
"""Timers that restart themselves may be due millions of times when a device's clock jumps from 2000 to now. No single
step fires more than so many, or goes on firing with enough to send; what is left fires with the next one.
"""
KEYS: Final = 20
"""Readings of one instant that are remembered as having changed a detector."""
POSITION_KEPT_MS: Final = 8 * 24 * 3_600_000
"""Longer than any record stays on the stream, after which none of its shard can be delivered again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message as a detector gets it: joined with its profile. `arrived_at` and `timestamp` are epoch ms, of the cloud
    and of the device. `is_put_again`: another record carried it before. One with a `message_id` came by the data plane
    API, and no shard had it.
    """

    input_name: str
    payload: Mapping[str, Any]
    origin: str
    shard_id: str
    sequence: int
    thing: str
    device_id: str
    application: str
    reading_key: str
    timestamp: int
    arrived_at: int
    is_put_again: bool = False
    message_id: str | None = None

    @property
    def cause(self) -> Cause:
        """The id of a message of the API is its sender's, who may use it again after five minutes."""
        return ("message", self.origin) if self.message_id is None else ("message", self.message_id, self.arrived_at)


class Fate(StrEnum):
    EVALUATED = "evaluated"
    LATE = "late"
    """Older than the detector's last change."""
    REPEATED = "repeated"
    """The same reading as the one that changed the detector last, or the same message of the API."""
    REDELIVERED = "redelivered"
    WAITING = "waiting"
    """More timers are due before it than fire in one step: store what they did, and receive it again."""


@dataclass(frozen=True, slots=True)
class Step:
    """`detector` holds the new effects behind those it had. Only one that `has_changed` needs to be stored.

    `notes` are expressions that could not be evaluated, `omitted` actions that could not be performed: what they send
    is too large to be handed on. As with the service, neither stops the detector.
    """

    detector: Detector
    has_changed: bool
    fate: Fate = Fate.EVALUATED
    notes: tuple[Note, ...] = ()
    omitted: tuple[Note, ...] = ()


def receive(detector: Detector, arrival: Arrival, watch: Watch) -> Step:
    """First the timers that were due when the message was sent, each at its own time; then the message."""
    move = moved(detector, watch, shift_ms=_shift(detector, arrival, watch))
    known = detector if move is None else move.detector
    fate = _fate(known, arrival)
    if fate is Fate.EVALUATED and arrival.is_put_again and move is not None and move.has_other_clock:
        fate = Fate.LATE  # it was sent in the past, and says nothing of how the clocks differ now
    if fate is Fate.REDELIVERED:
        return Step(detector, has_changed=False, fate=fate)
    if fate is not Fate.EVALUATED:
        return Step(_having_seen(detector, arrival), has_changed=False, fate=fate)
    now_ms = _time(known, arrival)
    fired = expire_due(known, watch, until_ms=now_ms)
    if fired.detector is not known and _is_cut_short(fired.detector, now_ms):
        return replace(fired, has_changed=True, fate=Fate.WAITING, notes=(*_told(move), *fired.notes))
    before = _having_seen(fired.detector, arrival)
    message = Message(arrival.input_name, arrival.payload, arrival.origin)
    evaluation = watch.machine.evaluate(before.snapshot, message, key=before.key, now_ms=now_ms)
    after, omitted = _after_message(before, evaluation, arrival, watch)
    return Step(
        after,
        # A message of the API is told apart from its repetitions by its id alone, which has to be stored.
        has_changed=_has_lost(move) or fired.has_changed or after is not before or arrival.message_id is not None,
        notes=(*_told(move), *fired.notes, *evaluation.notes),
        omitted=(*fired.omitted, *omitted),
    )


def expire_due(detector: Detector, watch: Watch, *, until_ms: int) -> Step:
    """Fire the timers that are due by then (epoch ms, included), in order, each at its own time."""
    move = moved(detector, watch)
    known = detector if move is None else move.detector
    if known.snapshot is None:
        return Step(known, has_changed=_has_lost(move), notes=_told(move))
    notes: list[Note] = [*_told(move)]
    omitted: list[Note] = []
    start, before = len(known.pending), known
    firings = watch.machine.expirations(known.snapshot, key=known.key, until_ms=until_ms)
    for evaluation in islice(firings, FIRINGS):
        known, too_large = _after_timer(known, evaluation, watch)
        notes += evaluation.notes
        omitted += too_large
        if evaluation.actions and is_enough(known.pending[start:]):
            break
    has_changed = _has_lost(move) or known is not before
    return Step(known, has_changed=has_changed, notes=tuple(notes), omitted=tuple(omitted))


def _is_cut_short(fired: Detector, now_ms: int) -> bool:
    """Whether timers are left that come before the message. A sweep in between would fire them; so must we.

    No sweep fires those of the event clock, and that clock may leap by years, as a device says: there the rest fires
    with the messages that follow.
    """
    return fired.next_timer_ms is not None and fired.next_timer_ms <= now_ms


def _has_lost(move: Move | None) -> bool:
    """Such a move is written at once: it is told once, and a timer that is gone wakes nobody."""
    return move is not None and not move.is_faithful


def _told(move: Move | None) -> tuple[Note, ...]:
    return () if move is None else move.notes


def _shift(detector: Detector, arrival: Arrival, watch: Watch) -> int:
    """By how much the clock of `watch` is ahead of the detector's at this message."""
    if detector.clock is watch.clock:
        return 0
    now_ms = _event_time(arrival) if watch.clock is Clock.EVENT else arrival.arrived_at
    return now_ms - max(_time(detector, arrival), detector.changed_at)


def _fate(detector: Detector, arrival: Arrival) -> Fate:
    if arrival.message_id is not None and has_come(detector.message_ids, arrival.message_id, now_ms=arrival.arrived_at):
        return Fate.REPEATED
    position = detector.positions.get(arrival.shard_id)
    if position is not None and arrival.sequence <= position.sequence:
        return Fate.REDELIVERED
    if detector.clock is Clock.EVENT:
        if _event_time(arrival) < detector.changed_at:
            return Fate.LATE
        return Fate.REPEATED if arrival.reading_key in detector.changed_keys else Fate.EVALUATED
    # Nothing is late on the wall clock, save what was put on the stream again: it says nothing of the present.
    is_past = arrival.is_put_again and arrival.arrived_at < detector.changed_at
    return Fate.LATE if is_past else Fate.EVALUATED


def _time(detector: Detector, arrival: Arrival) -> int:
    """A detector's time never runs backwards; messages of two shards may cross by a little."""
    if detector.clock is Clock.EVENT:
        return _event_time(arrival)
    return max(arrival.arrived_at, detector.changed_at)


def _event_time(arrival: Arrival) -> int:
    return min(arrival.timestamp, arrival.arrived_at)


def _having_seen(detector: Detector, arrival: Arrival) -> Detector:
    if arrival.message_id is None:
        position = Position(arrival.sequence, arrival.thing, arrival.arrived_at)
        return replace(detector, positions=with_position(detector.positions, arrival.shard_id, position))
    come = remembering(detector.message_ids, arrival.message_id, now_ms=arrival.arrived_at)
    return replace(detector, message_ids=come)


def with_position(positions: Mapping[str, Position], shard_id: str, last: Position) -> dict[str, Position]:
    """After the `last` record of a shard."""
    forgotten = last.at - POSITION_KEPT_MS
    kept = {shard: each for shard, each in positions.items() if each.at >= forgotten}
    return {**kept, shard_id: last}


def _after_message(
    detector: Detector, evaluation: Evaluation, arrival: Arrival, watch: Watch
) -> tuple[Detector, Sequence[Note]]:
    """The same object if nothing changed: then nothing of the message may be kept, as it would not be stored."""
    snapshot = watch.machine.without_unseen(evaluation.after)
    is_told = bool(evaluation.actions) or arrival.message_id is not None
    if detector.snapshot is None and not is_told and watch.machine.is_as_new(snapshot):
        return detector, ()  # to be made is no change, by which older messages were late
    profile = as_document(arrival.payload.get("profile"))
    kept_profile = profile if snapshot.has_pending_timer else None
    is_same = snapshot_bytes(snapshot) == snapshot_bytes(detector.snapshot) and kept_profile == detector.profile
    if is_same and not evaluation.actions:
        return detector, ()
    changed = replace(
        detector,
        snapshot=snapshot,
        profile=kept_profile,
        device_id=arrival.device_id,
        application=arrival.application,
        changed_at=evaluation.time_ms,
        changed_keys=_changed_keys(detector, evaluation.time_ms, arrival.reading_key),
        created_at=evaluation.time_ms if detector.snapshot is None else detector.created_at,
    )
    return owing(changed, evaluation, arrival.cause, watch, profile)


def _after_timer(detector: Detector, evaluation: Evaluation, watch: Watch) -> tuple[Detector, Sequence[Note]]:
    snapshot = watch.machine.without_unseen(evaluation.after)
    changed = replace(
        detector,
        snapshot=snapshot,
        profile=detector.profile if snapshot.has_pending_timer else None,
        changed_at=max(detector.changed_at, evaluation.time_ms),
        changed_keys=(),
    )
    cause = ("timer", evaluation.trigger.timer_name or "", evaluation.time_ms)
    return owing(changed, evaluation, cause, watch, as_document(detector.profile))


def _changed_keys(detector: Detector, time_ms: int, reading_key: str) -> tuple[str, ...]:
    same_instant = detector.changed_keys if time_ms == detector.changed_at else ()
    return (*same_instant, reading_key)[-KEYS:]
