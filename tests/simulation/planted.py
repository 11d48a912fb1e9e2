"""Faults planted in the runtime, from outside: to show that the simulation would find them.

Each stands between the runtime and a port of its, and keeps one promise less than the port.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, override

from coldwatch.detection.detector import Detector, Position, without_pending
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.memory import Memory, ShardMemory
from coldwatch.detection.ports import Checkpoint, Epoch, Page, Start
from coldwatch.detection.small import pack
from tests.simulation.environments import Carrying, Environment, Evaluating, Firing


@dataclass(frozen=True, slots=True)
class Bug:
    """`plant` spoils an environment as it begins. `within` so many seeds it is found."""

    about: str
    within: int
    plant: Callable[[Environment], None]


class _Store:
    """`ports.DetectorStore`. Hands everything on; what spoils it overrides."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def load(self, detector_ids: Collection[str]) -> Mapping[str, Detector]:
        return dict(self.inner.load(detector_ids))

    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        return set(self.inner.write(detectors, now_ms=now_ms))

    def write_outside(
        self, detectors: Sequence[Detector], checkpoints: Mapping[str, Checkpoint], *, now_ms: int
    ) -> bool:
        return bool(self.inner.write_outside(detectors, checkpoints, now_ms=now_ms))

    def settle(self, detectors: Sequence[Detector]) -> None:
        self.inner.settle(detectors)

    def as_they_are(self, detectors: Sequence[Detector]) -> list[Detector]:
        """Under the versions that are stored by now."""
        now = self.inner.load([each.detector_id for each in detectors])
        versions = {name: each.version for name, each in now.items()}
        return [replace(each, version=versions.get(each.detector_id, 0)) for each in detectors]


class _ForgetsPositions(_Store):
    @override
    def load(self, detector_ids: Collection[str]) -> Mapping[str, Detector]:
        return {name: replace(each, positions={}) for name, each in self.inner.load(detector_ids).items()}


class _DropsEffects(_Store):
    @override
    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        return set(self.inner.write([without_pending(each) for each in detectors], now_ms=now_ms))


class _ForgetsDebts(_Store):
    @override
    def load(self, detector_ids: Collection[str]) -> Mapping[str, Detector]:
        return {name: without_pending(each) for name, each in self.inner.load(detector_ids).items()}


class _IgnoresVersions(_Store):
    @override
    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        return set(self.inner.write(self.as_they_are(detectors), now_ms=now_ms))


class _WritesOver(_Store):
    """From outside, whatever has happened since it looked; nobody is told."""

    @override
    def write_outside(
        self, detectors: Sequence[Detector], checkpoints: Mapping[str, Checkpoint], *, now_ms: int
    ) -> bool:
        return not self.inner.write(self.as_they_are(detectors), now_ms=now_ms)


class _TellsNobody(_Store):
    @override
    def write_outside(
        self, detectors: Sequence[Detector], checkpoints: Mapping[str, Checkpoint], *, now_ms: int
    ) -> bool:
        return not self.inner.write(detectors, now_ms=now_ms)


class _Checkpoints:
    """`ports.Checkpoints`."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def begin(self, shard_id: str) -> Start:
        start: Start = self.inner.begin(shard_id)
        return start

    def read(self, shard_ids: Collection[str]) -> Mapping[str, Checkpoint]:
        return dict(self.inner.read(shard_ids))

    def move(self, shard_id: str, to: Checkpoint, *, previous: Checkpoint, pages: Sequence[Page] = ()) -> bool:
        return bool(self.inner.move(shard_id, to, previous=previous, pages=pages))

    def pages(self, shard_id: str, slots: Collection[str]) -> Mapping[str, Page]:
        return dict(self.inner.pages(shard_id, slots))

    def logged_shards(self) -> Collection[str]:
        return list(self.inner.logged_shards())


class _MovesAnyway(_Checkpoints):
    @override
    def move(self, shard_id: str, to: Checkpoint, *, previous: Checkpoint, pages: Sequence[Page] = ()) -> bool:
        return super().move(shard_id, to, previous=self.read([shard_id])[shard_id], pages=pages)


class _ClaimsNothing(_Checkpoints):
    @override
    def move(self, shard_id: str, to: Checkpoint, *, previous: Checkpoint, pages: Sequence[Page] = ()) -> bool:
        if to == replace(previous, owner=to.owner):
            return True
        now = self.read([shard_id])[shard_id]
        is_own_claim = previous.owner == to.owner and replace(now, owner=to.owner) == previous
        return super().move(shard_id, to, previous=now if is_own_claim else previous, pages=pages)


class _LosesPages(_Checkpoints):
    @override
    def move(self, shard_id: str, to: Checkpoint, *, previous: Checkpoint, pages: Sequence[Page] = ()) -> bool:
        empty = [replace(each, body=pack({})) if not each.slot.startswith("base") else each for each in pages]
        return super().move(shard_id, to, previous=previous, pages=empty)


class _ForgetsTheEpoch(_Checkpoints):
    @override
    def begin(self, shard_id: str) -> Start:
        return replace(super().begin(shard_id), devices=Epoch())


class _TrustsItself(Memory):
    """Whoever has had the shard since."""

    @override
    def take(self, shard_id: str, start: Start) -> ShardMemory | None:
        known = self._shards.get(shard_id)
        if known is None:
            return None
        trusted = replace(start.checkpoint, owner=self.owner, last_sequence=known.last_sequence)
        return super().take(shard_id, replace(start, checkpoint=trusted))


class _HearsNothing(Memory):
    """Of writes from outside."""

    @override
    def take(self, shard_id: str, start: Start) -> ShardMemory | None:
        known = self._shards.get(shard_id)
        if known is not None:
            known.generation = start.checkpoint.generation
        return super().take(shard_id, start)


class _KeepsLanes(Memory):
    """Whatever else wrote their detectors."""

    @override
    def take(self, shard_id: str, start: Start) -> ShardMemory | None:
        known = self._shards.get(shard_id)
        lanes = dict(known.lanes) if known is not None else {}
        found = super().take(shard_id, start)
        if found is not None:
            found.lanes = lanes
        return found


class _Impatient(Frontier):
    @override
    def reaches(self, due_ms: int, positions: Mapping[str, Position], *, now_ms: int) -> bool:
        return due_ms <= now_ms


class _NothingIsDone:
    def __init__(self, inner: Any) -> None:
        self.mark = inner.mark

    def is_done(self, effect_id: str) -> bool:
        return not effect_id


def _store(kind: type[_Store], *where: type[Environment]) -> Callable[[Environment], None]:
    def plant(environment: Environment) -> None:
        if isinstance(environment, where) and isinstance(environment, Evaluating | Firing):
            commit = replace(environment.commit, detectors=kind(environment.commit.detectors))
            environment.ports = replace(environment.ports, commit=commit)

    return plant


def _checkpoints(kind: type[_Checkpoints]) -> Callable[[Environment], None]:
    def plant(environment: Environment) -> None:
        if isinstance(environment, Evaluating):
            environment.ports = replace(environment.ports, checkpoints=kind(environment.checkpoints))

    return plant


def _memory(kind: type[Memory]) -> Callable[[Environment], None]:
    def plant(environment: Environment) -> None:
        if isinstance(environment, Evaluating):
            usual = environment.ports.memory
            environment.ports = replace(environment.ports, memory=kind(usual.owner, usual.most))

    return plant


def _frontier(environment: Environment) -> None:
    if isinstance(environment, Firing):
        inner = environment.ports.frontier
        environment.ports = replace(environment.ports, frontier=_Impatient(inner.checkpoints, inner.stream))


def _markers(environment: Environment) -> None:
    if isinstance(environment, Carrying):
        environment.ports = replace(environment.ports, markers=_NothingIsDone(environment.ports.markers))


BUGS: Final[Mapping[str, Bug]] = {
    "checkpoint_unconditional": Bug("A checkpoint moves wherever it stands by then.", 200, _checkpoints(_MovesAnyway)),
    "claim_skipped": Bug("Detectors are written before the shard is claimed.", 400, _checkpoints(_ClaimsNothing)),
    "outbox_dropped": Bug(
        "A detector is stored without the effects that it owes.", 50, _store(_DropsEffects, Evaluating)
    ),
    "debts_forgotten": Bug(
        "What a stored detector owes is not sent again.", 50, _store(_ForgetsDebts, Evaluating, Firing)
    ),
    "timer_doubled": Bug("What fires a timer writes over what has happened since.", 200, _store(_WritesOver, Firing)),
    "adoption_untold": Bug(
        "A shard takes over a detector of another and does not tell it.", 100, _store(_TellsNobody, Evaluating)
    ),
    "redelivery_ignored": Bug(
        "What a detector has seen of the stream is forgotten.", 50, _store(_ForgetsPositions, Evaluating)
    ),
    "versions_ignored": Bug(
        "A batch writes over what others have written since it read.", 200, _store(_IgnoresVersions, Evaluating)
    ),
    "epoch_forgotten": Bug("The registry is remembered for ever.", 50, _checkpoints(_ForgetsTheEpoch)),
    "memory_stale": Bug("What is remembered is used though another had the shard.", 50, _memory(_TrustsItself)),
    "touched_ignored": Bug("What was written from outside is remembered as it was.", 50, _memory(_HearsNothing)),
    "lane_stale": Bug("A lane outlives what is written from outside.", 50, _memory(_KeepsLanes)),
    "page_lost": Bug("The log's pages are empty.", 50, _checkpoints(_LosesPages)),
    "frontier_ignored": Bug("Timers overtake the stream.", 100, _frontier),
    "marks_ignored": Bug("What is marked as done is done again.", 50, _markers),
}
