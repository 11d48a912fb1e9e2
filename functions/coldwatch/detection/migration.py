"""A detector of another version of its model goes on under the one that is deployed: its state, variables and timers
are kept. AWS IoT Events deleted every detector when its model was updated.

A move is part of the next evaluation, of a message or of a timer: it fires nothing and enters no state, and it follows
from the stored detector and that message alone, so it is the same at every delivery. Where nothing is lost by it, it
is not written by itself: a message that changes nothing costs nothing, and the next one moves the detector in the same
way. A move that loses something is written at once, and told once.

**What begins anew**: a detector in a state that the model does not have, and one whose key is the value of another
attribute, since what it kept was of something else.

**Another clock.** Between the two clocks lies what lies between them at the message that moves the detector: its times
are moved by as much. A timer with 40 s to go has 40 s to go on the other clock, however wrong the device's is. Without
a message, times stay as they are.
"""

from dataclasses import dataclass, replace

from coldwatch.detection.detector import Detector, Watch
from coldwatch.engine.errors import Level
from coldwatch.engine.evaluation import Note
from coldwatch.engine.snapshot import Snapshot
from coldwatch.engine.vocabulary import NO_LOSSES, Losses


@dataclass(frozen=True, slots=True)
class Move:
    """`detector` as it goes on. `anew` is why it could not, where it had begun under another version."""

    before: Detector
    detector: Detector
    anew: str | None = None
    losses: Losses = NO_LOSSES

    @property
    def has_other_clock(self) -> bool:
        return self.before.clock is not self.detector.clock

    @property
    def is_faithful(self) -> bool:
        """Whether it could be taken back without a trace: then it does no harm if functions of both versions run."""
        return self.anew is None and not self.losses and not self.has_other_clock

    @property
    def notes(self) -> tuple[Note, ...]:
        told = [f"it begins anew: {self.anew}"] if self.anew else []
        lost = self.losses
        parts = (("variable", lost.variables), ("variable of another kind", lost.unfit), ("timer", lost.timers))
        told += [f"the {what} `{name}` is dropped" for what, names in parts for name in names]
        about = f"{self.before.detector_id}: from version {self.before.model_version} to {self.detector.model_version}"
        return tuple(Note(Level.WARNING, "", "", f"{about}, {each}") for each in told)


def moved(detector: Detector, watch: Watch, *, shift_ms: int = 0) -> Move | None:
    """None where it is under this version already. `shift_ms`: by how much the new clock is ahead of the other."""
    is_same = detector.model_version == watch.version and detector.clock is watch.clock
    if is_same and _is_keyed_alike(detector, watch):
        return None
    labelled = replace(detector, model_version=watch.version, clock=watch.clock, keyed_by=watch.keyed_by, profile=None)
    if detector.snapshot is None:
        return Move(detector, _shifted(labelled, shift_ms))
    if anew := _why_anew(detector, detector.snapshot, watch):
        return Move(detector, _shifted(replace(labelled, snapshot=None), shift_ms), anew)
    snapshot, losses = watch.vocabulary.fitted(detector.snapshot)
    kept = replace(labelled, snapshot=snapshot, profile=detector.profile if snapshot.has_pending_timer else None)
    return Move(detector, _shifted(kept, shift_ms), None, losses)


def gone_on(detector: Detector, watch: Watch) -> Detector:
    """As it goes on under this version."""
    move = moved(detector, watch)
    return detector if move is None else move.detector


def _is_keyed_alike(detector: Detector, watch: Watch) -> bool:
    if (detector.key is None) != (watch.keyed_by == ""):
        return False
    return detector.keyed_by in {"", watch.keyed_by}


def _why_anew(detector: Detector, snapshot: Snapshot, watch: Watch) -> str | None:
    if not _is_keyed_alike(detector, watch):
        return "its key is the value of another attribute"
    if not watch.vocabulary.has_state(snapshot.state):
        return f"the model has no state `{snapshot.state}`"
    return None


def _shifted(detector: Detector, shift_ms: int) -> Detector:
    if not shift_ms:
        return detector
    snapshot = detector.snapshot
    if snapshot is not None:
        timers = {name: replace(timer, due_ms=timer.due_ms + shift_ms) for name, timer in snapshot.timers.items()}
        snapshot = replace(snapshot, timers=timers)
    changed_at, created_at = detector.changed_at + shift_ms, detector.created_at + shift_ms
    return replace(detector, snapshot=snapshot, changed_at=changed_at, created_at=created_at)
