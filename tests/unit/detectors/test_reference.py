"""The excursion models beside their definition, written down without states, timers or a memory."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.detectors.timeline import OPENED, RECOVERED, Timeline, hours

DURATION_S, RECOVERY_S, HIGH_C, HYSTERESIS_C = 60, 40, 8.0, 0.5


@dataclass(frozen=True)
class Point:
    at: int
    temp_c: float
    probe: str

    @property
    def is_out(self) -> bool:
        return self.probe == "HI" or (self.probe == "OK" and self.temp_c > HIGH_C)

    @property
    def is_safe(self) -> bool:
        return self.probe == "LO" or (self.probe == "OK" and self.temp_c <= HIGH_C - HYSTERESIS_C)


def run_before(points: list[Point], index: int, *, since: int, attribute: str) -> list[Point]:
    """The unbroken run of readings of a kind that ends with this one and begins after `since`."""
    start = index
    while start > since + 1 and getattr(points[start - 1], attribute):
        start -= 1
    return points[start : index + 1]


def expected(points: list[Point], minimum_readings: int) -> list[tuple[str, float]]:
    """An opening is the first reading out of range whose run is as old as the duration, and long enough; a recovery the
    first safe one whose run is as old as the recovery. They take turns, each with readings of its own.
    """
    seen = [point for point in points if point.probe != "LOST"]
    answers: list[tuple[str, float]] = []
    since = -1
    for index, point in enumerate(seen):
        is_open = bool(answers) and answers[-1][0] == OPENED
        attribute, age = ("is_safe", RECOVERY_S) if is_open else ("is_out", DURATION_S)
        run = run_before(seen, index, since=since, attribute=attribute)
        long_enough = is_open or len(run) >= minimum_readings
        if getattr(point, attribute) and point.at - run[0].at >= age and long_enough:
            answers.append((RECOVERED if is_open else OPENED, float(point.at)))
            since = index
    return answers


temperatures = st.sampled_from([5.0, 7.5, 7.51, 8.0, 8.01, 9.0, 9.0, 9.0])
probes = st.sampled_from(["OK"] * 9 + ["HI", "LO", "LOST"])
steps = st.tuples(st.sampled_from([1, 9, 10, 10, 20, 39, 40, 59, 60, 200]), temperatures, probes)


def series(raw: list[tuple[int, float, str]]) -> list[Point]:
    points: list[Point] = []
    now = 0
    for step, temp_c, probe in raw:
        now += step
        points.append(Point(now, temp_c, probe))
    return points


def answers(points: list[Point], minimum_readings: int, arrivals: list[float | None]) -> list[tuple[str, float]]:
    timeline = Timeline(
        "sustained_excursion_high",
        high_duration_s=DURATION_S,
        recovery_s=RECOVERY_S,
        minimum_readings=minimum_readings,
    )
    for point, arriving in zip(points, arrivals, strict=True):
        timeline.push(point.at, arriving=arriving, temp_c=point.temp_c, probe=point.probe)
    return [(each.what, each.at) for each in timeline.play()]


@settings(max_examples=300)
@given(raw=st.lists(steps, max_size=40), minimum_readings=st.integers(2, 5))
def test_the_model_gives_the_answer_of_its_definition(raw: list[tuple[int, float, str]], minimum_readings: int) -> None:
    points = series(raw)

    found = answers(points, minimum_readings, [None] * len(points))

    assert found == expected(points, minimum_readings)


@settings(max_examples=100)
@given(raw=st.lists(steps, max_size=40), cuts=st.sets(st.integers(0, 40), max_size=4))
def test_a_device_that_buffers_gets_the_answer_of_one_that_is_online(
    raw: list[tuple[int, float, str]], cuts: set[int]
) -> None:
    points = series(raw)
    ends = sorted({*(cut for cut in cuts if cut < len(points)), len(points) - 1}) if points else []
    arrivals: list[float | None] = [
        points[next(end for end in ends if end >= index)].at + 5.0 for index in range(len(points))
    ]
    arrivals_later: list[float | None] = [hours(100)] * len(points)

    live = answers(points, 2, [None] * len(points))

    assert answers(points, 2, arrivals) == live
    assert answers(points, 2, arrivals_later) == live
