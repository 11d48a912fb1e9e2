"""Lambda: record command response. Trigger: the topic rule on `cmd/+/response`. Writes: the command execution
(DynamoDB); wakes its workflow (Step Functions); the metric of rejected responses (log).
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.command_store import DynamoCommandStore
from coldwatch.adapters.command_workflow import StepFunctionsCommandWorkflow
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.commands.metrics import rejected_response
from coldwatch.commands.ports import CommandStore, CommandWorkflow
from coldwatch.commands.response import RejectedResponse, open_message
from coldwatch.commands.settlement import Recorded, record_response
from coldwatch.settings import RecordCommandResponseSettings

logger = Logger()

PAYLOAD_SHOWN = 2048
"""Characters of Base64 in the log, the only place where a rejected response is kept."""


@dataclass(frozen=True, slots=True)
class Ports:
    store: CommandStore
    workflow: CommandWorkflow


@cache
def settings() -> RecordCommandResponseSettings:
    return RecordCommandResponseSettings.from_env()


@cache
def ports() -> Ports:
    return Ports(
        DynamoCommandStore(dynamodb_client(), settings().command_table),
        StepFunctionsCommandWorkflow(step_functions_client()),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, bool]:
    recorded = record(event)
    about = {name: str(event.get(name))[:128] for name in ("thing", "trace_id")}
    if isinstance(recorded, RejectedResponse):
        reject(recorded, about | {"payload": str(event.get("payload"))[:PAYLOAD_SHOWN]})
        return {"recorded": False}
    has_changed = recorded.after is not recorded.before
    is_late = recorded.after.late_response is not None
    logger.info(
        "response recorded" if has_changed else "response changes nothing",
        extra={**recorded.after.outcome(), "late": is_late, **about},
    )
    return {"recorded": has_changed}


def reject(rejected: RejectedResponse, about: dict[str, str]) -> None:
    """Count it and say why. No retry would mend it, so nothing is raised."""
    document = rejected_response(stage=settings().stage, now_ms=time.time_ns() // 1_000_000)
    write_metrics(document)
    logger.warning("response rejected", extra={"reason": rejected.fault.value, "detail": rejected.detail, **about})


def record(event: dict[str, Any]) -> Recorded | RejectedResponse:
    message = open_message(event)
    if isinstance(message, RejectedResponse):
        return message
    return record_response(message, store=ports().store, workflow=ports().workflow)
