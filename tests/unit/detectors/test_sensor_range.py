"""Timelines of `sensor_range`: temperature 0 to 100, pressure 0 to 200. Here it takes 300 s; the hysteresis is 1."""

from typing import Any

import pytest

from tests.unit.detectors.timeline import Timeline, at, every, in_ms

MACHINE = "plant-machine-1"


def machine(**changes: float) -> Timeline:
    shorter: dict[str, Any] = {"duration_s": 300, "temperature_hysteresis": 1.0, **changes}
    return Timeline("sensor_range", application="factory", device_id=MACHINE, **shorter)


@pytest.mark.parametrize(
    ("sensor_type", "value", "is_out"),
    [
        ("temperature", 0.0, False),
        ("temperature", -0.001, True),
        ("temperature", 100.0, False),
        ("temperature", 100.001, True),
        ("pressure", 0.0, False),
        ("pressure", -0.001, True),
        ("pressure", 150.0, False),
        ("pressure", 200.0, False),
        ("pressure", 200.001, True),
        ("vibration", 1e6, False),
    ],
)
def test_what_is_out_of_range_by_sensor_type(
    sensor_type: str,
    value: float,
    is_out: bool,  # noqa: FBT001 - a column of the table
) -> None:
    timeline = machine()
    timeline.push(every(60, until=600), sensor_type=sensor_type, value=value)

    if is_out:
        timeline.expect_opening(at(300), key=f"{MACHINE}:{sensor_type}")

    timeline.run()


def test_a_sustained_departure_opens_and_recovers() -> None:
    timeline = machine()
    timeline.push(every(60, until=540), sensor_type="temperature", value=60.0)
    timeline.push(every(60, start=600, until=1140), sensor_type="temperature", value=104.0)
    timeline.push(every(60, start=1200, until=1800), sensor_type="temperature", value=99.0)

    timeline.expect_opening(at(900))
    timeline.expect_recovery(at(1500))

    timeline.run()


def test_the_shipped_profile_waits_for_half_an_hour() -> None:
    timeline = Timeline("sensor_range", application="factory", device_id=MACHINE)
    timeline.push(every(60, until=3600), sensor_type="temperature", value=104.0)

    timeline.expect_opening(at(1800))

    timeline.run()


def test_the_sensors_of_a_machine_are_watched_each_by_itself() -> None:
    timeline = machine()
    for moment in every(60, until=1200):
        timeline.push(moment, sensor_type="temperature", value=104.0 if moment < 600 else 60.0)
        timeline.push(moment, sensor_type="pressure", value=210.0 if 120 <= moment < 720 else 5.0)
        timeline.push(moment, sensor_type="vibration", value=55.0)

    timeline.expect_opening(at(300), key=f"{MACHINE}:temperature")
    timeline.expect_opening(at(420), key=f"{MACHINE}:pressure")
    timeline.expect_recovery(at(900), key=f"{MACHINE}:temperature")
    timeline.expect_recovery(at(1020), key=f"{MACHINE}:pressure")

    timeline.run()


def test_one_sensor_in_range_does_not_cover_for_another() -> None:
    timeline = machine()
    for moment in every(30, until=600):
        sensor_type, value = ("pressure", 5.0) if moment % 60 else ("temperature", 104.0)
        timeline.push(moment, sensor_type=sensor_type, value=value)

    timeline.expect_opening(at(300), key=f"{MACHINE}:temperature")

    timeline.run()


@pytest.mark.parametrize("spikes", [[300], [300, 360]], ids=["one", "two"])
def test_a_spike_raises_nothing(spikes: list[int]) -> None:
    timeline = machine()
    for moment in every(60, until=1200):
        timeline.push(moment, sensor_type="temperature", value=400.0 if moment in spikes else 60.0)

    timeline.run()


def test_from_too_cold_to_too_hot_is_still_out_of_range() -> None:
    timeline = machine()
    timeline.push([0, 120], sensor_type="temperature", value=-5.0)
    timeline.push([240, 360], sensor_type="temperature", value=105.0)

    timeline.expect_opening(at(360))

    timeline.run()


@pytest.mark.parametrize(("value", "is_back"), [(0.9, False), (1.0, True), (99.0, True), (99.1, False)])
def test_recovery_is_further_inside_by_the_hysteresis(
    value: float,
    is_back: bool,  # noqa: FBT001 - a column of the table
) -> None:
    timeline = machine()
    timeline.push(every(60, until=300), sensor_type="temperature", value=-5.0)
    timeline.push(every(60, start=360, until=1200), sensor_type="temperature", value=value)

    timeline.expect_opening(at(300))
    if is_back:
        timeline.expect_recovery(at(660))

    timeline.run()


def test_a_gap_out_of_range_raises_nothing_by_itself() -> None:
    timeline = machine()
    timeline.push([0, 60], sensor_type="temperature", value=104.0)
    timeline.push(7200, sensor_type="temperature", value=60.0)

    timeline.run()


def test_vibration_is_watched_once_a_device_has_limits_for_it() -> None:
    timeline = machine(vibration_low=0, vibration_high=11.2, vibration_hysteresis=1)
    timeline.push(every(60, until=300), sensor_type="vibration", value=12.0)
    timeline.push(every(60, start=360, until=720), sensor_type="vibration", value=3.0)

    timeline.expect_opening(at(300), key=f"{MACHINE}:vibration")
    timeline.expect_recovery(at(660), key=f"{MACHINE}:vibration")

    timeline.run()


@pytest.mark.parametrize(("limit", "beyond"), [(0.0, -5.0), (100.0, 105.0)])
def test_a_reading_at_the_limit_itself_starts_the_duration_anew(limit: float, beyond: float) -> None:
    timeline = machine()
    timeline.push(every(60, until=240), sensor_type="temperature", value=beyond)
    timeline.push(300, sensor_type="temperature", value=limit)
    timeline.push(every(60, start=360, until=720), sensor_type="temperature", value=beyond)

    timeline.expect_opening(at(660))
    [opening] = timeline.run()

    assert opening.effect["action"]["payload"]["payload"]["state"]["variables"]["began_at"] == in_ms(360)


@pytest.mark.parametrize("hovering_at", [0.9, 99.1])
def test_a_relapse_into_the_band_starts_the_recovery_anew(hovering_at: float) -> None:
    timeline = machine()
    timeline.push(every(60, until=300), sensor_type="temperature", value=-5.0)
    timeline.push(every(60, start=360, until=540), sensor_type="temperature", value=60.0)
    timeline.push(600, sensor_type="temperature", value=hovering_at)
    timeline.push(every(60, start=660, until=1200), sensor_type="temperature", value=60.0)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(960))

    timeline.run()


def test_a_recovery_that_a_gap_interrupted_starts_anew() -> None:
    timeline = machine()
    timeline.push(every(60, until=300), sensor_type="temperature", value=-5.0)
    timeline.push(360, sensor_type="temperature", value=60.0)
    timeline.push(7200, sensor_type="temperature", value=-5.0)
    timeline.push(every(60, start=7260, until=7800), sensor_type="temperature", value=60.0)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(7560))

    timeline.run()
