"""What an alarm sends. The service published what its notifications hold, and nothing of what its actions do: that is
ours, after the detectors' default payload.
"""

from typing import Any, Final

import msgspec

from coldwatch.engine.alarm_model import AlarmModel, AlarmState
from coldwatch.engine.alarm_notifications import Email, Notification, TextMessage
from coldwatch.engine.customer_action import CustomerActionName
from coldwatch.engine.payloads import named_id, trigger_details
from coldwatch.engine.run import Run
from coldwatch.engine.snapshot import Snapshot
from coldwatch.engine.values import Value

SNOOZE: Final = "snooze"
"""The timer of an alarm."""


class Record:
    """The variables of an alarm's snapshot: what led to its state."""

    PROPERTY: Final = "inputPropertyValue"
    THRESHOLD: Final = "thresholdValue"
    ACTION: Final = "customerAction"
    NOTE: Final = "note"
    SYSTEM_EVENT: Final = "systemEvent"


SNOOZE_TIMEOUT: Final = "SNOOZE_TIMEOUT"


def execution_id(run: Run) -> str:
    """As that of a detector's action; of an alarm and a detector of one name they differ."""
    trigger = run.trigger
    model = ("alarm", run.model.name, run.model.version, run.key)
    cause = (trigger.type, trigger.input_name, trigger.message_id, trigger.timer_name, trigger.action_name)
    return named_id((*model, *cause, run.now_ms, len(run.actions)))


def alarm_state(model: AlarmModel, snapshot: Snapshot) -> dict[str, Any]:
    """The state, and what led to it: the values that were compared, what a customer did, or that a snooze is over.

    `ruleEvaluation` is null where nothing was compared yet. The service's own function looks for it.
    """
    record = snapshot.variables
    document: dict[str, Any] = {"stateName": snapshot.state, "ruleEvaluation": None}
    if Record.PROPERTY in record:
        document["ruleEvaluation"] = {
            "simpleRule": {
                "inputProperty": record[Record.PROPERTY],
                "operator": model.rule.comparison,
                "threshold": record[Record.THRESHOLD],
            }
        }
    if Record.ACTION in record:
        document["customerAction"] = _customer_action(record[Record.ACTION], snapshot)
    if Record.SYSTEM_EVENT in record:
        change = {"triggerType": record[Record.SYSTEM_EVENT]}
        document["systemEvent"] = {"eventType": "STATE_CHANGE", "stateChangeConfiguration": change}
    return document


def _customer_action(name: Value, snapshot: Snapshot) -> dict[str, Any]:
    configuration: dict[str, Any] = {}
    if snapshot.state == AlarmState.SNOOZE_DISABLED and SNOOZE in snapshot.timers:
        configuration["snoozeDuration"] = snapshot.timers[SNOOZE].duration_s
    if Record.NOTE in snapshot.variables:
        configuration["note"] = snapshot.variables[Record.NOTE]
    return {"actionName": name, CustomerActionName(str(name)).configuration: configuration}


def action_payload(model: AlarmModel, run: Run, event_name: str, identity: str) -> dict[str, Any]:
    return {
        "eventTime": run.now_ms,
        "payload": {
            "actionExecutionId": identity,
            "alarm": {
                "alarmModelName": run.model.name,
                **_key(run),
                "alarmModelVersion": run.model.version,
                "severity": model.severity,
            },
            "eventTriggerDetails": trigger_details(run.trigger),
            "alarmState": alarm_state(model, _current(run)),
        },
        "eventName": event_name,
    }


def notification_payload(
    model: AlarmModel, notification: Notification, run: Run, _event_name: str, _identity: str
) -> dict[str, Any]:
    """What the service's own function, and those written after it, read. A user's address is not known here: `to` and
    `phoneNumbers` hold the ids of the users.
    """
    told = {
        "alarmModelName": run.model.name,
        **_key(run),
        "severity": model.severity,
        "stateUpdateTime": run.now_ms,
        "alarmState": alarm_state(model, _current(run)),
    }
    return {
        "notificationEventPayload": msgspec.json.encode(told).decode(),
        "emailConfigurations": [_email(each) for each in notification.emails],
        "smsConfigurations": [_text_message(each) for each in notification.text_messages],
    }


def _current(run: Run) -> Snapshot:
    return Snapshot(run.state, run.variables, run.timers, {})


def _key(run: Run) -> dict[str, str]:
    return {} if run.key is None else {"keyValue": run.key}


def _email(email: Email) -> dict[str, Any]:
    content = {"subject": email.subject, "additionalMessage": email.additional_message}
    return {"from": email.sender, "to": list(email.to), "cc": [], "bcc": [], **_given(content)}


def _text_message(message: TextMessage) -> dict[str, Any]:
    content = {"senderId": message.sender_id, "additionalMessage": message.additional_message}
    return {"phoneNumbers": list(message.to), **_given(content)}


def _given(members: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}
