"""A stored detector: its snapshot, what of the stream it has seen, and the effects it still owes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import msgspec

from coldwatch.detection.effect import Effect, detector_id
from coldwatch.detection.errors import StoredDetectorError
from coldwatch.detection.message_ids import MessageIds, grouped, ungrouped
from coldwatch.engine.errors import SnapshotError
from coldwatch.engine.machines import Machine, Model, machine_of
from coldwatch.engine.snapshot import Snapshot, next_due
from coldwatch.engine.vocabulary import Vocabulary, vocabulary
from coldwatch.profiles.deployment import Clock, Deployment

RESEND_AFTER_MS: Final = 60_000
"""Effects that a process has written and not sent for this long are sent by the sweep: it has died, and nothing else
may ever touch that detector again.
"""
_RESERVED: Final = frozenset({"shard", "effect", "seen"})


@dataclass(frozen=True)
class Watch:
    """A detector model or an alarm model at work: with its clock. Detectors of another `version` go on under this one
    (`migration`).

    With a `rollout` this is the new version, and only some of its detectors are under it.
    """

    model: Model
    clock: Clock
    version: str
    rollout: "Rollout | None" = None

    def __post_init__(self) -> None:
        if self.name in _RESERVED:
            raise ValueError(f"no detector model may be called {self.name!r}: that name is taken in the table")

    @cached_property
    def machine(self) -> Machine:
        return machine_of(self.model)

    @property
    def name(self) -> str:
        return self.machine.name

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return vocabulary(self.model)

    @property
    def keyed_by(self) -> str:
        """The attribute that its detectors' keys are values of; empty where it has one detector."""
        return self.machine.key or ""

    @property
    def inputs(self) -> frozenset[str]:
        """What any of its versions looks at."""
        return self.model.inputs | (self.rollout.previous.model.inputs if self.rollout else frozenset())

    def for_key(self, key: str | None) -> "Watch":
        """The version that a detector is under."""
        if self.rollout is None or lot(self.name, key) < self.rollout.fraction:
            return self
        return self.rollout.previous


@dataclass(frozen=True, slots=True)
class Rollout:
    """`fraction` of the detectors, 0 to 1, are under the new version; the others go on under the `previous` one."""

    previous: Watch
    fraction: float


def lot(model: str, key: str | None) -> float:
    """A detector's own place between 0 and 1. It never changes, so a larger fraction only adds to a smaller one.

    >>> round(lot("shock", "acme-fridge-0042"), 3)
    0.642
    """
    digest = hashlib.sha256(detector_id(model, key).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def watches(
    models: Mapping[str, Model],
    versions: Mapping[str, str],
    deployment: Deployment,
    previous: Mapping[str, tuple[Model, str]],
) -> dict[str, Watch]:
    """The models that a deployment runs, by name; `previous` has those, each with its version, that one is rolled out
    in place of.
    """

    def rollout(name: str) -> Rollout | None:
        deployed = deployment.models[name]
        if deployed.previous is None:
            return None
        model, version = previous[name]
        return Rollout(Watch(model, deployed.previous.clock or deployed.clock, version), deployed.previous.rollout)

    return {
        name: Watch(models[name], deployed.clock, versions[name], rollout(name))
        for name, deployed in deployment.models.items()
    }


@dataclass(frozen=True, slots=True)
class Position:
    """The last record of a shard that a detector has seen; `thing` is its partition key, `at` when it arrived."""

    sequence: int
    thing: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """`keyed_by` is the attribute that its key is the value of; empty where it was stored before that was kept, or its
    model has one detector only. `version` counts its writes, 0 before the first; `stored_due_ms` is when the next timer
    of the stored one is due. `home` is the shard that wrote it last: that one alone may remember it. `changed_at` and
    `changed_keys` tell when it last changed (epoch ms on its clock), and by which readings; `created_at` when it began,
    on the same clock. `device_id` and `application` are whose message changed it last, empty where that was no
    device's; `profile` is that message's, kept while a timer may still act in its name. `pending` are the effects of
    which nobody knows that they were sent. `message_ids` are of the messages that came by the data plane API.
    """

    model: str
    key: str | None
    clock: Clock
    model_version: str
    keyed_by: str = ""
    snapshot: Snapshot | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)
    changed_at: int = 0
    changed_keys: tuple[str, ...] = ()
    device_id: str = ""
    application: str = ""
    profile: Mapping[str, Any] | None = None
    pending: tuple[Effect, ...] = ()
    message_ids: MessageIds = field(default_factory=dict)
    created_at: int = 0
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
    return Detector(
        model=watch.name,
        key=key,
        clock=watch.clock,
        model_version=watch.version,
        keyed_by=watch.keyed_by,
    )


def written(detector: Detector) -> Detector:
    """As it is stored after a write."""
    return replace(detector, version=detector.version + 1, stored_due_ms=detector.next_timer_ms)


def without_pending(detector: Detector) -> Detector:
    return replace(detector, pending=()) if detector.pending else detector


class _Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    model: str
    key: str | None
    clock: Clock
    model_version: str
    keyed_by: str = ""
    snapshot: dict[str, Any] | None = None
    positions: dict[str, tuple[str, str, int]] = {}
    changed_at: int = 0
    changed_keys: tuple[str, ...] = ()
    device_id: str = ""
    application: str = ""
    profile: dict[str, Any] | None = None
    pending: tuple[Effect, ...] = ()
    message_ids: dict[str, str] = {}
    created_at: int = 0
    home: str = ""


_decoder = msgspec.json.Decoder(_Stored)


def encode_detector(detector: Detector) -> str:
    """JSON, so that a person can read it where it is stored. The version stands beside it."""
    stored = _Stored(
        model=detector.model,
        key=detector.key,
        clock=detector.clock,
        model_version=detector.model_version,
        keyed_by=detector.keyed_by,
        snapshot=detector.snapshot.to_document() if detector.snapshot else None,
        # As text: a sequence number has more digits than most readers of JSON can hold.
        positions={shard: (str(each.sequence), each.thing, each.at) for shard, each in detector.positions.items()},
        changed_at=detector.changed_at,
        changed_keys=detector.changed_keys,
        device_id=detector.device_id,
        application=detector.application,
        profile=dict(detector.profile) if detector.profile is not None else None,
        pending=detector.pending,
        message_ids=grouped(detector.message_ids),
        created_at=detector.created_at,
        home="" if detector.positions.keys() == {detector.home} else detector.home,
    )
    return msgspec.json.encode(stored).decode()


def decode_detector(body: str, version: int, *, is_owing: bool) -> Detector:
    """The effects of one that `is_owing` may not be sent yet; those of another are.

    Raises StoredDetectorError for what `encode_detector` did not write.
    """
    stored, read = _read(body)
    detector = Detector(
        model=stored.model,
        key=stored.key,
        clock=stored.clock,
        model_version=stored.model_version,
        keyed_by=stored.keyed_by,
        changed_at=stored.changed_at,
        changed_keys=stored.changed_keys,
        device_id=stored.device_id,
        application=stored.application,
        profile=stored.profile,
        pending=stored.pending if is_owing else (),
        created_at=stored.created_at,
        home=stored.home or _only(stored.positions),
        version=version,
        **read,
    )
    return replace(detector, stored_due_ms=detector.next_timer_ms)


def _only(positions: Mapping[str, Any]) -> str:
    """The only shard that has fed a detector is at home to it, and not named twice: a write unit is a KB."""
    return next(iter(positions)) if len(positions) == 1 else ""


def _read(body: str) -> tuple[_Stored, dict[str, Any]]:
    """What is stored, and its parts that have a form of their own."""
    try:
        stored = _decoder.decode(body)
        return stored, {
            "snapshot": Snapshot.from_document(stored.snapshot) if stored.snapshot is not None else None,
            "positions": {
                shard: Position(int(last), thing, at) for shard, (last, thing, at) in stored.positions.items()
            },
            "message_ids": ungrouped(stored.message_ids),
        }
    except (msgspec.MsgspecError, SnapshotError, ValueError) as error:
        raise StoredDetectorError(f"a stored detector cannot be read: {error}") from error


def snapshot_bytes(snapshot: Snapshot | None) -> bytes:
    """For telling whether a snapshot is another: in Python 1, 1.0 and True are equal, to a model they are not."""
    return msgspec.json.encode(snapshot.to_document() if snapshot else None, order="deterministic")
