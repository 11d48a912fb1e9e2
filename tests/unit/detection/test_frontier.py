"""A timer does not overtake telemetry that may say otherwise, nor wait for what will never be evaluated."""

import hashlib
from dataclasses import replace

import pytest

from coldwatch.detection.commit import SETTLE_MS
from coldwatch.detection.detector import Position
from coldwatch.detection.frontier import GIVEN_UP_AFTER_MS, Frontier
from coldwatch.detection.ports import Checkpoint, Child
from tests.contract.template import resources
from tests.unit.detection.builders import FRIDGE, NOW, SHARD, records_of
from tests.unit.detection.fakes import FakeCheckpoints, FakeTails, Stepper, World

POSITIONS = {SHARD: Position(1, FRIDGE, NOW)}
DUE = NOW + 600_000
HALF = 2**127


def reaches(world: World, *, now_ms: int, due_ms: int = DUE, stepper: Stepper | None = None) -> bool:
    world.now_ms = now_ms
    used = stepper or Stepper()
    return Frontier(FakeCheckpoints(world, used), FakeTails(world, used)).reaches(due_ms, POSITIONS, now_ms=now_ms)


def test_a_backlog_holds_a_timer_back_until_it_is_evaluated() -> None:
    stream = records_of([(0, {}), (500, {})])
    world = World(
        streams={SHARD: stream},
        checkpoints={SHARD: Checkpoint(last_sequence=stream[0].sequence, evaluated_until_ms=NOW)},
    )

    assert not reaches(world, now_ms=DUE + 3_600_000)

    world.checkpoints[SHARD] = Checkpoint(last_sequence=stream[1].sequence, evaluated_until_ms=NOW + 500_000)
    assert reaches(world, now_ms=DUE + 3_600_000)


def test_an_idle_shard_lets_a_timer_fire_once_what_was_on_its_way_must_have_come() -> None:
    world = World(checkpoints={SHARD: Checkpoint(last_sequence=1, evaluated_until_ms=NOW)})

    assert not reaches(world, now_ms=DUE)
    assert not reaches(world, now_ms=DUE + SETTLE_MS - 1)
    assert reaches(world, now_ms=DUE + SETTLE_MS)


def test_telemetry_evaluated_beyond_the_timer_needs_no_look_at_the_stream() -> None:
    stream = records_of([(700, {}), (701, {})])
    world = World(
        streams={SHARD: stream},
        checkpoints={SHARD: Checkpoint(last_sequence=stream[0].sequence, evaluated_until_ms=NOW + 700_000)},
    )
    stepper = Stepper()

    assert reaches(world, now_ms=DUE + 600_000, stepper=stepper)
    assert stepper.steps == 1


def test_messages_that_cross_on_their_way_to_the_stream_are_waited_for() -> None:
    stream = records_of([(600, {}), (600, {})])
    world = World(
        streams={SHARD: stream},
        checkpoints={SHARD: Checkpoint(last_sequence=stream[0].sequence, evaluated_until_ms=DUE)},
    )

    assert not reaches(world, now_ms=DUE + 60_000)


def test_a_record_that_will_be_given_up_holds_no_timer_back() -> None:
    world = World(streams={SHARD: records_of([(0, {})])})

    assert not reaches(world, now_ms=DUE + GIVEN_UP_AFTER_MS - 1)
    assert reaches(world, now_ms=DUE + GIVEN_UP_AFTER_MS)


def test_the_event_source_gives_records_up_before_the_frontier_forgets_them() -> None:
    source = resources("AWS::Serverless::Function")["EvaluateDetectorsFunction"]["Properties"]["Events"]["Telemetry"]

    assert source["Properties"]["MaximumRecordAgeInSeconds"] * 1000 < GIVEN_UP_AFTER_MS


@pytest.mark.parametrize("is_evaluated", [True, False])
def test_of_a_split_shard_the_child_that_goes_on_with_the_device_counts(*, is_evaluated: bool) -> None:
    place = int.from_bytes(hashlib.md5(FRIDGE.encode(), usedforsecurity=False).digest())
    low, high = Child("shardId-low", 0, HALF - 1), Child("shardId-high", HALF, 2 * HALF - 1)
    own, other = (low, high) if place < HALF else (high, low)
    waiting = [replace(each, shard_id=own.shard_id) for each in records_of([(100, {})])]
    world = World(
        streams={own.shard_id: waiting, other.shard_id: records_of([(0, {})])},
        children={SHARD: (low, high)},
        checkpoints={SHARD: Checkpoint(last_sequence=1, evaluated_until_ms=NOW)},
    )
    if is_evaluated:
        world.checkpoints[own.shard_id] = Checkpoint(
            last_sequence=waiting[0].sequence, evaluated_until_ms=NOW + 100_000
        )

    assert reaches(world, now_ms=DUE + 60_000) is is_evaluated
