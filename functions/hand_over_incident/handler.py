"""Lambda: hand over incident. Trigger: the incident workflow, before its history is too long. Starts the execution that
goes on (Step Functions). Writes: the note of it on the incident (DynamoDB).
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.waiting import StepFunctionsExecutions
from coldwatch.incidents.ports import Executions, IncidentStore
from coldwatch.incidents.reconciling import hand_over
from coldwatch.settings import HandOverIncidentSettings

logger = Logger()


@cache
def store() -> IncidentStore:
    return DynamoIncidentStore(dynamodb_client(), HandOverIncidentSettings.from_env().incident_table)


def executions(state_machine_arn: str) -> Executions:
    """Of the machine that asks: its ARN comes with the event, for the template cannot name each in the other."""
    return StepFunctionsExecutions(step_functions_client(), state_machine_arn)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event: `incident_id`, `number` (of the execution that asks), `round`, `step`, `state_machine_arn`."""
    place = int(event["round"]), int(event["step"])
    own = store(), executions(event["state_machine_arn"])
    now_ms = time.time_ns() // 1_000_000
    incident = hand_over(event["incident_id"], place, int(event["number"]), *own, now_ms=now_ms)
    answer = {"incident_id": incident.incident_id, "number": incident.executions}
    logger.info("incident handed over", extra=answer)
    return answer
