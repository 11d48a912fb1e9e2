"""What a responder reads in the middle of the night: what, where, since when, how bad, until when, and the link."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from coldwatch.incidents.identity import reference
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.kinds import about
from coldwatch.incidents.readings import is_low_bad
from coldwatch.incidents.time_zones import local_time

SUBJECT_LIMIT = 100
"""Amazon SNS API reference, Publish: a subject is ASCII, without line breaks, and has fewer than 100 characters."""


def subject(incident: Incident) -> str:
    """The grave thing first: telephones show its beginning.

    It says only what the registry and the deployment say; nothing that a device sends.
    """
    text = f"{incident.severity.upper()}: {incident.title} - {incident.device_id}"
    return _ascii(text)[: SUBJECT_LIMIT - 1]


@dataclass(frozen=True, slots=True)
class Key:
    """What lets one responder answer: the link, and the code to type where there is no link to press.

    Both are theirs alone. `code_page` is where the code is typed.
    """

    link: str
    code: str | None = None
    code_page: str = ""


def text(incident: Incident, *, name: str, key: Key, zone: tzinfo = UTC) -> str:
    """The message for one responder, whose clock is that of `zone`."""
    lines = [f"{name}, you are asked to look after this incident.", ""]
    lines += [f"{what + ':':<10}{said}" for what, said in facts(incident, zone)]
    if incident.deadline_at is not None:
        lines.append(answer_by(incident.deadline_at, zone))
    lines += [
        "",
        key.link,
        "",
        "The link shows the incident; the button on its page says that you have it. The link is yours alone.",
        *code_sentence(incident, key),
        f"Incident {incident.incident_id}, round {incident.round}, tier {incident.tier}.",
    ]
    return "\n".join(lines)


def digest_subject(incidents: Sequence[Incident]) -> str:
    """The first incident is the gravest."""
    return _ascii(f"{incidents[0].severity.upper()}: {len(incidents)} incidents in one message")[: SUBJECT_LIMIT - 1]


def digest_facts(incidents: Sequence[Incident], zone: tzinfo = UTC) -> list[tuple[str, str]]:
    """A row for each; values hold what devices and the registry say, and are hostile."""
    return [
        (each.severity.upper(), f"{each.title} - {each.device_id}{_place(each)}, since {moment(each.began_at, zone)}")
        for each in incidents
    ]


def digest_text(lines: Sequence[tuple[Incident, str]], *, name: str, left: int, zone: tzinfo = UTC) -> str:
    """Many incidents for one responder, the gravest first, each with a link that is theirs alone."""
    said = [
        f"{name}, there were more messages for you than may be sent one by one. You are asked to look after:",
        "",
    ]
    rows = digest_facts([each for each, _ in lines], zone)
    for (severity, what), (_, link) in zip(rows, lines, strict=True):
        said += [f"{severity}: {what}", link, ""]
    if left:
        said += [f"Up to {left} more follow in the next message.", ""]
    said.append(
        "Each link shows one incident; the button on its page says that you have it. The links are yours alone."
    )
    return "\n".join(said)


def facts(incident: Incident, zone: tzinfo = UTC) -> list[tuple[str, str]]:
    """What every message says, in this order; values hold what devices and the registry say, and are hostile."""
    found = [
        ("What", f"{incident.title} ({incident.severity})"),
        ("Where", f"{incident.device_id}{_place(incident)}"),
        ("Since", moment(incident.began_at, zone)),
    ]
    if incident.peak is not None:
        found.append((peak_word(incident), figure(incident.peak) + _unit(incident)))
    return found


def code_sentence(incident: Incident, key: Key) -> list[str]:
    if key.code is None:
        return []
    return [f"Without the link: type {reference(incident.incident_id)} and the code {key.code} at {key.code_page}"]


def short_text(incident: Incident, *, key: Key) -> str:
    """For a telephone: what fits, in plain ASCII, so that it is cut into as few parts as can be."""
    code = f" or {reference(incident.incident_id)} code {key.code} at {key.code_page}" if key.code else ""
    return f"{subject(incident)} {key.link}{code}"


def answer_by(deadline_at: int, zone: tzinfo) -> str:
    return f"Answer by {moment(deadline_at, zone)}; then the next are told."


def moment(at_ms: int, zone: tzinfo = UTC) -> str:
    """RFC 3339 to the second, with a space where people read it. On another clock than UTC's both are told: the reader
    looks at the one, and whoever they speak with may go by the other.

    >>> from zoneinfo import ZoneInfo
    >>> moment(1767225600000), moment(1767225600000, ZoneInfo("Europe/Berlin"))
    ('2026-01-01 00:00:00Z', '2026-01-01 01:00:00 CET (00:00:00Z)')
    """
    in_utc, _ = local_time(at_ms, UTC)
    if zone is UTC:
        return f"{in_utc:%Y-%m-%d %H:%M:%SZ}"
    at, name = local_time(at_ms, zone)
    day = "" if at.date() == in_utc.date() else f"{in_utc:%Y-%m-%d} "
    return f"{at:%Y-%m-%d %H:%M:%S} {name} ({day}{in_utc:%H:%M:%SZ})"


def short_moment(at_ms: int, zone: tzinfo = UTC) -> str:
    """Where there is little room, and the year is the reader's own.

    >>> short_moment(1767225600000)
    '1 Jan 00:00 UTC'
    """
    at, name = local_time(at_ms, zone)
    return f"{at.day} {at:%b %H:%M} {name}"


def peak_word(incident: Incident) -> str:
    return "Lowest" if is_low_bad(incident) else "Peak"


def figure(value: float) -> str:
    """A measured value with at most two decimals.

    >>> figure(9.0), figure(8.125)
    ('9', '8.12')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _unit(incident: Incident) -> str:
    measure = about(incident.kind).measure
    return f" {measure.unit_in_ascii}" if measure and measure.unit_in_ascii else ""


def _place(incident: Incident) -> str:
    parts = [f"fleet {incident.fleet_id}"] if incident.fleet_id else []
    place = (incident.details or {}).get("place")
    if isinstance(place, dict):
        parts += [f"{name} {value}" for name, value in place.items() if name != "fleet_id"]
    return f" ({', '.join(parts)})" if parts else ""


def _ascii(said: str) -> str:
    return "".join(each if " " <= each <= "~" else "?" for each in said)
