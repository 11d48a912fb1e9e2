"""Writes from outside a shard's batches: environments notice them, and they notice batches."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import pytest

from coldwatch.detection.detector import Detector, new_detector
from coldwatch.detection.errors import DetectorContestedError
from coldwatch.detection.outside import TRIES, write_outside
from coldwatch.detection.ports import MOST_TOUCHED, Checkpoint, Entry
from coldwatch.engine.snapshot import Snapshot
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors.evaluation import Ports, evaluate_batch
from evaluate_detectors.intake import Knowledge
from fire_timers.firing import fire, sweep
from tests.unit.detection.builders import FILES, FRIDGE, NOW, SHARD, SILENCE, WATCHES, entry, records_of
from tests.unit.detection.fakes import Killed, Stepper, World, commit_ports, evaluation_ports, firing_ports
from tests.unit.telemetry.builders import RULES

NAME = f"{SILENCE}/{FRIDGE}"
KNOWLEDGE = Knowledge(RULES, {"telemetry": [WATCHES[SILENCE], WATCHES["shock"]]}, FILES.catalog)


def fleet(devices: int = 1) -> tuple[World, Ports, list[str]]:
    """Devices that were heard, and remembered by an environment."""
    names = [f"acme-fridge-{number:04d}" for number in range(1, devices + 1)]
    world = World(entries={name: entry(name) for name in names}, now_ms=NOW)
    ports = evaluation_ports(world)
    hear(world, ports, names, 1)
    hear(world, ports, names, 2)
    return world, ports, names


def hear(world: World, ports: Ports, names: list[str], at: int, **changes: float) -> None:
    batch = [
        record
        for n, name in enumerate(names)
        for record in records_of([(at, changes)], first=at * 10_000 + n, device_id=name)
    ]
    world.now_ms = NOW + at * 1000
    evaluate_batch(batch, ports, KNOWLEDGE, now_ms=world.now_ms)


def stopped(detectors: Mapping[str, Detector]) -> dict[str, Detector]:
    """Somebody puts them into another state."""
    return {name: replace(each, snapshot=Snapshot("silent", {}, {}, {})) for name, each in detectors.items()}


def test_a_warm_environment_goes_on_with_what_was_written_from_outside() -> None:
    world, ports, names = fleet()

    write_outside([NAME], stopped, commit_ports(world), now_ms=NOW)
    hear(world, ports, names, 3)

    assert [each.event_name for each in world.sent] == ["Telemetry heard again"]
    assert world.checkpoints[SHARD].touched == frozenset()


def test_what_is_written_in_the_middle_of_a_batch_is_neither_lost_nor_overlooked() -> None:
    """The device's sign of life is small, or the message changes nothing: nothing else would tell."""
    calm, ports, names = fleet()
    steps = Stepper()
    hear(calm, replace(evaluation_ports(calm, steps), memory=ports.memory), names, 3)
    for step in range(1, steps.steps + 1):
        world, ports, names = fleet()

        def write(world: World = world) -> None:
            write_outside([NAME], stopped, commit_ports(world), now_ms=NOW)

        stepper = Stepper(interrupt_at=step, interrupt=write)
        hear(world, replace(evaluation_ports(world, stepper), memory=ports.memory), names, 3)
        hear(world, ports, names, 4)

        assert [each.event_name for each in world.sent] == ["Telemetry heard again"], f"interrupted at step {step}"


def test_a_detector_that_is_none_of_the_batch_does_not_make_it_evaluate_again() -> None:
    world, ports, names = fleet(2)
    steps = Stepper(interrupt_at=2, interrupt=lambda: write_outside([NAME], stopped, commit_ports(world), now_ms=NOW))
    watched = replace(evaluation_ports(world, steps), memory=ports.memory)
    world.requests.clear()

    hear(world, watched, names[1:], 3)

    # It begins once, and reads the registry; who comes in between reads four times; then it looks twice what happened.
    assert world.requests["BatchGetItem"] == 1 + 1 + 4 + 2
    hear(world, ports, names, 4)
    assert [each.key for each in world.sent] == [FRIDGE]


def test_many_are_written_in_few_transactions() -> None:
    world, ports, names = fleet(250)
    world.requests.clear()

    done = write_outside([f"{SILENCE}/{name}" for name in names], stopped, commit_ports(world), now_ms=NOW)

    assert len(done.stored) == 250
    assert world.requests["TransactWriteItems"] == 3
    assert world.checkpoints[SHARD].touched == done.stored.keys()
    hear(world, ports, names, 3)
    assert len(world.sent) == 250


def test_beyond_what_a_checkpoint_can_name_all_are_read_again() -> None:
    checkpoint = Checkpoint().raised([str(n) for n in range(MOST_TOUCHED)])
    assert len(checkpoint.touched) == MOST_TOUCHED

    assert checkpoint.raised(["one more"]) == Checkpoint(generation=2, touched_all=True)


def test_thousands_of_timers_fire_together_and_none_that_a_sign_of_life_has_reset() -> None:
    world, ports, names = fleet(300)
    silence_ms = FILES.catalog.in_force(entry(FRIDGE).watched).profile.members()["silence_s"] * 1000
    hear(world, ports, names[:200], 200)
    world.now_ms = NOW + 2_000 + silence_ms + 3_000
    firing = firing_ports(world)

    assert sweep(firing, now_ms=world.now_ms) == 100
    fire([wake for _, wake in world.wakes], firing, now_ms=world.now_ms)

    assert {each.key for each in world.sent} == set(names[200:])
    assert world.writes == 300 + 100


def test_one_that_is_made_from_outside_is_no_longer_believed_not_to_be() -> None:
    world, ports, names = fleet()
    name = f"shock/{FRIDGE}"
    assert name not in world.items

    def make(_: Mapping[str, Detector]) -> dict[str, Detector]:
        return {name: replace(new_detector(WATCHES["shock"], FRIDGE), snapshot=Snapshot("shocked", {}, {}, {}))}

    done = write_outside([name], make, commit_ports(world), now_ms=NOW)
    hear(world, ports, names, 3)

    assert done.stored[name].version == 1
    assert world.stored[name].home == SHARD, "the shard has taken it in"


def test_one_that_others_always_come_before_is_given_up() -> None:
    world, _, _ = fleet()
    tries = []

    def busy(detectors: Mapping[str, Detector]) -> dict[str, Detector]:
        tries.append(1)
        world.checkpoints[SHARD] = world.checkpoints[SHARD].raised([])
        return stopped(detectors)

    with pytest.raises(DetectorContestedError, match=NAME):
        write_outside([NAME], busy, commit_ports(world), now_ms=NOW)
    assert len(tries) == TRIES


def test_a_detector_of_another_shard_is_taken_over_with_what_that_one_had_logged() -> None:
    world, ports, names = fleet()
    silence = world.detectors[NAME]
    assert silence.version == 1, "its second sign of life is in the log"
    child = "shardId-000000000007"
    batch = [on_shard(child, record) for record in records_of([(3, {})], first=1)]

    evaluate_batch(batch, evaluation_ports(world), KNOWLEDGE, now_ms=NOW + 3_000)

    taken = world.detectors[NAME]
    assert (taken.home, taken.version, set(taken.positions)) == (child, 2, {SHARD, child})
    assert world.checkpoints[SHARD].touched == {NAME}
    assert taken.changed_at == NOW + 3_000
    hear(world, ports, names, 4)
    assert world.detectors[NAME].home == SHARD, "and back, if that one goes on to feed it"


def on_shard(shard: str, record: StreamRecord) -> StreamRecord:
    own = (record.event_id, shard, record.sequence_number, record.partition_key, record.data)
    return StreamRecord(*own, arrived_at=record.arrived_at)


def test_an_environment_that_remembers_notices_another_that_died_before_it_moved_the_checkpoint() -> None:
    """That one may have written what this one would not: with more of the stream, or with another profile."""
    world, ports, names = fleet()
    with suppress(Killed):
        # The steps: checkpoint, log, registry, detectors (two), the claim (two), the write of the shock (two); its
        # effect is sent (two), and then it would move.
        hear(world, evaluation_ports(world, Stepper(kill_at=12)), names, 3, shock_g=9.0)
    assert world.items[f"shock/{FRIDGE}"].version == 1
    calmer = replace(entry(FRIDGE).watched, profile_changes='{"shock_g": 50.0}')
    world.register(Entry(entry(FRIDGE).identity, calmer))

    hear(world, ports, names, 3, shock_g=9.0)
    hear(world, ports, names, 4_000)
    hear(world, ports, names, 4_001)

    assert world.checkpoints[SHARD].owner == ports.memory.owner
    ended = [each for each in world.sent if each.action.fields["functionArn"].endswith("recover_incident")]
    assert {each.detector_model for each in ended} >= {"shock"}, "it knows that there was one"
