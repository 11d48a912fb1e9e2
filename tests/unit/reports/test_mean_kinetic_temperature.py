"""Against the vectors of USP's formula with dH/R = 10,000 K, and what must hold whatever the readings are."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.reports.mean_kinetic_temperature import (
    CONTROLLED_ROOM_WINDOW_MS,
    REFRIGERATED_WINDOW_MS,
    mean_kinetic_temperature,
    worst_window,
)
from coldwatch.reports.spans import Sample

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def held(*parts: tuple[float, int], step: int = 10 * MINUTE, since: int = 0) -> list[Sample]:
    """Readings each `step` that hold each temperature for its time, and one more that ends the last of them."""
    samples, at = [], since
    for celsius, lasts in parts:
        samples += [(moment, celsius) for moment in range(at, at + lasts, step)]
        at += lasts
    return [*samples, (at, parts[-1][0])]


@pytest.mark.parametrize(
    ("parts", "celsius"),
    [
        ([(5, 24 * HOUR)], 5.000),
        ([(5, 23 * HOUR), (15, HOUR)], 5.764),
        ([(5, 21 * HOUR), (15, 3 * HOUR)], 7.107),
        ([(5, 18 * HOUR), (14, 6 * HOUR)], 8.285),
        ([(2, 12 * HOUR), (8, 12 * HOUR)], 5.536),
        ([(22, 29 * DAY), (29, DAY)], 22.340),
    ],
)
def test_the_mean_is_that_of_the_published_formula(parts: list[tuple[float, int]], celsius: float) -> None:
    assert mean_kinetic_temperature(held(*parts)) == pytest.approx(celsius, abs=0.0005)


def test_a_day_can_pass_by_its_arithmetic_mean_and_fail_by_its_kinetic_one() -> None:
    samples = held((5, 18 * HOUR), (14, 6 * HOUR))

    arithmetic = sum(celsius for _, celsius in samples[:-1]) / (len(samples) - 1)
    kinetic = mean_kinetic_temperature(samples)

    assert kinetic is not None
    assert arithmetic < 8 < kinetic


def test_a_product_with_an_activation_energy_of_its_own_is_harmed_more_by_heat() -> None:
    samples = held((5, 23 * HOUR), (15, HOUR))

    usual, sensitive = (mean_kinetic_temperature(samples, activation_k=each) for each in (10_000, 15_000))

    assert usual is not None
    assert sensitive is not None
    assert sensitive > usual


celsius = st.floats(-90, 60)
readings = st.lists(st.tuples(st.integers(0, 600), celsius), min_size=2, max_size=40, unique_by=lambda each: each[0])


def minutes(of: list[tuple[int, float]]) -> list[Sample]:
    return [(at * MINUTE, value) for at, value in of]


@settings(deadline=None)  # the machine may be busy
@given(readings)
def test_it_lies_between_the_coldest_and_the_warmest_reading(of: list[tuple[int, float]]) -> None:
    samples = minutes(of)

    mean = mean_kinetic_temperature(samples, longest_gap_ms=DAY)

    assert mean is not None
    weighted = [value for _, value in sorted(samples)[:-1]]
    assert min(weighted) - 1e-6 <= mean <= max(weighted) + 1e-6


@settings(deadline=None)  # the machine may be busy
@given(readings)
def test_it_is_never_below_the_arithmetic_mean_of_the_same_times_below_the_bend(of: list[tuple[int, float]]) -> None:
    """The rate bends upwards below 5,000 K, so a warm hour harms more than a cold hour saves."""
    samples = sorted(minutes(of))
    spans = [(later - at, value) for (at, value), (later, _) in pairwise(samples)]
    arithmetic = sum(length * value for length, value in spans) / sum(length for length, _ in spans)

    mean = mean_kinetic_temperature(samples, longest_gap_ms=DAY)

    assert mean is not None
    assert mean >= arithmetic - 1e-6


@settings(deadline=None)  # the machine may be busy
@given(readings, st.integers(0, 38), st.floats(0.1, 20))
def test_a_warmer_reading_never_makes_it_colder(of: list[tuple[int, float]], which: int, warmer: float) -> None:
    samples = sorted(minutes(of))
    which %= len(samples) - 1
    raised = [(at, value + (warmer if place == which else 0)) for place, (at, value) in enumerate(samples)]

    before, after = (mean_kinetic_temperature(each, longest_gap_ms=DAY) for each in (samples, raised))

    assert before is not None
    assert after is not None
    assert after >= before - 1e-9


@settings(deadline=None)  # the machine may be busy
@given(celsius, st.integers(1, 30))
def test_of_a_constant_temperature_it_is_that_temperature(value: float, count: int) -> None:
    assert mean_kinetic_temperature([(at * MINUTE, value) for at in range(count + 1)]) == pytest.approx(value, abs=1e-6)


@settings(deadline=None)  # the machine may be busy
@given(readings, st.randoms(use_true_random=False))
def test_the_order_in_which_readings_came_does_not_matter(of: list[tuple[int, float]], random: Random) -> None:
    samples = minutes(of)
    shuffled = list(samples)
    random.shuffle(shuffled)

    assert mean_kinetic_temperature(shuffled) == mean_kinetic_temperature(samples)


def test_a_reading_weighs_as_long_as_it_stands() -> None:
    seldom = [(0, 5.0), (20 * MINUTE, 15.0), (30 * MINUTE, 15.0)]
    often = [(at * MINUTE, 5.0 if at < 20 else 15.0) for at in range(31)]

    assert mean_kinetic_temperature(seldom) == pytest.approx(mean_kinetic_temperature(often))


def test_a_gap_is_not_bridged_beyond_the_longest_that_is_stated() -> None:
    samples = [*held((5, 2 * HOUR)), *held((25, HOUR), since=5 * HOUR)]

    bridged = mean_kinetic_temperature(samples, longest_gap_ms=3 * HOUR)
    kept_apart = mean_kinetic_temperature(samples)

    assert kept_apart == pytest.approx(mean_kinetic_temperature(held((5, 2 * HOUR), (25, HOUR))))
    assert bridged == pytest.approx(mean_kinetic_temperature(held((5, 5 * HOUR), (25, HOUR))))


@pytest.mark.parametrize("samples", [[], [(0, 5.0)], [(0, 5.0), (0, 6.0)], [(0, 5.0), (DAY, 5.0)]])
def test_where_no_time_has_a_reading_there_is_no_mean(samples: list[Sample]) -> None:
    assert mean_kinetic_temperature(samples) is None
    assert worst_window(samples, (0, 0), window_ms=DAY) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -273.15, -300])
def test_what_is_no_temperature_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"number|absolute zero"):
        mean_kinetic_temperature([(0, value), (MINUTE, 5.0)])


def test_the_worst_window_holds_the_excursion_and_the_warmer_side_of_it() -> None:
    samples = held((7, 20 * HOUR), (15, 3 * HOUR), (2, 20 * HOUR))

    worst = worst_window(samples, (20 * HOUR, 23 * HOUR), window_ms=REFRIGERATED_WINDOW_MS)

    assert worst is not None
    assert (worst.since, worst.until) == (0, DAY)
    assert worst.celsius == pytest.approx(mean_kinetic_temperature(held((7, 20 * HOUR), (15, 3 * HOUR), (2, HOUR))))


def test_another_excursion_of_the_same_day_is_in_the_worst_window_too() -> None:
    samples = held((5, 30 * HOUR), (12, 2 * HOUR), (5, 8 * HOUR), (14, 2 * HOUR), (5, 30 * HOUR))

    worst = worst_window(samples, (40 * HOUR, 42 * HOUR), window_ms=REFRIGERATED_WINDOW_MS)

    assert worst is not None
    assert worst.since <= 30 * HOUR
    assert worst.until >= 42 * HOUR


def test_thirty_days_are_the_window_of_a_controlled_room() -> None:
    samples = held((22, 40 * DAY), (29, DAY), (22, 5 * DAY), step=HOUR)

    worst = worst_window(samples, (40 * DAY, 41 * DAY), window_ms=CONTROLLED_ROOM_WINDOW_MS, longest_gap_ms=HOUR)

    assert worst is not None
    assert worst.celsius == pytest.approx(22.340, abs=0.0005)
    assert worst.until - worst.since == CONTROLLED_ROOM_WINDOW_MS


def test_readings_shorter_than_the_window_are_the_window_and_that_is_said() -> None:
    worst = worst_window(held((5, 2 * HOUR), (15, HOUR)), (2 * HOUR, 3 * HOUR), window_ms=DAY)

    assert worst is not None
    assert (worst.since, worst.until, worst.known_ms) == (0, 3 * HOUR, 3 * HOUR)


def test_an_excursion_longer_than_the_window_has_its_worst_window_within_it() -> None:
    samples = held((5, DAY), (10, 2 * DAY), (14, DAY), (10, DAY), (5, DAY))

    worst = worst_window(samples, (DAY, 5 * DAY), window_ms=DAY)

    assert worst is not None
    assert (worst.since, worst.until) == (3 * DAY, 4 * DAY)
    assert worst.celsius == pytest.approx(14)


def test_an_excursion_of_which_there_is_no_reading_breaks_nothing() -> None:
    worst = worst_window(held((5, 2 * DAY)), (9 * DAY, 10 * DAY), window_ms=DAY)

    assert worst is not None
    assert worst.celsius == pytest.approx(5)


@settings(deadline=None)  # the machine may be busy
@given(readings, st.integers(0, 600), st.integers(0, 120), st.integers(10, 300))
def test_no_window_that_contains_the_excursion_is_worse(
    of: list[tuple[int, float]], began: int, lasts: int, window: int
) -> None:
    samples = sorted(minutes(of))
    first, last = samples[0][0], samples[-1][0]
    excursion = (min(max(began * MINUTE, first), last), min(max((began + lasts) * MINUTE, first), last))
    window_ms = max(window, lasts) * MINUTE

    worst = worst_window(samples, excursion, window_ms=window_ms, longest_gap_ms=DAY)

    assert worst is not None
    starts = range(max(first, excursion[1] - window_ms), min(excursion[0], last - window_ms) + 1, 7 * MINUTE)
    for start in starts:
        cut = [(at, value) for at, value in samples if start < at < start + window_ms]
        before = max(each for each in samples if each[0] <= start)
        other = mean_kinetic_temperature([(start, before[1]), *cut, (start + window_ms, 0.0)], longest_gap_ms=DAY)
        assert other is not None
        assert worst.celsius >= other - 1e-6
