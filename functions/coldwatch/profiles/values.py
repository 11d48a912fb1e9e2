"""What a profile may say, per application: the members that detector models read as `$input.telemetry.profile.*`.

`schemas/profile.schema.json` says the same to the outside. Names end in their unit; those of the factory are in
whatever unit the sensor speaks.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Celsius = Annotated[float, Meta(ge=-200, le=200)]
Hysteresis = Annotated[float, Meta(ge=0, le=50)]
Percent = Annotated[float, Meta(ge=0, le=100)]
Gravity = Annotated[float, Meta(gt=0, le=1000)]
Value = Annotated[float, Meta(ge=-1e9, le=1e9)]
Spread = Annotated[float, Meta(ge=0, le=1e9)]
Seconds = Annotated[int, Meta(ge=1, le=31_622_400)]
"""What a timer takes: a second to 366 days."""
Budget = Annotated[int, Meta(ge=0, le=31_622_400)]
"""Seconds in all; 0 where there is no such limit."""
Trip = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_.:/ -]*$(?!\n)")]
Readings = Annotated[int, Meta(ge=2, le=1000)]
"""Of a run that has to last, the first and the last reading are two at least."""

_SENSOR_TYPES = ("temperature", "pressure", "vibration")


class ColdchainValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`*_is_inclusive` says whether the limit itself is out of range; of a cumulative limit it is. What cumulative
    limits count begins anew where `trip` is another text.
    """

    high_c: Celsius
    high_is_inclusive: bool
    high_duration_s: Seconds
    low_c: Celsius
    low_is_inclusive: bool
    low_duration_s: Seconds
    hysteresis_c: Hysteresis
    recovery_s: Seconds
    minimum_readings: Readings
    battery_pct: Percent
    battery_recovery_pct: Percent
    silence_s: Seconds
    probe_lost_s: Seconds
    shock_g: Gravity
    shock_quiet_s: Seconds
    cumulative_high_c: Celsius = 0.0
    cumulative_high_s: Budget = 0
    cumulative_second_c: Celsius = 0.0
    cumulative_second_s: Budget = 0
    trip: Trip = ""

    def members(self) -> dict[str, Any]:
        """Without what is about cumulative limits, where there are none: nobody has to read of what is off."""
        members: dict[str, Any] = msgspec.to_builtins(self)
        if self.cumulative_high_s or self.cumulative_second_s:
            return members
        return {name: value for name, value in members.items() if name not in _OF_A_TRIP}

    def contradictions(self) -> tuple[str, ...]:
        """What no reading could recover from, in sentences."""
        faults: list[str] = []
        if self.low_c + self.hysteresis_c >= self.high_c - self.hysteresis_c:
            faults.append("`low_c` and `high_c` leave nothing in range once `hysteresis_c` is taken off both.")
        if self.battery_recovery_pct < self.battery_pct:
            faults.append("`battery_recovery_pct` must not be below `battery_pct`.")
        return tuple(faults)


_OF_A_TRIP = frozenset({"cumulative_high_c", "cumulative_high_s", "cumulative_second_c", "cumulative_second_s", "trip"})


class FactoryValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A type of sensor has both limits and a hysteresis, or nothing."""

    temperature_low: Value
    temperature_high: Value
    temperature_hysteresis: Spread
    pressure_low: Value
    pressure_high: Value
    pressure_hysteresis: Spread
    vibration_low: Value | None = None
    vibration_high: Value | None = None
    vibration_hysteresis: Spread | None = None
    duration_s: Seconds
    recovery_s: Seconds
    minimum_readings: Readings
    silence_s: Seconds

    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = msgspec.to_builtins(self)
        return members

    def contradictions(self) -> tuple[str, ...]:
        return tuple(fault for sensor_type in _SENSOR_TYPES if (fault := self._contradiction(sensor_type)))

    def limits(self) -> dict[str, dict[str, float]]:
        """`low`, `high` and `hysteresis` by sensor type; a type without limits is missing."""
        named = ("low", "high", "hysteresis")
        found = {each: {name: self._of(each, name) for name in named} for each in _SENSOR_TYPES}
        return {
            each: {name: value for name, value in of.items() if value is not None}
            for each, of in found.items()
            if None not in of.values()
        }

    def _of(self, sensor_type: str, what: str) -> float | None:
        value: float | None = getattr(self, f"{sensor_type}_{what}")
        return value

    def _contradiction(self, sensor_type: str) -> str | None:
        low, high, hysteresis = (self._of(sensor_type, what) for what in ("low", "high", "hysteresis"))
        if low is None and high is None and hysteresis is None:
            return None
        if low is None or high is None or hysteresis is None:
            return f"`{sensor_type}_low`, `_high` and `_hysteresis` belong together: give all three or none."
        if low + hysteresis >= high - hysteresis:
            return f"`{sensor_type}_low` and `_high` leave nothing in range once the hysteresis is taken off both."
        return None


type Values = ColdchainValues | FactoryValues

SHAPES: dict[str, type[ColdchainValues] | type[FactoryValues]] = {
    "coldchain": ColdchainValues,
    "factory": FactoryValues,
}
"""By application."""
