"""A command that nobody answered, as the event that opens an incident.

It has the form in which a detector's action opens one, for a detector model that exists in no file: so kind, severity
and title, which `detectors/deployment.json` gives for models, are told in the event.
"""

import uuid
from typing import Any

from coldwatch.commands.execution import CommandExecution
from coldwatch.commands.status import Status

DETECTOR_MODEL = "command_timeout"
KIND = "command_timed_out"
_NAMESPACE = uuid.UUID("8b7d1d0e-6d5c-5f0b-9a53-3f0c6b0b6a57")


def incident_event(execution: CommandExecution) -> dict[str, Any] | None:
    """None where nobody asked for an incident, or the command did not time out. The same for every call."""
    severity = execution.order.incident_on_timeout
    if execution.status is not Status.TIMED_OUT or severity is None:
        return None
    effect_id = str(uuid.uuid5(_NAMESPACE, execution.execution_id))
    return {
        "eventTime": execution.settled_at,
        "eventName": KIND,
        "payload": {
            "actionExecutionId": effect_id,
            "detector": {
                "detectorModelName": DETECTOR_MODEL,
                "keyValue": execution.order.device_id,
                "detectorModelVersion": "1",
            },
            "eventTriggerDetails": {
                "inputName": "command",
                "messageId": execution.execution_id,
                "triggerType": "Message",
            },
            "state": {"stateName": "timed_out", "variables": {"began_at": execution.created_at}, "timers": {}},
        },
        "coldwatch": _what_it_means(execution, effect_id, severity),
    }


def _what_it_means(execution: CommandExecution, effect_id: str, severity: str) -> dict[str, Any]:
    return {
        "effect_id": effect_id,
        "detector_model": DETECTOR_MODEL,
        "key": execution.order.device_id,
        "device_id": execution.order.device_id,
        "application": execution.application,
        "occurred_at": execution.settled_at,
        "clock": "wall",
        "event_name": KIND,
        "profile": {},
        "kind": KIND,
        "severity": severity,
        "title": f"No answer to {execution.order.command.name}",
    }
