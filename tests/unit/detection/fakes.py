"""What outlives a process, in memory: it keeps the promises of `coldwatch.detection.ports` and can be stopped anywhere.

`tests/integration/aws/test_detection.py` puts the real adapters to the same promises.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import Detector, decode_detector, encode_detector
from coldwatch.detection.effect import Effect, decode_effect, encode_effect
from coldwatch.detection.errors import CheckpointMovedError, DetectorContestedError, EffectsUnsentError
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.log import Logs
from coldwatch.detection.memory import KnownDevices, Memory
from coldwatch.detection.overlay import load
from coldwatch.detection.ports import Checkpoint, Child, Entry, Epoch, Page, Start, Tail, Wake
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors.evaluation import Ports as EvaluationPorts
from fire_timers.firing import Ports as FiringPorts
from tests.unit.detection.builders import WATCHES


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


class LostError(Exception):
    """A request failed, or only its answer did: whoever made it cannot tell."""


@dataclass
class Stepper:
    """Counts every single read and write, before and after it is carried out. Kills at the step `kill_at`, loses the
    request or its answer at `lose_at`, and lets somebody else in at `interrupt_at`. The effects whose steps are in
    `refuse` are not taken.
    """

    kill_at: int | None = None
    refuse: frozenset[int] = frozenset()
    lose_at: int | None = None
    interrupt_at: int | None = None
    interrupt: Callable[[], object] = lambda: None
    steps: int = 0

    def step(self) -> bool:
        """Whether the service takes this step."""
        self.steps += 1
        if self.interrupt_at == self.steps:
            self.interrupt()
        if self.kill_at == self.steps:
            raise Killed
        if self.lose_at == self.steps:
            raise LostError
        return self.steps not in self.refuse


@dataclass
class Item:
    body: str
    version: int
    due_ms: int | None
    is_owing: bool = False

    @classmethod
    def of(cls, detector: Detector, now_ms: int, version: int = 1) -> "Item":
        return cls(encode_detector(detector), version, detector.wakes_at(now_ms), bool(detector.pending))

    @property
    def detector(self) -> Detector:
        return decode_detector(self.body, self.version, is_owing=self.is_owing)


@dataclass
class World:
    """`streams` holds the records of each shard; of them is there what has arrived by `now_ms`. `requests` counts what
    DynamoDB and SQS would be asked.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    devices: Epoch = field(default_factory=Epoch)
    created: Epoch = field(default_factory=Epoch)
    items: dict[str, Item] = field(default_factory=dict)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    pages: dict[tuple[str, str], Page] = field(default_factory=dict)
    logged: set[str] = field(default_factory=set)
    sent: list[Effect] = field(default_factory=list)
    wakes: list[tuple[int, Wake]] = field(default_factory=list)
    streams: dict[str, list[StreamRecord]] = field(default_factory=dict)
    children: dict[str, tuple[Child, ...]] = field(default_factory=dict)
    now_ms: int = 0
    writes: int = 0
    heaviest: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    write_units: Counter[str] = field(default_factory=Counter)

    def pay(self, what: str, weight: int, *, times: int = 1) -> None:
        """For the write of an item of so many bytes, beside its names; `times` 2 in a transaction."""
        self.write_units[what] += times * -(-(weight + 150) // 1024)

    @property
    def stored(self) -> dict[str, Detector]:
        return {name: item.detector for name, item in self.items.items()}

    @property
    def detectors(self) -> dict[str, Detector]:
        """As they are, with what the logs say."""
        calm = commit_ports(replace(self, requests=Counter()))
        return dict(load(self.items, calm.detectors, calm.logs).detectors)

    def register(self, entry: Entry) -> None:
        name = entry.identity.device_id
        self.entries[name] = entry
        self.devices = _raised(self.devices, [name])

    def effects_of(self) -> dict[str, list[str]]:
        """Of each detector the ids of its effects, as they were first sent: a repetition is known by its id."""
        found: dict[str, dict[str, None]] = {}
        for each in self.sent:
            found.setdefault(each.detector_id, {})[each.effect_id] = None
        return {name: list(ids) for name, ids in found.items()}

    def final(self) -> dict[str, Any]:
        """What must not depend on what went wrong on the way."""
        return {
            "detectors": {name: _essence(each) for name, each in self.detectors.items()},
            "effects": self.effects_of(),
            "contents": {each.effect_id: encode_effect(each) for each in self.sent},
        }


def _raised(epoch: Epoch, changed: Sequence[str]) -> Epoch:
    return Epoch(epoch.number + len(changed), (*epoch.changed, *changed)[-100:])


def _essence(detector: Detector) -> tuple[Any, ...]:
    """All but what says how it got there: how often it was written, and which records it has seen."""
    snapshot = detector.snapshot.to_document() if detector.snapshot else None
    own = (detector.changed_at, detector.changed_keys, detector.device_id, detector.application, detector.profile)
    return (snapshot, detector.pending, *own)


def commit_ports(world: World, step: Stepper | None = None) -> CommitPorts:
    stepper = step or Stepper()
    logs = Logs(FakeCheckpoints(world, stepper))
    return CommitPorts(FakeDetectors(world, stepper), logs, FakeEffects(world, stepper), FakeTimers(world, stepper))


def evaluation_ports(world: World, step: Stepper | None = None, *, owner: str = "") -> EvaluationPorts:
    """Those of an execution environment that has just begun."""
    stepper = step or Stepper()
    registry = KnownDevices(FakeRegistry(world, stepper))
    memory = Memory(owner or f"environment-{next(_numbers)}")
    return EvaluationPorts(registry, memory, FakeCheckpoints(world, stepper), commit_ports(world, stepper))


_numbers = count(1)


class Environment:
    """An execution environment: it remembers from batch to batch, until it dies. Each call has faults of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stepper = Stepper()
        self._begin()

    def _begin(self) -> None:
        self.evaluation = evaluation_ports(self._world, self._stepper)
        self.firing = firing_ports(self._world, self._stepper)

    def has_done(self, what: Callable[[], object], faults: Stepper | None = None) -> bool:
        """Whether it came to its end."""
        vars(self._stepper).update(vars(faults or Stepper()))
        try:
            what()
        except Killed:
            self._begin()
            return False
        except (EffectsUnsentError, CheckpointMovedError, DetectorContestedError, LostError):
            return False
        return True


def firing_ports(world: World, step: Stepper | None = None) -> FiringPorts:
    stepper = step or Stepper()
    frontier = Frontier(FakeCheckpoints(world, stepper), FakeTails(world, stepper))
    return FiringPorts(
        commit_ports(world, stepper), FakeIndex(world, stepper), frontier, WATCHES, FakeRegistry(world, stepper)
    )


@dataclass
class FakeRegistry:
    world: World
    stepper: Stepper

    def look_up(self, device_ids: Collection[str]) -> Mapping[str, Entry]:
        self.stepper.step()
        self.world.requests["BatchGetItem"] += -(-len(device_ids) // 100)
        return {each: self.world.entries[each] for each in device_ids if each in self.world.entries}


@dataclass
class FakeDetectors:
    world: World
    stepper: Stepper

    def load(self, detector_ids: Collection[str]) -> Mapping[str, Detector]:
        assert detector_ids
        self.stepper.step()
        self.world.requests["BatchGetItem"] += -(-len(detector_ids) // 100)
        found = {each: self.world.items[each].detector for each in detector_ids if each in self.world.items}
        self.stepper.step()
        return found

    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        assert detectors
        return {each.detector_id for each in detectors if not self._write(each, now_ms)}

    def write_outside(
        self, detectors: Sequence[Detector], checkpoints: Mapping[str, Checkpoint], *, now_ms: int
    ) -> bool:
        assert 0 < len(detectors) + len(checkpoints) <= 99
        self.stepper.step()
        self.world.requests["TransactWriteItems"] += 1
        is_unmoved = all(self._is_unmoved(each) for each in detectors) and all(
            self.world.checkpoints.get(shard_id, Checkpoint()).stands_like(each)
            for shard_id, each in checkpoints.items()
        )
        if is_unmoved:
            for each in detectors:
                self._put(each, now_ms, times=2)
            for checkpoint in checkpoints.values():
                self.world.pay("checkpoints", sum(len(name) for name in checkpoint.touched), times=2)
            self.world.created = _raised(
                self.world.created, [each.detector_id for each in detectors if not each.version]
            )
            names = [each.detector_id for each in detectors]
            self.world.checkpoints |= {shard_id: each.raised(names) for shard_id, each in checkpoints.items()}
        self.stepper.step()
        return is_unmoved

    def settle(self, detectors: Sequence[Detector]) -> None:
        assert detectors
        for each in detectors:
            self.stepper.step()
            self.world.requests["UpdateItem"] += 1
            item = self.world.items[each.detector_id]
            if item.version == each.version:
                item.is_owing, item.due_ms = False, each.stored_due_ms
            self.stepper.step()

    def _write(self, detector: Detector, now_ms: int) -> bool:
        self.stepper.step()
        self.world.requests["PutItem"] += 1
        is_unmoved = self._is_unmoved(detector)
        if is_unmoved:
            self._put(detector, now_ms)
        self.stepper.step()
        return is_unmoved

    def _is_unmoved(self, detector: Detector) -> bool:
        held = self.world.items.get(detector.detector_id)
        return (held.version if held else 0) == detector.version

    def _put(self, detector: Detector, now_ms: int, *, times: int = 1) -> None:
        item = Item.of(detector, now_ms, detector.version + 1)
        held = self.world.items.get(detector.detector_id)
        self.world.pay("detectors", len(item.body), times=times)
        # Where an item stands in the index changes with what it is found by: it is taken out, and put in.
        dues = {held.due_ms if held else None, item.due_ms} - {None}
        self.world.write_units["index"] += len(dues) if not held or held.due_ms != item.due_ms else 0
        self.world.items[detector.detector_id] = item
        self.world.writes += 1
        self.world.heaviest = max(self.world.heaviest, len(item.body))


@dataclass
class FakeCheckpoints:
    world: World
    stepper: Stepper

    def begin(self, shard_id: str) -> Start:
        self.stepper.step()
        self.world.requests["BatchGetItem"] += 1
        return Start(self.world.checkpoints.get(shard_id, Checkpoint()), self.world.devices, self.world.created)

    def read(self, shard_ids: Collection[str]) -> Mapping[str, Checkpoint]:
        self.stepper.step()
        self.world.requests["BatchGetItem"] += 1
        return {each: self.world.checkpoints.get(each, Checkpoint()) for each in shard_ids}

    def move(self, shard_id: str, to: Checkpoint, *, previous: Checkpoint, pages: Sequence[Page] = ()) -> bool:
        self.stepper.step()
        self.world.requests["TransactWriteItems" if pages else "PutItem"] += 1
        if not self.world.checkpoints.get(shard_id, Checkpoint()).stands_like(previous):
            return False
        self.world.checkpoints[shard_id] = to
        self.world.pay("checkpoints", sum(len(name) for name in to.touched), times=2 if pages else 1)
        for page in pages:
            self.world.pay("log", len(page.body), times=2)
        self.world.pages |= {(shard_id, each.slot): each for each in pages}
        self.world.logged |= {shard_id} if pages else set()
        self.stepper.step()
        return True

    def pages(self, shard_id: str, slots: Collection[str]) -> Mapping[str, Page]:
        self.stepper.step()
        self.world.requests["BatchGetItem"] += -(-len(slots) // 100)
        return {slot: self.world.pages[shard_id, slot] for slot in slots if (shard_id, slot) in self.world.pages}

    def logged_shards(self) -> Collection[str]:
        self.stepper.step()
        self.world.requests["GetItem"] += 1
        return sorted(self.world.logged)


@dataclass
class FakeEffects:
    world: World
    stepper: Stepper

    def send(self, effects: Sequence[Effect]) -> set[str]:
        assert effects
        unsent: set[str] = set()
        stuck: set[str] = set()
        for each in effects:
            if each.detector_id in stuck or not self.stepper.step():
                stuck.add(each.detector_id)
                unsent.add(each.effect_id)
                continue
            self.world.sent.append(decode_effect(encode_effect(each)))
            self.stepper.step()
        return unsent


@dataclass
class FakeTimers:
    world: World
    stepper: Stepper

    def send(self, wakes: Sequence[Wake]) -> None:
        assert wakes
        for each in wakes:
            self.stepper.step()
            self.world.wakes.append((self.world.now_ms + 1000 * each.delay_s, each))
            self.stepper.step()


@dataclass
class FakeIndex:
    world: World
    stepper: Stepper

    def due(self, until_ms: int) -> list[tuple[str, int]]:
        self.stepper.step()
        found = ((name, item.due_ms) for name, item in self.world.items.items())
        return sorted(((name, due) for name, due in found if due is not None and due <= until_ms), key=lambda e: e[1])


@dataclass
class FakeTails:
    world: World
    stepper: Stepper

    def tail(self, shard_id: str, after: int | None) -> Tail:
        self.stepper.step()
        there = [each for each in self.world.streams.get(shard_id, ()) if each.arrived_at <= self.world.now_ms]
        is_empty = not any(after is None or each.sequence > after for each in there)
        return Tail(is_empty, self.world.children.get(shard_id, ()) if is_empty else ())
