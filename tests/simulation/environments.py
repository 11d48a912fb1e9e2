"""Execution environments of the three functions: the product's own code and adapters, on simulated clients.

This is all that the simulation knows of how the runtime is put together; it follows the handlers.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from coldwatch.adapters.batches import DynamoBatches, ThrottledError
from coldwatch.adapters.checkpoint_store import DynamoCheckpoints
from coldwatch.adapters.detector_store import DynamoDetectorStore, DynamoDoneMarkers, DynamoDueIndex
from coldwatch.adapters.effect_queue import SqsEffectQueue
from coldwatch.adapters.stream_frontier import KinesisTails
from coldwatch.adapters.timer_queue import SqsTimerQueue, read_wake
from coldwatch.adapters.watched_registry import DynamoWatchedRegistry
from coldwatch.detection import step
from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.effect import Effect
from coldwatch.detection.errors import DetectionError, TargetFailedError
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.log import Logs
from coldwatch.detection.memory import KnownDevices, Memory
from coldwatch.detection.outside import write_outside
from coldwatch.detection.overlay import load
from coldwatch.detection.step import Arrival, Step
from coldwatch.engine.snapshot import Snapshot
from coldwatch.profiles.catalog import Catalog, ProfileInForce
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors import turn
from evaluate_detectors.evaluation import Ports as EvaluationPorts
from evaluate_detectors.evaluation import evaluate_batch
from evaluate_detectors.handler import FirstRecordFailedError, failed_items
from evaluate_detectors.intake import Knowledge
from fire_timers.firing import Ports as FiringPorts
from fire_timers.firing import fire, sweep
from run_effects.carrying import Carried, QueuedEffect, carry_out_all
from run_effects.carrying import Ports as CarryingPorts
from tests.simulation.dynamo import DynamoClient
from tests.simulation.models import ADDED, FILES
from tests.simulation.queues import EFFECTS, TIMERS, Message, SqsClient
from tests.simulation.stream import KinesisClient
from tests.simulation.wire import Wire
from tests.simulation.workload import POISON
from tests.unit.telemetry.builders import RULES

if TYPE_CHECKING:
    from tests.simulation.world import World

OUR_FAULT_ODDS: Final = 0.2
TARGET_FAILS_ODDS: Final = 3.0
EXPECTED: Final = (ClientError, ThrottledError, DetectionError, FirstRecordFailedError)
"""What a function may fail with when services fail it; any other error of its is found."""


class OurOwnFaultError(Exception):
    """A fault of our own code, on one message."""


class Environment:
    """Of any function. `served` are the shards that it has been given batches of."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.served: set[str] = set()
        self.dynamodb = cast("Any", DynamoClient(wire.world.store, wire))
        self.sqs = cast("Any", SqsClient(wire))
        self.batches = DynamoBatches(self.dynamodb, wire.sleep)
        self.registry = DynamoWatchedRegistry(self.batches, "devices")
        self.checkpoints = DynamoCheckpoints(self.dynamodb, self.batches, "detectors", "devices")
        self.commit = CommitPorts(
            detectors=ShuffledStore(self.dynamodb, self.batches, "detectors", workers=1),
            logs=Logs(self.checkpoints),
            effects=SqsEffectQueue(self.sqs, EFFECTS, wire.sleep),
            timers=SqsTimerQueue(self.sqs, TIMERS, wire.sleep),
        )


class Operating(Environment):
    """Somebody who changes detectors by hand, as the data plane API does."""

    def add(self, detector_id: str) -> None:
        write_outside([detector_id], _with_more, self.commit, now_ms=self.wire.clock_ms)


def _with_more(detectors: Mapping[str, Detector]) -> Mapping[str, Detector]:
    return {name: replace(each, snapshot=_added(each.snapshot)) for name, each in detectors.items() if each.snapshot}


def _added(snapshot: Snapshot | None) -> Snapshot | None:
    if snapshot is None:
        return None
    before = snapshot.variables[ADDED]
    assert isinstance(before, int | float)
    return replace(snapshot, variables={**snapshot.variables, ADDED: before + 1})


def observed(world: "World") -> Mapping[str, Detector]:
    """Every detector, as an environment that has just begun would find it."""
    names = [name for name, item in world.store.tables["detectors"].items() if "body" in item]
    ports = Environment(Wire(world, "observer")).commit
    return load(names, ports.detectors, ports.logs).detectors


class ShuffledStore(DynamoDetectorStore):
    """Writes side by side end in any order; here they come one after the other in any order."""

    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        chance = cast("DynamoClient", self.client).wire.world.chance
        return super().write(chance.shuffled(detectors), now_ms=now_ms)


class Evaluating(Environment):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        memory = Memory(owner=wire.actor, most=wire.world.workload.most_remembered)
        self.ports = EvaluationPorts(KnownDevices(self.registry), memory, self.checkpoints, self.commit)
        catalog = MoodyCatalog(FILES.catalog, wire)
        self.knowledge = Knowledge(RULES, wire.world.by_input, catalog, has_lanes=wire.world.has_lanes)

    def evaluate(self, records: Sequence[StreamRecord]) -> str | None:
        """The sequence number from which the batch must come again."""
        self.served.add(records[0].shard_id)
        with _moody(self.wire):
            report = evaluate_batch(records, self.ports, self.knowledge, now_ms=self.wire.clock_ms)
        self.wire.world.quiet += report.counts["quiet"]
        items = failed_items(report)
        return items[0]["itemIdentifier"] if items else None


class Firing(Environment):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        kinesis: Any = KinesisClient(wire)
        self.ports = FiringPorts(
            self.commit,
            DynamoDueIndex(self.dynamodb, "detectors"),
            Frontier(self.checkpoints, KinesisTails(kinesis, "stream")),
            wire.world.workload.watches,
            self.registry,
        )

    def sweep(self) -> None:
        sweep(self.ports, now_ms=self.wire.clock_ms)

    def fire(self, bodies: Sequence[str]) -> frozenset[str]:
        """Those that were looked at: all together, or one by one if that fails."""
        try:
            fire([read_wake(each) for each in bodies], self.ports, now_ms=self.wire.clock_ms)
        except Exception as error:
            if not isinstance(error, EXPECTED):
                raise
            self.wire.tell("FAILS", f"{type(error).__name__}: {error}")
            return frozenset().union(*(self.fire([each]) for each in bodies)) if len(bodies) > 1 else frozenset()
        return frozenset(bodies)


class Carrying(Environment):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self.targets = Targets(wire)
        self.ports = CarryingPorts(DynamoDoneMarkers(self.dynamodb, "detectors"), self.targets, Parking(wire))

    def carry(self, messages: Sequence[Message]) -> dict[str, int]:
        """After how many seconds each that is left comes again, by message id."""
        self.targets.begun = self.wire.world.moment()
        given = [QueuedEffect(m.message_id, m.group, m.body, m.message_id, m.times_received) for m in messages]
        chance = self.wire.world.chance
        carried = carry_out_all(
            given,
            self.ports,
            now_ms=self.wire.clock_ms,
            has_time=lambda: not chance.strikes("partial_failure", 0.5),
        )
        return _again(given, carried)


def _again(messages: Sequence[QueuedEffect], carried: Carried) -> dict[str, int]:
    failed = {each.message_id: each.again_after_s for each in messages if each.message_id in carried.failures}
    return carried.kept_back | failed


class MoodyCatalog(Catalog):
    """Ours, where each record passes once: our own code fails on one now and then, and on some always."""

    def __init__(self, catalog: Catalog, wire: Wire) -> None:
        self.__dict__.update(catalog.__dict__)
        self.wire = wire

    def in_force(self, device: RegisteredDevice) -> ProfileInForce:
        if device.device_id == POISON:
            raise OurOwnFaultError(POISON)
        if self.wire.world.chance.strikes("partial_failure", OUR_FAULT_ODDS):
            self.wire.tell("fails on", f"a record of {device.device_id}")
            raise OurOwnFaultError(device.device_id)
        return super().in_force(device)


@contextmanager
def _moody(wire: Wire) -> Iterator[None]:
    """Our own code fails on one message of one detector now and then."""
    usual = getattr(turn, "receive")  # noqa: B009 - it is not exported

    def receive(detector: Detector, arrival: Arrival, watch: Watch) -> Step:
        if wire.world.chance.strikes("partial_failure", OUR_FAULT_ODDS / 4):
            wire.tell("fails on", f"a message of {detector.detector_id}")
            raise OurOwnFaultError(detector.detector_id)
        return step.receive(detector, arrival, watch)

    setattr(turn, "receive", receive)  # noqa: B010 - mypy will not have it otherwise
    try:
        yield
    finally:
        setattr(turn, "receive", usual)  # noqa: B010 - likewise


class Targets:
    """`ports.EffectTargets`: whatever an effect sets off. `begun` is when the batch at hand was given out."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.begun = 0

    def carry_out(self, effect: Effect) -> None:
        if self.wire.world.chance.strikes("partial_failure", TARGET_FAILS_ODDS):
            raise TargetFailedError(effect.effect_id)
        world, about = self.wire.world, f"{effect.detector_id} {effect.event_name}"
        self.wire.call("CarryOut", about, lambda: world.carry_out(effect, self.begun))


class Parking:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def park(self, message: QueuedEffect, reason: str) -> None:
        self.wire.world.parked.append(f"{message.message_id}: {reason}")
