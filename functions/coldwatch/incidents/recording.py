"""Writes the record of a resolved incident: what an auditor reads when nobody remembers."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec

from coldwatch.incidents import lifecycle
from coldwatch.incidents.alerts import AlertEvent, alert, alert_topic
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.incident import EventType, Incident, Page, Status, TimelineEvent
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.numbers import Measured, left_out, measure
from coldwatch.incidents.ports import AlertTopic, EvidenceStore, IncidentStore, NotSentError


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: IncidentStore
    records: EvidenceStore
    alerts: AlertTopic


@dataclass(frozen=True, slots=True)
class Recorded:
    """`alert_fault`: the record is there, only the message to machines is not. `measured` is there once: for whoever
    noted the record, of an incident that counts.
    """

    incident: Incident
    alert_fault: str | None = None
    measured: Measured | None = None


class NotResolvedError(Exception):
    """There is no record of an incident that is not over."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(f"incident {incident.incident_id} is {incident.status}; its record is written once it is over")


def record_key(incident_id: str) -> str:
    return f"incidents/{incident_id}/record.json"


def record(incident_id: str, ports: Ports, *, now_ms: int) -> Recorded:
    """Write the record, then say that it is over, then note it: what died in between is done again, to the same end."""
    incident = found(ports.incidents, incident_id)
    if incident.status is not Status.RESOLVED:
        raise NotResolvedError(incident)
    if incident.recorded_at is not None:
        return Recorded(incident)
    timeline, pages = ports.incidents.timeline(incident_id), ports.incidents.pages(incident_id)
    content = msgspec.json.encode(document(incident, timeline, pages), order="sorted")
    ports.records.keep(record_key(incident_id), content)
    fault = _publish(incident, ports)
    incident, noted = carry_out(ports.incidents, incident_id, lambda each: _note(each, now_ms))
    counts = noted is not None and left_out(incident) is None
    return Recorded(incident, fault, measure(incident, timeline, pages) if counts else None)


def document(incident: Incident, timeline: Sequence[TimelineEvent], pages: Sequence[Page]) -> dict[str, Any]:
    """The incident with the thresholds and the plan in force, its timeline, who was told, the hashes of its evidence.

    It depends on nothing else, so it is the same however often it is written.
    """
    return {
        "record_version": 1,
        "incident": {field.name: getattr(incident, field.name) for field in fields(incident)},
        "timeline": list(timeline),
        "pages": list(pages),
        "evidence": {"key": incident.evidence_key, "sha256": incident.evidence_sha256},
        "final_evidence": {"key": incident.final_evidence_key, "sha256": incident.final_evidence_sha256},
    }


def _publish(incident: Incident, ports: Ports) -> str | None:
    message = alert(incident, AlertEvent.RESOLVED, at=incident.resolved_at or 0)
    try:
        ports.alerts.publish(alert_topic(incident), message)
    except NotSentError as error:
        return str(error)
    return None


def _note(incident: Incident, now_ms: int) -> Change | None:
    if incident.recorded_at is not None:
        return None
    after = replace(incident, recorded_at=now_ms)
    what = f"The record is kept at {record_key(incident.incident_id)}."
    return lifecycle.note(incident, after, EventType.RECORDED, what, now_ms=now_ms)
