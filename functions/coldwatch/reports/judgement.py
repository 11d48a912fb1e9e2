"""Whether mean kinetic temperature says something of an incident, over which window, and what USP asks of it there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from coldwatch.incidents.incident import Incident
from coldwatch.incidents.kinds import HEAT, Kind
from coldwatch.reports.course import Course
from coldwatch.reports.mean_kinetic_temperature import (
    ACTIVATION_K,
    CONTROLLED_ROOM_WINDOW_MS,
    REFRIGERATED_WINDOW_MS,
    ZERO_C_IN_K,
    Window,
    worst_window,
)
from coldwatch.reports.spans import Sample


@dataclass(frozen=True, slots=True)
class StorageClass:
    """`limit_c` is the mean kinetic temperature that USP <659> allows over the window."""

    name: str
    window_ms: int
    limit_c: float


REFRIGERATED: Final = StorageClass("refrigerated", REFRIGERATED_WINDOW_MS, 8.0)
CONTROLLED_ROOM: Final = StorageClass("controlled room temperature", CONTROLLED_ROOM_WINDOW_MS, 25.0)

_BY_NAME = {"refrigerated": REFRIGERATED, "controlled_room": CONTROLLED_ROOM}
_WARMEST_REFRIGERATED_C = 15.0
"""USP <659>: controlled cold allows 15 °C for a day; a profile that allows more is one of a room."""


def storage_class(profile: Any) -> StorageClass | None:
    """As the profile says by `storage_class`, else by its upper limit; None for what is kept frozen."""
    if named := profile.get("storage_class"):
        return _BY_NAME.get(named)
    high = profile.get("high_c")
    if high is None or high <= 0:
        return None
    return REFRIGERATED if high <= _WARMEST_REFRIGERATED_C else CONTROLLED_ROOM


def why_not_meaningful(incident: Incident) -> str | None:
    """A sentence; None where the mean kinetic temperature is meaningful."""
    if incident.application != "coldchain":
        return "Not meaningful: it is about products, not machines."
    if incident.kind == Kind.TOO_COLD:
        return "Not meaningful: it says nothing about freezing."
    if incident.kind not in HEAT:
        return "Not meaningful: this is about no high temperature."
    if storage_class(incident.profile) is None:
        return "Not meaningful: USP has no window for frozen goods."
    return None


def worst_mean(incident: Incident, of: Course, samples: Sequence[Sample]) -> Window | None:
    """The worst window of the storage class that contains the excursion; None where it says nothing, or too little is
    known. What no temperature can be is left out.
    """
    asked = storage_class(incident.profile)
    if why_not_meaningful(incident) or asked is None:
        return None
    excursion = of.excursion or (incident.began_at, incident.recovered_at or of.until)
    possible = [each for each in samples if each[1] > -ZERO_C_IN_K]
    return worst_window(possible, excursion, window_ms=asked.window_ms, longest_gap_ms=of.longest_gap_ms)


def judge(incident: Incident, of: Course, samples: Sequence[Sample]) -> dict[str, Any]:
    """The member `mean_kinetic_temperature` of a report, over `samples` of the window's whole length."""
    why_not, asked = why_not_meaningful(incident), storage_class(incident.profile)
    if why_not or asked is None:
        return {"is_meaningful": False, "why_not": why_not}
    found = worst_mean(incident, of, samples)
    if found is None:
        return {"is_meaningful": False, "why_not": "Not known: too few readings, or too far apart."}
    return {
        "is_meaningful": True,
        "celsius": round(found.celsius, 3),
        "storage_class": asked.name,
        "limit_c": asked.limit_c,
        "window_ms": asked.window_ms,
        "since": found.since,
        "until": found.until,
        "known_ms": found.known_ms,
        "activation_k": ACTIVATION_K,
        "beyond_span": of.beyond_span,
    }


def window_needed(incident: Incident) -> tuple[int, int] | None:
    """From when to when readings are needed for it, beyond the incident's evidence; None where it is not meaningful."""
    asked = storage_class(incident.profile)
    if why_not_meaningful(incident) or asked is None:
        return None
    return incident.began_at - asked.window_ms, incident.resolved_at or incident.began_at
