"""Silence is noticed to the second, once, and never while the stream may hold a sign of life."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from coldwatch.detection.commit import SETTLE_MS
from coldwatch.detection.detector import RESEND_AFTER_MS, Detector, Position, Rollout
from coldwatch.detection.ports import Checkpoint, Wake
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.profiles.deployment import Clock
from fire_timers.firing import ATTEMPTS, RETIRED_AFTER_MS, SIDE_BY_SIDE_MS, Fired, Outcome, fire, sweep
from tests.unit.detection.builders import FRIDGE, NOW, SHARD, SILENCE, WATCHES, detector, effect, entry, records_of
from tests.unit.detection.fakes import Item, Killed, Stepper, World, firing_ports

DUE = NOW + 600_000
NAME = f"{SILENCE}/{FRIDGE}"


def world_with(*detectors: Detector, **more: Any) -> World:
    """As stored at NOW, by a shard that is evaluated up to then."""
    more = {"entries": {FRIDGE: entry(FRIDGE)}, "now_ms": NOW, **more}
    world = World(checkpoints={SHARD: Checkpoint(last_sequence=1, evaluated_until_ms=NOW)}, **more)
    for each in detectors:
        world.items[each.detector_id] = Item.of(each, NOW)
    return world


def waiting(**changes: Any) -> Detector:
    return detector(due_ms=DUE, positions={SHARD: Position(1, FRIDGE, NOW)}, **changes)


def fire_at(world: World, now_ms: int, *, due_ms: int = DUE, attempt: int = 0, stepper: Stepper | None = None) -> Fired:
    world.now_ms = now_ms
    return fire([Wake(NAME, due_ms, 0, attempt)], firing_ports(world, stepper), now_ms=now_ms)


def test_silence_is_noticed_at_its_second_and_told_with_its_own_time() -> None:
    world = world_with(waiting())

    early = fire_at(world, DUE + SETTLE_MS - 1)
    fired = fire_at(world, DUE + SETTLE_MS)

    assert (early.outcomes[NAME], fired.outcomes[NAME], fired.effects) == (Outcome.EARLY, Outcome.FIRED, 1)
    (told,) = world.sent
    assert (told.occurred_at, told.action.fields["functionArn"].rsplit(":", 1)[-1]) == (DUE, "open_incident")


def test_what_was_sent_is_sent_once_more_by_the_sweep_and_then_not_looked_at_again() -> None:
    world = world_with(waiting())
    fire_at(world, DUE + SETTLE_MS)
    at = world.items[NAME].due_ms
    before = world.items[NAME].version, world.checkpoints[SHARD]

    outcomes = [fire_at(world, DUE + 70_000, due_ms=at or 0).outcomes[NAME] for _ in range(2)]

    assert (at, outcomes) == (DUE + SETTLE_MS + RESEND_AFTER_MS, [Outcome.TOLD, Outcome.NOTHING])
    assert (world.items[NAME].due_ms, world.detectors[NAME].pending) == (None, ())
    assert (world.items[NAME].version, world.checkpoints[SHARD]) == before, "nobody has to read it again for that"
    assert [each.effect_id for each in world.sent] == [world.sent[0].effect_id] * 2


@pytest.mark.parametrize("entries", [{}, {FRIDGE: entry(FRIDGE, watched=False)}], ids=["unknown", "unwatched"])
def test_of_a_device_that_is_not_watched_no_silence_is_noticed(entries: dict[str, Any]) -> None:
    world = world_with(waiting(), entries=entries)

    outcomes = [fire_at(world, DUE + SETTLE_MS + n).outcomes[NAME] for n in range(2)]

    assert outcomes == [Outcome.RETIRED, Outcome.NOTHING]
    assert (world.sent, world.items[NAME].due_ms) == ([], None)


def test_a_device_that_is_watched_again_before_its_timer_is_due_is_found_silent() -> None:
    world = world_with(waiting(), entries={FRIDGE: entry(FRIDGE, watched=False)})
    fire_at(world, DUE - 1)
    world.entries[FRIDGE] = entry(FRIDGE)

    assert fire_at(world, DUE + SETTLE_MS).outcomes[NAME] is Outcome.FIRED


def test_it_is_never_noticed_twice() -> None:
    world = world_with(waiting())

    outcomes = [fire_at(world, DUE + SETTLE_MS + n).outcomes[NAME] for n in range(3)]

    assert outcomes == [Outcome.FIRED, Outcome.TOLD, Outcome.NOTHING]
    assert {name: len(ids) for name, ids in world.effects_of().items()} == {NAME: 1}


def test_it_waits_for_telemetry_that_is_not_evaluated_yet() -> None:
    world = world_with(waiting(), streams={SHARD: records_of([(500, {})], first=2)})

    assert fire_at(world, DUE + 60_000).outcomes[NAME] is Outcome.EARLY
    assert world.sent == []


def test_a_sweep_wakes_each_detector_that_is_due_by_the_next_one_at_its_second() -> None:
    world = world_with(waiting(), detector(key="later", due_ms=NOW + 10_000_000))
    world.now_ms = DUE - 60_000

    assert [sweep(firing_ports(world), now_ms=now) for now in (DUE - 60_001, DUE - 60_000)] == [0, 1]

    ((visible_at, wake),) = world.wakes
    assert DUE + SETTLE_MS <= visible_at < DUE + SETTLE_MS + 1000
    assert (wake.detector_id, wake.due_ms) == (NAME, DUE)


def test_a_wake_that_comes_a_moment_early_is_sent_again_once_for_its_timer() -> None:
    world = world_with(waiting())

    fire_at(world, DUE + SETTLE_MS - 1, attempt=1)

    assert world.wakes == [(DUE + SETTLE_MS + 999, Wake(NAME, DUE, 1, 1))]


def test_a_wake_for_a_timer_that_was_set_anew_does_not_multiply() -> None:
    world = world_with(waiting())

    assert fire_at(world, DUE - 100_000, due_ms=DUE - 100_000).outcomes[NAME] is Outcome.NOTHING
    assert world.wakes == []


def test_a_wake_that_is_outdated_does_not_hide_the_true_one_beside_it() -> None:
    """The stream is behind, so that the true one has to come again."""
    world = world_with(waiting(), streams={SHARD: records_of([(0, {})], first=2)}, now_ms=DUE + 60_000)
    outdated, true = Wake(NAME, DUE - 100_000, 0), Wake(NAME, DUE, 0)

    for wakes in ([outdated, true], [true, outdated]):
        world.wakes.clear()
        fired = fire(wakes, firing_ports(world), now_ms=world.now_ms)

        assert fired.outcomes == {NAME: Outcome.EARLY}
        assert [(wake.due_ms, wake.attempt) for _, wake in world.wakes] == [(DUE, 1)]


def test_for_a_stream_that_is_behind_it_comes_again_a_few_times_and_then_with_the_sweep() -> None:
    world = world_with(waiting(), streams={SHARD: records_of([(0, {})], first=2)})
    sent = 0
    fire_at(world, DUE + 60_000)
    while world.wakes:
        ((_, wake),) = world.wakes
        world.wakes.clear()
        sent += 1
        fire([wake], firing_ports(world), now_ms=DUE + 60_000)
    assert sent == ATTEMPTS

    sweep(firing_ports(world), now_ms=DUE + 3_600_000)
    ((_, again),) = world.wakes
    world.wakes.clear()
    fire([again], firing_ports(world), now_ms=DUE + 3_600_000)

    assert world.wakes == []


def test_somebody_who_wrote_the_detector_meanwhile_is_taken_into_account() -> None:
    world = world_with(waiting())
    heard = waiting(snapshot=detector(due_ms=DUE + 600_000).snapshot)

    def hear() -> None:
        world.items[NAME] = Item.of(heard, NOW, 2)

    # The steps: the detector is read (two), its frontier looked up (two), and then it is written.
    fired = fire_at(world, DUE + SETTLE_MS, stepper=Stepper(interrupt_at=5, interrupt=hear))

    assert fired.outcomes[NAME] is Outcome.NOTHING
    assert world.sent == []
    assert world.items[NAME].version == 2


def test_what_is_owed_is_sent_also_when_the_model_is_deployed_no_more_and_then_not_looked_at_again() -> None:
    gone = detector(model=SILENCE, pending=(effect(),))
    gone = replace(gone, model="gone", key="x")
    world = world_with(gone)
    assert world.items["gone/x"].due_ms == NOW + 60_000

    fired = fire([Wake("gone/x", NOW + 60_000, 0)], firing_ports(world), now_ms=NOW + 60_000)

    assert (fired.outcomes["gone/x"], fired.effects) == (Outcome.TOLD, 1)
    assert world.sent == [effect()]
    assert world.items["gone/x"].due_ms is None


def test_a_detector_of_another_version_fires_at_its_second() -> None:
    world = world_with(waiting(model_version="older"))

    assert fire_at(world, DUE + SETTLE_MS).outcomes[NAME] is Outcome.FIRED

    (told,) = world.sent
    assert (told.occurred_at, told.model_version) == (DUE, WATCHES[SILENCE].version)
    assert world.detectors[NAME].model_version == WATCHES[SILENCE].version


@pytest.mark.parametrize(("fraction", "version"), [(0.0, "previous"), (1.0, WATCHES[SILENCE].version)])
def test_during_a_roll_out_it_fires_under_the_version_that_its_key_has(fraction: float, version: str) -> None:
    world = world_with(waiting())
    rolling = replace(WATCHES[SILENCE], rollout=Rollout(replace(WATCHES[SILENCE], version="previous"), fraction))
    ports = replace(firing_ports(world), watches={SILENCE: rolling})
    world.now_ms = DUE + SETTLE_MS

    fired = fire([Wake(NAME, DUE, 0)], ports, now_ms=world.now_ms)

    assert fired.outcomes[NAME] is Outcome.FIRED
    assert ([told.model_version for told in world.sent], world.detectors[NAME].model_version) == ([version], version)


def test_one_that_would_lose_something_is_left_to_the_newer_functions_for_a_while_and_goes_on_then() -> None:
    timers = {"silence": Timer(DUE, 600), "gone": Timer(DUE + 900_000, 60)}
    world = world_with(waiting(model_version="other", snapshot=Snapshot("heard", {}, timers, {})))

    assert fire_at(world, DUE + SIDE_BY_SIDE_MS - 1).outcomes[NAME] is Outcome.EARLY
    assert (world.items[NAME].version, world.sent) == (1, [])
    fired = fire_at(world, DUE + SIDE_BY_SIDE_MS)

    assert (fired.outcomes[NAME], fired.effects) == (Outcome.FIRED, 1)
    assert [told.occurred_at for told in world.sent] == [DUE]
    assert [note.message.rpartition(", ")[2] for note in fired.notes] == ["the timer `gone` is dropped"]
    assert world.detectors[NAME].next_timer_ms is None


def test_one_whose_state_is_gone_begins_anew_and_wakes_nobody_any_more() -> None:
    gone = Snapshot("gone", {}, {"silence": Timer(DUE, 600)}, {})
    world = world_with(waiting(model_version="other", snapshot=gone))

    outcomes = [fire_at(world, DUE + SIDE_BY_SIDE_MS + n).outcomes[NAME] for n in range(2)]

    assert outcomes == [Outcome.RETIRED, Outcome.NOTHING]
    assert (world.sent, world.items[NAME].due_ms) == ([], None)
    assert world.detectors[NAME].positions == waiting().positions


def test_what_went_over_to_the_event_clock_is_fired_by_messages_alone() -> None:
    on_wall = detector(model="shock", due_ms=DUE, clock=Clock.WALL, positions={SHARD: Position(1, FRIDGE, NOW)})
    on_wall = replace(on_wall, snapshot=Snapshot("shaken", {}, {"quiet": Timer(DUE, 600)}, {}))
    world = world_with(on_wall)

    def look(now_ms: int) -> Outcome:
        wake = Wake(on_wall.detector_id, DUE, 0, ATTEMPTS)
        return fire([wake], firing_ports(world), now_ms=now_ms).outcomes[on_wall.detector_id]

    assert look(DUE + SIDE_BY_SIDE_MS - 1) is Outcome.EARLY
    look(DUE + SIDE_BY_SIDE_MS)

    stored = world.detectors[on_wall.detector_id]
    assert (world.sent, world.items[on_wall.detector_id].due_ms, stored.clock) == ([], None, Clock.EVENT)
    assert stored.snapshot is not None
    assert stored.snapshot.timers == {"quiet": Timer(DUE, 600)}


def test_a_detector_of_a_model_that_is_not_deployed_is_left_alone_for_an_hour() -> None:
    other = replace(waiting(), model="gone")
    world = world_with(other)
    name = other.detector_id

    def look(now_ms: int) -> Outcome:
        return fire([Wake(name, DUE, 0, ATTEMPTS)], firing_ports(world), now_ms=now_ms).outcomes[name]

    assert look(DUE + RETIRED_AFTER_MS - 1) is Outcome.EARLY
    assert world.items[name].version == 1
    assert look(DUE + RETIRED_AFTER_MS) is Outcome.RETIRED
    assert world.items[name].due_ms is None
    assert world.detectors[name].positions == other.positions
    assert world.sent == []


@pytest.mark.parametrize("kill_at", range(1, 14))
def test_killed_anywhere_silence_is_told_once(kill_at: int) -> None:
    world = world_with(waiting())

    with suppress(Killed):
        fire_at(world, DUE + SETTLE_MS, stepper=Stepper(kill_at))
    for now in (DUE + 70_000, DUE + 140_000):
        sweep(firing_ports(world), now_ms=now)
        fire([wake for _, wake in world.wakes], firing_ports(world), now_ms=now)

    assert {name: len(ids) for name, ids in world.effects_of().items()} == {NAME: 1}
    assert world.detectors[NAME].pending == ()


def test_a_detector_that_is_gone_is_nothing_to_fire() -> None:
    world = World()

    assert fire_at(world, DUE).outcomes[NAME] is Outcome.NOTHING
