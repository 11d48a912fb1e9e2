"""A stored detector: its snapshot, what of the stream it has seen, and the effects it still owes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import msgspec

from coldwatch.detection.effect import Effect, detector_id
from coldwatch.detection.errors import StoredDetectorError
from coldwatch.engine.errors import SnapshotError
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.snapshot import Snapshot, next_due
from coldwatch.profiles.deployment import Clock, Deployment

RESEND_AFTER_MS: Final = 60_000
"""Effects that a process has written and not sent for this long are sent by the sweep: it has died, and nothing else
may ever touch that detector again.
"""
_RESERVED: Final = frozenset({"shard", "effect", "seen"})


@dataclass(frozen=True, slots=True)
class Watch:
    """A detector model at work: with its clock. Another `version` starts its detectors anew, as the service did."""

    model: DetectorModel
    clock: Clock
    version: str

    def __post_init__(self) -> None:
        if self.model.name in _RESERVED:
            raise ValueError(f"no detector model may be called {self.model.name!r}: that name is taken in the table")


def watches(
    models: Mapping[str, DetectorModel], versions: Mapping[str, str], deployment: Deployment
) -> dict[str, Watch]:
    """The models that a deployment runs, by name."""
    return {name: Watch(models[name], deployed.clock, versions[name]) for name, deployed in deployment.models.items()}


@dataclass(frozen=True, slots=True)
class Position:
    """The last record of a shard that a detector has seen; `thing` is its partition key, `at` when it arrived."""

    sequence: int
    thing: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """`version` counts its writes, 0 before the first; `stored_due_ms` is when the next timer of the stored one is due.
    `home` is the shard that wrote it last: that one alone may remember it. `changed_at` and `changed_keys` tell when it
    last changed (epoch ms on its clock), and by which readings. `device_id` and `application` are whose message changed
    it last; `profile` is that message's, kept while a timer may still act in its name. `pending` are the effects of
    which nobody knows that they were sent.
    """

    model: str
    key: str | None
    clock: Clock
    model_version: str
    snapshot: Snapshot | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)
    changed_at: int = 0
    changed_keys: tuple[str, ...] = ()
    device_id: str = ""
    application: str = ""
    profile: Mapping[str, Any] | None = None
    pending: tuple[Effect, ...] = ()
    home: str = ""
    version: int = 0
    stored_due_ms: int | None = None

    @property
    def homes(self) -> frozenset[str]:
        """The shards whose environments may remember it. One that was stored before there were homes has them all."""
        return frozenset([self.home] if self.home else self.positions)

    @property
    def detector_id(self) -> str:
        return detector_id(self.model, self.key)

    @property
    def next_timer_ms(self) -> int | None:
        """When its next timer is due, if time alone can make it fire: on the event clock only a message can."""
        if self.snapshot is None or self.clock is not Clock.WALL:
            return None
        due = next_due(self.snapshot)
        return due[0] if due else None

    def wakes_at(self, now_ms: int) -> int | None:
        """When the sweep has to look at it: a timer is due, or effects are still unsent."""
        times = [self.next_timer_ms, now_ms + RESEND_AFTER_MS if self.pending else None]
        return min((time for time in times if time is not None), default=None)


def new_detector(watch: Watch, key: str | None) -> Detector:
    return Detector(model=watch.model.name, key=key, clock=watch.clock, model_version=watch.version)


def written(detector: Detector) -> Detector:
    """As it is stored after a write."""
    return replace(detector, version=detector.version + 1, stored_due_ms=detector.next_timer_ms)


def without_pending(detector: Detector) -> Detector:
    return replace(detector, pending=())


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    model: str
    key: str | None
    clock: Clock
    model_version: str
    snapshot: dict[str, Any] | None = None
    positions: dict[str, tuple[str, str, int]] = {}
    changed_at: int = 0
    changed_keys: tuple[str, ...] = ()
    device_id: str = ""
    application: str = ""
    profile: dict[str, Any] | None = None
    pending: tuple[Effect, ...] = ()
    home: str = ""


_decoder = msgspec.json.Decoder(_Stored)


def encode_detector(detector: Detector) -> str:
    """JSON, so that a person can read it where it is stored. The version stands beside it."""
    stored = _Stored(
        model=detector.model,
        key=detector.key,
        clock=detector.clock,
        model_version=detector.model_version,
        snapshot=detector.snapshot.to_document() if detector.snapshot else None,
        # As text: a sequence number has more digits than most readers of JSON can hold.
        positions={shard: (str(each.sequence), each.thing, each.at) for shard, each in detector.positions.items()},
        changed_at=detector.changed_at,
        changed_keys=detector.changed_keys,
        device_id=detector.device_id,
        application=detector.application,
        profile=dict(detector.profile) if detector.profile is not None else None,
        pending=detector.pending,
        home=detector.home,
    )
    return msgspec.json.encode(stored).decode()


def decode_detector(body: str, version: int, *, is_owing: bool) -> Detector:
    """The effects of one that `is_owing` may not be sent yet; those of another are.

    Raises StoredDetectorError for what `encode_detector` did not write.
    """
    try:
        stored = _decoder.decode(body)
        snapshot = Snapshot.from_document(stored.snapshot) if stored.snapshot is not None else None
        positions = {shard: Position(int(last), thing, at) for shard, (last, thing, at) in stored.positions.items()}
    except (msgspec.MsgspecError, SnapshotError, ValueError) as error:
        raise StoredDetectorError(f"a stored detector cannot be read: {error}") from error
    detector = Detector(
        model=stored.model,
        key=stored.key,
        clock=stored.clock,
        model_version=stored.model_version,
        snapshot=snapshot,
        positions=positions,
        changed_at=stored.changed_at,
        changed_keys=stored.changed_keys,
        device_id=stored.device_id,
        application=stored.application,
        profile=stored.profile,
        pending=stored.pending if is_owing else (),
        home=stored.home,
        version=version,
    )
    return replace(detector, stored_due_ms=detector.next_timer_ms)


def snapshot_bytes(snapshot: Snapshot | None) -> bytes:
    """For telling whether a snapshot is another: in Python 1, 1.0 and True are equal, to a model they are not."""
    return msgspec.json.encode(snapshot.to_document() if snapshot else None, order="deterministic")
