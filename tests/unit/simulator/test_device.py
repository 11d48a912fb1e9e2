import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import malformed, scenario, timeline
from simulator.device import Device, play
from simulator.message import Kind, Message, Transmission
from simulator.scenario import Event, Scenario

START_MS = 1_760_000_000_000


def story(*events: dict[str, Any], kind: str = "fridge", seed: int = 7, duration_s: float = 1800) -> Scenario:
    document = {
        "about": "a test",
        "seed": seed,
        "duration_s": duration_s,
        "reporting_period_s": 10,
        "devices": [{"fleet": "north", "type": kind, "count": 2}],
        "events": [{"devices": [f"north-{kind}-1"], **event} for event in events],
    }
    return scenario.parse(document, name="test")


def messages(told: Scenario) -> list[Message]:
    planned = told.devices[0]
    events = told.events_of(planned.label)
    device = Device(planned, "north-fridge-A1", events, told.seed, START_MS, other="north-fridge-A2")
    return list(play(device, told))


def bodies(told: Scenario) -> list[dict[str, Any]]:
    return [json.loads(message.payload) for message in messages(told)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(), kind=st.sampled_from(["fridge", "coldroom", "reefer", "machine"]))
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(seed: int, kind: str) -> None:
    first, again, other = (messages(story(seed=each, kind=kind, duration_s=120)) for each in (seed, seed, seed + 1))

    assert first == again
    assert first != other


def test_a_whole_scenario_repeats_itself_step_by_step() -> None:
    demo = scenario.load("demo")
    things = {planned.label: f"{planned.label}-thing" for planned in demo.devices}

    first, again = (list(timeline.steps(demo, things, START_MS)) for _ in range(2))

    assert first == again
    assert sum(isinstance(step, Transmission) for step in first) > 4000
    assert all(before.at_s <= after.at_s for before, after in pairwise(first))


def test_what_happens_to_one_device_changes_nothing_for_another() -> None:
    quiet, loud = (scenario.parse(document, name="x") for document in _quiet_and_loud())

    first, again = (
        [step for step in timeline.steps(each, _THINGS, START_MS) if getattr(step, "label", "") == "north-fridge-2"]
        for each in (quiet, loud)
    )

    assert first == again


_THINGS = {"north-fridge-1": "north-fridge-A1", "north-fridge-2": "north-fridge-A2"}


def _quiet_and_loud() -> list[dict[str, Any]]:
    quiet = {
        "about": "a test",
        "seed": 1,
        "duration_s": 600,
        "reporting_period_s": 10,
        "devices": [{"fleet": "north", "type": "fridge", "count": 2}],
    }
    event = {"at_s": 60, "kind": "duplicates", "rate": 0.5, "devices": ["north-fridge-1"]}
    return [quiet, quiet | {"events": [event, event | {"kind": "compressor_failure", "rate": 0.5}][:1]}]


def test_each_message_has_the_next_sequence_number_and_a_time_within_the_run() -> None:
    told = bodies(story())

    assert [body["seq"] for body in told] == list(range(1, 181))
    assert all(START_MS <= body["timestamp"] < START_MS + 1_800_000 for body in told)
    assert {body["device_id"] for body in told} == {"north-fridge-A1"}


def test_a_machine_reports_three_sensors_with_numbers_of_their_own() -> None:
    told = bodies(story(kind="machine"))

    assert [body["sensor_type"] for body in told[:3]] == ["temperature", "pressure", "vibration"]
    assert [body["seq"] for body in told] == list(range(1, len(told) + 1))
    assert told[0]["timestamp"] == told[2]["timestamp"]


def test_a_door_opening_shows_in_the_door_and_in_the_temperature() -> None:
    told = bodies(story({"at_s": 300, "kind": "door_open", "for_s": 60}))

    opened = [body for body in told if body["door_open"]]
    peak = max(told, key=lambda body: body["temp_c"])

    assert 5 <= len(opened) <= 6
    assert peak["temp_c"] > 7
    assert START_MS + 300_000 <= peak["timestamp"] < START_MS + 390_000


def test_a_door_open_between_two_reports_warms_the_box_all_the_same() -> None:
    planned = story().devices[0]
    door = Event("door_open", 2.0, (planned.label,), for_s=6.0)

    def coldest(*events: Event) -> list[Any]:
        device = Device(planned, "t", events, 7, START_MS)
        return [json.loads(message.payload)["temp_c"] for message in play(device, story(duration_s=21))]

    assert coldest(door)[1] > coldest()[1]


def test_a_failure_ends_with_the_repair() -> None:
    told = bodies(story({"at_s": 0, "kind": "compressor_failure"}, {"at_s": 1000, "kind": "compressor_repair"}))

    hottest = max(told, key=lambda body: body["temp_c"])

    assert hottest["temp_c"] > 8
    assert 900_000 < hottest["timestamp"] - START_MS < 1_030_000
    assert told[-1]["temp_c"] < 6.5


def test_a_shock_is_reported_once() -> None:
    told = bodies(story({"at_s": 100, "kind": "shock", "peak_g": 4.2}))

    assert [body["shock_g"] for body in told if body["shock_g"] > 1] == [4.2]


def test_a_spike_is_in_one_report_and_changes_nothing_else() -> None:
    straight, spiked = bodies(story()), bodies(story({"at_s": 100, "kind": "spike", "peak_c": 31.5}))

    (wild,) = (at for at, body in enumerate(spiked) if body != straight[at])

    assert spiked[wild] == straight[wild] | {"temp_c": 31.5}


def test_silence_is_a_gap_in_time_and_none_in_the_sequence() -> None:
    told = bodies(story({"at_s": 600, "kind": "silence", "for_s": 300}))

    gap = max(after["timestamp"] - before["timestamp"] for before, after in pairwise(told))

    assert 300_000 <= gap <= 310_000
    assert [body["seq"] for body in told] == list(range(1, 151))


def test_a_fast_clock_gains_what_the_scenario_says() -> None:
    straight, drifting = bodies(story()), bodies(story({"at_s": 0, "kind": "clock_drift", "drift_s_per_hour": 120}))

    gained_ms = drifting[-1]["timestamp"] - straight[-1]["timestamp"]

    assert gained_ms == pytest.approx(60_000, abs=500)


def test_the_battery_only_drains() -> None:
    told = bodies(story(duration_s=7200))

    assert all(after["battery_pct"] <= before["battery_pct"] for before, after in pairwise(told))
    assert told[-1]["battery_pct"] < told[0]["battery_pct"]


def test_malformed_messages_are_sent_on_request_and_take_no_sequence_number() -> None:
    told = messages(story({"at_s": 55, "kind": "hostile", "messages": ["not_json", "other_device_id"]}))

    hostile = [message.payload for message in told if message.kind is Kind.HOSTILE]
    honest = [json.loads(message.payload)["seq"] for message in told if message.kind is Kind.LIVE]

    assert hostile[0] == b"temp=5.0;battery=90"
    assert json.loads(hostile[1])["device_id"] == "north-fridge-A2"
    assert honest == list(range(1, 181))


@pytest.mark.parametrize("application", ["coldchain", "factory"])
@pytest.mark.parametrize("name", malformed.DETAILS)
def test_every_malformed_message_can_be_made_and_fits_through_the_broker(name: str, application: str) -> None:
    payload = malformed.payload(name, malformed.Sender("a-b-1", application, "a-b-2", START_MS))

    assert len(payload) <= 127 * 1024
    assert payload != malformed.valid(malformed.Sender("a-b-1", application, "a-b-2", START_MS))
