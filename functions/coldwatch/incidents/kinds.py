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
    COMMAND_TIMED_OUT = "command_timed_out"
    STORM = "storm"
    """Kind and detector model of the incident that holds many together."""
    TEST = "test"
    """Only shows whether somebody would answer (`drills`)."""


SINGLE_EVENTS: Final = frozenset({Kind.TOO_WARM, Kind.TOO_COLD})
"""Of temperature, and over once a reading is in range again."""
CUMULATIVE: Final = frozenset({Kind.CUMULATIVE_HIGH, Kind.CUMULATIVE_SECOND})
"""Of a temperature whose times out of range add up."""
HEAT: Final = frozenset({Kind.TOO_WARM, *CUMULATIVE})
LOW_IS_BAD: Final = frozenset({Kind.TOO_COLD, Kind.BATTERY_LOW})
QUICK: Final = frozenset({Kind.TOO_COLD, Kind.POWER_LOSS})
"""What has to be resolved soonest."""
WITHOUT_RECOVERY: Final = frozenset({Kind.COMMAND_TIMED_OUT, Kind.STORM, Kind.TEST})
"""No detector stands behind a command that nobody answered, a storm or a test."""


@dataclass(frozen=True, slots=True)
class Measure:
    """`member` is the reading's; `unit_in_ascii` is for messages, which go where other letters may not."""

    member: str
    label: str
    unit: str
    unit_in_ascii: str


TEMPERATURE: Final = Measure("temp_c", "Temperature", "°C", "degrees C")
BATTERY: Final = Measure("battery_pct", "Battery", "%", "%")
SHOCK: Final = Measure("shock_g", "Shock", "g", "g")
SENSOR: Final = Measure("value", "Sensor", "", "")
"""Which one, and so its unit, is the device's own."""


@dataclass(frozen=True, slots=True)
class About:
    """`measure` is None where no reading says whether it is out of range. `low` and `high` are members of the profile;
    `{sensor}` in one is the type of the incident's sensor. `limit_is_out`: whether the limit itself is out of range,
    None where the profile says so. `lasts_s` is the profile's member for how long it lasts before there is an incident.
    """

    measure: Measure | None = None
    low: str | None = None
    high: str | None = None
    limit_is_out: bool | None = None
    lasts_s: str | None = None


_LOST_PROBE: Final = "probe_lost"
"""A detector model. Its incidents are of the kind `silent`, for of the goods nothing is heard; the device is."""

_ABOUT: Final[dict[str, About]] = {
    Kind.TOO_WARM: About(TEMPERATURE, high="high_c", lasts_s="high_duration_s"),
    Kind.TOO_COLD: About(TEMPERATURE, low="low_c", lasts_s="low_duration_s"),
    Kind.CUMULATIVE_HIGH: About(TEMPERATURE, high="cumulative_high_c", limit_is_out=True, lasts_s="cumulative_high_s"),
    Kind.CUMULATIVE_SECOND: About(
        TEMPERATURE, high="cumulative_second_c", limit_is_out=True, lasts_s="cumulative_second_s"
    ),
    Kind.SILENT: About(lasts_s="silence_s"),
    Kind.BATTERY_LOW: About(BATTERY, low="battery_pct", limit_is_out=False),
    Kind.SHOCK: About(SHOCK, high="shock_g", limit_is_out=True),
    Kind.OUT_OF_RANGE: About(
        SENSOR, low="{sensor}_low", high="{sensor}_high", limit_is_out=False, lasts_s="duration_s"
    ),
    _LOST_PROBE: About(lasts_s="probe_lost_s"),
}
_UNKNOWN: Final = About()


def about(kind: str, detector_model: str = "") -> About:
    """What a kind of incident is about; nothing for one that is not known."""
    return _ABOUT.get(exactly(kind, detector_model), _UNKNOWN)


def exactly(kind: str, detector_model: str) -> str:
    """The kind, but for a lost probe, which is one of its own to whoever asks whether the device is heard.

    >>> exactly("silent", "device_silence"), exactly("silent", "probe_lost")
    ('silent', 'probe_lost')
    """
    return _LOST_PROBE if (kind, detector_model) == (Kind.SILENT, _LOST_PROBE) else str(kind)
