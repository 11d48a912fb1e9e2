"""Which of a device's readings an incident is about, and how bad they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from coldwatch.incidents import kinds
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.kinds import HEAT, LOW_IS_BAD, Kind, Measure

type StoredReading = Mapping[str, Any]

BEFORE_MS = 2 * 3_600_000
"""How long before its beginning an incident's readings are looked at."""

AHEAD_MS = 3_600_000
"""A device's clock may be ahead of ours by this much (validation lets no more pass by default)."""


@dataclass(frozen=True, slots=True)
class Excursion:
    """What is outside the limits, by device time: the first and last of it, and the worst value."""

    first_at: int
    last_at: int
    peak: float


def measured(incident: Incident, reading: StoredReading) -> float | None:
    """The value that the incident is about, where this reading has one."""
    return shown(incident, reading) if is_of_readings(incident) else None


def is_of_readings(incident: Incident) -> bool:
    """Whether a reading itself says that it is out of range."""
    return kinds.about(incident.kind).measure is not None


def measure_of(incident: Incident) -> Measure:
    """What a chart of the incident shows; a silent device is shown by its main measure."""
    main = kinds.TEMPERATURE if incident.application == "coldchain" else kinds.SENSOR
    return kinds.about(incident.kind).measure or main


def shown(incident: Incident, reading: StoredReading) -> float | None:
    """The value that a chart of the incident shows, where this reading has one."""
    member = measure_of(incident).member
    sensor_type = incident.key.partition(":")[2]
    if member == "value" and sensor_type and reading.get("sensor_type") != sensor_type:
        return None
    if member == "temp_c" and reading.get("probe") == "LOST":
        return None
    value = reading.get(member)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def limits(incident: Incident) -> tuple[float | None, float | None]:
    """The least and the greatest value that is still in range, by the thresholds in force."""
    about, sensor_type = kinds.about(incident.kind), incident.key.partition(":")[2]
    low, high = (
        incident.profile.get(name.format(sensor=sensor_type)) if name else None for name in (about.low, about.high)
    )
    return low, high


def limits_shown(incident: Incident) -> tuple[float | None, float | None]:
    """The limits that a chart of the incident shows: those it is about, else those of the device's profile."""
    if is_of_readings(incident):
        return limits(incident)
    return incident.profile.get("low_c"), incident.profile.get("high_c")


def shows_what_was_said(incident: Incident, readings: Iterable[StoredReading]) -> bool:
    """Whether a reading from then or later is among them, when the detector last spoke of the incident.

    The detectors are quicker than the store, so the reading that made one speak may be stored only after that. One
    that speaks because no reading came, or of no reading, has none to wait for.
    """
    if not is_of_readings(incident):
        return True
    said_at = max(incident.excursion_at, incident.recovered_at or 0)
    sensor_type = incident.key.partition(":")[2]
    return any(
        each["timestamp"] >= said_at and (not sensor_type or each.get("sensor_type") == sensor_type)
        for each in readings
    )


def is_out_of_range(incident: Incident, reading: StoredReading) -> bool:
    value = measured(incident, reading)
    if value is None:
        return False
    if incident.kind in HEAT and reading.get("probe") in {"HI", "LO"}:
        return bool(reading["probe"] == "HI")
    if incident.kind == Kind.TOO_COLD and reading.get("probe") in {"HI", "LO"}:
        return bool(reading["probe"] == "LO")
    low, high = limits(incident)
    is_below = low is not None and (value < low or (value == low and limit_is_out(incident, "low_is_inclusive")))
    is_above = high is not None and (value > high or (value == high and limit_is_out(incident, "high_is_inclusive")))
    return is_below or is_above


def excursion(incident: Incident, readings: Iterable[StoredReading]) -> Excursion | None:
    """What is out of range since the incident began, as far as readings have come."""
    found = [each for each in readings if each["timestamp"] >= incident.began_at and is_out_of_range(incident, each)]
    if not found:
        return None
    values = [value for each in found if (value := measured(incident, each)) is not None]
    times = [each["timestamp"] for each in found]
    return Excursion(min(times), max(times), worst(incident, values))


def worst(incident: Incident, values: Iterable[float]) -> float:
    """The one of `values` that is farthest out of range; raises ValueError where there is none."""
    low, high = limits(incident)
    if low is not None and high is not None:
        return max(values, key=lambda value: max(low - value, value - high))
    return min(values) if is_low_bad(incident) else max(values)


def is_low_bad(incident: Incident) -> bool:
    """Whether the worst value is the lowest one."""
    return incident.kind in LOW_IS_BAD


def limit_is_out(incident: Incident, member: str) -> bool:
    """Whether the limit itself is out of range, by the kind of the incident or else by that member of the profile."""
    own = kinds.about(incident.kind).limit_is_out
    return bool(incident.profile.get(member)) if own is None else own
