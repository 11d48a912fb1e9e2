"""What the readings of an incident say: how its measure went, with gaps and late data, and what was out of range."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from coldwatch.incidents.incident import Incident
from coldwatch.incidents.kinds import SENSOR, SINGLE_EVENTS, Kind
from coldwatch.incidents.readings import (
    StoredReading,
    is_low_bad,
    is_of_readings,
    limit_is_out,
    limits_shown,
    measure_of,
    shown,
)
from coldwatch.reports.spans import LONGEST_BRIDGED_MS, Sample, spans
from coldwatch.reports.time_out_of_range import Range, Side, Spell, TimeOutOfRange, time_out_of_range

LATE_MS: Final = 300_000
"""A reading that came more than five minutes after it was measured is shown as late."""

type Band = tuple[int, int]
"""From when to when, by the device's clock."""


@dataclass(frozen=True, slots=True)
class Course:
    """`samples` in order. `gaps` are longer than `longest_gap_ms`; within `late` readings came late.

    `excursion` is the time out of range that the incident is about, `spells` all of it on that side.
    `beyond_span` counts the readings for which the probe had no number but its own limit.
    """

    label: str
    unit: str
    since: int
    until: int
    samples: Sequence[Sample]
    within: Range
    longest_gap_ms: int
    gaps: Sequence[Band]
    late: Sequence[Band]
    late_count: int
    out_of_range: TimeOutOfRange
    excursion: Band | None
    peak: float | None
    is_over: bool
    beyond_span: int


def course(incident: Incident, readings: Iterable[StoredReading], *, since: int) -> Course:
    """From `since` to the resolution, or to the last reading where that is later."""
    measured = [(each, value) for each in readings if (value := shown(incident, each)) is not None]
    measured.sort(key=lambda pair: (pair[0]["timestamp"], pair[1]))
    samples = [(int(each["timestamp"]), value) for each, value in measured]
    until = max([incident.resolved_at or incident.began_at, *(at for at, _ in samples[-1:])])
    longest, within = longest_gap_ms(incident), range_of(incident)
    found = time_out_of_range(samples, within, longest_gap_ms=longest)
    about = _about(incident, found.spells)
    measure = measure_of(incident)
    return Course(
        label=_sensor(incident) if measure is SENSOR else measure.label,
        unit=measure.unit,
        since=since,
        until=until,
        samples=samples,
        within=within,
        longest_gap_ms=longest,
        gaps=_gaps(samples, since, until, longest),
        late=_late([each for each, _ in measured], until),
        late_count=sum(_is_late(each) for each, _ in measured),
        out_of_range=found,
        excursion=(about[0].since, about[-1].until) if about else None,
        peak=_worst(incident, within, about),
        is_over=bool(about) and about[-1].is_over,
        beyond_span=sum(each.get("probe") in {"HI", "LO"} for each, _ in measured),
    )


def longest_gap_ms(incident: Incident) -> int:
    """As long as the profile says that a device may be quiet."""
    silence_s = incident.profile.get("silence_s")
    return int(silence_s) * 1000 if silence_s else LONGEST_BRIDGED_MS


def range_of(incident: Incident) -> Range:
    """Both limits in force of a single event, though it is about one of them: an excursion may have a rebound. Of any
    other incident the limits that it is about, so of a cumulative one that above which times were added up.
    """
    low, high = limits_shown(incident)
    if incident.kind in SINGLE_EVENTS:
        low, high = incident.profile.get("low_c"), incident.profile.get("high_c")
    return Range(low, high, limit_is_out(incident, "low_is_inclusive"), limit_is_out(incident, "high_is_inclusive"))


def _sensor(incident: Incident) -> str:
    sensor = incident.key.partition(":")[2]
    return sensor.replace("_", " ").capitalize() or "Value"


def _about(incident: Incident, spells: Sequence[Spell]) -> list[Spell]:
    """The spells that the incident is about: of its side, from its beginning on."""
    if not is_of_readings(incident):
        return []
    side = Side.BELOW if is_low_bad(incident) else Side.ABOVE
    sides = set(Side) if incident.kind == Kind.OUT_OF_RANGE else {side}
    return [each for each in spells if each.side in sides and each.until >= incident.began_at]


def _worst(incident: Incident, within: Range, spells: Sequence[Spell]) -> float | None:
    def beyond(value: float) -> float:
        below = within.low - value if within.low is not None else float("-inf")
        above = value - within.high if within.high is not None else float("-inf")
        return max(below, above)

    if incident.kind == Kind.OUT_OF_RANGE:
        return max((each.worst for each in spells), key=beyond, default=None)
    worst = min if is_low_bad(incident) else max
    return worst((each.worst for each in spells), default=None)


def _gaps(samples: Sequence[Sample], since: int, until: int, longest: int) -> list[Band]:
    """Between readings, and where there are none before the first or after the last."""
    if not samples:
        return [(since, until)]
    edges = [(since, samples[0][0]), (samples[-1][0], until)]
    before, after = ([edge] if edge[1] - edge[0] > longest else [] for edge in edges)
    between = [(each.since, each.until) for each in spans(samples, longest_gap_ms=longest) if each.value is None]
    return [*before, *between, *after]


def _is_late(reading: StoredReading) -> bool:
    received_at = reading.get("received_at")
    return isinstance(received_at, int) and received_at - int(reading["timestamp"]) > LATE_MS


def _late(readings: Sequence[StoredReading], until: int) -> list[Band]:
    """From the first reading of a run that came late to the first one after it that did not."""
    bands: list[Band] = []
    begun: int | None = None
    for each in readings:
        at = int(each["timestamp"])
        if _is_late(each):
            begun = at if begun is None else begun
        elif begun is not None:
            bands.append((begun, at))
            begun = None
    last = int(readings[-1]["timestamp"]) if readings else until
    return bands if begun is None else [*bands, (begun, last)]
