"""Detectors of another version of their model go on: what is kept, what is not, and that nothing happens by it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.detection.detector import Detector, Rollout, Watch, decode_detector, encode_detector, lot, new_detector
from coldwatch.detection.migration import Move, moved
from coldwatch.detection.step import Fate, Step, expire_due, receive
from coldwatch.engine.loader import load_model
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.profiles.deployment import Clock
from tests.unit.detection.builders import FRIDGE, NOW, arrival, detector

PUBLISH = {"iotTopicPublish": {"mqttTopic": "t"}}
MESSAGE = 'currentInput("telemetry")'


def event(condition: str, *actions: Mapping[str, Any], to: str | None = None) -> dict[str, Any]:
    return {"eventName": "e", "condition": condition, "actions": list(actions)} | ({"nextState": to} if to else {})


def assign(name: str, value: str) -> dict[str, Any]:
    return {"setVariable": {"variableName": name, "value": value}}


def start(name: str, seconds: int = 60) -> dict[str, Any]:
    return {"setTimer": {"timerName": name, "durationExpression": str(seconds)}}


def watch(
    version: str,
    *,
    states: Sequence[str] = ("calm", "hot"),
    actions: Iterable[Mapping[str, Any]] = (),
    events: Iterable[Mapping[str, Any]] = (),
    clock: Clock = Clock.WALL,
    key: str | None = "device_id",
) -> Watch:
    """Every state publishes when it is entered and when `alarm` is over; a hot reading leads to the last one, with
    `actions`. `events` are those of any message.
    """
    entering = {"events": [event("true", PUBLISH)]}
    heating = event(f"{MESSAGE} && $input.telemetry.value > 8", *actions, to=states[-1])
    told = [event('timeout("alarm")', PUBLISH), *events]
    found = [
        {"stateName": name, "onEnter": entering, "onInput": {"events": told, "transitionEvents": [heating]}}
        for name in states
    ]
    document = {
        "detectorModelName": "heat",
        "key": key,
        "roleArn": "arn:aws:iam::123456789012:role/detector-models",
        "detectorModelDefinition": {"initialStateName": states[0], "states": found},
    }
    return Watch(load_model(document), clock, version)


OLD = watch("old", actions=[assign("began", "1"), assign("peak", "9.5"), start("alarm"), start("old_timer")])
NEW = watch("new", actions=[assign("began", "1"), assign("count", "0"), start("alarm"), start("new_timer")])


def hot(by: Watch = OLD, **changes: Any) -> Detector:
    """Made hot at NOW under a version."""
    step = receive(new_detector(by, FRIDGE), arrival(1, value=9), by)
    return replace(step.detector, pending=(), **changes)


def kept(move: Move | None) -> Snapshot:
    assert move is not None
    assert move.detector.snapshot is not None
    return move.detector.snapshot


def test_state_variables_and_timers_that_the_new_version_knows_are_kept_and_the_others_dropped() -> None:
    move = moved(hot(), NEW)

    snapshot = kept(move)
    assert (snapshot.state, snapshot.variables) == ("hot", {"began": 1})
    assert snapshot.timers == {"alarm": Timer(NOW + 60_000, 60)}
    assert move is not None
    assert [note.message for note in move.notes] == [
        f"heat/{FRIDGE}: from version old to new, the variable `peak` is dropped",
        f"heat/{FRIDGE}: from version old to new, the timer `old_timer` is dropped",
    ]
    assert NEW.vocabulary.lacking(snapshot) == ("count", "new_timer")


def test_everything_else_of_the_detector_stays() -> None:
    before = hot()

    move = moved(before, NEW)

    assert move is not None
    assert move.detector.model_version == "new"
    assert replace(move.detector, snapshot=before.snapshot, model_version="old") == before


@pytest.mark.parametrize(
    "knows",
    [
        {"actions": [{"resetTimer": {"timerName": "old_timer"}}]},
        {"actions": [{"clearTimer": {"timerName": "old_timer"}}]},
        {"events": [event('timeout("old_timer")')]},
    ],
    ids=["reset", "cleared", "asked"],
)
def test_a_timer_is_known_by_whatever_names_it(knows: dict[str, Any]) -> None:
    assert "old_timer" in kept(moved(hot(), watch("new", **knows))).timers


def test_a_variable_is_known_that_is_only_read() -> None:
    reading = watch("new", events=[event("$variable.peak > 9")])

    assert kept(moved(hot(), reading)).variables == {"peak": 9.5}


@pytest.mark.parametrize(
    ("value", "is_kept"),
    [("'text'", False), ("true", False), ("9", True), ("2.5", True), ("$input.telemetry.value", True)],
)
def test_a_variable_of_a_kind_that_the_new_version_never_gives_it_is_dropped(value: str, *, is_kept: bool) -> None:
    move = moved(hot(), watch("new", actions=[assign("peak", value)]))

    assert ("peak" in kept(move).variables) is is_kept
    assert move is not None
    assert move.losses.unfit == (() if is_kept else ("peak",))


def test_of_remembered_messages_only_what_is_still_read_is_kept() -> None:
    remembering = {"telemetry": {"value": 9, "door_open": True}, "factory_telemetry": {"value": 1}}
    before = hot(snapshot=Snapshot("hot", {}, {"alarm": Timer(NOW + 60_000, 60)}, remembering))
    reading = watch("new", actions=[start("alarm")], events=[event("$input.telemetry.door_open")])

    move = moved(before, reading)

    assert kept(move).inputs == {"telemetry": {"door_open": True}}
    assert move is not None
    assert move.is_faithful


def test_a_timer_that_was_told_is_not_told_again() -> None:
    read = {"alarm": Timer(NOW, 60, is_read=True)}

    step = expire_due(hot(snapshot=Snapshot("hot", {}, read, {})), NEW, until_ms=NOW + 3_600_000)

    assert step.detector.pending == ()


def test_without_its_state_it_begins_anew_which_is_written_and_told_once() -> None:
    colder = watch("new", states=("calm", "cold"))

    step = receive(hot(), arrival(2, at=1), colder)
    again = receive(step.detector, arrival(3, at=2), colder)

    assert step.has_changed
    assert [note.message for note in step.notes] == [
        f"heat/{FRIDGE}: from version old to new, it begins anew: the model has no state `hot`"
    ]
    assert again.notes == ()
    assert again.detector.snapshot is not None
    assert again.detector.snapshot.state == "calm"


def test_what_was_kept_for_another_attribute_is_not_gone_on_with() -> None:
    by_sensor = watch("new", key="sensor_id")

    move = moved(hot(), by_sensor)
    before_that_was_stored = moved(hot(keyed_by=""), by_sensor)

    assert (move and move.anew) == "its key is the value of another attribute"
    assert (before_that_was_stored and before_that_was_stored.anew) is None


def test_a_move_that_loses_nothing_is_not_written_for_itself_and_is_the_same_again() -> None:
    newer = replace(OLD, version="newer")
    before = hot()

    step = receive(before, arrival(2, at=1), newer)

    assert (step.has_changed, step.notes, step.detector.pending) == (False, (), ())
    next_one = arrival(3, at=2, value=9)
    assert receive(before, next_one, newer) == receive(step.detector, next_one, newer)


@pytest.mark.parametrize("by", [NEW, replace(OLD, version="newer"), watch("x", states=("calm", "cold"))])
def test_nothing_is_fired_or_entered_by_the_move_itself(by: Watch) -> None:
    step = expire_due(hot(), by, until_ms=NOW + 1)

    assert step.detector.pending == ()


def test_what_a_message_said_that_changes_no_version_changes_none() -> None:
    before = hot()
    put_again = replace(arrival(2, at=-1000), is_put_again=True)

    for late in (receive(before, arrival(1), NEW), receive(before, put_again, NEW)):
        assert late.fate in {Fate.REDELIVERED, Fate.LATE}
        assert (late.has_changed, late.detector.model_version) == (False, "old")


def deliver(stored: Detector, sequences: Iterable[int], by: Watch) -> tuple[Detector, list[str]]:
    """A batch, and what is stored of it."""
    sent: list[str] = []
    known = stored
    for sequence in sequences:
        step: Step = receive(known, arrival(sequence, at=sequence * 20_000, value=9 * (sequence % 3 == 0)), by)
        sent += [each.effect_id for each in step.detector.pending]
        known = replace(step.detector, pending=())
        if step.has_changed:
            stored = decode_detector(encode_detector(known), 1, is_owing=True)
    return stored, sent


@given(st.lists(st.integers(2, 9), max_size=3), st.sampled_from([Clock.WALL, Clock.EVENT]))
def test_a_batch_across_an_update_comes_out_the_same_however_it_is_delivered(cuts: list[int], clock: Clock) -> None:
    """Nothing that was not stored is remembered from piece to piece, and all is delivered twice."""
    by = replace(NEW, clock=clock)
    whole, sent = deliver(hot(), range(2, 10), by)
    pieces, found = hot(), list[str]()
    bounds = [2, *sorted(cuts), 10]
    for begin, end in pairwise(bounds):
        for _ in range(2):
            pieces, more = deliver(pieces, range(begin, end), by)
            found += more

    assert list(dict.fromkeys(found)) == sent
    assert replace(pieces, positions={}) == replace(whole, positions={})


NAMES = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=3) | st.booleans()
LITERALS = st.sampled_from(["1", "2.5", "'text'", "true", "$input.telemetry.value"])


@st.composite
def versions(draw: st.DrawFn, version: str) -> Watch:
    sets = [assign(name, value) for name, value in draw(st.dictionaries(NAMES, LITERALS)).items()]
    timers = [start(name) for name in draw(st.lists(NAMES, unique=True))]
    return watch(version, states=draw(st.sampled_from([("calm", "hot"), ("hot",)])), actions=[*sets, *timers])


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    timers = st.builds(Timer, st.integers(NOW, NOW + 1000), st.integers(1, 60), st.booleans())
    return Snapshot(
        "hot",
        draw(st.dictionaries(NAMES, VALUES)),
        draw(st.dictionaries(NAMES, timers)),
        {},
        draw(st.dictionaries(NAMES, st.integers(1, 60))),
    )


@given(versions("1"), versions("2"), snapshots())
def test_there_and_back_keeps_what_both_know(one: Watch, other: Watch, snapshot: Snapshot) -> None:
    there = kept(moved(detector(model_version="2", clock=Clock.WALL, snapshot=snapshot), one))
    both = kept(moved(detector(model_version="1", clock=Clock.WALL, snapshot=there), other))
    back = kept(moved(detector(model_version="2", clock=Clock.WALL, snapshot=both), one))

    assert back == both
    assert back.variables.items() <= snapshot.variables.items()
    known = one.vocabulary.timers & other.vocabulary.timers
    assert back.timers == {name: timer for name, timer in snapshot.timers.items() if name in known}
    assert back.cleared == {name: seconds for name, seconds in snapshot.cleared.items() if name in known}
    assert back.variables.keys() >= {
        name for name in there.variables if name in other.vocabulary.variables and name in both.variables
    }


@pytest.mark.parametrize("ahead", [0, 5_000, -300_000, -800_000_000_000], ids=["right", "ahead", "behind", "of 2001"])
@pytest.mark.parametrize("to", list(Clock))
def test_on_another_clock_a_timer_has_as_long_to_go_as_before(to: Clock, ahead: int) -> None:
    """`ahead`: of the device's clock. A reading from the future counts as of now."""
    of = Clock.EVENT if to is Clock.WALL else Clock.WALL
    by, other = replace(OLD, clock=of), replace(OLD, clock=to, version="other")
    began = receive(new_detector(by, FRIDGE), arrival(1, at=ahead, arrived=0, value=9), by).detector
    began = replace(began, pending=())

    def at(seconds: int, sequence: int) -> Any:
        return arrival(sequence, at=ahead + 1000 * seconds, arrived=1000 * seconds, value=0)

    moving = receive(began, at(20, 2), other)
    early = receive(moving.detector, at(59, 3), other)
    fired = receive(early.detector, at(60, 4), other)

    assert [each.fate for each in (moving, early, fired)] == [Fate.EVALUATED] * 3
    assert (moving.has_changed, moving.detector.clock, moving.detector.pending) == (True, to, ())
    assert (early.detector.pending, len(fired.detector.pending)) == ((), 1)


def test_a_buffered_reading_that_is_late_on_the_event_clock_moves_the_times_no_further_than_to_now() -> None:
    by = replace(OLD, clock=Clock.EVENT)
    began = receive(new_detector(by, FRIDGE), arrival(1, value=9), by).detector

    step = receive(replace(began, pending=()), arrival(2, at=-600_000, arrived=10_000), replace(OLD, version="2"))

    assert kept(moved(began, replace(OLD, version="2"))).timers["alarm"].due_ms == NOW + 60_000
    assert step.detector.snapshot is not None
    assert step.detector.snapshot.timers["alarm"].due_ms == NOW + 70_000
    assert step.detector.changed_at == NOW + 10_000


def test_nothing_that_was_put_on_the_stream_again_changes_the_clock() -> None:
    put_again = replace(arrival(2, at=1000), is_put_again=True)

    step = receive(hot(), put_again, replace(OLD, clock=Clock.EVENT, version="2"))

    assert (step.fate, step.has_changed, step.detector.clock) == (Fate.LATE, False, Clock.WALL)


def test_a_larger_fraction_only_adds() -> None:
    def chosen(fraction: float) -> set[str]:
        rolling = replace(NEW, rollout=Rollout(OLD, fraction))
        return {key for key in map(str, range(2_000)) if rolling.for_key(key).version == "new"}

    tenth, quarter = chosen(0.1), chosen(0.25)

    assert chosen(0) == set() < tenth < quarter < chosen(1)
    assert len(chosen(1)) == 2_000
    assert 150 < len(tenth) < 250
    assert 430 < len(quarter) < 570


def test_a_detectors_lot_never_changes() -> None:
    assert [round(lot("shock", key), 6) for key in ("acme-fridge-0042", None)] == [0.642205, 0.304314]
