"""Lambda: dispatch command. Trigger: the command workflow, which waits with a task token. Writes: the token and the
attempt (DynamoDB); publishes the request (MQTT); wakes the workflow when the command is settled already.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, iot_data_client, step_functions_client
from coldwatch.adapters.command_store import DynamoCommandStore
from coldwatch.adapters.command_topic import IotCommandTopic
from coldwatch.adapters.command_workflow import StepFunctionsCommandWorkflow
from coldwatch.commands.delivery import Attempt, deliver
from coldwatch.commands.ports import CommandStore, CommandTopic, CommandWorkflow
from coldwatch.settings import DispatchCommandSettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    store: CommandStore
    topic: CommandTopic
    workflow: CommandWorkflow


@cache
def ports() -> Ports:
    own = DispatchCommandSettings.from_env()
    return Ports(
        DynamoCommandStore(dynamodb_client(), own.command_table),
        IotCommandTopic(iot_data_client(), own.topic_prefix),
        StepFunctionsCommandWorkflow(step_functions_client()),
    )


def handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """The event: `execution_id`, `attempt` from 1, `begun_at` (epoch ms) and `task_token`."""
    attempt = Attempt(event["execution_id"], int(event["attempt"]), int(event["begun_at"]), event["task_token"])
    own = ports()
    now_ms = time.time_ns() // 1_000_000
    delivery, execution = deliver(attempt, store=own.store, topic=own.topic, workflow=own.workflow, now_ms=now_ms)
    about = {**execution.outcome(), "device_id": execution.order.device_id, "attempt": attempt.number}
    logger.info("command dispatched", extra={"delivery": delivery.value, "thing": execution.thing, **about})
    return {"delivery": delivery.value}
