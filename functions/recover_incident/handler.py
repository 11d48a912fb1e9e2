"""Lambda: recover incident. Trigger: `run_effects`, which waits for the answer. Writes: the recovery and, where the
plan says so, the resolution (DynamoDB); wakes the incident's workflow.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents.effects import read_effect
from coldwatch.incidents.ports import IncidentStore, Waiting
from coldwatch.incidents.recovery import recover_incident
from coldwatch.settings import RecoverIncidentSettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: IncidentStore
    waiting: Waiting


@cache
def ports() -> Ports:
    store = DynamoIncidentStore(dynamodb_client(), RecoverIncidentSettings.from_env().incident_table)
    return Ports(store, StepFunctionsWaiting(step_functions_client(), store))


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Answers `{"incident_id", "outcome"}`: recorded, resolved, outdated, or noted where nothing is open."""
    effect = read_effect(event)
    own = ports()
    recovery = recover_incident(effect, own.incidents, own.waiting, now_ms=time.time_ns() // 1_000_000)
    answer = {
        "incident_id": recovery.incident.incident_id if recovery.incident else None,
        "outcome": recovery.outcome.value,
    }
    about = {"effect_id": effect.effect_id, "detector_model": effect.detector_model, "key": effect.detector_key}
    logger.info("recovery taken in", extra={**answer, **about})
    return answer
