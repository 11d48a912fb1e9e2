"""What detection needs from the outside. `coldwatch.adapters` keeps these promises on AWS, fakes keep them in tests."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from coldwatch.detection.detector import Detector
from coldwatch.detection.effect import Effect
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.telemetry.identity import Device


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Up to where a shard has been evaluated: every record up to `last_sequence` is done with, effects and all, and
    so is every message that arrived by `evaluated_until_ms`, but for those that overtook each other on their way.
    """

    last_sequence: int
    evaluated_until_ms: int


@dataclass(frozen=True, slots=True)
class Wake:
    """Look in `delay_s` at the timer of a detector that is due at `due_ms`; `attempt` counts how often that was too
    early for the stream.
    """

    detector_id: str
    due_ms: int
    delay_s: int
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Child:
    """A shard that goes on where a closed one ended, for the partition keys whose hash lies in its range."""

    shard_id: str
    first_hash: int
    last_hash: int


@dataclass(frozen=True, slots=True)
class Tail:
    """What a shard holds behind a position; `children` of one that is closed and read out."""

    is_empty: bool
    children: tuple[Child, ...] = ()


class DetectorStore(Protocol):
    def load(self, detector_ids: Collection[str]) -> Mapping[str, Detector]:
        """Those that are there, strongly consistent."""

    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        """Store each if it still has the version it was read at, as the next one; the ids of those that have not."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the registry says of a device: who may speak for it, and how it is watched."""

    identity: Device
    watched: RegisteredDevice


class Registry(Protocol):
    def look_up(self, device_ids: Collection[str]) -> Mapping[str, Entry]:
        """The entries of those that are registered, as they are now: a changed profile holds from the next batch on."""


class Checkpoints(Protocol):
    def read(self, shard_id: str) -> Checkpoint | None:
        """Strongly consistent."""

    def move(self, shard_id: str, checkpoint: Checkpoint, *, previous: Checkpoint | None) -> None:
        """Raises CheckpointMovedError if it no longer stands where `previous` says."""


class EffectQueue(Protocol):
    def send(self, effects: Sequence[Effect]) -> set[str]:
        """Hand effects on, at least once, those of one detector in order; the ids of those it did not take."""


class TimerQueue(Protocol):
    def send(self, wakes: Sequence[Wake]) -> None:
        """At least once each. What it does not take is found by the next sweep."""


class DueIndex(Protocol):
    def due(self, until_ms: int) -> Sequence[tuple[str, int]]:
        """Detector ids, and when they are due, up to then (epoch ms), the longest due first."""


class ModelIndex(Protocol):
    def page(self, model: str, *, after: str | None, at_most: int) -> tuple[Sequence[str], str | None]:
        """Detector ids of a model, in order, from behind one of them; and behind which it goes on, if it does.

        It may lag: a new detector comes into it, and a deleted one leaves it, after a moment.
        """


class StreamTails(Protocol):
    def tail(self, shard_id: str, after: int | None) -> Tail:
        """What is in the shard behind a sequence number, or at all."""


class EffectTargets(Protocol):
    def carry_out(self, effect: Effect) -> None:
        """Do what the effect says, or raise: EffectError if no retry can help."""


class DoneMarkers(Protocol):
    def is_done(self, effect_id: str) -> bool:
        """Strongly consistent."""

    def mark(self, effect_id: str, *, now_ms: int) -> None:
        """Remember that an effect was carried out, for longer than its message can live."""
