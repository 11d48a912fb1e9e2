"""Timelines of `battery_low` (below 15 %, again at 20 %), `shock` (3 g, quiet for 600 s) and `probe_lost` (600 s)."""

from typing import Any

import pytest

from tests.unit.detectors.timeline import Timeline, at, every, hours, in_ms, minutes


def test_a_battery_that_drains_is_told_once_and_recovers_when_it_is_charged() -> None:
    timeline = Timeline("battery_low")
    for number, moment in enumerate(every(minutes(10), until=hours(5))):
        timeline.push(moment, battery_pct=20.0 - 0.5 * number)
    timeline.push([hours(6), hours(6) + 10], battery_pct=95.0)

    timeline.expect_opening(at(minutes(120)))  # 14.5 at 110 minutes, 14.0 at 120
    timeline.expect_recovery(at(hours(6) + 10))

    timeline.run()


@pytest.mark.parametrize(("battery_pct", "is_low"), [(15.0, False), (14.9, True)])
def test_the_battery_limit_itself_is_not_low(
    battery_pct: float,
    is_low: bool,  # noqa: FBT001 - a column of the table
) -> None:
    timeline = Timeline("battery_low")
    timeline.push([0, 10, 20], battery_pct=battery_pct)

    if is_low:
        timeline.expect_opening(at(10))

    timeline.run()


def test_a_single_low_reading_is_no_low_battery() -> None:
    timeline = Timeline("battery_low")
    for moment in every(10, until=600):
        timeline.push(moment, battery_pct=2.0 if moment % 20 else 60.0)

    timeline.run()


def test_a_charge_that_hovers_about_the_limit_is_told_once() -> None:
    timeline = Timeline("battery_low")
    for moment in every(10, until=hours(2)):
        timeline.push(moment, battery_pct=14.8 if moment % 60 < 30 else 15.4)
    timeline.push([hours(3), hours(4)], battery_pct=19.9)

    timeline.expect_opening(at(10))

    timeline.run()


def test_a_single_full_reading_is_no_recovery() -> None:
    timeline = Timeline("battery_low")
    timeline.push([0, 10], battery_pct=10.0)
    for moment in every(10, start=20, until=600):
        timeline.push(moment, battery_pct=99.0 if moment % 20 else 9.0)

    timeline.expect_opening(at(10))

    timeline.run()


def test_as_many_low_readings_as_the_profile_asks_for() -> None:
    timeline = Timeline("battery_low", minimum_readings=4)
    timeline.push([0, 10, 20, 30, 40], battery_pct=10.0)
    timeline.push([50, 60, 70], battery_pct=20.0)
    timeline.push(80, battery_pct=19.0)
    timeline.push([90, 100, 110, 120], battery_pct=20.0)

    timeline.expect_opening(at(30))
    timeline.expect_recovery(at(120))

    timeline.run()


def test_a_shock_opens_at_once_and_recovers_after_a_quiet_time() -> None:
    timeline = Timeline("shock")
    timeline.push(every(10, until=90))
    timeline.push(100, shock_g=4.2)
    timeline.push(every(10, start=110, until=1000))

    timeline.expect_opening(at(100))
    timeline.expect_recovery(at(700))

    timeline.run()


@pytest.mark.parametrize(("shock_g", "is_shock"), [(2.99, False), (3.0, True)])
def test_the_shock_limit_itself_is_a_shock(
    shock_g: float,
    is_shock: bool,  # noqa: FBT001 - a column of the table
) -> None:
    timeline = Timeline("shock")
    timeline.push(0, shock_g=shock_g)

    if is_shock:
        timeline.expect_opening(at(0))

    timeline.run()


def test_another_shock_in_the_quiet_time_prolongs_it_and_opens_nothing() -> None:
    timeline = Timeline("shock")
    timeline.push([0, 400], shock_g=4.0)
    timeline.push([600, 990, 1000, 1010])

    timeline.expect_opening(at(0))
    timeline.expect_recovery(at(1000))

    timeline.run()


def test_a_shock_within_the_gap_that_ended_the_quiet_time_is_no_recovery() -> None:
    timeline = Timeline("shock")
    timeline.push([0, 700], shock_g=4.0)
    timeline.push([710, 1300])

    timeline.expect_opening(at(0))
    timeline.expect_recovery(at(1300))

    timeline.run()


def test_a_device_that_says_nothing_after_a_shock_has_not_recovered() -> None:
    timeline = Timeline("shock")
    timeline.push(0, shock_g=8.0)
    timeline.wait(hours(24))

    timeline.expect_opening(at(0))

    timeline.run()


def test_a_shock_is_found_in_a_buffered_upload_too() -> None:
    timeline = Timeline("shock")
    timeline.push(every(10, until=90), arriving=hours(2))
    timeline.push(100, shock_g=4.2, arriving=hours(2))
    timeline.push(every(10, start=110, until=1000), arriving=hours(2))

    timeline.expect_opening(at(100))
    timeline.expect_recovery(at(700))

    timeline.run()


def test_a_probe_that_stays_lost_is_told_and_recovers_once_it_stays_found() -> None:
    timeline = Timeline("probe_lost")
    timeline.push(every(60, until=540), probe="OK")
    timeline.push(every(60, start=600, until=1740), probe="LOST")
    timeline.push(every(60, start=1800, until=3000), probe="OK")

    timeline.expect_opening(at(1200))
    timeline.expect_recovery(at(2100))

    timeline.run()


def test_a_probe_with_a_loose_contact_is_told_once() -> None:
    timeline = Timeline("probe_lost")
    timeline.push(every(60, until=600), probe="LOST")
    for moment in every(60, start=660, until=hours(2)):
        timeline.push(moment, probe="OK" if moment % 180 else "LOST")

    timeline.expect_opening(at(600))

    timeline.run()


@pytest.mark.parametrize("said", [{}, {"probe": "OK"}, {"probe": "HI"}, {"probe": "LO"}])
def test_a_probe_that_says_anything_else_or_nothing_is_there(said: dict[str, Any]) -> None:
    timeline = Timeline("probe_lost")
    timeline.push([0, 60], probe="LOST")
    timeline.push(120, **said)
    timeline.push(every(60, start=180, until=660), probe="LOST")

    timeline.run()


def test_a_probe_that_a_gap_hid_while_it_was_found_recovers_anew() -> None:
    timeline = Timeline("probe_lost")
    timeline.push(every(60, until=600), probe="LOST")
    timeline.push(660, probe="OK")
    timeline.push(7200, probe="LOST")
    timeline.push(every(60, start=7260, until=7800), probe="OK")

    timeline.expect_opening(at(600))
    timeline.expect_recovery(at(7560))

    timeline.run()


@pytest.mark.parametrize(
    ("model", "said"),
    [("battery_low", {"battery_pct": 9.0}), ("shock", {"shock_g": 9.0}), ("probe_lost", {"probe": "LOST"})],
)
def test_an_opening_tells_when_it_began(model: str, said: dict[str, Any]) -> None:
    timeline = Timeline(model)
    timeline.push(0)
    timeline.push(every(60, start=60, until=660), **said)

    [opening] = timeline.play()

    assert opening.effect["action"]["payload"]["payload"]["state"]["variables"]["began_at"] == in_ms(60)
