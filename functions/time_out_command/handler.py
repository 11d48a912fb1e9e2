"""Lambda: time out command. Trigger: the command workflow, once every attempt was in vain. Writes: the command
execution (DynamoDB), unless a response was first.

Answers `{"execution_id", "status"}` as it stands then, and under `incident` the event that opens the incident that
somebody asked for, or null.
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client
from coldwatch.adapters.command_store import DynamoCommandStore
from coldwatch.commands.incident import incident_event
from coldwatch.commands.ports import CommandStore
from coldwatch.commands.settlement import time_out
from coldwatch.settings import TimeOutCommandSettings

logger = Logger()


@cache
def store() -> CommandStore:
    return DynamoCommandStore(dynamodb_client(), TimeOutCommandSettings.from_env().command_table)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    execution = time_out(event["execution_id"], store=store(), now_ms=time.time_ns() // 1_000_000)
    incident = incident_event(execution)
    about = {**execution.outcome(), "device_id": execution.order.device_id, "attempts": execution.attempt}
    logger.info("command given up", extra={**about, "opens_incident": incident is not None})
    return {**execution.outcome(), "incident": incident}
