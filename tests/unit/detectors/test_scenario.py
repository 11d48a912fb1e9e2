"""The demonstration's scenario through every detector model, without a network: what is found, and what is not."""

import json
from collections.abc import Iterator

import pytest

from simulator import timeline as simulated
from simulator.message import Transmission
from simulator.scenario import Scenario, load
from tests.unit.detectors.timeline import OPENED, RECOVERED, START_MS, Pushed, Timeline

SCENARIO = load("demo")
DEVICES = {device.label: device for device in SCENARIO.devices}


def sent(scenario: Scenario) -> dict[str, list[Pushed]]:
    """What each device has published, in the order of its arrival."""
    messages: dict[str, list[Pushed]] = {label: [] for label in DEVICES}
    for step in simulated.steps(scenario, {label: label for label in DEVICES}, START_MS):
        if isinstance(step, Transmission):
            body = json.loads(step.payload)
            at_s = (body["timestamp"] - START_MS) / 1000
            messages[step.label].append(Pushed(at=at_s, arrives=step.at_s, measurements=body))
    return messages


SENT = sent(SCENARIO)


def found(model: str, *, application: str = "coldchain") -> Iterator[tuple[str, str]]:
    """Which device, and what; silence is watched until the end of the scenario."""
    for label, messages in SENT.items():
        if DEVICES[label].application == application:
            timeline = Timeline(model, device_id=label, device_type=DEVICES[label].type, application=application)
            timeline.push_all(messages)
            timeline.wait(SCENARIO.duration_s)
            yield from ((label, finding.what) for finding in timeline.play())


def labels(kind: str) -> set[str]:
    return {label for event in SCENARIO.events if event.kind == kind for label in event.labels}


def test_heat_is_found_where_a_compressor_failed_and_where_a_door_stayed_open_out_of_reach() -> None:
    heats, open_unseen = labels("compressor_failure"), {"south-fridge-2"}

    answers = list(found("sustained_excursion_high"))

    assert set(answers) == {(label, what) for label in heats | open_unseen for what in (OPENED, RECOVERED)}
    assert len(answers) == len(set(answers))


def test_cold_is_found_where_a_valve_stuck() -> None:
    freezes = labels("freeze")

    answers = list(found("sustained_excursion_freeze"))

    assert {label for label, _ in answers} == freezes
    assert [what for _, what in answers] == [OPENED, RECOVERED] * len(freezes)


def test_a_shock_of_the_road_is_found_and_the_road_itself_is_not() -> None:
    assert {label for label, _ in found("shock")} == labels("shock") - {"plant-machine-2"}


def test_silence_is_found_where_nothing_was_heard_for_five_minutes() -> None:
    out_of_reach = {
        label for e in SCENARIO.events if e.kind == "link_loss" and (e.for_s or 0) > 300 for label in e.labels
    }

    answers = list(found("device_silence"))

    assert {label for label, what in answers if what == OPENED} == labels("silence") | out_of_reach
    assert {label for label, what in answers if what == RECOVERED} == out_of_reach


@pytest.mark.parametrize(
    ("model", "application"), [("battery_low", "coldchain"), ("probe_lost", "coldchain"), ("sensor_range", "factory")]
)
def test_nothing_else_is_found(model: str, application: str) -> None:
    assert list(found(model, application=application)) == []
