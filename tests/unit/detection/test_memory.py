"""What an environment believes not to be, and until when."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from coldwatch.detection.detector import new_detector
from coldwatch.detection.memory import MOST_DETECTORS, Memory, ShardMemory
from coldwatch.detection.ports import Checkpoint, Entry, Epoch, Start
from coldwatch.detection.small import Small
from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from evaluate_detectors.evaluation import Ports, evaluate_batch
from evaluate_detectors.intake import Knowledge
from tests.unit.detection.builders import FILES, NOW, SHARD, SILENCE, WATCHES, entry
from tests.unit.detection.fakes import World, evaluation_ports
from tests.unit.telemetry.builders import FRIDGE, GATEWAY, RULES, coldchain, message

OTHER = "shardId-000000000001"
BATTERY = f"battery_low/{FRIDGE}"


def reading(number: int, battery_pct: float, *, thing: str, shard: str) -> StreamRecord:
    at = NOW + number * 60_000
    content = coldchain(device_id=FRIDGE, timestamp=at, seq=number, battery_pct=battery_pct)
    made = message(number, content, thing=thing, received_at=at)
    return replace(made, event_id=f"{shard}:{made.sequence_number}", shard_id=shard, arrived_at=at)


def hear(world: World, ports: Ports, records: Sequence[StreamRecord], *, has_lanes: bool) -> None:
    knowledge = Knowledge(RULES, {"telemetry": [WATCHES["battery_low"]]}, FILES.catalog, has_lanes=has_lanes)
    world.now_ms = records[-1].arrived_at
    evaluate_batch(records, ports, knowledge, now_ms=world.now_ms)


def spoken_for(gateway: str | None) -> Entry:
    return Entry(Device(FRIDGE, "acme", "coldchain", gateway=gateway), entry(FRIDGE).watched)


@pytest.mark.parametrize("has_lanes", [False, True])
def test_what_a_gateway_has_said_of_a_device_on_another_shard_is_known_when_it_speaks_for_itself_again(
    *, has_lanes: bool
) -> None:
    world = World(now_ms=NOW)
    world.register(spoken_for(None))
    world.register(Entry(Device(GATEWAY, "acme", "coldchain"), replace(entry(GATEWAY).watched, watched=False)))
    ports = evaluation_ports(world)
    for number in (1, 2):
        hear(world, ports, [reading(number, 80, thing=FRIDGE, shard=SHARD)], has_lanes=has_lanes)
    assert BATTERY not in world.items, "all is well, and nothing is kept"

    world.register(spoken_for(GATEWAY))
    hear(world, evaluation_ports(world), [reading(3, 5, thing=GATEWAY, shard=OTHER)], has_lanes=has_lanes)
    world.register(spoken_for(None))
    low = world.detectors[BATTERY].snapshot
    assert low
    assert low.state != "charged"
    hear(world, ports, [reading(4, 80, thing=FRIDGE, shard=SHARD)], has_lanes=has_lanes)

    after = world.detectors[BATTERY].snapshot
    assert after
    assert after != low


def test_a_log_takes_memory_too_and_the_shard_used_longest_ago_makes_room() -> None:
    memory = Memory("me", most=3)
    log = {f"{BATTERY}-{number}": Small(1, None, None, (), NOW, ()) for number in range(16)}
    for shard, known in ((OTHER, ShardMemory(1, 0, small=log)), (SHARD, ShardMemory(1, 0))):
        with memory.keeping(shard, known):
            pass

    start = Start(Checkpoint(last_sequence=1, owner="me"), Epoch(), Epoch())
    assert memory.take(OTHER, start) is None
    assert memory.take(SHARD, start)


def test_a_shard_of_as_many_devices_as_one_is_planned_for_is_remembered() -> None:
    """Each with a heartbeat in the log, a lane, and five detectors that there are not (`docs/scaling.md`)."""
    devices = range(100_000)
    heartbeats = [f"{SILENCE}/{number}" for number in devices]
    known = ShardMemory(
        1,
        0,
        detectors=dict.fromkeys(heartbeats, new_detector(WATCHES[SILENCE], FRIDGE)),
        absent={f"{model}/{number}" for number in devices for model in range(5)},
        written=set(heartbeats),
        small=dict.fromkeys(heartbeats, Small(1, None, None, (), NOW, ())),
        behind=set(heartbeats),
        lanes=dict.fromkeys(map(str, devices), cast("Any", None)),
    )

    assert MOST_DETECTORS * 0.9 < known.weight < MOST_DETECTORS


def test_an_epoch_that_is_none_of_the_past_tells_nothing_of_what_changed() -> None:
    assert Epoch(3, ("a", "b", "c")).changed_since(1) == ("b", "c")
    assert Epoch(3, ("c",)).changed_since(1) is None
    assert Epoch(3, ("c",)).changed_since(7) is None, "a table was restored"
