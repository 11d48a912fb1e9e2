"""Lambda: reconcile incidents. Trigger: its schedules, each hour and each day; or by hand. Starts the executions that
are missing (Step Functions). Writes: the notes of that on their incidents (DynamoDB); metrics, to its log.

Answers `{"looked_at", "reattached", "faults"}`. It fails where an incident could not be attended to, after the others.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.adapters.waiting import StepFunctionsExecutions
from coldwatch.incidents.metrics import stage_metrics
from coldwatch.incidents.ports import Executions
from coldwatch.incidents.reconciling import Reconciled, UnfinishedIncidents, reconcile
from coldwatch.settings import ReconcileIncidentsSettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: UnfinishedIncidents
    executions: Executions
    stage: str


class UnattendedError(Exception):
    """Some incidents could not be attended to; the log says why."""


@cache
def ports() -> Ports:
    own = ReconcileIncidentsSettings.from_env()
    return Ports(
        DynamoIncidentStore(dynamodb_client(), own.incident_table),
        StepFunctionsExecutions(step_functions_client(), own.incident_state_machine_arn),
        own.stage,
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """The event: `with_unrecorded`, to look as well at those that are over and have no record."""
    own, now_ms = ports(), time.time_ns() // 1_000_000
    with_unrecorded = bool(event.get("with_unrecorded", True))
    done = reconcile(own.incidents, own.executions, with_unrecorded=with_unrecorded, now_ms=now_ms)
    write_metrics(metrics(done, own.stage, now_ms))
    about = {"looked_at": done.looked_at, "reattached": done.reattached, "faults": done.faults}
    logger.info("incidents reconciled", extra=about)
    if done.faults:
        logger.error("incidents not attended to", extra={"faults": done.faults})
        raise UnattendedError(f"{len(done.faults)} of {done.looked_at} incidents could not be attended to")
    return about


def metrics(done: Reconciled, stage: str, now_ms: int) -> dict[str, Any]:
    counts = {"UnattendedIncidents": len(done.reattached) + len(done.faults), "UnfinishedIncidents": done.looked_at}
    return stage_metrics(counts, stage=stage, now_ms=now_ms)
