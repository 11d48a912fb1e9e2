"""Lambda: send test pages. Trigger: a schedule each week, and another each day. Writes: test incidents, their locks and
first events (DynamoDB), a metric (log); starts their workflows.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.adapters.policy_store import DynamoPolicyStore
from coldwatch.adapters.waiting import StepFunctionsExecutions, StepFunctionsWaiting
from coldwatch.incidents import drills
from coldwatch.incidents.metrics import stage_metrics
from coldwatch.incidents.opening import Ports
from coldwatch.incidents.policy import EscalationPolicy, PolicyError
from coldwatch.settings import SendTestPagesSettings

logger = Logger()


class NotBegunError(Exception):
    """Some test pages could not be begun; the log says which, and why."""


class _Nothing:
    """No device stands behind a test page, and no detector."""

    def find(self, device_id: str) -> None:  # noqa: ARG002 - as the port has it
        return None

    def state_of(self, detector_model: str, key: str) -> None:  # noqa: ARG002 - likewise
        return None


@cache
def settings() -> SendTestPagesSettings:
    return SendTestPagesSettings.from_env()


@cache
def incidents() -> DynamoIncidentStore:
    return DynamoIncidentStore(dynamodb_client(), settings().incident_table)


@cache
def policies() -> DynamoPolicyStore:
    return DynamoPolicyStore(dynamodb_client(), settings().policy_table)


@cache
def ports() -> Ports:
    nothing, workflows = _Nothing(), step_functions_client()
    return Ports(
        incidents=incidents(),
        devices=nothing,
        policies=policies(),
        detectors=nothing,
        executions=StepFunctionsExecutions(workflows, settings().incident_state_machine_arn),
        waiting=StepFunctionsWaiting(workflows, incidents()),
        forms={},
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """`{"action": "begin", "at"}` begins a test page for every responder, once for that time (RFC 3339; now, if it is
    missing). `{"action": "check"}` tells who has answered none for too long.
    """
    now_ms = time.time_ns() // 1_000_000
    wanted = drills.drills(_readable())
    if event.get("action") == "check":
        return _check(wanted, now_ms)
    at_ms = round(datetime.fromisoformat(event["at"]).timestamp() * 1000) if event.get("at") else now_ms
    return {"begun": _begin(wanted, at_ms, now_ms)}


def _begin(wanted: list[drills.Drill], at_ms: int, now_ms: int) -> dict[str, str]:
    """The incident of each responder. One that cannot be begun keeps nobody else from being tested; Lambda's retry
    finds the others begun.
    """
    begun, faults = dict[str, str](), dict[str, str]()
    for each in wanted:
        try:
            begun[each.key] = drills.begin(each, ports(), at_ms=at_ms, now_ms=now_ms).incident.incident_id
        except Exception as error:  # noqa: BLE001 - the edge of one test page
            faults[each.key] = f"{type(error).__name__}: {error}"
    logger.info("test pages begun", extra={"incident_ids": begun})
    if faults:
        logger.error("test pages not begun", extra={"faults": faults})
        raise NotBegunError(f"{len(faults)} of {len(wanted)} test pages could not be begun")
    return begun


def _check(wanted: list[drills.Drill], now_ms: int) -> dict[str, Any]:
    known = list(incidents().of_device(drills.DEVICE))
    late = drills.overdue(
        drills.results(wanted, known),
        days=settings().test_page_overdue_days,
        now_ms=now_ms,
        first_at=drills.first_asked(known),
    )
    for each in late:
        logger.error("test page not answered for too long", extra=asdict(each))
    metric = stage_metrics({"TestPagesOverdue": len(late)}, stage=settings().stage, now_ms=now_ms)
    write_metrics(metric)
    return {"overdue": [each.key for each in late]}


def _readable() -> Iterator[EscalationPolicy]:
    """Of a policy that cannot be read nobody can be tested: it is told, and hides no other."""
    for each in policies().each():
        if isinstance(each, PolicyError):
            logger.error("policy not readable", extra={"policy_id": each.policy_id, "why": str(each)})
        else:
            yield each
