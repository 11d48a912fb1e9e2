"""Lambda: recover incident. Trigger: `run_effects`, which waits for the answer. Writes: the recovery and, where the
plan says so, the resolution, its storm's too (DynamoDB); wakes their workflows.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.family_store import DynamoFamilyStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents.effects import read_effect
from coldwatch.incidents.ports import IncidentStore, Waiting
from coldwatch.incidents.recovery import recover_incident
from coldwatch.incidents.storms.leaving import leave
from coldwatch.incidents.storms.ports import FamilyStore
from coldwatch.settings import RecoverIncidentSettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: IncidentStore
    waiting: Waiting
    families: FamilyStore


@cache
def ports() -> Ports:
    dynamodb, table = dynamodb_client(), RecoverIncidentSettings.from_env().incident_table
    store = DynamoIncidentStore(dynamodb, table)
    return Ports(store, StepFunctionsWaiting(step_functions_client(), store), DynamoFamilyStore(dynamodb, table))


def handler(event: dict[str, Any], _context: object) -> dict[str, str | None]:
    """Answers `{"incident_id", "outcome"}`: recorded, resolved, outdated, or noted where nothing is open."""
    effect = read_effect(event)
    own = ports()
    now_ms = time.time_ns() // 1_000_000
    recovery = recover_incident(effect, own.incidents, own.waiting, now_ms=now_ms)
    if recovery.incident:
        leave(recovery.incident, own.incidents, own.families, own.waiting, now_ms=now_ms)
    answer = {
        "incident_id": recovery.incident.incident_id if recovery.incident else None,
        "outcome": recovery.outcome.value,
    }
    about = {"effect_id": effect.effect_id, "detector_model": effect.detector_model, "key": effect.detector_key}
    logger.info("recovery taken in", extra={**answer, **about})
    return answer
