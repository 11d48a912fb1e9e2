"""What batches cost, counted: requests to DynamoDB and to the effects queue, and write units.

The data have the shape of the benchmarks': each device reports every 15 s, two of a hundred have an excursion, three
messages of a thousand are a spike.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from pathlib import Path

import pytest

from benchmarks.fleet import Fleet, lines
from coldwatch.detection.detector import Watch
from coldwatch.detection.ports import Entry
from coldwatch.engine.loader import load_model
from coldwatch.profiles import Clock, RegisteredDevice
from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from evaluate_detectors.evaluation import Ports, evaluate_batch
from evaluate_detectors.intake import Knowledge
from tests.unit.detection.builders import FILES, NOW, SILENCE, WATCHES, entry, records_of
from tests.unit.detection.fakes import World, evaluation_ports
from tests.unit.telemetry.builders import RULES, SHARD, envelope_of
from tests.unit.telemetry.builders import record as bare_record

SUSTAINED = json.loads((Path(__file__).parents[3] / "benchmarks" / "models" / "sustained.json").read_text())
EXCURSION = Watch(load_model(SUSTAINED), Clock.EVENT, "1")
SHIPPED = (WATCHES[SILENCE], WATCHES["shock"])
BATCH = 500


def fleet_records(fleet: Fleet) -> Iterator[StreamRecord]:
    for number, line in enumerate(lines(fleet), start=1):
        content = json.loads(line)
        thing, at = content["device_id"], content["timestamp"]
        made = bare_record(number, envelope_of(content, thing=thing, received_at=at), partition_key=thing)
        own = (made.event_id, made.shard_id, made.sequence_number, made.partition_key, made.data)
        yield StreamRecord(*own, arrived_at=at)


def registered(names: Iterable[str], fleet_id: str = "acme") -> World:
    world = World(now_ms=NOW)
    for name in names:
        watched = RegisteredDevice(device_id=name, fleet_id=fleet_id, application="coldchain")
        world.register(Entry(Device(name, fleet_id, "coldchain"), watched))
    return world


def run(world: World, records: Iterable[StreamRecord], *watches: Watch, ports: Ports | None = None) -> int:
    """In batches, by one environment; how many."""
    knowledge = Knowledge(RULES, {"telemetry": watches}, FILES.catalog)
    known, batches = ports or evaluation_ports(world), 0
    for batch in batched(records, BATCH, strict=False):
        world.now_ms = batch[-1].arrived_at
        report = evaluate_batch(batch, known, knowledge, now_ms=world.now_ms)
        assert report.failures == {}
        batches += 1
    return batches


def names_of(devices: int) -> list[str]:
    return [f"north-reefer-{number:06d}" for number in range(devices)]


DEVICES = 350
"""Of the 10,000 of the whole data set: enough batches for a base of the log. Run with all of them it takes minutes."""


@pytest.fixture(scope="module")
def data() -> list[StreamRecord]:
    return list(fleet_records(Fleet(DEVICES)))


@pytest.fixture(scope="module")
def calm(data: list[StreamRecord]) -> World:
    """After the data set without heartbeats."""
    world = registered(names_of(DEVICES), "north")
    run(world, data, EXCURSION)
    return world


BATCHES = -(-DEVICES * 100 // BATCH)
COLD = 2 * -(-DEVICES // 100) + 3
"""The registry, the detectors once (that there are none), and to claim the shard."""


def test_without_heartbeats_the_data_set_takes_at_most_12_requests_for_a_thousand_messages(
    data: list[StreamRecord], calm: World
) -> None:
    assert 2 * BATCHES + calm.writes <= sum(calm.requests.values()) <= 2 * BATCHES + calm.writes + COLD
    assert sum(calm.requests.values()) - COLD <= 12 * len(data) // 1_000


def test_with_a_heartbeat_timer_on_each_device_only_what_else_happens_is_written(
    data: list[StreamRecord], calm: World
) -> None:
    world = registered(names_of(DEVICES), "north")

    run(world, data, EXCURSION, WATCHES[SILENCE])

    # Each device's own detector is created once.
    assert world.writes == calm.writes + DEVICES
    assert sum(world.requests.values()) <= 2 * BATCHES + world.writes + COLD + DEVICES // 100
    assert sum(world.requests.values()) <= 60 * len(data) // 1_000
    assert sum(world.write_units.values()) <= 60 * len(data) // 1_000


def silent_fleet(devices: int) -> tuple[World, Ports, list[str]]:
    """Devices that are well, heard, and remembered by an environment."""
    names = [f"acme-fridge-{number:04d}" for number in range(devices)]
    world = registered(names)
    ports = evaluation_ports(world)
    run(world, heard(names, 1), *SHIPPED, ports=ports)
    world.requests.clear()
    return world, ports, names


def heard(names: Sequence[str], at: int, **changes: float) -> list[StreamRecord]:
    """One reading of each, so many seconds after the beginning."""
    return [
        record
        for n, name in enumerate(names)
        for record in records_of([(at, changes)], first=at * 10_000 + n, device_id=name)
    ]


def test_a_batch_that_changes_nothing_takes_two_requests() -> None:
    world, ports, names = silent_fleet(50)

    run(world, heard(names, 2), WATCHES["shock"], ports=ports)

    assert world.requests == {"BatchGetItem": 1, "PutItem": 1}


def test_a_batch_takes_one_request_more_for_each_detector_that_changes_however_many_signs_of_life_it_brings() -> None:
    world, ports, names = silent_fleet(50)

    run(world, [*heard(names[:43], 2), *heard(names[43:], 3, shock_g=9.0)], *SHIPPED, ports=ports)

    assert world.requests == {"BatchGetItem": 1, "PutItem": 7, "TransactWriteItems": 1}
    assert len(world.sent) == 7


def test_of_a_device_whose_profile_changed_the_registry_is_asked_in_the_next_batch_and_of_no_other() -> None:
    world, ports, names = silent_fleet(50)
    changed = RegisteredDevice(device_id=names[7], fleet_id="acme", application="coldchain", watched=False)
    world.register(Entry(world.entries[names[7]].identity, changed))

    run(world, heard(names, 2, shock_g=9.0), WATCHES["shock"], ports=ports)

    assert world.requests == {"BatchGetItem": 2, "PutItem": 1 + 49}
    assert {each.key for each in world.sent} == set(names) - {names[7]}


def test_an_environment_that_begins_claims_the_shard_and_writes_once_what_it_will_log_changes_of() -> None:
    world, _, names = silent_fleet(50)
    ports = evaluation_ports(world)

    run(world, heard(names, 2), *SHIPPED, ports=ports)

    # The checkpoint, the registry, the detectors; the claim, the detectors, the checkpoint.
    assert world.requests == {"BatchGetItem": 1 + 1 + 1, "PutItem": 1 + 50 + 1}

    world.requests.clear()
    run(world, heard(names, 3), *SHIPPED, ports=ports)

    assert world.requests == {"BatchGetItem": 1, "TransactWriteItems": 1}


def test_an_environment_that_begins_reads_the_log_of_the_one_before() -> None:
    world, ports, names = silent_fleet(50)
    run(world, heard(names, 2), *SHIPPED, ports=ports)
    assert world.checkpoints[SHARD].log.last == 1
    world.requests.clear()

    run(world, heard(names, 3, shock_g=9.0), *SHIPPED, ports=evaluation_ports(world))

    # Of each device both detectors change: of its silence, and of its shock, which there was not.
    assert world.requests == {"BatchGetItem": 3 + 1, "PutItem": 1 + 2 * 50, "TransactWriteItems": 1}


def test_an_environment_that_reads_detectors_makes_sure_that_the_shard_is_its_own_before_it_writes() -> None:
    world, ports, _ = silent_fleet(50)
    world.register(entry("acme-fridge-0050"))

    run(world, heard(["acme-fridge-0050"], 2), *SHIPPED, ports=ports)

    # The checkpoint, the registry, the detectors, the checkpoint once more.
    assert world.requests == {"BatchGetItem": 4, "PutItem": 2}
