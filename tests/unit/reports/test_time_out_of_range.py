"""Single events and cumulative time, as loggers count them."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.reports.spans import Sample
from coldwatch.reports.time_out_of_range import Range, Side, time_out_of_range

MINUTE = 60_000
HOUR = 60 * MINUTE
FRIDGE = Range(low=-0.5, high=8.0, low_is_inclusive=True, high_is_inclusive=False)


def each_minute(*values: float) -> list[Sample]:
    return [(place * MINUTE, value) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("within", "value", "side"),
    [
        (Range(high=30.0), 30.0, Side.ABOVE),
        (Range(high=30.0), 29.9, None),
        (Range(low=-0.5), -0.5, Side.BELOW),
        (Range(low=-0.5), -0.4, None),
        (FRIDGE, 8.0, None),
        (FRIDGE, 8.01, Side.ABOVE),
        (Range(), 99.0, None),
    ],
)
def test_a_limit_is_out_of_range_itself_where_it_is_inclusive(within: Range, value: float, side: Side | None) -> None:
    assert within.side(value) is side


def test_a_spell_lasts_from_its_first_reading_until_one_is_in_range_again() -> None:
    found = time_out_of_range(each_minute(5, 9, 10, 9, 5, 5), FRIDGE)

    (spell,) = found.spells
    assert (spell.side, spell.since, spell.until, spell.known_ms, spell.worst, spell.is_over) == (
        Side.ABOVE,
        MINUTE,
        4 * MINUTE,
        3 * MINUTE,
        10,
        True,
    )


def test_short_dips_add_up_though_none_of_them_is_long() -> None:
    """A logger that alarms on single events alone raises nothing for three and a half hours of short dips."""
    dips = [-1.0 if place % 30 < 10 else 4.0 for place in range(630)]

    found = time_out_of_range(each_minute(*dips), FRIDGE)

    assert found.longest_ms(Side.BELOW) == 10 * MINUTE
    assert found.cumulative_ms(Side.BELOW) == 3 * HOUR + 30 * MINUTE
    assert found.cumulative_ms(Side.ABOVE) == 0


def test_above_and_below_are_told_apart_and_together() -> None:
    found = time_out_of_range(each_minute(9, 9, -2, -2, -2, 4), FRIDGE)

    assert [each.side for each in found.spells] == [Side.ABOVE, Side.BELOW]
    assert found.cumulative_ms(Side.ABOVE) == 2 * MINUTE
    assert found.cumulative_ms(Side.BELOW) == 3 * MINUTE
    assert found.cumulative_ms() == 5 * MINUTE
    assert found.spells[1].worst == -2


def test_a_gap_neither_ends_a_spell_nor_lengthens_it() -> None:
    samples = [*each_minute(9, 9, 9), *((4 * HOUR + at, value) for at, value in each_minute(10, 9, 5))]

    found = time_out_of_range(samples, FRIDGE)

    (spell,) = found.spells
    assert (spell.since, spell.until, spell.known_ms) == (0, 4 * HOUR + 2 * MINUTE, 4 * MINUTE)
    assert found.unknown_ms == 4 * HOUR - 2 * MINUTE
    assert found.known_ms == 4 * MINUTE


def test_a_gap_in_range_is_not_counted_as_good() -> None:
    found = time_out_of_range([(0, 5.0), (3 * HOUR, 5.0)], FRIDGE)

    assert (found.known_ms, found.unknown_ms, found.spells) == (0, 3 * HOUR, ())


def test_a_spell_that_goes_on_ends_with_its_last_reading_and_is_not_over() -> None:
    (spell,) = time_out_of_range(each_minute(5, 9, 9), FRIDGE).spells

    assert (spell.until, spell.known_ms, spell.is_over) == (2 * MINUTE, MINUTE, False)


def test_late_readings_count_like_all_others() -> None:
    before = each_minute(5, 9, 9, 5)
    late = [(90_000, 4.0)]

    assert time_out_of_range(before, FRIDGE).cumulative_ms() == 2 * MINUTE
    assert time_out_of_range([*before, *late], FRIDGE).cumulative_ms() == MINUTE + 30_000


def test_without_readings_nothing_is_known() -> None:
    found = time_out_of_range([], FRIDGE)

    assert (found.spells, found.known_ms, found.unknown_ms, found.longest_ms()) == ((), 0, 0, 0)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(st.integers(0, 500), st.floats(-20, 30)), max_size=60), st.randoms(use_true_random=False))
def test_the_parts_are_never_more_than_the_whole_in_any_order(of: list[tuple[int, float]], random: Random) -> None:
    samples = [(at * MINUTE, value) for at, value in of]
    random.shuffle(samples)

    found = time_out_of_range(samples, FRIDGE)

    assert found == time_out_of_range(sorted(samples), FRIDGE)
    assert found.longest_ms() <= found.cumulative_ms() <= found.known_ms
    times = [at for at, _ in samples] or [0]
    assert found.known_ms + found.unknown_ms == max(times) - min(times)
