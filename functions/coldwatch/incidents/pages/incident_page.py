"""The page of an incident: what, where, since when, how bad; who has it; and what this reader may do."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from coldwatch.incidents.answering import Action, Outcome
from coldwatch.incidents.incident import Incident, Page, Status, TimelineEvent
from coldwatch.incidents.pages.chart import Curve, draw, thin
from coldwatch.incidents.pages.document import Document, document
from coldwatch.incidents.readings import Excursion, excursion, limits_shown, member_of, shown, worst
from coldwatch.incidents.wording import figure, moment, peak_word, short_moment

_UNITS = {"temp_c": "°C", "battery_pct": "%", "shock_g": "g", "value": ""}
_LABELS = {"temp_c": "Temperature", "battery_pct": "Battery", "shock_g": "Shock", "value": "Sensor"}

_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
"""A SHA-256: the record has all of it, a telephone's page its beginning."""


@dataclass(frozen=True, slots=True)
class View:
    """What a page is made of. `names` are those of contacts; `secret` is the link's, for its own form alone;
    `act_address` is where the form goes, as seen from this page.
    """

    outcome: Outcome
    may: frozenset[Action]
    incident: Incident
    timeline: Sequence[TimelineEvent]
    pages: Sequence[Page]
    readings: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]
    reader: str
    secret: str
    act_address: str


def render(view: View, *, status: int) -> Document:
    incident = view.incident
    title = f"{incident.title}: {incident.device_id}"
    parts = [_head(view), _message(view), _form(view), _facts(view), _chart(view), _people(view), _timeline(view)]
    return document(status, title, "\n".join(part for part in parts if part))


def _head(view: View) -> str:
    incident = view.incident
    status = incident.status.value.lower()
    return (
        f'<p><span class="tag {incident.severity.value}">{incident.severity.value}</span> '
        f'<span class="tag {status}">{status}</span></p>'
        f"<h1>{escape(incident.title)}: {escape(incident.device_id)}</h1>"
    )


def _message(view: View) -> str:
    sentence = sentence_of(view)
    return f'<p class="lead" role="status">{escape(sentence)}</p>'


def sentence_of(view: View) -> str:
    """What has come of it, in one sentence for this reader."""
    incident = view.incident
    until = f" by {short_moment(incident.deadline_at)}" if incident.deadline_at else ""
    who = _name(view, incident.holder)
    sentences = {
        Outcome.SHOWN: f"Nobody has it yet. {view.reader}, press the button{until}, or the next are told.",
        Outcome.ACKNOWLEDGED: f"Thank you, {view.reader}: you have it. Nobody else is told for now.",
        Outcome.ALREADY_YOURS: f"You have it, {view.reader}, since {_short(incident.held_since)}.",
        Outcome.ALREADY_TAKEN: f"{who} has it since {_short(incident.held_since)}. You need not do anything.",
        Outcome.RESOLVED: f"Resolved. Thank you, {view.reader}.",
        Outcome.ALREADY_RESOLVED: f"Resolved at {_short(incident.resolved_at)}: {incident.resolution or 'over'}.",
        Outcome.TOO_LATE: f"Too late for this link: {_asked(view)} is asked now. Nothing was changed.",
    }
    return sentences[view.outcome]


def _asked(view: View) -> str:
    """Who is asked in the round that the incident is in now."""
    asked = [_name(view, page.contact_id) for page in view.pages if page.round == view.incident.round and page.is_sent]
    return ", ".join(asked) or f"tier {view.incident.tier}"


def _form(view: View) -> str:
    if Action.ACKNOWLEDGE in view.may:
        return _post(view, Action.ACKNOWLEDGE, "I have it", "")
    if Action.RESOLVE in view.may:
        note = (
            '<label for="note">What was it, and what was done?</label>'
            '<textarea id="note" name="note" maxlength="500"></textarea>'
        )
        return _post(view, Action.RESOLVE, "It is over", f"{_warning(view.incident)}{note}")
    return ""


def _warning(incident: Incident) -> str:
    """A detector that has not recovered opens nothing new: who closes its incident too early should know that."""
    if not incident.is_unrecovered:
        return ""
    return (
        "<p>No recovery has been seen yet. Once you say that it is over, nobody is told of it again, "
        "unless it recovers and goes wrong anew.</p>"
    )


def _post(view: View, action: Action, label: str, before: str) -> str:
    """The secret travels in the body of the form; its address says nothing."""
    return (
        f'<section><form method="post" action="{view.act_address}" autocomplete="off">'
        f'<input type="hidden" name="link" value="{escape(view.secret, quote=True)}">{before}'
        f'<button type="submit" name="action" value="{action.value}">{label}</button></form></section>'
    )


def _facts(view: View) -> str:
    incident, found = view.incident, _excursion(view)
    facts = {
        "Device": incident.device_id,
        "Fleet": incident.fleet_id,
        "Type": incident.thing_type,
        "Since": moment(incident.began_at),
        peak_word(incident): _peak(incident, found),
        "Out of range": _duration(_seconds_out(incident, found)),
        "Limits": _limits(incident),
        "Opened": moment(incident.opened_at),
        "Recovered": _since(incident.recovered_at),
        "Resolved": _since(incident.resolved_at),
        "Note": incident.note or "",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items() if value)
    return f"<section><h2>What is known</h2><dl>{rows}</dl></section>"


def _excursion(view: View) -> Excursion | None:
    """By the readings that are there now: what was known when it was told has grown since."""
    return excursion(view.incident, view.readings)


def _peak(incident: Incident, found: Excursion | None) -> str:
    values = [value for value in (incident.peak, found.peak if found else None) if value is not None]
    return f"{figure(worst(incident, values))} {_UNITS[member_of(incident)]}".strip() if values else ""


def _seconds_out(incident: Incident, found: Excursion | None) -> int | None:
    return (found.last_at - incident.began_at) // 1000 if found else incident.duration_s


def _limits(incident: Incident) -> str:
    low, high = limits_shown(incident)
    unit = _UNITS[member_of(incident)]
    words = (("not below", low), ("not above", high))
    named = [f"{word} {figure(limit)} {unit}".strip() for word, limit in words if limit is not None]
    profile = incident.profile
    return ", ".join([*named, *([f"profile {profile['name']}"] if "name" in profile else [])])


def _chart(view: View) -> str:
    incident, found = view.incident, _excursion(view)
    member = member_of(incident)
    points = [(each["timestamp"], value) for each in view.readings if (value := shown(incident, each)) is not None]
    drawn = Curve(
        label=_LABELS[member],
        unit=_UNITS[member],
        points=thin(points),
        limits=[limit for limit in limits_shown(incident) if limit is not None],
        out_of_range=(incident.began_at, found.last_at) if found else None,
    )
    return f"<section><h2>{_LABELS[member]}</h2>{draw(drawn)}</section>"


def _people(view: View) -> str:
    rows = "".join(
        f"<li><time>{moment(page.at)}</time>{escape(_name(view, page.contact_id))}, tier {page.tier}: "
        f"{'told' if page.is_sent else 'could not be told'}</li>"
        for page in view.pages
    )
    next_one = view.incident.deadline_at
    told = (
        f"<p>The next are told at {short_moment(next_one)}.</p>"
        if next_one and view.incident.status is Status.OPEN
        else ""
    )
    return f"<section><h2>Who was told</h2><ol>{rows}</ol>{told}</section>" if rows else ""


def _timeline(view: View) -> str:
    rows = "".join(
        f"<li><time>{moment(event.at)}</time>{escape(_DIGEST.sub(r'\1…', event.what))}</li>"
        for event in reversed(view.timeline)
    )
    return f"<section><h2>What has happened</h2><ol>{rows}</ol></section>" if rows else ""


def _name(view: View, contact_id: str | None) -> str:
    return view.names.get(contact_id or "", contact_id or "Nobody")


def _since(at: int | None) -> str:
    return moment(at) if at is not None else ""


def _short(at: int | None) -> str:
    return short_moment(at) if at is not None else ""


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return ""
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"
