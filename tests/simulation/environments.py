"""Execution environments of the three functions: the product's own code and adapters, on simulated clients.

This is all that the simulation knows of how the runtime is put together; it follows the handlers.
"""

from collections.abc import Sequence
from typing import Any, cast

from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.detector_store import (
    DynamoCheckpoints,
    DynamoDetectorStore,
    DynamoDoneMarkers,
    DynamoDueIndex,
)
from coldwatch.adapters.effect_queue import SqsEffectQueue
from coldwatch.adapters.stream_frontier import KinesisTails
from coldwatch.adapters.timer_queue import SqsTimerQueue, read_wake
from coldwatch.adapters.watched_registry import DynamoWatchedRegistry
from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import Detector, decode_detector
from coldwatch.detection.effect import Effect
from coldwatch.detection.errors import TargetFailedError
from coldwatch.detection.frontier import Frontier
from coldwatch.profiles.catalog import Catalog, ProfileInForce
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors.evaluation import Ports as EvaluationPorts
from evaluate_detectors.evaluation import evaluate_batch
from evaluate_detectors.handler import failed_items
from evaluate_detectors.intake import Knowledge
from fire_timers.firing import Ports as FiringPorts
from fire_timers.firing import fire, sweep
from run_effects.carrying import Carried, QueuedEffect, carry_out_all
from run_effects.carrying import Ports as CarryingPorts
from tests.simulation.dynamo import DynamoClient, Store
from tests.simulation.models import FILES
from tests.simulation.queues import EFFECTS, TIMERS, Message, SqsClient
from tests.simulation.stream import KinesisClient
from tests.simulation.wire import Wire
from tests.simulation.workload import POISON
from tests.unit.telemetry.builders import RULES

OUR_FAULT_ODDS = 0.2
TARGET_FAILS_ODDS = 3.0


class OurOwnFaultError(Exception):
    """A fault of our own code, on one message."""


class Environment:
    """Of any function. `served` are the shards that it has been given batches of."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.served: set[str] = set()
        self.dynamodb: Any = DynamoClient(wire.world.store, wire)
        self.sqs: Any = SqsClient(wire)
        self.batches = DynamoBatches(self.dynamodb, wire.sleep)
        self.registry = DynamoWatchedRegistry(self.batches, "devices")
        self.checkpoints = DynamoCheckpoints(self.dynamodb, "detectors")
        self.commit = CommitPorts(
            detectors=ShuffledStore(self.dynamodb, self.batches, "detectors", workers=1),
            effects=SqsEffectQueue(self.sqs, EFFECTS, wire.sleep),
            timers=SqsTimerQueue(self.sqs, TIMERS, wire.sleep),
        )


def observed(store: Store) -> dict[str, Detector]:
    """Every detector, as an environment that has just begun would find it."""
    items = store.tables["detectors"].items()
    return {
        name: decode_detector(item["body"]["S"], int(item["version"]["N"])) for name, item in items if "body" in item
    }


class ShuffledStore(DynamoDetectorStore):
    """Writes side by side end in any order; here they come one after the other in any order."""

    def write(self, detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        chance = cast(DynamoClient, self.client).wire.world.chance
        return super().write(chance.shuffled(detectors), now_ms=now_ms)


class Evaluating(Environment):
    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self.ports = EvaluationPorts(self.registry, self.checkpoints, self.commit)
        self.knowledge = Knowledge(RULES, wire.world.by_input, MoodyCatalog(FILES.catalog, wire))

    def evaluate(self, records: Sequence[StreamRecord]) -> str | None:
        """The sequence number from which the batch must come again."""
        self.served.add(records[0].shard_id)
        report = evaluate_batch(records, self.ports, self.knowledge, now_ms=self.wire.clock_ms)
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

    def fire(self, body: str) -> None:
        fire(read_wake(body), self.ports, now_ms=self.wire.clock_ms)


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
