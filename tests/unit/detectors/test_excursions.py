"""Timelines of the two excursion models: 300 s above 8.0 or below 0.0 degrees Celsius, unless a test says otherwise."""

import pytest

from tests.unit.detectors.timeline import Timeline, at, between, every, hours, minutes

HIGH, FREEZE = "sustained_excursion_high", "sustained_excursion_freeze"


def test_sustained_heat_opens_once_its_duration_is_over_and_recovers_once_it_has_stayed_cool() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=590), temp_c=5.0)
    timeline.push(every(10, start=600, until=1790), temp_c=9.0)
    timeline.push(every(10, start=1800, until=2400), temp_c=5.0)

    timeline.expect_opening(at(900))
    timeline.expect_recovery(at(2100))

    timeline.run()


def test_a_message_in_range_changes_nothing() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=minutes(30)), temp_c=5.0)

    timeline.run()

    assert timeline.writes <= 1  # the detector's creation, where that is a write


def test_a_whole_excursion_stores_a_detector_once_for_each_turn() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=590), temp_c=5.0)
    timeline.push(every(10, start=600, until=1790), temp_c=9.0)
    timeline.push(every(10, start=1800, until=2400), temp_c=5.0)
    timeline.expect_opening(at(900))
    timeline.expect_recovery(at(2100))

    timeline.run()

    # out of range; duration over and opened; recovery begins; recovery over and recovered; perhaps its creation
    assert timeline.writes in {4, 5}


@pytest.mark.parametrize("spikes", [[300], [300, 310], [300, 900]], ids=["one", "two together", "two apart"])
def test_a_spike_raises_nothing(spikes: list[int]) -> None:
    timeline = Timeline(HIGH)
    for moment in every(10, until=1800):
        timeline.push(moment, temp_c=30.0 if moment in spikes else 5.0)

    timeline.run()


@pytest.mark.parametrize("open_s", [60, 120, 180])
def test_a_door_opening_raises_nothing(open_s: int) -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=90), temp_c=5.0)
    timeline.push(every(10, start=100, until=100 + open_s), temp_c=10.5, door_open=True)
    timeline.push(every(10, start=110 + open_s, until=900), temp_c=6.0)

    timeline.run()


def test_a_dip_into_range_starts_the_duration_anew() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=280), temp_c=9.0)
    timeline.push(290, temp_c=8.0)
    timeline.push(every(10, start=300, until=590), temp_c=9.0)
    timeline.push(every(10, start=600, until=700), temp_c=9.0)

    timeline.expect_opening(at(600))

    timeline.run()


def test_dips_that_come_in_time_every_time_raise_nothing() -> None:
    timeline = Timeline(HIGH)
    for moment in every(10, until=hours(2)):
        timeline.push(moment, temp_c=8.0 if moment % 300 == 0 else 9.0)

    timeline.run()


def test_hovering_in_the_hysteresis_band_neither_recovers_nor_opens_again() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=300), temp_c=9.0)
    for moment in every(10, start=310, until=hours(2)):
        timeline.push(moment, temp_c=7.6 if moment % 20 else 8.4)
    timeline.push(every(10, start=hours(2) + 10, until=hours(2) + 310), temp_c=7.5)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(hours(2) + 310))

    timeline.run()


def test_a_relapse_into_the_band_starts_the_recovery_anew() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=300), temp_c=9.0)
    timeline.push(every(10, start=310, until=590), temp_c=6.0)
    timeline.push(600, temp_c=7.6)
    timeline.push(every(10, start=610, until=1000), temp_c=6.0)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(910))

    timeline.run()


@pytest.mark.parametrize(
    ("model", "out_c", "limit_c", "safe_c"), [(HIGH, 9.0, 7.5, 7.49), (FREEZE, -1.0, 0.5, 0.51)], ids=["high", "freeze"]
)
def test_an_inclusive_limit_of_recovery_neither_begins_it_nor_lets_it_go_on(
    model: str, out_c: float, limit_c: float, safe_c: float
) -> None:
    timeline = Timeline(model, high_is_inclusive=True, low_is_inclusive=True)
    timeline.push(every(10, until=300), temp_c=out_c)
    timeline.push(310, temp_c=limit_c)
    timeline.push(every(10, start=320, until=590), temp_c=safe_c)
    timeline.push(600, temp_c=limit_c)
    timeline.push(every(10, start=610, until=1000), temp_c=safe_c)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(910))

    timeline.run()


def test_after_its_recovery_the_next_excursion_opens_again() -> None:
    timeline = Timeline(HIGH)
    for start in (0, 1200):
        timeline.push(every(10, start=start, until=start + 590), temp_c=9.0)
        timeline.push(every(10, start=start + 600, until=start + 1190), temp_c=5.0)
        timeline.expect_opening(at(start + 300))
        timeline.expect_recovery(at(start + 900))

    timeline.run()


@pytest.mark.parametrize(
    ("is_inclusive", "temp_c", "is_out"),
    [(False, 8.0, False), (False, 8.01, True), (True, 8.0, True), (True, 7.99, False)],
)
def test_the_limit_itself_is_in_range_unless_the_profile_includes_it(
    is_inclusive: bool,  # noqa: FBT001 - a column of the table
    temp_c: float,
    is_out: bool,  # noqa: FBT001 - a column of the table
) -> None:
    timeline = Timeline(HIGH, high_is_inclusive=is_inclusive)
    timeline.push(every(10, until=600), temp_c=temp_c)

    if is_out:
        timeline.expect_opening(at(300))

    timeline.run()


@pytest.mark.parametrize(
    ("is_inclusive", "temp_c", "is_back"), [(False, 7.5, True), (True, 7.5, False), (True, 7.49, True)]
)
def test_the_limit_of_recovery_is_read_as_the_limit_is(
    is_inclusive: bool,  # noqa: FBT001 - a column of the table
    temp_c: float,
    is_back: bool,  # noqa: FBT001 - a column of the table
) -> None:
    timeline = Timeline(HIGH, high_is_inclusive=is_inclusive)
    timeline.push(every(10, until=300), temp_c=9.0)
    timeline.push(every(10, start=310, until=900), temp_c=temp_c)

    timeline.expect_opening(at(300))
    if is_back:
        timeline.expect_recovery(at(610))

    timeline.run()


def test_a_second_short_of_the_duration_raises_nothing() -> None:
    timeline = Timeline(HIGH)
    timeline.push([0, 100, 200, 299], temp_c=9.0)
    timeline.push(300, temp_c=5.0)

    timeline.run()


def test_more_readings_are_waited_for_where_the_profile_asks_for_more() -> None:
    timeline = Timeline(HIGH, minimum_readings=4)
    timeline.push([0, 200, 400, 600, 800], temp_c=9.0)

    timeline.expect_opening(at(600))

    timeline.run()


def test_a_gap_while_hot_raises_nothing_by_itself() -> None:
    timeline = Timeline(HIGH)
    timeline.push([0, 10], temp_c=9.0)
    timeline.wait(hours(5))

    timeline.run()


def test_a_gap_that_ends_in_range_raises_nothing() -> None:
    timeline = Timeline(HIGH)
    timeline.push([0, 10], temp_c=9.0)
    timeline.push(every(10, start=hours(2), until=hours(3)), temp_c=5.0)

    timeline.run()


def test_a_gap_that_ends_hot_is_confirmed_by_the_first_reading_after_it() -> None:
    timeline = Timeline(HIGH)
    timeline.push([0, 10], temp_c=9.0)
    timeline.push(hours(2), temp_c=9.0)

    timeline.expect_opening(at(hours(2)))

    timeline.run()


@pytest.mark.parametrize(("model", "out_c"), [(HIGH, 9.0), (FREEZE, -1.0)])
def test_a_gap_while_recovering_does_not_recover(model: str, out_c: float) -> None:
    timeline = Timeline(model)
    timeline.push(every(10, until=300), temp_c=out_c)
    timeline.push(310, temp_c=5.0)
    timeline.push(7200, temp_c=out_c)
    timeline.push(every(10, start=7210, until=8000), temp_c=5.0)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(7510))

    timeline.run()


def test_two_buffered_hours_in_one_burst_get_the_answer_of_a_live_device() -> None:
    answers = []
    for arriving in (None, hours(4)):
        timeline = Timeline(HIGH)
        timeline.push(every(10, until=590), temp_c=5.0, arriving=arriving)
        timeline.push(every(10, start=600, until=1790), temp_c=9.0, arriving=arriving)
        timeline.push(every(10, start=1800, until=7200), temp_c=5.0, arriving=arriving)
        timeline.expect_opening(at(900))
        timeline.expect_recovery(at(2100))
        answers.append([(each.what, each.at, each.effect["profile"]) for each in timeline.run()])

    assert answers[0] == answers[1]


def test_an_excursion_that_was_buffered_is_found_when_it_is_uploaded_before_the_next_live_reading() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=590), temp_c=5.0)
    timeline.push(every(10, start=600, until=1190), temp_c=9.0, arriving=1195)
    timeline.push(every(10, start=1200, until=1600), temp_c=5.0)

    timeline.expect_opening(at(900))
    timeline.expect_recovery(at(1500))

    timeline.run()


def test_a_live_reading_in_range_does_not_make_what_was_buffered_before_it_late() -> None:
    timeline = Timeline(HIGH)
    timeline.push(hours(2), temp_c=5.0)
    timeline.push(every(10, until=1190), temp_c=9.0, arriving=hours(2) + 5)
    timeline.push(every(10, start=1200, until=1600), temp_c=5.0, arriving=hours(2) + 5)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(1500))

    timeline.run()


def test_a_late_reading_in_range_does_not_undo_an_excursion() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=300), temp_c=9.0)
    timeline.push(200, temp_c=5.0, arriving=305)
    timeline.push(every(10, start=310, until=600), temp_c=9.0)

    timeline.expect_opening(at(300))

    timeline.run()


def test_late_hot_readings_do_not_reopen_what_has_recovered() -> None:
    timeline = Timeline(HIGH)
    timeline.push(every(10, until=300), temp_c=9.0)
    timeline.push(every(10, start=310, until=900), temp_c=5.0)
    timeline.push([320, 400, 500, 600], temp_c=12.0, arriving=905)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(610))

    timeline.run()


def test_a_reading_that_comes_again_is_one_reading() -> None:
    timeline = Timeline(HIGH, high_duration_s=1, minimum_readings=3)
    timeline.push([0, 100], temp_c=9.0)
    timeline.push_again(0, arriving=1)
    timeline.push_again(100, arriving=101)
    timeline.push_again(100, arriving=102)

    timeline.run()


def test_a_freeze_opens_and_recovers_as_heat_does() -> None:
    timeline = Timeline(FREEZE)
    timeline.push(every(10, until=90), temp_c=0.0)
    timeline.push(every(10, start=100, until=600), temp_c=-0.1)
    timeline.push(every(10, start=610, until=900), temp_c=0.4)
    timeline.push(every(10, start=910, until=1300), temp_c=0.5)

    timeline.expect_opening(at(400))
    timeline.expect_recovery(at(1210))

    timeline.run()


@pytest.mark.parametrize("model", [HIGH, FREEZE])
def test_neither_model_answers_for_the_other(model: str) -> None:
    timeline = Timeline(model)
    timeline.push(every(10, until=900), temp_c=-20.0 if model == HIGH else 40.0)

    timeline.run()


def test_above_eight_for_ten_hours_is_what_the_who_calls_an_alarm() -> None:
    timeline = Timeline(HIGH, profile="who_refrigerator")
    timeline.push(every(minutes(10), until=hours(9.5)), temp_c=8.1)
    timeline.push(hours(9.7), temp_c=8.0)
    timeline.push(every(minutes(10), start=hours(10), until=hours(21)), temp_c=8.1)

    timeline.expect_opening(at(hours(20)))

    timeline.run()


def test_minus_a_half_for_an_hour_is_what_the_who_calls_a_freeze() -> None:
    timeline = Timeline(FREEZE, profile="who_refrigerator")
    timeline.push(every(minutes(10), until=minutes(50)), temp_c=-0.4)
    timeline.push(every(minutes(10), start=hours(1), until=hours(3)), temp_c=-0.5)

    timeline.expect_opening(at(hours(2)))

    timeline.run()


def test_short_dips_never_add_up() -> None:
    timeline = Timeline(FREEZE, profile="who_refrigerator")
    for moment in every(minutes(10), until=hours(24)):
        timeline.push(moment, temp_c=2.0 if moment % hours(1) == 0 else -1.0)

    timeline.run()


@pytest.mark.parametrize(("model", "says"), [(HIGH, "HI"), (FREEZE, "LO")])
def test_a_probe_beyond_its_span_is_out_of_range_whatever_number_comes_with_it(model: str, says: str) -> None:
    timeline = Timeline(model)
    timeline.push(every(10, until=300), temp_c=5.0, probe=says)
    timeline.push(every(10, start=310, until=700), temp_c=5.0, probe="OK")

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(610))

    timeline.run()


@pytest.mark.parametrize(("model", "says", "temp_c"), [(HIGH, "LO", 40.0), (FREEZE, "HI", -20.0)])
def test_a_probe_beyond_its_span_on_the_other_side_is_in_range(model: str, says: str, temp_c: float) -> None:
    timeline = Timeline(model)
    timeline.push(every(10, until=300), temp_c=temp_c)
    timeline.push(every(10, start=310, until=700), temp_c=temp_c, probe=says)

    timeline.expect_opening(at(300))
    timeline.expect_recovery(at(610))

    timeline.run()


@pytest.mark.parametrize(("model", "temp_c"), [(HIGH, 40.0), (FREEZE, -20.0)])
def test_a_lost_probe_says_nothing_about_the_goods(model: str, temp_c: float) -> None:
    timeline = Timeline(model)
    timeline.push(every(10, until=900), temp_c=temp_c, probe="LOST")

    timeline.run()


def test_readings_without_a_probe_neither_break_an_excursion_nor_recover_it() -> None:
    timeline = Timeline(HIGH)
    timeline.push([0, 10], temp_c=9.0)
    timeline.push(every(10, start=20, until=200), temp_c=0.0, probe="LOST")
    timeline.push(every(10, start=210, until=390), temp_c=40.0, probe="LOST")
    timeline.push(400, temp_c=9.0)
    timeline.push(every(10, start=410, until=900), temp_c=0.0, probe="LOST")

    timeline.expect_opening(at(400))

    timeline.run()


def test_the_thresholds_in_force_and_the_beginning_are_told_with_the_opening() -> None:
    timeline = Timeline(HIGH, high_c=6.0)
    timeline.push(every(10, start=50, until=400), temp_c=7.0)
    timeline.expect_opening(between(350, 360))

    [opening] = timeline.run()

    assert opening.effect["profile"]["name"] == "default"
    assert opening.effect["profile"]["high_c"] == 6.0
    assert opening.effect["profile"]["changed"] == ["high_c"]
    told = opening.effect["action"]["payload"]
    assert told["eventName"] == "Too warm"
    assert told["payload"]["state"]["variables"]["began_at"] == 1_767_225_650_000
