"""A refrigerated box: its air and the goods in it, a compressor behind a thermostat, a door.

Both are first-order lags. The air follows the outside through the wall and an open door, the goods, and the evaporator
while the compressor runs; the goods, which are most of the thermal mass, follow the air slowly. That is why a door
opening is a short spike and a failed compressor a long climb. Each step uses the exact solution of a lag with constant
inputs, so no step is too long to be stable and the air never overshoots what it tends to.
"""

import math
from dataclasses import dataclass, replace

MAX_STEP_S = 5.0
"""The thermostat looks at the air this often, so the air leaves its band by what it changes in one such step."""

AMBIENT_HUMIDITY_PCT = 78.0
_HUMIDITY_CLOSED_S = 900.0
_HUMIDITY_OPEN_S = 90.0


@dataclass(frozen=True, slots=True)
class Box:
    """How a box is built. Temperatures in degrees Celsius; `*_s` are the time constants of the lags."""

    set_point_c: float
    hysteresis_c: float
    ambient_c: float
    evaporator_c: float
    wall_s: float
    evaporator_s: float
    goods_to_air_s: float
    goods_s: float
    door_s: float
    humidity_pct: float


@dataclass(frozen=True, slots=True)
class BoxState:
    air_c: float
    goods_c: float
    humidity_pct: float
    is_cooling: bool = False


@dataclass(frozen=True, slots=True)
class BoxInputs:
    is_door_open: bool = False
    is_compressor_failed: bool = False
    is_valve_stuck: bool = False
    """A valve stuck open cools without end, whatever the thermostat says."""


FRIDGE = Box(
    set_point_c=5.0,
    hysteresis_c=1.0,
    ambient_c=22.0,
    evaporator_c=-16.0,
    wall_s=1800,
    evaporator_s=450,
    goods_to_air_s=1200,
    goods_s=14_400,
    door_s=180,
    humidity_pct=45,
)
COLDROOM = Box(
    set_point_c=4.0,
    hysteresis_c=1.0,
    ambient_c=20.0,
    evaporator_c=-14.0,
    wall_s=7200,
    evaporator_s=900,
    goods_to_air_s=1800,
    goods_s=43_200,
    door_s=300,
    humidity_pct=62,
)
REEFER = Box(
    set_point_c=-18.0,
    hysteresis_c=1.5,
    ambient_c=25.0,
    evaporator_c=-38.0,
    wall_s=7200,
    evaporator_s=900,
    goods_to_air_s=1800,
    goods_s=43_200,
    door_s=240,
    humidity_pct=70,
)


def at_rest(box: Box, *, offset_c: float = 0.0) -> BoxState:
    """A box that has been running for days; `offset_c` says where in its band the air is."""
    return BoxState(box.set_point_c + offset_c, box.set_point_c, box.humidity_pct)


def advance(box: Box, state: BoxState, inputs: BoxInputs, *, seconds: float) -> BoxState:
    """The box `seconds` later, the inputs staying as they are."""
    while seconds > 0:
        step_s = min(seconds, MAX_STEP_S)
        state = _step(box, replace(state, is_cooling=_is_cooling(box, state, inputs)), inputs, step_s)
        seconds -= step_s
    return state


def _is_cooling(box: Box, state: BoxState, inputs: BoxInputs) -> bool:
    if inputs.is_compressor_failed:
        return False
    if inputs.is_valve_stuck or state.air_c >= box.set_point_c + box.hysteresis_c:
        return True
    return state.is_cooling and state.air_c > box.set_point_c - box.hysteresis_c


def _step(box: Box, state: BoxState, inputs: BoxInputs, step_s: float) -> BoxState:
    outside = 1 / box.wall_s + (1 / box.door_s if inputs.is_door_open else 0.0)
    goods = 1 / box.goods_to_air_s
    cooling = 1 / box.evaporator_s if state.is_cooling else 0.0
    pull = outside + goods + cooling
    settles_at = (box.ambient_c * outside + state.goods_c * goods + box.evaporator_c * cooling) / pull
    air_c = _follow(state.air_c, settles_at, 1 / pull, step_s)
    return replace(
        state,
        air_c=air_c,
        goods_c=_follow(state.goods_c, air_c, box.goods_s, step_s),
        humidity_pct=_humidity(box, state, inputs, step_s),
    )


def _humidity(box: Box, state: BoxState, inputs: BoxInputs, step_s: float) -> float:
    if inputs.is_door_open:
        return _follow(state.humidity_pct, AMBIENT_HUMIDITY_PCT, _HUMIDITY_OPEN_S, step_s)
    return _follow(state.humidity_pct, box.humidity_pct, _HUMIDITY_CLOSED_S, step_s)


def _follow(value: float, settles_at: float, time_constant_s: float, step_s: float) -> float:
    return settles_at + (value - settles_at) * math.exp(-step_s / time_constant_s)
