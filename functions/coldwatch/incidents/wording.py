"""What a responder reads in the middle of the night: what, where, since when, how bad, until when, and the link."""

from datetime import UTC, datetime

from coldwatch.incidents.incident import Incident
from coldwatch.incidents.readings import is_low_bad

SUBJECT_LIMIT = 100
"""Amazon SNS API reference, Publish: a subject is ASCII, without line breaks, and has fewer than 100 characters."""


def subject(incident: Incident) -> str:
    """The grave thing first: telephones show its beginning.

    It says only what the registry and the deployment say; nothing that a device sends.
    """
    text = f"{incident.severity.upper()}: {incident.title} - {incident.device_id}"
    return _ascii(text)[: SUBJECT_LIMIT - 1]


def text(incident: Incident, *, name: str, link: str) -> str:
    """The message for one responder. `link` is theirs alone."""
    lines = [
        f"{name}, you are asked to look after this incident.",
        "",
        f"What:     {incident.title} ({incident.severity})",
        f"Where:    {incident.device_id}{_place(incident)}",
        f"Since:    {moment(incident.began_at)}",
    ]
    if incident.peak is not None:
        lines.append(f"{peak_word(incident)}:".ljust(10) + figure(incident.peak) + _unit(incident))
    if incident.deadline_at is not None:
        lines.append(f"Answer by {moment(incident.deadline_at)}; then the next are told.")
    lines += [
        "",
        link,
        "",
        "The link shows the incident; the button on its page says that you have it. The link is yours alone.",
        f"Incident {incident.incident_id}, round {incident.round}, tier {incident.tier}.",
    ]
    return "\n".join(lines)


def moment(at_ms: int) -> str:
    """RFC 3339 to the second, with a space where people read it.

    >>> moment(1767225600000)
    '2026-01-01 00:00:00Z'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def short_moment(at_ms: int) -> str:
    """Where there is little room, and the year is the reader's own.

    >>> short_moment(1767225600000)
    '1 Jan 00:00 UTC'
    """
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{at.day} {at:%b %H:%M} UTC"


def peak_word(incident: Incident) -> str:
    return "Lowest" if is_low_bad(incident) else "Peak"


def figure(value: float) -> str:
    """A measured value with at most two decimals.

    >>> figure(9.0), figure(8.125)
    ('9', '8.12')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


_UNITS = {
    "too_warm": " degrees C",
    "too_cold": " degrees C",
    "cumulative_high": " degrees C",
    "cumulative_second": " degrees C",
    "battery_low": " %",
    "shock": " g",
}


def _unit(incident: Incident) -> str:
    return _UNITS.get(incident.kind, "")


def _place(incident: Incident) -> str:
    parts = [f"fleet {incident.fleet_id}"] if incident.fleet_id else []
    place = (incident.details or {}).get("place")
    if isinstance(place, dict):
        parts += [f"{name} {value}" for name, value in place.items() if name != "fleet_id"]
    return f" ({', '.join(parts)})" if parts else ""


def _ascii(said: str) -> str:
    return "".join(each if " " <= each <= "~" else "?" for each in said)
