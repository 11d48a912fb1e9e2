"""What detection needs from the outside. `coldwatch.adapters` keeps these promises on AWS, fakes keep them in tests."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from coldwatch.detection.detector import Detector
from coldwatch.detection.effect import Effect
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.telemetry.identity import Device

MOST_TOUCHED: Final = 1_000
"""Beyond so many, a checkpoint says of all detectors that they may have been written from outside."""


@dataclass(frozen=True, slots=True)
class LogReach:
    """Which pages of a shard's log of small changes count: the base, in `chunks` pieces, which holds all up to the page
    `base`, and the pages behind it up to `last`. Nothing was ever logged while `last` is 0.
    """

    base: int = 0
    chunks: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Up to where a shard has been evaluated: every record up to `last_sequence` is done with, effects and all, and
    so is every message that arrived by `evaluated_until_ms`, but for those that overtook each other on their way.

    `generation` counts the writes of its detectors from outside, `touched` are the ids of those that were written so
    since it last moved (`touched_all`: more than can be named). `owner` is the execution environment that wrote its
    detectors last. A shard of which nothing is known has a blank one.
    """

    last_sequence: int | None = None
    evaluated_until_ms: int = 0
    generation: int = 0
    owner: str = ""
    touched: frozenset[str] = frozenset()
    touched_all: bool = False
    log: LogReach = LogReach()

    def has_seen(self, sequence: int) -> bool:
        return self.last_sequence is not None and sequence <= self.last_sequence

    def raised(self, detector_ids: Collection[str]) -> "Checkpoint":
        """After a write of these detectors from outside."""
        touched = self.touched | set(detector_ids)
        is_all = self.touched_all or len(touched) > MOST_TOUCHED
        return replace(
            self, generation=self.generation + 1, touched=frozenset() if is_all else touched, touched_all=is_all
        )

    def stands_like(self, other: "Checkpoint") -> bool:
        """Whether nobody has got on with the shard or written its detectors in between."""
        own = (self.last_sequence, self.generation, self.owner)
        return own == (other.last_sequence, other.generation, other.owner)


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a shard's log. A slot is used again; `number` says which page it holds now."""

    slot: str
    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Epoch:
    """How often something has changed, and what changed last."""

    number: int = 0
    changed: tuple[str, ...] = ()

    def changed_since(self, number: int) -> Collection[str] | None:
        """What changed after that epoch; None if it does not reach back so far, or that epoch is none of its past, as
        where a table was restored.
        """
        missed = self.number - number
        if not 0 <= missed <= len(self.changed):
            return None
        return self.changed[len(self.changed) - missed :]


@dataclass(frozen=True, slots=True)
class Start:
    """What a batch has to know first: where its shard stands, which devices changed in the registry, and which
    detectors were made from outside, so that nobody goes on believing that there are none.
    """

    checkpoint: Checkpoint
    devices: Epoch
    created: Epoch


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
        """Those that are there, strongly consistent, without what a log may know of them (`overlay.load`)."""

    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        """Store each if it still has the version it was read at, as the next one; the ids of those that have not."""

    def write_outside(
        self, detectors: Sequence[Detector], checkpoints: Mapping[str, Checkpoint], *, now_ms: int
    ) -> bool:
        """All of them, or none: each if it has the version it was read at, and only if each of the shards' checkpoints
        stands like the one given, whose generation is raised. False if somebody else came first. Of those that are new
        is told in `Start.created`.

        At most 99 detectors and checkpoints together.
        """

    def settle(self, detectors: Sequence[Detector]) -> None:
        """Note that their effects are sent, each if it still has its version. That is no write of the detector: its
        version stays.
        """


@dataclass(frozen=True, slots=True)
class Entry:
    """What the registry says of a device: who may speak for it, and how it is watched."""

    identity: Device
    watched: RegisteredDevice


class Registry(Protocol):
    def look_up(self, device_ids: Collection[str]) -> Mapping[str, Entry]:
        """The entries of those that are registered, strongly consistent."""


class Checkpoints(Protocol):
    """All reads are strongly consistent."""

    def begin(self, shard_id: str) -> Start:
        """One request."""

    def read(self, shard_ids: Collection[str]) -> Mapping[str, Checkpoint]:
        """Of each, blank where there is none."""

    def move(self, shard_id: str, to: Checkpoint, *, previous: Checkpoint, pages: Sequence[Page] = ()) -> bool:
        """With the pages of its log, or neither; False if it no longer stands like `previous`. One request."""

    def pages(self, shard_id: str, slots: Collection[str]) -> Mapping[str, Page]:
        """What the slots of a shard's log hold, by slot."""

    def logged_shards(self) -> Collection[str]:
        """The shards that have ever had a log."""


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
