"""Faults planted in the runtime, from outside: to show that the simulation would find them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, override

from coldwatch.detection.detector import Detector, Position, without_pending
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.ports import Checkpoint, DetectorStore, Entry, Registry
from tests.simulation.environments import Carrying, Environment, Evaluating, Firing


@dataclass(frozen=True, slots=True)
class Bug:
    """`plant` spoils an environment as it begins. `within` so many seeds it is found."""

    about: str
    within: int
    plant: Callable[[Environment], None]


@dataclass(slots=True)
class _Store:
    """Hands everything on; what spoils it overrides."""

    inner: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def load(self, detector_ids: Collection[str]) -> Mapping[str, Detector]:
        return dict(self.inner.load(detector_ids))

    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        return set(self.inner.write(detectors, now_ms=now_ms))


class _ForgetsPositions(_Store):
    @override
    def load(self, detector_ids: Collection[str]) -> Mapping[str, Detector]:
        return {name: replace(each, positions={}) for name, each in self.inner.load(detector_ids).items()}


class _DropsEffects(_Store):
    @override
    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        return set(self.inner.write([without_pending(each) for each in detectors], now_ms=now_ms))


class _IgnoresVersions(_Store):
    @override
    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        now = self.inner.load([each.detector_id for each in detectors])
        versions = {name: each.version for name, each in now.items()}
        return set(
            self.inner.write(
                [replace(each, version=versions.get(each.detector_id, 0)) for each in detectors], now_ms=now_ms
            )
        )


@dataclass(slots=True)
class _RemembersForEver:
    inner: Registry
    known: dict[str, Entry] = field(default_factory=dict)

    def look_up(self, device_ids: Collection[str]) -> Mapping[str, Entry]:
        self.known |= self.inner.look_up([each for each in device_ids if each not in self.known])
        return {each: self.known[each] for each in device_ids if each in self.known}


@dataclass(slots=True)
class _NeverMoves:
    inner: Any

    def read(self, shard_id: str) -> Checkpoint | None:
        found: Checkpoint | None = self.inner.read(shard_id)
        return found

    def move(self, shard_id: str, checkpoint: Checkpoint, *, previous: Checkpoint | None) -> None:
        pass


class _Impatient(Frontier):
    @override
    def reaches(self, due_ms: int, positions: Mapping[str, Position], *, now_ms: int) -> bool:
        return due_ms <= now_ms


class _NothingIsDone:
    def __init__(self, inner: Any) -> None:
        self.mark = inner.mark

    def is_done(self, effect_id: str) -> bool:
        return False


def _store(kind: type[_Store], *where: type[Environment]) -> Callable[[Environment], None]:
    def plant(environment: Environment) -> None:
        if isinstance(environment, where) and isinstance(environment, Evaluating | Firing):
            spoilt: DetectorStore = kind(environment.commit.detectors)
            environment.ports = replace(environment.ports, commit=replace(environment.commit, detectors=spoilt))

    return plant


def _registry(environment: Environment) -> None:
    if isinstance(environment, Evaluating):
        environment.ports = replace(environment.ports, registry=_RemembersForEver(environment.registry))


def _checkpoints(environment: Environment) -> None:
    if isinstance(environment, Evaluating):
        environment.ports = replace(environment.ports, checkpoints=_NeverMoves(environment.checkpoints))


def _frontier(environment: Environment) -> None:
    if isinstance(environment, Firing):
        inner = environment.ports.frontier
        environment.ports = replace(environment.ports, frontier=_Impatient(inner.checkpoints, inner.stream))


def _markers(environment: Environment) -> None:
    if isinstance(environment, Carrying):
        environment.ports = replace(environment.ports, markers=_NothingIsDone(environment.ports.markers))


BUGS: Final[Mapping[str, Bug]] = {
    "checkpoint_skipped": Bug("The checkpoint is never moved.", 20, _checkpoints),
    "outbox_dropped": Bug(
        "A detector is stored without the effects that it owes.", 50, _store(_DropsEffects, Evaluating, Firing)
    ),
    "timer_doubled": Bug(
        "What fires a timer writes over what has happened since it looked.", 300, _store(_IgnoresVersions, Firing)
    ),
    "redelivery_ignored": Bug(
        "What a detector has seen of the stream is forgotten.", 50, _store(_ForgetsPositions, Evaluating)
    ),
    "versions_ignored": Bug(
        "A batch writes over what others have written since it read.", 100, _store(_IgnoresVersions, Evaluating)
    ),
    "registry_remembered": Bug("The registry is read once and never again.", 50, _registry),
    "frontier_ignored": Bug("Timers overtake the stream.", 50, _frontier),
    "marks_ignored": Bug("What is marked as done is done again.", 50, _markers),
}
