"""Lambda: await resolution. Trigger: the incident workflow, which waits with a task token while nobody is to be told.
Writes: the token, and the resolution of what has recovered where the plan says so (DynamoDB); says that somebody has
it (EventBridge, PagerDuty).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, events_client, step_functions_client
from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.event_bus import BusAlerts, EventBus
from coldwatch.adapters.every_channel import pagerduty_service
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents import announcing
from coldwatch.incidents.awaiting import await_change
from coldwatch.incidents.incident import HELD, Incident
from coldwatch.incidents.ports import TellingStore, Waiting
from coldwatch.settings import AwaitResolutionSettings

LONGEST_MS = 12_000
"""What one call of PagerDuty may take, with its secret."""
logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: TellingStore
    waiting: Waiting
    announcing: announcing.Ports


@cache
def ports() -> Ports:
    own = AwaitResolutionSettings.from_env()
    store = DynamoIncidentStore(dynamodb_client(), own.incident_table)
    contacts = DynamoContactStore(dynamodb_client(), own.contact_table)
    bus = BusAlerts(EventBus(events_client(), own.event_bus_name))
    announced = announcing.Ports(store, contacts, pagerduty_service(), bus)
    return Ports(store, StepFunctionsWaiting(step_functions_client(), store), announced)


def handler(event: dict[str, Any], context: Any) -> dict[str, str]:
    """The event: `incident_id`, `task_token` and `standing`, which the wait depends on; `is_last_try`, where it waits
    whether or not somebody has it can be said. An execution from before there were several tries says nothing.
    """
    own = ports()
    now_ms = time.time_ns() // 1_000_000
    place = event["incident_id"], event["task_token"], event.get("standing")
    incident = await_change(*place, own.incidents, own.waiting, now_ms=now_ms)
    answer = {"incident_id": incident.incident_id, "status": incident.status.value}
    logger.info("change awaited", extra=answer)
    if incident.status in HELD:  # what is resolved, record_incident announces
        is_last_try = event.get("is_last_try", True)
        say(incident, own.announcing, context.get_remaining_time_in_millis, is_last_try=is_last_try)
    return answer


def say(incident: Incident, to: announcing.Ports, left_ms: Callable[[], int], *, is_last_try: bool) -> None:
    """That somebody has it. The token is stored by now: what fails here is tried again with another token, and whatever
    was answered meanwhile is seen then.
    """
    faults = announcing.announce(incident, to, lambda: left_ms() >= LONGEST_MS)
    for fault in faults:
        about = {"incident_id": incident.incident_id, "fault": fault.sentence}
        logger.error("acknowledgement not announced", extra=about)
    if not is_last_try and not all(fault.is_permanent for fault in faults):
        raise announcing.NotAnnouncedError(f"not everybody knows that somebody has incident {incident.incident_id}")
