"""What is known of an incident: the figures that matter at a glance, and everything else below them.

All of it is of the readings that are there now: what was known when it was told has grown since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.pages.choices import CAUSES, DISPOSITIONS
from coldwatch.incidents.pages.document import text
from coldwatch.incidents.pages.times import from_now, lasting
from coldwatch.incidents.pages.view import View
from coldwatch.incidents.readings import BEFORE_MS, Excursion, excursion, limits_shown, measure_of, worst
from coldwatch.incidents.wording import figure, peak_word
from coldwatch.reports.course import Course, course
from coldwatch.reports.judgement import worst_mean
from coldwatch.reports.mean_kinetic_temperature import Window
from coldwatch.reports.time_out_of_range import TimeOutOfRange

_PLACE = ("site", "location", "place")

type Point = tuple[int, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """`course` as a report tells it; `found` is what of it is out of range since it began."""

    course: Course
    found: Excursion | None
    mean_kinetic: Window | None

    @classmethod
    def of(cls, incident: Incident, readings: Sequence[Mapping[str, Any]]) -> "Measured":
        whole = course(incident, readings, since=incident.began_at - BEFORE_MS)
        return cls(whole, excursion(incident, readings), worst_mean(incident, whole, whole.samples))

    @property
    def points(self) -> Sequence[Point]:
        """What the incident is about, oldest first."""
        return self.course.samples

    @property
    def out(self) -> TimeOutOfRange | None:
        """None where nothing can be said: there is too little, or there are no limits."""
        within = self.course.within
        has_limits = within.low is not None or within.high is not None
        return self.course.out_of_range if has_limits and len(self.points) >= 2 else None


def figures(view: View, measured: Measured) -> str:
    """Three or four numbers, as large as they are important."""
    incident = view.incident
    rows = [
        (peak_word(incident), _peak(incident, measured.found), _limits(incident)),
        ("Last reading", *_last(view, measured)),
        (_lasting_word(incident), _lasting(seconds_out(incident, measured.found)), "to the last reading out"),
        ("Since", view.clock(incident.began_at), from_now(incident.began_at, view.now_ms)),
    ]
    shown_rows = "".join(
        f"<div><dt>{name}</dt><dd>{text(value)}{_hint(more)}</dd></div>" for name, value, more in rows if value
    )
    heading = "What was wrong" if incident.status is Status.RESOLVED else "What is wrong"
    return f'<section><h2>{heading}</h2><dl class="figures">{shown_rows}</dl></section>'


def facts(view: View, measured: Measured) -> str:
    incident = view.incident
    known = _of_the_device(incident) | {
        "Limits": _limits(incident, with_profile=True),
        "Time out of range": _told(measured.out),
        "Mean kinetic temperature": _warmth(measured.mean_kinetic),
        "Who has it": view.name(incident.holder) if incident.holder else "",
        "Cause": CAUSES[incident.cause] if incident.cause else "",
        "Goods": DISPOSITIONS[incident.disposition] if incident.disposition else "",
        "Note": incident.note or "",
    }
    times = {
        "Since": incident.began_at,
        "Opened": incident.opened_at,
        "Recovered": incident.recovered_at,
        "Resolved": incident.resolved_at,
    }
    rows = [f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in known.items() if value]
    rows += [f"<dt>{name}</dt><dd>{view.stamp(at)}</dd>" for name, at in times.items() if at is not None]
    rows.append(f"<dt>Incident</dt><dd>{text(incident.incident_id)}</dd>")
    return f'<section><h2>What is known</h2><dl class="facts">{"".join(rows)}</dl></section>'


def _of_the_device(incident: Incident) -> dict[str, str]:
    place = _place(incident)
    return {
        "Device": incident.device_id,
        "Place": where(incident),
        "Position": _position(place),
        "Gateway": str(place.get("gateway") or ""),
        "Type": incident.thing_type,
        "Fleet": incident.fleet_id,
    }


def _place(incident: Incident) -> Mapping[str, Any]:
    place = (incident.details or {}).get("place")
    return place if isinstance(place, Mapping) else {}


def where(incident: Incident) -> str:
    """The place that the registry names, in the order from large to small."""
    place = _place(incident)
    return ", ".join(dict.fromkeys(str(place[name]) for name in _PLACE if place.get(name)))


def _lasting_word(incident: Incident) -> str:
    """From beginning to end, whatever was in range between them: that is told as time out of range."""
    is_over = incident.is_recovered or incident.status is Status.RESOLVED
    return "Lasted" if is_over else "Lasting"


def seconds_out(incident: Incident, found: Excursion | None) -> int | None:
    return (found.last_at - incident.began_at) // 1000 if found else incident.duration_s


def _peak(incident: Incident, found: Excursion | None) -> str:
    values = [value for value in (incident.peak, found.peak if found else None) if value is not None]
    return _with_unit(worst(incident, values), incident) if values else ""


def _last(view: View, measured: Measured) -> tuple[str, str]:
    """The newest value, and how old it is: an old one is half of the news."""
    if not measured.points:
        return "None", "of the last day"
    at, value = measured.points[-1]
    age = from_now(at, view.now_ms) if at <= view.now_ms else "its clock is ahead"
    return _with_unit(value, view.incident), age


def _limits(incident: Incident, *, with_profile: bool = False) -> str:
    low, high = limits_shown(incident)
    words = (("not below", low), ("not above", high))
    named = [f"{word} {_with_unit(limit, incident)}" for word, limit in words if limit is not None]
    profile = incident.profile
    return ", ".join([*named, *([f"profile {profile['name']}"] if with_profile and "name" in profile else [])])


def _told(out: TimeOutOfRange | None) -> str:
    if out is None:
        return ""
    sentences = [f"{lasting(out.cumulative_ms() // 1000)} in all"]
    if len(out.spells) > 1:
        sentences.append(f"the longest of {len(out.spells)} times {lasting(out.longest_ms() // 1000)}")
    if out.unknown_ms:
        sentences.append(f"{lasting(out.unknown_ms // 1000)} without readings")
    return f"{', '.join(sentences)}, within the last {lasting((out.known_ms + out.unknown_ms) // 1000)}"


def _warmth(found: Window | None) -> str:
    if found is None:
        return ""
    return f"{figure(found.celsius)} °C over {lasting(found.known_ms // 1000)} of readings"


def _position(place: Mapping[str, Any]) -> str:
    if place.get("latitude") is None or place.get("longitude") is None:
        return ""
    return f"{place['latitude']}, {place['longitude']}"


def _with_unit(value: float, incident: Incident) -> str:
    return f"{figure(value)} {measure_of(incident).unit}".strip()


def _hint(said: str) -> str:
    return f'<br><span class="hint">{text(said)}</span>' if said else ""


def _lasting(seconds: int | None) -> str:
    return lasting(seconds) if seconds is not None else ""
