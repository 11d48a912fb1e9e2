"""Timelines across an update of a model: what was pending goes on, what was open recovers, and nothing else happens."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from coldwatch.profiles import Clock
from tests.unit.detectors.timeline import Timeline, at, between, every, hours, minutes

HIGH, SILENCE = "sustained_excursion_high", "device_silence"


def told_otherwise(text: str) -> str:
    """Another version that does the same."""
    return text.replace('detectorModelDescription": "', 'detectorModelDescription": "Revised. ')


def edited(edit: Callable[[Any], None]) -> Callable[[str], str]:
    """Another version, as `edit` makes it of the states by name."""

    def change(text: str) -> str:
        document = json.loads(text)
        edit({state["stateName"]: state for state in document["detectorModelDefinition"]["states"]})
        return json.dumps(document)

    return change


def renamed(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(f'"{old}"', f'"{new}"')


@pytest.mark.parametrize("moment", [1, 150, 299, 300, 305])
def test_an_excursion_that_is_pending_when_its_model_is_updated_opens_at_the_same_time(moment: float) -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=minutes(10)), temp_c=9.0)
    timeline.deploy(moment, told_otherwise)

    timeline.expect_opening(between(300, 310))

    timeline.run()


def test_an_open_excursion_recovers_under_the_new_version() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=minutes(10)), temp_c=9.0)
    timeline.push(every(10, start=minutes(10) + 10, until=minutes(20)), temp_c=5.0)
    timeline.deploy(minutes(8), told_otherwise)

    timeline.expect_opening(between(300, 310))
    timeline.expect_recovery(between(910, 930))

    timeline.run()


def test_rolled_back_while_it_is_pending_it_still_opens_at_the_same_time() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=minutes(10)), temp_c=9.0)
    timeline.deploy(100, told_otherwise)
    timeline.deploy(200, lambda text: text + "\n")

    timeline.expect_opening(between(300, 310))

    timeline.run()


def test_readings_from_before_the_update_that_come_after_it_are_evaluated_in_their_own_time() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=100), temp_c=9.0)
    timeline.push(every(10, start=110, until=minutes(10)), arriving=minutes(11), temp_c=9.0)
    timeline.deploy(200, told_otherwise)

    timeline.expect_opening(between(300, 310))

    timeline.run()


def test_a_detector_whose_state_is_gone_begins_anew_and_finds_what_lasts_once_more() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=minutes(10)), temp_c=9.0)
    timeline.deploy(205, renamed("pending", "suspected"))

    timeline.expect_opening(between(510, 520))

    timeline.run()


def test_a_timer_of_silence_that_was_set_before_the_update_fires_after_it_at_its_second() -> None:
    timeline = Timeline(SILENCE)
    timeline.push(every(10, until=600))
    timeline.deploy(605, told_otherwise)
    timeline.wait(hours(1))

    timeline.expect_opening(at(900))

    timeline.run()


def test_a_device_that_was_silent_before_the_update_recovers_after_it() -> None:
    timeline = Timeline(SILENCE)
    timeline.push([0, 1000])
    timeline.deploy(500, told_otherwise)
    timeline.wait(1200)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(1000))

    timeline.run()


def test_a_shorter_duration_holds_from_the_next_message_on() -> None:
    def shorter(states: Any) -> None:
        [set_timer] = states["heard"]["onInput"]["events"][0]["actions"]
        set_timer["setTimer"]["durationExpression"] = "60"

    timeline = Timeline(SILENCE)
    timeline.push([0, 200])
    timeline.deploy(100, edited(shorter))
    timeline.wait(hours(1))

    timeline.expect_opening(at(260))

    timeline.run()


def test_on_the_event_clock_from_now_on_a_pending_excursion_keeps_what_it_has_to_go() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=minutes(10)), temp_c=9.0)
    timeline.deploy(100, told_otherwise, clock=Clock.WALL)
    timeline.deploy(200, told_otherwise, clock=Clock.EVENT)

    timeline.expect_opening(between(300, 310))

    timeline.run()
