"""What a report says in words, on paper and at a terminal: durations, moments, facts. Pure text."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from coldwatch.incidents.kinds import CUMULATIVE, LOW_IS_BAD, about
from coldwatch.incidents.wording import figure, moment

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1))

type Facts = Mapping[str, Any]


def lasting(milliseconds: int) -> str:
    """Two units at most, to the second.

    >>> lasting(8_040_000), lasting(90_000), lasting(190_800_000), lasting(0), lasting(1_500)
    ('2 h 14 min', '1 min 30 s', '2 d 5 h', '0 s', '1 s')
    """
    return two_units(max(0, milliseconds) // 1000 * 1000)


def two_units(milliseconds: int) -> str:
    """The two greatest.

    >>> two_units(33_120_000), two_units(90_061_000), two_units(0), two_units(1_500)
    ('9 h 12 min', '1 d 1 h', '0 s', '1 s 500 ms')
    """
    for (name, size), (next_name, next_size) in pairwise(_UNITS):
        if milliseconds >= size:
            rest = milliseconds % size // next_size
            return f"{milliseconds // size:,} {name}" + (f" {rest} {next_name}" if rest else "")
    return f"{milliseconds} ms" if milliseconds else "0 s"


def when(at_ms: int | None) -> str:
    return "" if at_ms is None else moment(at_ms)


def words(name: str | None) -> str:
    """A name of the wire as people read it.

    >>> words("door_left_open")
    'door left open'
    """
    return (name or "").replace("_", " ")


def measure(value: float, unit: str) -> str:
    return f"{figure(value)} {unit}".strip()


def range_in_words(thresholds: Facts) -> str:
    """What counts as out of range."""
    unit, parts = thresholds["unit"], list[str]()
    for name, word, inclusive in (("low", "below", "low_is_inclusive"), ("high", "above", "high_is_inclusive")):
        if thresholds[name] is not None:
            parts.append(f"{word} {'or at ' if thresholds[inclusive] else ''}{measure(thresholds[name], unit)}")
    return ("out of range: " + " and ".join(parts)) if parts else "no limits hold for it"


def count(number: int, name: str) -> str:
    """With its plural.

    >>> count(1, "gap"), count(2, "gap")
    ('1 gap', '2 gaps')
    """
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def profile_in_words(report: Facts) -> str:
    """Name and version, what one device has its own way, the limits, and how long before an incident is made of it."""
    thresholds, profile = report["thresholds"], report["thresholds"]["profile"]
    changed = profile.get("changed")
    own = f", with its own {', '.join(words(each) for each in changed)}" if changed else ""
    named = f"{profile.get('name', 'unnamed')}, version {profile.get('version', 'unknown')}{own}"
    incident = report["incident"]
    after_s = profile.get(about(incident["kind"], incident["detector_model"]).lasts_s)
    in_all = " in all" if incident["kind"] in CUMULATIVE else ""
    after = f"; an incident after {lasting(after_s * 1000)} of it{in_all}" if after_s else ""
    return f"{named}; {range_in_words(thresholds)}{after}"


def tiles(report: Facts) -> Iterator[tuple[str, str, str]]:
    """The four facts of the head: what, its figure, and a line below."""
    course, thresholds = report["course"], report["thresholds"]
    excursion = course["excursion"]
    if excursion:
        word = "Lowest" if report["incident"]["kind"] in LOW_IS_BAD else "Peak"
        yield word, measure(excursion["peak"], course["unit"]), _limits(thresholds)
    else:
        yield "Readings", str(len(course["readings"])), "none of them shows an excursion"
    out, longest = course["above_ms"] + course["below_ms"], max(course["longest_above_ms"], course["longest_below_ms"])
    below = f"longest single {lasting(longest)}" if out else "as far as there are readings"
    is_known = bool(course["known_ms"])
    yield "Time out of range", *((lasting(out), below) if is_known else ("not known", "no readings to tell"))
    yield _mean(report["mean_kinetic_temperature"])
    yield _answered(report)


def _limits(thresholds: Facts) -> str:
    named = [(word, thresholds[word]) for word in ("low", "high") if thresholds[word] is not None]
    return ", ".join(f"{word} {measure(value, thresholds['unit'])}" for word, value in named) or "no limits"


def _mean(mean: Facts) -> tuple[str, str, str]:
    if not mean["is_meaningful"]:
        said, _, why = mean["why_not"].rstrip(".").partition(": ")
        return "Mean kinetic temperature", said.lower(), why
    return "Mean kinetic temperature", f"{mean['celsius']:.2f} °C", f"worst {_window(mean)}; USP {mean['limit_c']:g} °C"


def _window(mean: Facts) -> str:
    hours = mean["window_ms"] // 3_600_000
    return f"{hours} h" if hours <= 48 else f"{hours // 24} days"


def _answered(report: Facts) -> tuple[str, str, str]:
    outcome, incident = report["outcome"], report["incident"]
    if outcome["acknowledged_at"] is None:
        return "Acknowledged", "by nobody", count(sum(each["is_sent"] for each in report["told"]), "message")
    after = lasting(outcome["acknowledged_at"] - incident["opened_at"])
    return "Acknowledged", f"after {after}", f"by {outcome['acknowledged_by']}"


def facts(report: Facts) -> Iterator[tuple[str, str]]:
    """Each with its name; what is not known is left out."""
    incident, device, course = report["incident"], report["device"], report["course"]
    place = ", ".join(f"{words(name)} {value}" for name, value in (device.get("place") or {}).items())
    kind = device.get("device_type") or device["thing_type"]
    yield "Device", f"{device['device_id']} ({kind}, {device['application']}), fleet {device['fleet_id'] or 'none'}"
    yield "Place", place or "the registry says none"
    yield "Calibration", _calibration(device.get("calibration"))
    yield "Thresholds in force", profile_in_words(report)
    yield "Began, opened", f"{when(incident['began_at'])}, {when(incident['opened_at'])}"
    if course["excursion"]:
        yield "Out of range", _out_of_range(report)
    yield "Cumulative time", _cumulative(course)
    yield "Mean kinetic temperature", _mean_in_words(report["mean_kinetic_temperature"])
    yield "Readings", _readings(course)
    yield "Policy", f"{report['policy']['policy_id'] or 'none'}, version {report['policy']['version'] or 'none'}"


def _out_of_range(report: Facts) -> str:
    """Where times add up it is in range for most of what lies between."""
    course, excursion = report["course"], report["course"]["excursion"]
    lasted = lasting(excursion["until"] - excursion["since"])
    if report["incident"]["kind"] in CUMULATIVE:
        spells = (each for each in course["spells"] if each["since"] >= excursion["since"])
        lasted += f" from first to last, {lasting(sum(each['known_ms'] for each in spells))} of it out of range"
    still = "" if excursion["is_over"] else "; it was not over at the last reading"
    return f"{when(excursion['since'])} to {when(excursion['until'])}, {lasted}{still}"


def _calibration(known: Any) -> str:
    if not known:
        return "the registry has no certificate"
    return (
        ", ".join(f"{words(name)} {value}" for name, value in known.items()) if isinstance(known, dict) else str(known)
    )


def _cumulative(course: Facts) -> str:
    sides = [(side, course[f"{side}_ms"], course[f"longest_{side}_ms"]) for side in ("above", "below")]
    parts = [f"{lasting(whole)} {side} (longest {lasting(longest)})" for side, whole, longest in sides if whole]
    return f"{'; '.join(parts) or 'none'}, in {lasting(course['known_ms'])} with readings"


def _readings(course: Facts) -> str:
    shown = f"{count(len(course['readings']), 'reading')} from {when(course['since'])} to {when(course['until'])}"
    longest = lasting(course["longest_gap_ms"])
    gaps = f"; {count(len(course['gaps']), 'gap')} of more than {longest}, {lasting(course['unknown_ms'])} in all"
    late = f"; {course['late_count']} came more than {lasting(course['late_after_ms'])} late"
    left_out = f"; those before {when(course['complete_from'])} are in the archive"
    is_cut = not course["is_complete"] and course["complete_from"]
    return shown + (gaps if course["gaps"] else "; no gap") + late * bool(course["late"]) + left_out * bool(is_cut)


def _mean_in_words(mean: Facts) -> str:
    if not mean["is_meaningful"]:
        return str(mean["why_not"])
    limit = f"{mean['limit_c']:g} °C of USP for {mean['storage_class']}"
    judged = "above" if mean["celsius"] > mean["limit_c"] else "not above"
    said = (
        f"{mean['celsius']:.2f} °C over the worst {_window(mean)} that contain the excursion, "
        f"from {when(mean['since'])}, with readings for {lasting(mean['known_ms'])} of it: {judged} the {limit} "
        f"(activation energy over gas constant {mean['activation_k']:,.0f} K)"
    )
    beyond = f"; {mean['beyond_span']} readings were beyond the probe's span, so it is at least that"
    return said + beyond * bool(mean["beyond_span"])


def outcome(report: Facts) -> Iterator[tuple[str, str]]:
    """Who acted, and what they said that it was."""
    known = report["outcome"]
    if known["acknowledged_at"] is not None:
        yield "Acknowledged", f"{when(known['acknowledged_at'])} by {known['acknowledged_by']}"
    if known["recovered_at"] is not None:
        yield "Right again", f"{when(known['recovered_at'])}, as the detector saw it"
    how = known["resolution"] or ""
    more = "" if how == f"by {known['resolved_by']}" else f"; {words(how)}"
    yield "Resolved", f"{when(known['resolved_at'])} by {known['resolved_by']}{more}"
    yield "Cause", words(known["cause"]) or "not said"
    yield "Disposition", words(known["disposition"]) or "not said"
    if known["note"]:
        yield "Note", known["note"]


def delivered(page: Facts) -> str:
    """What became of a message, as far as its channel said."""
    said = {"sent": "taken by the channel; it tells no delivery"}.get(page["delivery"], words(page["delivery"]))
    return f"{said}: {page['failure']}" if page.get("failure") else said
