"""Events to other systems, on the stack's own bus."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from coldwatch.incidents.alerts import is_for_machines
from coldwatch.incidents.ports import AlertTopic, NotSentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_events import EventBridgeClient

SOURCE: Final = "coldwatch"
DETAIL_TYPES: Final = {
    "opened": "IncidentOpened",
    "escalated": "IncidentEscalated",
    "acknowledged": "IncidentAcknowledged",
    "resolved": "IncidentResolved",
}


@dataclass(frozen=True, slots=True)
class EventBus:
    client: EventBridgeClient
    name: str

    def put(self, detail_type: str, detail: Mapping[str, Any], about: str) -> str:
        """The event's id. Raises NotSentError."""
        entry = {
            "EventBusName": self.name,
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": [about],
        }
        try:
            answer = self.client.put_events(Entries=[entry])  # type: ignore[list-item] # a literal's keys
        except (BotoCoreError, ClientError) as error:
            raise NotSentError(f"EventBridge did not take it: {error}.") from error
        (result,) = answer["Entries"]
        if "ErrorCode" in result:
            raise NotSentError(f"EventBridge did not take it ({result['ErrorCode']}).")
        return result["EventId"]


@dataclass(frozen=True, slots=True)
class BusAlerts:
    """`ports.AlertTopic`: what machines hear of an incident, as events."""

    bus: EventBus

    def publish(self, topic: str, alert: Mapping[str, Any]) -> None:  # noqa: ARG002 - of the port
        if is_for_machines(alert):
            self.bus.put(DETAIL_TYPES[alert["event"]], alert, str(alert["incident_id"]))


@dataclass(frozen=True, slots=True)
class AllAlerts:
    """`ports.AlertTopic`: says it everywhere, and only then what went wrong."""

    topics: tuple[AlertTopic, ...]

    def publish(self, topic: str, alert: Mapping[str, Any]) -> None:
        faults = []
        for each in self.topics:
            try:
                each.publish(topic, alert)
            except NotSentError as error:
                faults.append(str(error))
        if faults:
            raise NotSentError(" ".join(faults))
