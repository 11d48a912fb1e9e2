"""What machines hear of an incident: an MQTT message when it opens, escalates and is resolved."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from coldwatch.incidents.identity import event_id
from coldwatch.incidents.incident import TEST, Incident
from coldwatch.incidents.wording import moment


class AlertEvent(StrEnum):
    OPENED = "opened"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    """To the event bus alone."""
    RESOLVED = "resolved"


def is_for_machines(alert: Mapping[str, Any]) -> bool:
    """A test page is for the responder whom it asks: scripts that listen would take it for something that is wrong."""
    return alert.get("kind") != TEST


def alert_topic(incident: Incident) -> str:
    """`alerts/{thing_type}/{severity}`, without the stage's prefix."""
    return f"alerts/{incident.thing_type}/{incident.severity}"


def alert(incident: Incident, event: AlertEvent, *, at: int) -> dict[str, Any]:
    """The message (`schemas/alert.schema.json`). It may come twice; `alert_id` is the same then."""
    cause = incident.round if event in {AlertEvent.ESCALATED, AlertEvent.ACKNOWLEDGED} else 0
    found = {
        "alert_id": event_id(incident.incident_id, cause, event),
        "event": event.value,
        "at": at,
        "time": moment(at).replace(" ", "T"),
        "incident_id": incident.incident_id,
        "device_id": incident.device_id,
        "thing_type": incident.thing_type,
        "fleet_id": incident.fleet_id,
        "application": incident.application,
        "kind": incident.kind,
        "severity": incident.severity.value,
        "title": incident.title,
        "status": incident.status.value,
        "tier": incident.tier,
        "began_at": incident.began_at,
        "opened_at": incident.opened_at,
        "acknowledged_by": incident.holder or incident.acknowledged_by,
        "resolved_at": incident.resolved_at,
        "resolution": incident.resolution,
        "peak": incident.peak,
    }
    return {name: value for name, value in found.items() if value is not None}
