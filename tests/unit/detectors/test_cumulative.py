"""Timelines of times that add up over a trip: WHO shipping indicators, 30 degrees Celsius for ten hours in all (type 1
and 2) and 10 for twenty (type 2). A reading every ten minutes stands until the next; past an hour it stands no more.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.detectors.timeline import Timeline, at, every, hours, minutes

HEAT, WARMTH = "cumulative_excursion", "cumulative_excursion_second"
MODELS = Path(__file__).parents[3] / "detectors" / "models"


def shipment(model: str = HEAT, profile: str = "who_shipping_type_1", **changes: Any) -> Timeline:
    return Timeline(model, profile=profile, device_id="north-shipper-1", device_type="shipper", **changes)


def spell(timeline: Timeline, start: float, length: float, temp_c: float = 35.0) -> float:
    """A spell of that length, and the reading that ends it; when that is."""
    timeline.push(every(minutes(10), start=start, until=start + length - minutes(10)), temp_c=temp_c)
    timeline.push(start + length, temp_c=5.0)
    return start + length


def test_ten_hours_without_a_break_open_at_the_reading_that_completes_them() -> None:
    timeline = shipment()
    timeline.push(every(minutes(10), until=hours(1)), temp_c=5.0)
    timeline.push(every(minutes(10), start=hours(1) + 600, until=hours(12)), temp_c=30.0)

    timeline.expect_opening(at(hours(11) + 600))

    timeline.run()


def test_short_spells_add_up() -> None:
    timeline = shipment()
    moment = 0.0
    for _ in range(20):  # half an hour each, and half an hour cool between two
        moment = spell(timeline, moment, minutes(30)) + minutes(30)

    timeline.expect_opening(at(hours(19) + minutes(30)))

    timeline.run()


def test_a_second_less_than_the_limit_opens_nothing() -> None:
    timeline = shipment()
    spell(timeline, 0, hours(5))
    timeline.push(every(minutes(10), start=hours(8), until=hours(12) + minutes(50)), temp_c=35.0)
    timeline.push(hours(13) - 1, temp_c=5.0)
    timeline.push(every(minutes(10), start=hours(13), until=hours(40)), temp_c=5.0)

    timeline.run()


@pytest.mark.parametrize(("temp_c", "counts"), [(29.9, False), (30.0, True), (30.1, True)])
def test_the_limit_itself_counts(temp_c: float, counts: bool) -> None:  # noqa: FBT001 - a column of the table
    timeline = shipment()
    timeline.push(every(minutes(10), until=hours(11)), temp_c=temp_c)

    if counts:
        timeline.expect_opening(at(hours(10)))

    timeline.run()


@pytest.mark.parametrize(("temp_c", "counts"), [(9.9, False), (10.0, True)])
def test_type_2_counts_twenty_hours_of_warmth_beside_ten_of_heat(
    temp_c: float,
    counts: bool,  # noqa: FBT001 - a column of the table
) -> None:
    for model in (HEAT, WARMTH):
        timeline = shipment(model, "who_shipping_type_2")
        timeline.push(every(minutes(10), until=hours(21)), temp_c=temp_c)
        if counts and model == WARMTH:
            timeline.expect_opening(at(hours(20)))

        timeline.run()


def test_heat_counts_as_warmth_too() -> None:
    timeline = shipment(WARMTH, "who_shipping_type_2")
    spell(timeline, 0, hours(12), temp_c=12.0)
    spell(timeline, hours(14), hours(8), temp_c=31.0)

    timeline.expect_opening(at(hours(22)))

    timeline.run()


@pytest.mark.parametrize(("gap_s", "opens_after"), [(3600, hours(10)), (3601, hours(11) + 1)])
def test_a_gap_within_silence_is_bridged_and_a_longer_one_counts_neither_way(gap_s: int, opens_after: float) -> None:
    """An hour of heat, a gap with heat on both sides, heat again."""
    timeline = shipment()
    timeline.push(every(minutes(10), until=hours(1)), temp_c=35.0)
    timeline.push(every(minutes(10), start=hours(1) + gap_s, until=hours(1) + gap_s + hours(10)), temp_c=35.0)

    timeline.expect_opening(at(opens_after))

    timeline.run()


def test_a_gap_that_begins_hot_and_ends_cool_counts_neither_way() -> None:
    timeline = shipment()
    timeline.push(every(minutes(10), until=hours(9)), temp_c=35.0)
    timeline.push(hours(19), temp_c=5.0)
    spell(timeline, hours(20), minutes(50))
    spell(timeline, hours(22), minutes(10))

    timeline.expect_opening(at(hours(22) + minutes(10)))

    timeline.run()


def test_a_buffer_that_comes_late_and_in_order_opens_at_the_same_time_of_the_device() -> None:
    timeline = shipment()
    timeline.push(0, temp_c=5.0)
    timeline.push(every(minutes(10), start=hours(1), until=hours(12)), arriving=hours(30), temp_c=35.0)

    timeline.expect_opening(at(hours(11)))

    timeline.run()


def test_what_is_older_than_the_last_count_is_not_counted_again() -> None:
    timeline = shipment()
    timeline.push(every(minutes(10), until=hours(9)), temp_c=35.0)
    timeline.push(every(minutes(10), start=minutes(5), until=hours(8)), arriving=hours(9) + 1, temp_c=35.0)
    timeline.push(hours(9) + minutes(10), temp_c=5.0)

    timeline.run()


def test_a_lost_probe_is_no_reading_and_one_that_says_hi_is_above() -> None:
    timeline = shipment()
    for moment in every(minutes(10), until=hours(10)):
        is_lost = moment % minutes(30) == minutes(10)
        timeline.push(moment, temp_c=0.0, probe="LOST" if is_lost else "HI")

    timeline.expect_opening(at(hours(10)))

    timeline.run()


def test_a_probe_that_says_lo_is_below_whatever_number_comes_with_it() -> None:
    timeline = shipment()
    timeline.push(every(minutes(10), until=hours(20)), temp_c=99.0, probe="LO")

    timeline.run()


def test_once_told_the_trip_is_told_no_more() -> None:
    timeline = shipment()
    spell(timeline, 0, hours(11))
    spell(timeline, hours(20), hours(12))

    timeline.expect_opening(at(hours(10)))

    timeline.run()


def test_another_trip_counts_from_nothing_and_recovers_what_the_last_one_opened() -> None:
    timeline = shipment(trip="one")
    spell(timeline, 0, hours(11))
    timeline.change(hours(20), trip="two")
    timeline.push(hours(20), temp_c=5.0)
    spell(timeline, hours(21), hours(9))
    spell(timeline, hours(31), hours(1))

    timeline.expect_opening(at(hours(10)))
    timeline.expect_recovery(at(hours(20)))
    timeline.expect_opening(at(hours(32)))

    timeline.run()


@pytest.mark.parametrize("temp_c", [5.0, 35.0])
def test_a_trip_that_ends_while_it_is_hot_takes_nothing_along(temp_c: float) -> None:
    """The next one counts from its own first reading above, also where that is the reading that begins it."""
    timeline = shipment(trip="one")
    timeline.push(every(minutes(10), until=hours(9)), temp_c=35.0)
    timeline.change(hours(9) + 1, trip="two")
    timeline.push(hours(9) + minutes(10), temp_c=temp_c)
    timeline.push(every(minutes(10), start=hours(9) + minutes(20), until=hours(20)), temp_c=35.0)

    timeline.expect_opening(at(hours(19) + minutes(20 if temp_c == 5.0 else 10)))

    timeline.run()


def test_a_limit_that_is_taken_away_recovers_what_it_opened_and_forgets() -> None:
    timeline = shipment()
    spell(timeline, 0, hours(11))
    timeline.change(hours(12), cumulative_high_s=0)
    timeline.push(every(minutes(10), start=hours(12), until=hours(13)), temp_c=35.0)
    timeline.change(hours(14))
    timeline.push(every(minutes(10), start=hours(14), until=hours(23) + minutes(50)), temp_c=35.0)

    timeline.expect_opening(at(hours(10)))
    timeline.expect_recovery(at(hours(12)))

    timeline.run()


def test_a_change_of_anything_else_forgets_nothing() -> None:
    timeline = shipment(trip="one")
    spell(timeline, 0, hours(6))
    timeline.change(hours(7), trip="one", shock_g=5.0)
    spell(timeline, hours(8), hours(4))

    timeline.expect_opening(at(hours(12)))

    timeline.run()


READINGS = st.lists(
    st.tuples(
        st.sampled_from([1, 59, 60, 600, 3600, 3601, 9000]),
        st.sampled_from([29.9, 30.0, 31.0, 5.0]),
        st.sampled_from(["OK", "OK", "OK", "LOST", "HI", "LO"]),
    ),
    max_size=25,
)


@given(READINGS)
def test_it_opens_where_the_sum_of_bridged_spans_says(readings: list[tuple[int, float, str]]) -> None:
    limit_s = 5000
    timeline = shipment(cumulative_high_s=limit_s)
    moment, total, before, opening = 0, 0, None, None
    for step, temp_c, probe in readings:
        moment += step
        timeline.push(moment, temp_c=temp_c, probe=probe)
        if probe == "LOST":
            continue
        if before and before[1] and moment - before[0] <= 3600:
            total += moment - before[0]
        before = (moment, probe == "HI" or (probe == "OK" and temp_c >= 30.0))
        if total >= limit_s and opening is None:
            opening = moment
    if opening is not None:
        timeline.expect_opening(at(opening))

    timeline.run()


def test_a_restart_in_the_middle_of_a_spell_loses_none_of_it() -> None:
    """Between any two messages the detector is stored and read again; another version of the model goes on with it."""
    timeline = shipment()
    timeline.push(every(minutes(10), until=hours(10)), temp_c=35.0)
    timeline.deploy(hours(5), lambda text: text.replace('"A reading"', '"A reading came"'))

    timeline.expect_opening(at(hours(10)))

    timeline.run()


def test_a_profile_without_the_limits_never_stores_anything() -> None:
    for model in (HEAT, WARMTH):
        timeline = Timeline(model)
        timeline.push(every(minutes(10), until=hours(48)), temp_c=60.0)

        timeline.run()

        assert timeline.writes == 0


def test_in_range_nothing_is_stored_and_out_of_range_one_count_a_reading() -> None:
    timeline = shipment()
    timeline.push(every(minutes(10), until=hours(48)), temp_c=5.0)
    timeline.run()
    assert timeline.writes == 0

    spell(timeline, hours(48) + 600, hours(1))
    timeline.push(every(minutes(10), start=hours(50), until=hours(60)), temp_c=5.0)
    timeline.run()
    assert timeline.writes == 7  # its beginning, five more readings above, its end


def test_the_effect_says_since_when_and_how_long() -> None:
    timeline = shipment(trip="SHP-2026-017")
    timeline.push(every(minutes(10), until=hours(10)), temp_c=35.0)
    timeline.expect_opening(at(hours(10)))

    [opening] = timeline.run()

    content = json.dumps(opening.effect)
    assert "SHP-2026-017" in content
    assert str(int(hours(10)) * 1000) in content


def test_the_second_model_is_the_first_with_the_second_pair_of_members() -> None:
    first = json.loads((MODELS / f"{HEAT}.json").read_text().replace("cumulative_high_", "cumulative_second_"))
    second = json.loads((MODELS / f"{WARMTH}.json").read_text())

    assert first | {"detectorModelName": WARMTH} == second
