"""Incidents told to people and to machines. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coldwatch.incidents.answering import Answer as Settled
from coldwatch.incidents.answering import Outcome
from coldwatch.incidents.incident import Incident
from coldwatch_ops.answer import Answer
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.incidents.store import Story
from coldwatch_ops.text import count, escape, fields, table
from coldwatch_ops.times import rfc3339

_SHOWN = (
    "title",
    "severity",
    "status",
    "device_id",
    "thing_type",
    "fleet_id",
    "detector_model",
    "key",
    "tier",
    "round",
)
_SHOWN_TIMES = (
    "began_at",
    "opened_at",
    "deadline_at",
    "acknowledged_at",
    "snoozed_until",
    "recovered_at",
    "resolved_at",
    "recorded_at",
)
_SHOWN_REST = (
    "acknowledged_by",
    "snoozed_by",
    "resolved_by",
    "resolution",
    "cause",
    "disposition",
    "note",
    "peak",
    "duration_s",
    "evidence_key",
)
_DONE = frozenset(
    {
        Outcome.ACKNOWLEDGED,
        Outcome.SNOOZED,
        Outcome.ESCALATED,
        Outcome.RESOLVED,
        Outcome.ALREADY_YOURS,
        Outcome.THANKED,
    }
)


def listed(incidents: Sequence[Incident], *, now_ms: int) -> Answer:
    document = {"incidents": [plain(incident) for incident in incidents]}
    if not incidents:
        return Answer(document, ("No incident fits.",))
    rows = [
        (
            incident.incident_id,
            incident.status.value,
            incident.severity.value,
            incident.title,
            incident.device_id,
            incident.tier,
            incident.holder,
            rfc3339(incident.opened_at),
            age(now_ms - incident.opened_at),
        )
        for incident in incidents
    ]
    headings = ("incident", "status", "severity", "what", "device", "tier", "who", "opened", "age")
    return Answer(document, (table(headings, rows, numeric=("tier", "age")), count(len(rows), "incident") + "."))


def shown(story: Story) -> Answer:
    incident = plain(story.incident)
    document = incident | {
        "timeline": [asdict(event) for event in story.timeline],
        "pages": [asdict(page) for page in story.pages],
    }
    told = {name: incident[name] for name in _SHOWN}
    told |= {name: rfc3339(incident[name]) for name in _SHOWN_TIMES}
    told |= {name: incident[name] for name in _SHOWN_REST}
    profile = ", ".join(f"{name} {value}" for name, value in story.incident.profile.items())
    events = [(rfc3339(event.at), event.type.value, event.who, event.what) for event in story.timeline]
    return Answer(
        document,
        (
            *fields({"incident": story.incident.incident_id} | told),
            f"limits  {escape(profile)}",
            "",
            table(("time", "event", "who", "what"), events),
        ),
    )


def settled(answer: Settled) -> Answer:
    incident = answer.incident
    assert incident is not None, "an unknown incident was told before"
    document = {"outcome": answer.outcome.value, "incident": plain(incident)}
    if answer.detail:
        document["detail"] = answer.detail
    code = ExitCode.OK if answer.outcome in _DONE else ExitCode.FAILED
    return Answer(document, (answer.detail or _sentence(answer.outcome, incident),), code)


def _sentence(outcome: Outcome, incident: Incident) -> str:
    who, since = escape(incident.holder or ""), rfc3339(incident.held_since)
    what = f"{escape(incident.title)}, {escape(incident.device_id)}."
    rated = "useful" if incident.useful else "not useful"
    sentences = {
        Outcome.ACKNOWLEDGED: f"{who} has it: {what}",
        Outcome.SNOOZED: f"{who} has it, and nobody is told until {rfc3339(incident.snoozed_until)}: {what}",
        Outcome.ESCALATED: f"The next tier is told: {what}",
        Outcome.ALREADY_YOURS: f"{who} has it since {since}.",
        Outcome.RESOLVED: f"Resolved: {what}",
        Outcome.THANKED: f"Kept as {rated}, by {escape(incident.useful_by or '')}: {what}",
        Outcome.NOT_ALLOWED: "Nobody has had it since it was last told: nothing was changed.",
        Outcome.ALREADY_TAKEN: f"{who} was first, at {since}; nothing was changed.",
    }
    resolved = f"It was resolved before, at {rfc3339(incident.resolved_at)}; nothing was changed."
    return sentences.get(outcome, resolved)


def plain(incident: Incident) -> dict[str, Any]:
    """The incident as JSON; times stay epoch ms, as on every wire."""
    document = asdict(incident)
    document["profile"] = dict(incident.profile)
    return document


def age(milliseconds: int) -> str:
    """Two units at most.

    >>> age(65_000), age(7_500_000), age(200_000_000)
    ('1m 5s', '2h 5m', '2d 7h')
    """
    seconds = max(0, milliseconds // 1000)
    parts = [(seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s")]
    shown_parts = [f"{number}{unit}" for number, unit in parts if number]
    first = next((index for index, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return " ".join(f"{number}{unit}" for number, unit in parts[first : first + 2] if number) if shown_parts else "0s"
