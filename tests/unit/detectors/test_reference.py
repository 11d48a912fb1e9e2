"""The models beside their definitions, written down without states, timers or a memory.

What they share: an opening is the first reading of a run out of range that is as old as the duration and long enough; a
recovery is the first of a run of safe readings that is as old as the recovery, or as long. They take turns, each with
readings of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.detectors.timeline import OPENED, RECOVERED, Timeline, hours

DURATION_S, RECOVERY_S = 60, 40
STEPS_S = [0, 1, 9, 10, 10, 20, 39, 40, 59, 60, 200]
PROBES = st.sampled_from(["OK"] * 9 + ["HI", "LO", "LOST"])


@dataclass(frozen=True)
class Definition:
    """`is_out` and `is_safe` judge what a reading says; neither holds in the band between. One that `says_nothing`
    breaks no run. Without `opens_after_s` a run only has to be long enough.
    """

    model: str
    said: st.SearchStrategy[dict[str, Any]]
    is_out: Callable[[dict[str, Any]], bool]
    is_safe: Callable[[dict[str, Any]], bool]
    says_nothing: Callable[[dict[str, Any]], bool] = lambda _said: False
    changes: dict[str, Any] | None = None
    application: str = "coldchain"
    opens_after_s: int = DURATION_S
    recovers_after_s: int = RECOVERY_S
    recovery_counts: bool = False

    def timeline(self, minimum_readings: int) -> Timeline:
        changes = {"minimum_readings": minimum_readings, **(self.changes or {})}
        return Timeline(self.model, application=self.application, **changes)


def coldchain(*temperatures: float) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"temp_c": st.sampled_from(temperatures), "probe": PROBES})


def excursion(model: str, said: st.SearchStrategy[dict[str, Any]], **how: Any) -> Definition:
    return Definition(model, said, says_nothing=lambda said: said["probe"] == "LOST", **how)


def sensor(sensor_type: str, *values: float) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"sensor_type": st.just(sensor_type), "value": st.sampled_from(values)})


HIGH = excursion(
    "sustained_excursion_high",
    coldchain(5.0, 7.5, 7.51, 8.0, 8.01, 9.0, 9.0, 9.0),
    is_out=lambda said: said["probe"] == "HI" or (said["probe"] == "OK" and said["temp_c"] > 8.0),
    is_safe=lambda said: said["probe"] == "LO" or (said["probe"] == "OK" and said["temp_c"] <= 7.5),
    changes={"high_duration_s": DURATION_S, "recovery_s": RECOVERY_S},
)
HIGH_INCLUSIVE = excursion(
    "sustained_excursion_high",
    coldchain(5.0, 7.49, 7.5, 7.99, 8.0, 8.0, 9.0, 9.0),
    is_out=lambda said: said["probe"] == "HI" or (said["probe"] == "OK" and said["temp_c"] >= 8.0),
    is_safe=lambda said: said["probe"] == "LO" or (said["probe"] == "OK" and said["temp_c"] < 7.5),
    changes={"high_duration_s": DURATION_S, "recovery_s": RECOVERY_S, "high_is_inclusive": True},
)
FREEZE = excursion(
    "sustained_excursion_freeze",
    coldchain(5.0, 0.5, 0.49, 0.0, -0.01, -2.0, -2.0, -2.0),
    is_out=lambda said: said["probe"] == "LO" or (said["probe"] == "OK" and said["temp_c"] < 0.0),
    is_safe=lambda said: said["probe"] == "HI" or (said["probe"] == "OK" and said["temp_c"] >= 0.5),
    changes={"low_duration_s": DURATION_S, "recovery_s": RECOVERY_S},
)
FREEZE_INCLUSIVE = excursion(
    "sustained_excursion_freeze",
    coldchain(5.0, 0.51, 0.5, 0.01, 0.0, 0.0, -2.0, -2.0),
    is_out=lambda said: said["probe"] == "LO" or (said["probe"] == "OK" and said["temp_c"] <= 0.0),
    is_safe=lambda said: said["probe"] == "HI" or (said["probe"] == "OK" and said["temp_c"] > 0.5),
    changes={"low_duration_s": DURATION_S, "recovery_s": RECOVERY_S, "low_is_inclusive": True},
)
SENSOR_RANGE = Definition(
    "sensor_range",
    sensor("temperature", -5.0, -0.01, 0.0, 0.99, 1.0, 60.0, 99.0, 99.01, 100.0, 100.01, 104.0, 104.0),
    is_out=lambda said: not 0 <= said["value"] <= 100,
    is_safe=lambda said: 1 <= said["value"] <= 99,
    changes={"duration_s": DURATION_S, "recovery_s": RECOVERY_S, "temperature_hysteresis": 1},
    application="factory",
)
PROBE_LOST = Definition(
    "probe_lost",
    coldchain(5.0),
    is_out=lambda said: said["probe"] == "LOST",
    is_safe=lambda said: said["probe"] != "LOST",
    changes={"probe_lost_s": DURATION_S, "recovery_s": RECOVERY_S},
)
BATTERY_LOW = Definition(
    "battery_low",
    st.fixed_dictionaries({"battery_pct": st.sampled_from([5.0, 14.9, 14.9, 15.0, 17.0, 19.9, 20.0, 95.0, 95.0])}),
    is_out=lambda said: said["battery_pct"] < 15,
    is_safe=lambda said: said["battery_pct"] >= 20,
    opens_after_s=0,
    recovers_after_s=0,
    recovery_counts=True,
)
DEFINITIONS = [HIGH, HIGH_INCLUSIVE, FREEZE, FREEZE_INCLUSIVE, SENSOR_RANGE, PROBE_LOST, BATTERY_LOW]

type Point = tuple[int, dict[str, Any]]


def expected(points: list[Point], definition: Definition, minimum_readings: int) -> list[tuple[str, float]]:
    seen = [(at, said) for at, said in points if not definition.says_nothing(said)]
    answers: list[tuple[str, float]] = []
    since = -1
    for index, (at, _) in enumerate(seen):
        is_open = bool(answers) and answers[-1][0] == OPENED
        is_one = definition.is_safe if is_open else definition.is_out
        run = unbroken(seen[since + 1 : index + 1], is_one)
        age_s = definition.recovers_after_s if is_open else definition.opens_after_s
        length = minimum_readings if definition.recovery_counts or not is_open else 1
        if run and at - run[0][0] >= age_s and len(run) >= length:
            answers.append((RECOVERED if is_open else OPENED, float(at)))
            since = index
    return answers


def unbroken(points: list[Point], is_one: Callable[[dict[str, Any]], bool]) -> list[Point]:
    """The readings at the end that are all of a kind."""
    start = len(points)
    while start > 0 and is_one(points[start - 1][1]):
        start -= 1
    return points[start:]


def answers(
    points: list[Point], definition: Definition, minimum_readings: int, arrivals: list[float] | None = None
) -> list[tuple[str, float]]:
    timeline = definition.timeline(minimum_readings)
    for index, (at, said) in enumerate(points):
        timeline.push(at, arriving=arrivals[index] if arrivals else None, **said)
    return [(each.what, each.at) for each in timeline.play()]


def series(data: st.DataObject, definition: Definition) -> list[Point]:
    points: list[Point] = []
    now = 0
    for step_s, said in data.draw(st.lists(st.tuples(st.sampled_from(STEPS_S), definition.said), max_size=40)):
        now += step_s
        points.append((now, said))
    return points


NAMES = [f"{each.model}{' inclusive' if 'inclusive' in str(each.changes) else ''}" for each in DEFINITIONS]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=NAMES)
@settings(max_examples=120, deadline=None)
@given(data=st.data(), minimum_readings=st.integers(2, 5))
def test_a_model_gives_the_answer_of_its_definition(
    definition: Definition, data: st.DataObject, minimum_readings: int
) -> None:
    points = series(data, definition)

    assert answers(points, definition, minimum_readings) == expected(points, definition, minimum_readings)


@pytest.mark.parametrize("definition", [HIGH, SENSOR_RANGE], ids=lambda each: each.model)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), cuts=st.sets(st.integers(0, 40), max_size=4))
def test_a_device_that_buffers_gets_the_answer_of_one_that_is_online(
    definition: Definition, data: st.DataObject, cuts: set[int]
) -> None:
    points = series(data, definition)
    uploads = [hours(1) if index in cuts else 0.0 for index in range(len(points))]
    in_bursts = [
        max(at + late for (at, _), late in zip(points[: n + 1], uploads, strict=False)) for n in range(len(points))
    ]

    live = answers(points, definition, 2)

    assert answers(points, definition, 2, in_bursts) == live
    assert answers(points, definition, 2, [hours(100)] * len(points)) == live
