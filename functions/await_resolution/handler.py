"""Lambda: await resolution. Trigger: the incident workflow, which waits with a task token while nobody is to be told.
Writes: the token, and the resolution of what has recovered where the plan says so (DynamoDB).
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents.awaiting import await_change
from coldwatch.incidents.ports import TellingStore, Waiting
from coldwatch.settings import AwaitResolutionSettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: TellingStore
    waiting: Waiting


@cache
def ports() -> Ports:
    store = DynamoIncidentStore(dynamodb_client(), AwaitResolutionSettings.from_env().incident_table)
    return Ports(store, StepFunctionsWaiting(step_functions_client(), store))


def handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """The event: `incident_id`, `task_token` and `standing`, which the wait depends on."""
    own = ports()
    now_ms = time.time_ns() // 1_000_000
    place = event["incident_id"], event["task_token"], event["standing"]
    incident = await_change(*place, own.incidents, own.waiting, now_ms=now_ms)
    answer = {"incident_id": incident.incident_id, "status": incident.status.value}
    logger.info("change awaited", extra=answer)
    return answer
