"""What a message does to a stored detector: once, in its time, and only if it can be sent on."""

from dataclasses import replace

import pytest

from coldwatch.detection.detector import decode_detector, encode_detector, new_detector
from coldwatch.detection.effect import ENOUGH_EFFECTS, MOST_BYTES, is_enough, weight
from coldwatch.detection.errors import StoredDetectorError
from coldwatch.detection.step import Fate, expire_due, receive
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.profiles.deployment import Clock
from tests.unit.detection.builders import FRIDGE, NOW, SHARD, WATCHES, arrival, counting_watch, detector, effect

WALL, EVENT = counting_watch(Clock.WALL), counting_watch(Clock.EVENT)


def test_what_was_seen_of_a_shard_is_not_done_again() -> None:
    known = receive(new_detector(WALL, FRIDGE), arrival(5), WALL).detector

    again = [receive(known, arrival(sequence), WALL) for sequence in (4, 5)]

    assert [each.fate for each in again] == [Fate.REDELIVERED] * 2
    assert not any(each.has_changed for each in again)
    assert receive(known, arrival(6), WALL).fate is Fate.EVALUATED


def test_a_reading_older_than_the_last_change_is_late_on_the_event_clock_only() -> None:
    step = {watch.clock: receive(new_detector(watch, FRIDGE), arrival(1), watch) for watch in (WALL, EVENT)}

    event = receive(step[Clock.EVENT].detector, arrival(2, at=-1000, arrived=1000), EVENT)
    wall = receive(step[Clock.WALL].detector, arrival(2, at=-1000, arrived=1000), WALL)

    assert (event.fate, event.has_changed) == (Fate.LATE, False)
    assert (wall.fate, wall.has_changed) == (Fate.EVALUATED, True)


def test_the_same_reading_in_another_record_is_known_by_its_key() -> None:
    known = receive(new_detector(EVENT, FRIDGE), arrival(1, seq=7), EVENT).detector

    assert receive(known, arrival(2, seq=7), EVENT).fate is Fate.REPEATED
    assert receive(known, arrival(2, seq=8), EVENT).fate is Fate.EVALUATED


def test_a_reading_from_the_future_counts_as_of_now_and_makes_no_right_one_late() -> None:
    ahead = receive(new_detector(EVENT, FRIDGE), arrival(1, at=3_000_000, arrived=0), EVENT).detector

    right = receive(ahead, arrival(2, at=1000), EVENT)

    assert ahead.changed_at == NOW
    assert right.fate is Fate.EVALUATED


def test_what_was_put_on_the_stream_again_says_nothing_of_the_present() -> None:
    known = receive(new_detector(WALL, FRIDGE), arrival(2, at=1000), WALL).detector

    assert receive(known, replace(arrival(3), is_put_again=True), WALL).fate is Fate.LATE


def test_another_version_of_a_model_goes_on_and_does_not_evaluate_the_past() -> None:
    known = receive(new_detector(EVENT, FRIDGE), arrival(1), EVENT).detector
    newer = counting_watch(Clock.EVENT, version="2")

    assert receive(known, arrival(1), newer).fate is Fate.REDELIVERED
    assert receive(known, arrival(2, at=-1), newer).fate is Fate.LATE
    gone_on = receive(known, arrival(2, at=1), newer).detector
    assert gone_on.snapshot is not None
    assert (gone_on.snapshot.variables, gone_on.model_version) == ({"count": 2}, "2")


def test_an_action_that_sends_too_much_is_not_performed_and_the_detector_goes_on() -> None:
    watch = counting_watch(content="$input.telemetry.text")
    before = receive(new_detector(watch, FRIDGE), arrival(1, text="short"), watch)

    step = receive(before.detector, arrival(2, at=1, text="x" * (MOST_BYTES + 1)), watch)

    assert step.has_changed
    assert step.detector.snapshot is not None
    assert step.detector.snapshot.variables == {"count": 2}
    assert step.detector.pending == before.detector.pending
    (note,) = step.omitted
    assert "counting/acme-fridge-0001: the action iotTopicPublish was not performed: it sends 100," in note.message
    assert receive(step.detector, arrival(3, at=2, text="short"), watch).omitted == ()


def test_all_actions_of_an_evaluation_share_what_may_be_sent_and_those_that_fit_are_performed() -> None:
    watch = counting_watch(content="$input.telemetry.text", actions=4)

    step = receive(new_detector(watch, FRIDGE), arrival(1, text="x" * 30_000), watch)

    assert (len(step.detector.pending), len(step.omitted)) == (3, 1)
    assert weight(step.detector.pending) <= MOST_BYTES


def test_timers_fire_in_order_each_at_its_own_time() -> None:
    watch = WATCHES["device_silence"]
    many = {f"t{n}": Timer(NOW + n, 60) for n in range(5)}
    known = detector(due_ms=NOW, snapshot=Snapshot("heard", {}, {"silence": Timer(NOW, 600), **many}, {}))

    step = expire_due(known, watch, until_ms=NOW + 10)

    assert len(step.detector.pending) == 1
    assert step.detector.changed_at == NOW + 4


def test_it_is_enough_by_number_or_by_weight() -> None:
    assert not is_enough([effect()] * (ENOUGH_EFFECTS - 1))
    assert is_enough([effect()] * ENOUGH_EFFECTS)
    assert is_enough([effect(size=60_000)])


@pytest.mark.parametrize("body", ["", "{}", '{"model":1}', "[" * 2000])
def test_what_is_no_detector_is_not_read_as_one(body: str) -> None:
    with pytest.raises(StoredDetectorError, match="a stored detector cannot be read"):
        decode_detector(body, 1, is_owing=True)


def test_sequence_numbers_of_any_length_come_back() -> None:
    known = replace(receive(new_detector(WALL, FRIDGE), arrival(10**60), WALL).detector, home=SHARD)

    assert decode_detector(encode_detector(known), 0, is_owing=True) == known
