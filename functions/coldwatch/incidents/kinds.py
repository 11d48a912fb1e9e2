"""The kinds of incident, and what each is about: which measure, which limits of the profile, since how long.

An incident's kind stays text: a model of one's own may have its own word. Of a kind that is not here nothing is known:
no reading is out of range by it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    TOO_WARM = "too_warm"
    TOO_COLD = "too_cold"
    CUMULATIVE_HIGH = "cumulative_high"
    CUMULATIVE_SECOND = "cumulative_second"
    SILENT = "silent"
    BATTERY_LOW = "battery_low"
    SHOCK = "shock"
    OUT_OF_RANGE = "out_of_range"
    POWER_LOSS = "power_loss"
    """What comes with Coldwatch finds none; a model of one's own that does calls it so."""


SINGLE_EVENTS: Final = frozenset({Kind.TOO_WARM, Kind.TOO_COLD})
"""Of temperature, and over once a reading is in range again."""
CUMULATIVE: Final = frozenset({Kind.CUMULATIVE_HIGH, Kind.CUMULATIVE_SECOND})
"""Of a temperature whose times out of range add up."""
HEAT: Final = frozenset({Kind.TOO_WARM, *CUMULATIVE})
LOW_IS_BAD: Final = frozenset({Kind.TOO_COLD, Kind.BATTERY_LOW})


@dataclass(frozen=True, slots=True)
class Measure:
    """`member` is the reading's."""

    member: str
    label: str
    unit: str


TEMPERATURE: Final = Measure("temp_c", "Temperature", "°C")
BATTERY: Final = Measure("battery_pct", "Battery", "%")
SHOCK: Final = Measure("shock_g", "Shock", "g")
SENSOR: Final = Measure("value", "Sensor", "")


@dataclass(frozen=True, slots=True)
class About:
    """`measure` is None where no reading says whether it is out of range. `low` and `high` are members of the profile;
    `{sensor}` in one is the type of the incident's sensor. `limit_is_out`: whether the limit itself is out of range,
    None where the profile says so.
    """

    measure: Measure | None = None
    low: str | None = None
    high: str | None = None
    limit_is_out: bool | None = None


_ABOUT: Final = {
    Kind.TOO_WARM: About(TEMPERATURE, high="high_c"),
    Kind.TOO_COLD: About(TEMPERATURE, low="low_c"),
    Kind.CUMULATIVE_HIGH: About(TEMPERATURE, high="cumulative_high_c", limit_is_out=True),
    Kind.CUMULATIVE_SECOND: About(TEMPERATURE, high="cumulative_second_c", limit_is_out=True),
    Kind.BATTERY_LOW: About(BATTERY, low="battery_pct", limit_is_out=False),
    Kind.SHOCK: About(SHOCK, high="shock_g", limit_is_out=True),
    Kind.OUT_OF_RANGE: About(SENSOR, low="{sensor}_low", high="{sensor}_high", limit_is_out=False),
}
_UNKNOWN: Final = About()
_BY_NAME: Final[dict[str, About]] = {str(kind): about for kind, about in _ABOUT.items()}


def about(kind: str) -> About:
    """What a kind of incident is about; nothing for one that is not known."""
    return _BY_NAME.get(kind, _UNKNOWN)
