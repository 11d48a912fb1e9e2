"""A batch of the stream: what of it holds the others up, what does not, and what it is said to have come to."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from coldwatch.adapters.watched_registry import DynamoWatchedRegistry
from coldwatch.detection.commit import SOON_MS
from coldwatch.detection.detector import Watch
from coldwatch.detection.step import Fate
from coldwatch.profiles import Clock
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors.evaluation import BatchReport, evaluate_batch
from evaluate_detectors.intake import Knowledge, take_in
from evaluate_detectors.report import describe, metrics
from tests.unit.detection.builders import (
    FILES,
    NOW,
    SHARD,
    SILENCE,
    WATCHES,
    counting_watch,
    detector,
    effect,
    entry,
    records_of,
)
from tests.unit.detection.fakes import (
    FakeRegistry,
    Item,
    Killed,
    Stepper,
    World,
    evaluation_ports,
)
from tests.unit.telemetry.builders import FRIDGE, RULES, coldchain, encoded, record, redrive

OTHER = "acme-fridge-0002"
COUNTING = f"counting/{FRIDGE}"
NOW_MS = NOW + 100_000


def bare_world(**more: Any) -> World:
    entries = {name: entry(name) for name in (FRIDGE, OTHER)}
    return World(entries=entries | more, now_ms=NOW_MS)


def knowing(*watches: Watch) -> Knowledge:
    return Knowledge(RULES, {"telemetry": watches}, FILES.catalog)


def evaluated(
    world: World, records: Iterable[StreamRecord], *watches: Watch, stepper: Stepper | None = None
) -> BatchReport:
    ports = evaluation_ports(world, stepper)
    return evaluate_batch(list(records), ports, knowing(*watches or [counting_watch()]), now_ms=NOW_MS)


def variables(world: World, name: str = COUNTING) -> Mapping[str, Any]:
    snapshot = world.detectors[name].snapshot
    return snapshot.variables if snapshot else {}


def test_a_detector_with_much_to_send_sends_it_in_between_and_goes_on() -> None:
    world = bare_world()

    report = evaluated(world, records_of([(n, {}) for n in range(40)]), counting_watch(actions=4))

    assert len(world.sent) == report.counts["effects"] == 160
    assert variables(world) == {"count": 40}
    # 52 effects a turn, each turn written once.
    assert world.writes == 4
    assert report.counts["evaluated"] == 40


def test_what_is_stored_with_a_detector_until_it_is_sent_fits_an_item() -> None:
    world = bare_world()
    many = records_of([(n, {}) for n in range(20)])

    evaluated(world, many, counting_watch(content="'" + "x" * 9_000 + "'", actions=10))

    assert len(world.sent) == 20 * 10
    assert world.heaviest < 320_000


def test_an_action_that_sends_too_much_is_told_loudly_and_holds_nothing_up() -> None:
    world = bare_world()
    too_large = counting_watch(content="'" + "x" * 120_000 + "'")

    report = evaluated(world, records_of([(0, {}), (1, {})]), too_large)

    assert (report.failures, world.sent, variables(world)) == ({}, [], {"count": 2})
    assert metrics(report, "test", now_ms=NOW)["EffectsOmitted"] == describe(report)["omitted_count"] == 2
    assert "was not performed" in describe(report)["omitted"][0]
    assert world.checkpoints[SHARD].last_sequence == report.records[-1].sequence


def test_a_message_without_the_key_of_a_model_is_counted_and_skipped_by_it_alone() -> None:
    keyed = counting_watch()
    keyless = replace(keyed, model=replace(keyed.model, name="keyless", key="no.such", key_path=("no", "such")))
    world = bare_world()

    report = evaluated(world, records_of([(0, {}), (1, {})]), keyless, keyed)

    assert report.counts["keyless"] == 2
    assert report.failures == {}
    assert variables(world) == {"count": 2}
    assert world.checkpoints[SHARD].last_sequence == report.records[-1].sequence


def test_a_message_arrives_no_later_than_its_record_whatever_it_says() -> None:
    world = bare_world()
    (stamped,) = records_of([(10, {})])
    early = replace(stamped, arrived_at=NOW + 5_000)
    bare = record(2, encoded(coldchain(timestamp=NOW + 60_000)))

    intake = take_in([early, bare], FakeRegistry(world, Stepper()), knowing(counting_watch()))

    arrived = [each.arrived_at for each in intake.tasks[COUNTING].arrivals]
    assert arrived == [NOW + 5_000, bare.arrived_at] == list(intake.arrived.values())


def test_a_batch_that_others_get_in_before_counts_once() -> None:
    world = bare_world()
    records = records_of([(0, {}), (1, {})])
    evaluated(world, records)

    def write() -> None:
        world.items[COUNTING].version += 1

    # After the detectors were read, before the first is written. Whoever else writes it may not have sent what it owed.
    more = records_of([(2, {}), (3, {})], first=3)
    report = evaluated(world, more, stepper=Stepper(interrupt_at=5, interrupt=write))

    assert (report.counts["evaluated"], report.counts["changed"], report.counts["effects"]) == (2, 1, 2 + 2 + 2)
    assert variables(world) == {"count": 4}
    assert len(world.effects_of()[COUNTING]) == 4


def test_what_a_dead_process_owed_is_sent_before_anything_new() -> None:
    world = bare_world()
    owing = replace(detector(model="shock"), snapshot=None, pending=(effect(),))
    world.items[owing.detector_id] = Item.of(owing, NOW)

    report = evaluated(world, records_of([(0, {"shock_g": 9.0})]), WATCHES["shock"])

    assert [each.effect_id for each in world.sent][:1] == [effect().effect_id]
    assert len(world.sent) == report.counts["effects"] == 2
    assert [each.effect_id for each in world.detectors[owing.detector_id].pending] == [world.sent[1].effect_id]


def test_a_timer_that_a_dead_process_stored_and_told_nobody_is_told_at_the_next_delivery() -> None:
    changes = {"silence_s": 60}
    device = entry(FRIDGE, profile_changes=str(changes).replace("'", '"'))
    world = bare_world(**{FRIDGE: device})
    records = records_of([(90, {})])
    with pytest.raises(Killed):
        # The steps: checkpoint, registry, detectors (two), the claim (two), the write (two), and then the wake.
        evaluated(world, records, WATCHES[SILENCE], stepper=Stepper(kill_at=9))
    assert world.wakes == []

    evaluated(world, records, WATCHES[SILENCE])
    evaluated(world, records, WATCHES[SILENCE])

    ((_, wake),) = world.wakes
    assert (wake.detector_id, wake.due_ms) == (f"{SILENCE}/{FRIDGE}", NOW + 150_000)
    assert wake.due_ms <= NOW_MS + SOON_MS


def test_our_own_fault_in_one_detector_fails_its_messages_and_no_others() -> None:
    broken = counting_watch()
    # A model of which the stored detector's state is gone without a new version: no such thing is deployed.
    broken = Watch(replace(broken.model, name="broken", states={}), Clock.EVENT, "1")
    world = bare_world()
    records = records_of([(0, {}), (1, {})])

    report = evaluated(world, records, broken, counting_watch())

    assert report.lowest_failed == records[0].sequence
    assert variables(world) == {"count": 2}
    assert world.checkpoints[SHARD].last_sequence is None
    assert describe(report)["failure_count"] == 1


def test_a_device_that_is_not_watched_is_evaluated_by_no_detector() -> None:
    world = bare_world(**{FRIDGE: entry(FRIDGE, watched=False)})

    report = evaluated(world, records_of([(0, {})]))

    assert (report.counts["unwatched"], world.items) == (1, {})


def test_what_quarantine_keeps_is_counted_and_moves_the_checkpoint() -> None:
    world = bare_world()
    records = [*records_of([(0, {})]), record(2, b"{")]

    report = evaluated(world, records)

    assert report.counts["rejected"] == 1
    assert world.checkpoints[SHARD].last_sequence == records[-1].sequence


def test_a_message_put_on_the_stream_again_does_not_say_how_far_the_stream_is() -> None:
    world = bare_world()
    (first,) = records_of([(0, {})])

    evaluated(world, [first, replace(redrive(2, coldchain(seq=9), origin=first), arrived_at=NOW + 90_000)])

    assert world.checkpoints[SHARD].evaluated_until_ms == NOW
    assert world.checkpoints[SHARD].last_sequence == first.sequence + 1


def test_a_profile_that_cannot_be_read_is_told_by_device() -> None:
    world = bare_world(**{FRIDGE: entry(FRIDGE, profile="nope")})

    report = evaluated(world, records_of([(0, {})]))

    assert list(describe(report)["profile_faults"]) == [FRIDGE]


def test_metrics_count_messages_at_detectors() -> None:
    world = bare_world()

    report = evaluated(world, records_of([(5, {}), (3, {})]))

    document = metrics(report, "test", now_ms=NOW)
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["stage"]]
    assert {name: document[name] for name in ("DetectorEvaluations", "LateMessages", "EffectsSent")} == {
        "DetectorEvaluations": 1,
        "LateMessages": 1,
        "EffectsSent": 1,
    }
    assert report.counts[Fate.LATE] == 1


def test_registry_entries_written_by_hand_do_not_stop_a_batch() -> None:
    class Batches:
        def get(self, keys: Any, _projections: Any) -> Any:
            entry = {"device_id": {"S": FRIDGE}, "fleet_id": {"S": "acme"}, "application": {"S": "coldchain"}}
            yield from ((table, {**entry, "profile": {"N": "7"}, "watched": {"S": "no"}}) for table, _ in keys)

    found = DynamoWatchedRegistry(Batches(), "DeviceTable").look_up([FRIDGE])  # type: ignore[arg-type] # what is called

    assert (found[FRIDGE].watched.profile, found[FRIDGE].watched.watched) == ("7", True)
