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
_SHOWN_TIMES = ("began_at", "opened_at", "deadline_at", "acknowledged_at", "recovered_at", "resolved_at", "recorded_at")
_SHOWN_REST = ("acknowledged_by", "resolved_by", "resolution", "note", "peak", "duration_s", "evidence_key")


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
            incident.acknowledged_by,
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
    is_done = answer.outcome in {Outcome.ACKNOWLEDGED, Outcome.RESOLVED, Outcome.ALREADY_YOURS}
    document = {"outcome": answer.outcome.value, "incident": plain(incident)}
    return Answer(document, (_sentence(answer.outcome, incident),), ExitCode.OK if is_done else ExitCode.FAILED)


def _sentence(outcome: Outcome, incident: Incident) -> str:
    who, taken_at = escape(incident.acknowledged_by or ""), rfc3339(incident.acknowledged_at)
    match outcome:
        case Outcome.ACKNOWLEDGED:
            return f"{who} has it: {escape(incident.title)}, {escape(incident.device_id)}."
        case Outcome.ALREADY_YOURS:
            return f"{who} has it since {taken_at}."
        case Outcome.RESOLVED:
            return f"Resolved: {escape(incident.title)}, {escape(incident.device_id)}."
        case Outcome.ALREADY_TAKEN:
            return f"{who} was first, at {taken_at}; nothing was changed."
        case _:
            return f"It was resolved before, at {rfc3339(incident.resolved_at)}; nothing was changed."


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
