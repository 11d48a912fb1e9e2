"""Whatever goes wrong on the way, and however often: detectors, their effects and the order of these equal those of a
run without faults.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.detection.errors import CheckpointMovedError, EffectsUnsentError
from coldwatch.detection.ports import Entry
from coldwatch.profiles import Clock, RegisteredDevice
from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from evaluate_detectors.evaluation import evaluate_batch
from evaluate_detectors.intake import Knowledge
from fire_timers.firing import fire, sweep
from tests.unit.detection.builders import FILES, WATCHES, counting_watch
from tests.unit.detection.fakes import Killed, Stepper, World, evaluation_ports, firing_ports
from tests.unit.telemetry.builders import CHILD, FRIDGE, GATEWAY, MACHINE, NOW, RULES, coldchain, envelope_of, factory
from tests.unit.telemetry.builders import record as bare_record

WATCHED = [*WATCHES.values(), counting_watch(Clock.WALL)]
"""What ships, and a model to which each message matters: nothing may reach it twice."""
BY_INPUT = {
    name: [watch for watch in WATCHED if name in watch.model.inputs] for name in ("telemetry", "factory_telemetry")
}
KNOWLEDGE = Knowledge(RULES, BY_INPUT, FILES.catalog)
SHARDS = ("shardId-000000000000", "shardId-000000000001")
SHARD_OF = {FRIDGE: 0, GATEWAY: 0, MACHINE: 1}
PUBLISHER = {FRIDGE: FRIDGE, CHILD: GATEWAY, MACHINE: MACHINE}
LONG = 6 * 3_600_000

type Said = tuple[int, str, int, dict[str, Any]]
"""Seconds since the message before; of which device; how old the reading is by then, in seconds; what it says."""

coldchain_values: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "temp_c": st.sampled_from([4.0, 9.0, 9.0, -3.0]),
        "shock_g": st.sampled_from([0.0, 0.0, 9.0]),
        "battery_pct": st.sampled_from([80.0, 5.0]),
    }
)
factory_values = st.builds(lambda value: {"value": value}, st.sampled_from([50.0, 500.0]))
gaps = st.sampled_from([0, 1, 60, 200, 400, 4000])
ages = st.sampled_from([0, 0, 0, 100, 700, -30])
said: st.SearchStrategy[Said] = st.tuples(gaps, st.sampled_from([FRIDGE, CHILD]), ages, coldchain_values) | st.tuples(
    gaps, st.just(MACHINE), ages, factory_values
)


def bare_world(streams: dict[str, list[StreamRecord]]) -> World:
    entries = {}
    for name in (FRIDGE, GATEWAY, CHILD, MACHINE):
        application = "factory" if name == MACHINE else "coldchain"
        identity = Device(name, "acme", application, gateway=GATEWAY if name == CHILD else None)
        entries[name] = Entry(identity, RegisteredDevice(device_id=name, fleet_id="acme", application=application))
    return World(entries=entries, streams=streams, now_ms=NOW)


def records(messages: Sequence[Said], repeated: Sequence[int]) -> dict[str, list[StreamRecord]]:
    """The streams; some messages are published twice, which makes another record of the same reading."""
    streams: dict[str, list[StreamRecord]] = {shard: [] for shard in SHARDS}
    now = NOW
    for n, (gap, device, age, values) in enumerate(messages):
        now += 1000 * gap
        make = factory if device == MACHINE else coldchain
        content = make(device_id=device, timestamp=now - 1000 * age, seq=n, **values)
        for _ in range(1 + (n in repeated)):
            _put(streams, content, PUBLISHER[device], now)
    return streams


def _put(streams: dict[str, list[StreamRecord]], content: dict[str, Any], thing: str, now: int) -> None:
    shard = SHARDS[SHARD_OF[thing]]
    application = "factory" if thing == MACHINE else "coldchain"
    body = envelope_of(content, thing=thing, application=application, received_at=now)
    made = bare_record(len(streams[shard]) + 1, body, partition_key=thing, shard=shard)
    at = {name: getattr(made, name) for name in ("event_id", "shard_id", "sequence_number", "partition_key", "data")}
    streams[shard].append(StreamRecord(**at, arrived_at=now))


def calm_run(streams: dict[str, list[StreamRecord]]) -> World:
    world = bare_world(streams)
    world.now_ms = max(each.arrived_at for stream in streams.values() for each in stream)
    for stream in streams.values():
        if stream:
            evaluate_batch(stream, evaluation_ports(world), KNOWLEDGE, now_ms=world.now_ms)
    let_time_pass(world)
    return world


def let_time_pass(world: World) -> None:
    """Until nothing is due any more."""
    world.now_ms += LONG
    for _ in range(30):
        world.now_ms += 60_000
        sweep(firing_ports(world), now_ms=world.now_ms)
        if not world.wakes:
            return
        run_timers(world, Stepper())
    raise AssertionError("timers never come to rest")


def run_timers(world: World, stepper: Stepper) -> None:
    """The timers' function for each wake whose delay is over; one that dies comes again."""
    for each in [wake for wake in world.wakes if wake[0] <= world.now_ms]:
        fire([each[1]], firing_ports(world, stepper), now_ms=world.now_ms)
        world.wakes.remove(each)


def stormy_run(streams: dict[str, list[StreamRecord]], choices: st.DataObject) -> World:
    """As a stream delivers: in order, from where the last delivery got to, in batches of any size, some of which die or
    are done in part; and now and then what was dealt with comes once more. Timers fire in between, and in the middle.
    """
    world, done = bare_world(streams), dict.fromkeys(SHARDS, 0)
    for _ in range(choices.draw(st.integers(0, 12), "turns")):
        world.now_ms += choices.draw(st.sampled_from([0, 1000, 70_000, 800_000]), "time passes")
        if choices.draw(st.booleans(), "timers"):
            attempt(lambda: tick(world, choices.draw(steppers, "fault of the timers")))
        else:
            _deliver(world, choices.draw(st.sampled_from(SHARDS)), done, choices)
    for shard in SHARDS:
        world.now_ms = max([world.now_ms, *(each.arrived_at for each in streams[shard])])
        while done[shard] < len(streams[shard]):
            until = choices.draw(st.integers(done[shard] + 1, len(streams[shard])), "until")
            evaluate_batch(streams[shard][done[shard] : until], evaluation_ports(world), KNOWLEDGE, now_ms=world.now_ms)
            done[shard] = until
    let_time_pass(world)
    return world


steppers = st.builds(Stepper, st.none() | st.integers(1, 60), st.frozensets(st.integers(1, 60), max_size=2))


def tick(world: World, stepper: Stepper) -> None:
    sweep(firing_ports(world, stepper), now_ms=world.now_ms)
    run_timers(world, stepper)


def _deliver(world: World, shard: str, done: dict[str, int], choices: st.DataObject) -> None:
    there = [each for each in world.streams[shard] if each.arrived_at <= world.now_ms]
    start = choices.draw(st.integers(0, done[shard]), "again from") if choices.draw(st.booleans()) else done[shard]
    if start >= len(there):
        return
    until = choices.draw(st.integers(start + 1, len(there)), "until")
    stepper = choices.draw(steppers, "fault")
    stepper.interrupt_at = choices.draw(st.none() | st.integers(1, 60), "timers in the middle")
    stepper.interrupt = lambda: attempt(lambda: tick(world, Stepper()))
    ports = evaluation_ports(world, stepper)
    if attempt(lambda: evaluate_batch(there[start:until], ports, KNOWLEDGE, now_ms=world.now_ms)):
        done[shard] = max(done[shard], until)


def attempt(what: Callable[[], object]) -> bool:
    """Whether it came to its end."""
    try:
        what()
    except (Killed, EffectsUnsentError, CheckpointMovedError):
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(messages=st.lists(said, min_size=1, max_size=14), repeated=st.sets(st.integers(0, 13)), choices=st.data())
def test_faults_change_nothing(messages: list[Said], repeated: set[int], choices: st.DataObject) -> None:
    streams = records(messages, sorted(repeated))
    expected = calm_run(streams).final()

    assert stormy_run(streams, choices).final() == expected


def test_killed_at_any_step_and_delivered_again_everything_is_as_if_nothing_had_happened() -> None:
    warm: list[Said] = [(100, FRIDGE, 0, {"temp_c": 9.0, "shock_g": 9.0, "battery_pct": 5.0}) for _ in range(6)]
    calm: list[Said] = [(4000, FRIDGE, 0, {}), (60, CHILD, 0, {}), (700, FRIDGE, 0, {})]
    streams = records([*warm, *calm], [])
    world = calm_run(streams)
    expected = world.final()
    assert {each.detector_model for each in world.sent} >= {"sustained_excursion_high", "shock", "device_silence"}

    counted = Stepper()
    _killed_run(streams, counted)
    for kill_at in range(1, counted.steps + 1):
        assert _killed_run(streams, Stepper(kill_at)).final() == expected, f"killed at step {kill_at}"


def _killed_run(streams: dict[str, list[StreamRecord]], stepper: Stepper) -> World:
    world = bare_world(streams)
    stream = streams[SHARDS[0]]
    for start in range(0, len(stream), 4):
        batch = stream[start : start + 4]
        world.now_ms = batch[-1].arrived_at
        if not attempt(partial(_evaluate, world, batch, stepper)):
            _evaluate(world, batch, Stepper())
        world.now_ms += 3000
        attempt(lambda: tick(world, stepper))
    let_time_pass(world)
    return world


def _evaluate(world: World, batch: Sequence[StreamRecord], stepper: Stepper) -> None:
    evaluate_batch(batch, evaluation_ports(world, stepper), KNOWLEDGE, now_ms=world.now_ms)
