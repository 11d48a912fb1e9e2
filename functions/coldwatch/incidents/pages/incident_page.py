"""The page of an incident: what, where, since when, how bad; who has it; and what this reader may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from coldwatch.incidents.answering import Action, Outcome
from coldwatch.incidents.incident import Incident, Page, Status, TimelineEvent
from coldwatch.incidents.pages.chart import Curve, draw, points_of
from coldwatch.incidents.pages.document import Document, document
from coldwatch.incidents.wording import figure, moment

_MEASURES = {"too_warm": "temp_c", "too_cold": "temp_c", "battery_low": "battery_pct", "shock": "shock_g"}
_UNITS = {"temp_c": "°C", "battery_pct": "%", "shock_g": "g", "value": ""}
_LABELS = {"temp_c": "Temperature", "battery_pct": "Battery", "shock_g": "Shock", "value": "Sensor"}


@dataclass(frozen=True, slots=True)
class View:
    """What a page is made of. `names` are those of contacts; `secret` is the link's, for its own form alone."""

    outcome: Outcome
    may: frozenset[Action]
    incident: Incident
    timeline: Sequence[TimelineEvent]
    pages: Sequence[Page]
    readings: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]
    reader: str
    secret: str


def render(view: View, *, status: int) -> Document:
    incident = view.incident
    title = f"{incident.title}: {incident.device_id}"
    parts = [_head(view), _message(view), _form(view), _facts(view), _chart(view), _people(view), _timeline(view)]
    return document(status, title, "\n".join(part for part in parts if part))


def _head(view: View) -> str:
    incident = view.incident
    tag = "done" if incident.status is Status.RESOLVED else incident.severity.value
    return (
        f'<p><span class="tag {tag}">{escape(incident.severity.value)}</span> '
        f'<span class="tag done">{escape(incident.status.value.lower())}</span></p>'
        f"<h1>{escape(incident.title)}: {escape(incident.device_id)}</h1>"
    )


def _message(view: View) -> str:
    sentence = sentence_of(view)
    return f'<p class="lead" role="status">{escape(sentence)}</p>' if sentence else ""


def sentence_of(view: View) -> str:
    """What has come of it, in one sentence for this reader."""
    incident = view.incident
    until = f" by {moment(incident.deadline_at)}" if incident.deadline_at else ""
    who = _name(view, incident.acknowledged_by)
    sentences = {
        Outcome.SHOWN: f"Nobody has it yet. {view.reader}, press the button{until}, or the next are told.",
        Outcome.ACKNOWLEDGED: f"Thank you, {view.reader}: you have it. Nobody else is told for now.",
        Outcome.ALREADY_YOURS: f"You have it, {view.reader}, since {_since(incident.acknowledged_at)}.",
        Outcome.ALREADY_TAKEN: f"{who} has it since {_since(incident.acknowledged_at)}. You need not do anything.",
        Outcome.RESOLVED: f"Resolved. Thank you, {view.reader}.",
        Outcome.ALREADY_RESOLVED: f"Resolved since {_since(incident.resolved_at)}: {incident.resolution or 'over'}.",
        Outcome.TOO_LATE: f"Too late for this link: {_asked(view)} is asked now. Nothing was changed.",
    }
    return sentences.get(view.outcome, "This link has expired. Nothing was changed.")


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
        return _post(view, Action.RESOLVE, "It is over", note)
    return ""


def _post(view: View, action: Action, label: str, before: str) -> str:
    """The secret travels in the body of the form; its address says nothing."""
    return (
        '<section><form method="post" action="../act" autocomplete="off">'
        f'<input type="hidden" name="link" value="{escape(view.secret, quote=True)}">{before}'
        f'<button type="submit" name="action" value="{action.value}">{label}</button></form></section>'
    )


def _facts(view: View) -> str:
    incident = view.incident
    unit = _UNITS[_measure(incident)]
    facts = {
        "Device": incident.device_id,
        "Fleet": incident.fleet_id,
        "Kind": incident.thing_type,
        "Since": moment(incident.began_at),
        "Peak": f"{figure(incident.peak)} {unit}" if incident.peak is not None else "",
        "Out of range": _duration(incident.duration_s),
        "Limits": _limits(incident),
        "Told at": moment(incident.opened_at),
        "Recovered": _since(incident.recovered_at),
        "Resolved": _since(incident.resolved_at),
        "Note": incident.note or "",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items() if value)
    return f"<section><h2>What is known</h2><dl>{rows}</dl></section>"


def _limits(incident: Incident) -> str:
    profile = incident.profile
    details = incident.details or {}
    named = [
        f"{word} {figure(float(details[name]))}"
        for name, word in (("low", "not below"), ("high", "not above"))
        if isinstance(details.get(name), int | float)
    ]
    return ", ".join([*named, *([f"profile {profile['name']}"] if "name" in profile else [])])


def _chart(view: View) -> str:
    incident = view.incident
    measure = _measure(incident)
    details = incident.details or {}
    limits = [float(details[name]) for name in ("low", "high") if isinstance(details.get(name), int | float)]
    last = incident.recovered_at or details.get("last_out_of_range_at")
    span = (incident.began_at, int(last)) if isinstance(last, int | float) else None
    curve = Curve(_LABELS[measure], _UNITS[measure], points_of(view.readings, measure), limits, span)
    return f"<section><h2>{_LABELS[measure]}</h2>{draw(curve)}</section>"


def _measure(incident: Incident) -> str:
    return _MEASURES.get(incident.kind, "temp_c" if incident.application == "coldchain" else "value")


def _people(view: View) -> str:
    rows = "".join(
        f"<li><time>{moment(page.at)}</time>{escape(_name(view, page.contact_id))}, tier {page.tier}: "
        f"{'told' if page.is_sent else 'could not be told'}</li>"
        for page in view.pages
    )
    next_one = view.incident.deadline_at
    told = (
        f"<p>The next are told at {moment(next_one)}.</p>" if next_one and view.incident.status is Status.OPEN else ""
    )
    return f"<section><h2>Who was told</h2><ol>{rows}</ol>{told}</section>" if rows else ""


def _timeline(view: View) -> str:
    rows = "".join(f"<li><time>{moment(event.at)}</time>{escape(event.what)}</li>" for event in reversed(view.timeline))
    return f"<section><h2>What has happened</h2><ol>{rows}</ol></section>" if rows else ""


def _name(view: View, contact_id: str | None) -> str:
    return view.names.get(contact_id or "", contact_id or "Nobody")


def _since(at: int | None) -> str:
    return moment(at) if at is not None else ""


def _duration(seconds: int | None) -> str:
    if seconds is None:
        return ""
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"
