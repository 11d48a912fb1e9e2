from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.thermal import COLDROOM, FRIDGE, REEFER, Box, BoxInputs, BoxState, advance, at_rest

CLOSED = BoxInputs()
DOOR_OPEN = BoxInputs(is_door_open=True)
FAILED = BoxInputs(is_compressor_failed=True)
STUCK = BoxInputs(is_valve_stuck=True)
HOUR_S = 3600.0

boxes = pytest.mark.parametrize("box", [FRIDGE, COLDROOM, REEFER], ids=["fridge", "coldroom", "reefer"])


def course(box: Box, state: BoxState, inputs: BoxInputs, *, hours: float, every_s: float = 30) -> list[BoxState]:
    states = [state]
    for _ in range(int(hours * HOUR_S / every_s)):
        states.append(advance(box, states[-1], inputs, seconds=every_s))
    return states


@boxes
def test_a_closed_box_stays_in_its_band(box: Box) -> None:
    states = course(box, at_rest(box), CLOSED, hours=24)

    furthest = max(abs(state.air_c - box.set_point_c) for state in states)

    assert box.hysteresis_c * 0.9 < furthest < box.hysteresis_c + 0.3


@boxes
def test_the_thermostat_switches_on_at_the_top_of_the_band_and_off_at_its_bottom(box: Box) -> None:
    states = course(box, at_rest(box), CLOSED, hours=12, every_s=5)

    starts = [after.air_c for before, after in pairwise(states) if after.is_cooling and not before.is_cooling]
    stops = [after.air_c for before, after in pairwise(states) if before.is_cooling and not after.is_cooling]

    assert len(starts) > 1
    assert all(air == pytest.approx(box.set_point_c + box.hysteresis_c, abs=0.3) for air in starts)
    assert all(air == pytest.approx(box.set_point_c - box.hysteresis_c, abs=0.3) for air in stops)


@boxes
def test_a_failed_compressor_lets_the_box_warm_without_pause(box: Box) -> None:
    states = course(box, at_rest(box), FAILED, hours=48, every_s=600)

    assert all(before.air_c < after.air_c < box.ambient_c for before, after in pairwise(states))
    assert states[-1].air_c > box.set_point_c + 0.5 * (box.ambient_c - box.set_point_c)


@boxes
def test_without_a_compressor_air_and_goods_end_at_ambient(box: Box) -> None:
    nearly = BoxState(box.ambient_c - 3, box.ambient_c - 3, box.humidity_pct)

    ended = advance(box, nearly, FAILED, seconds=24 * 6 * HOUR_S)

    assert ended.air_c == pytest.approx(box.ambient_c, abs=0.5)
    assert ended.goods_c == pytest.approx(box.ambient_c, abs=0.5)


@boxes
def test_a_repaired_compressor_brings_the_box_back(box: Box) -> None:
    warm = course(box, at_rest(box), FAILED, hours=1)[-1]

    repaired = course(box, warm, CLOSED, hours=12)

    assert warm.air_c > box.set_point_c + box.hysteresis_c
    assert abs(repaired[-1].air_c - box.set_point_c) < box.hysteresis_c + 0.3


@boxes
def test_an_open_door_is_a_short_spike_that_the_goods_hardly_feel(box: Box) -> None:
    opened = course(box, at_rest(box), DOOR_OPEN, hours=90 / HOUR_S)[-1]

    closed = course(box, opened, CLOSED, hours=1)

    assert opened.air_c > box.set_point_c + box.hysteresis_c + 1
    assert opened.goods_c < box.set_point_c + 0.2
    assert closed[-1].air_c < box.set_point_c + box.hysteresis_c + 0.3


@boxes
def test_an_open_door_lets_humid_air_in_and_a_closed_one_lets_it_settle(box: Box) -> None:
    opened = advance(box, at_rest(box), DOOR_OPEN, seconds=120)

    settled = advance(box, opened, CLOSED, seconds=3 * HOUR_S)

    assert opened.humidity_pct > box.humidity_pct
    assert settled.humidity_pct == pytest.approx(box.humidity_pct, abs=0.1)


def test_a_stuck_valve_freezes_what_must_not_freeze() -> None:
    frozen = course(FRIDGE, at_rest(FRIDGE), STUCK, hours=0.5)[-1]

    assert FRIDGE.evaporator_c < frozen.air_c < -3


@boxes
@given(
    air_c=st.floats(-40, 40),
    goods_c=st.floats(-40, 40),
    seconds=st.floats(0.001, 20_000),
    door=st.booleans(),
    failed=st.booleans(),
    stuck=st.booleans(),
)
def test_no_state_however_odd_leaves_what_physics_allows(
    box: Box, air_c: float, goods_c: float, seconds: float, *, door: bool, failed: bool, stuck: bool
) -> None:
    state = advance(box, BoxState(air_c, goods_c, 50.0), BoxInputs(door, failed, stuck), seconds=seconds)

    coldest = min(air_c, goods_c, box.evaporator_c) - 1e-6
    hottest = max(air_c, goods_c, box.ambient_c) + 1e-6
    assert coldest <= state.air_c <= hottest
    assert coldest <= state.goods_c <= hottest
    assert 0 <= state.humidity_pct <= 100
