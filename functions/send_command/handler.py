"""Lambda: send command. Trigger: direct invocation, by the `coldwatch` command or another program. Writes: the command
execution (DynamoDB); starts its workflow (Step Functions).

Answers `{"execution_id", "status"}`, or `{"error"}` with a sentence when the command cannot be sent.
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, step_functions_client
from coldwatch.adapters.command_addresses import DynamoAddresses
from coldwatch.adapters.command_store import DynamoCommandStore
from coldwatch.adapters.command_workflow import StepFunctionsCommandWorkflow
from coldwatch.commands.order import Order, Refusal, read_order
from coldwatch.commands.ports import Addresses, CommandStore, CommandWorkflow
from coldwatch.commands.sending import send
from coldwatch.settings import SendCommandSettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    addresses: Addresses
    store: CommandStore
    workflow: CommandWorkflow


@cache
def ports() -> Ports:
    own = SendCommandSettings.from_env()
    return Ports(
        DynamoAddresses(dynamodb_client(), own.device_table),
        DynamoCommandStore(dynamodb_client(), own.command_table),
        StepFunctionsCommandWorkflow(step_functions_client(), own.command_state_machine_arn),
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    # Whoever gives no token repeats nothing: but Lambda, which repeats an asynchronous event under the same id.
    order = read_order(event, fallback_token=context.aws_request_id)
    if isinstance(order, Refusal):
        return refuse(order, event)
    own = ports()
    now_ms = time.time_ns() // 1_000_000
    sent = send(order, addresses=own.addresses, store=own.store, workflow=own.workflow, now_ms=now_ms)
    if isinstance(sent, Refusal):
        return refuse(sent, event)
    logger.info("command taken", extra={**sent.outcome(), **about(order), "thing": sent.thing})
    return sent.outcome()


def about(order: Order) -> dict[str, Any]:
    return {"device_id": order.device_id, "command": order.command.name, "requested_by": order.requested_by}


def refuse(refusal: Refusal, event: dict[str, Any]) -> dict[str, Any]:
    logger.warning("command refused", extra={"why": refusal.sentence, "device_id": str(event.get("device_id"))[:128]})
    return {"error": refusal.sentence}
