"""Lambda: open incident. Trigger: `run_effects` and the command workflow, which wait for the answer. Writes: the
incident, its lock and its first event, and the storm that it makes or joins (DynamoDB); a metric where responders are
not told as planned (log); starts the workflows of both.
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.complaints import complaints
from coldwatch.adapters.incident_context import DynamoDetectorStates, DynamoDeviceDirectory, incident_forms
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.policy_store import DynamoPolicyStore
from coldwatch.adapters.storm_ports import StormTables, joining_ports
from coldwatch.adapters.waiting import StepFunctionsExecutions, StepFunctionsWaiting
from coldwatch.incidents.effects import read_effect
from coldwatch.incidents.opening import Ports, open_incident
from coldwatch.incidents.storms.joining import join_storm
from coldwatch.settings import OpenIncidentSettings

logger = Logger()


@cache
def settings() -> OpenIncidentSettings:
    return OpenIncidentSettings.from_env()


@cache
def ports() -> Ports:
    own, dynamodb = settings(), dynamodb_client()
    tables = StormTables(own.incident_table, own.storm_table, own.policy_table, complaints(own.stage))
    storms = joining_ports(dynamodb, step_functions_client(), tables, own.incident_state_machine_arn)
    incidents = DynamoIncidentStore(dynamodb, own.incident_table)
    return Ports(
        incidents=incidents,
        devices=DynamoDeviceDirectory(dynamodb, own.device_table),
        policies=DynamoPolicyStore(dynamodb, own.policy_table),
        detectors=DynamoDetectorStates(dynamodb, own.detector_table),
        executions=StepFunctionsExecutions(step_functions_client(), own.incident_state_machine_arn),
        waiting=StepFunctionsWaiting(step_functions_client(), incidents),
        forms=incident_forms(),
        join=lambda incident, now_ms: join_storm(incident, storms, now_ms=now_ms),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Answers `{"incident_id", "outcome"}`; `outcome` is opened, joined or known."""
    effect = read_effect(event)
    opening = open_incident(effect, ports(), now_ms=time.time_ns() // 1_000_000)
    incident = opening.incident
    about = {"incident_id": incident.incident_id, "effect_id": effect.effect_id, "device_id": incident.device_id}
    detector = {"detector_model": incident.detector_model, "key": incident.key, "severity": incident.severity.value}
    logger.info("incident taken in", extra={**about, **detector, "outcome": opening.outcome.value})
    if incident.parent_id:
        logger.info("incident is part of a storm", extra={**about, "parent_id": incident.parent_id})
    if opening.complaint:
        complaints(settings().stage)(incident, opening.complaint)
    return {"incident_id": incident.incident_id, "outcome": opening.outcome.value}
