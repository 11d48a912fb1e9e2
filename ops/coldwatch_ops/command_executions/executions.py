"""Command executions of a stack: asking for one, and reading what became of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coldwatch.commands.identifiers import is_execution_id
from coldwatch.commands.status import Status
from coldwatch_ops.errors import FailedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.items import items, plain
from coldwatch_ops.stack import Stack

POLL_S = 0.5
GRACE_S = 60
"""Beyond the attempts themselves: the workflow's own steps take time, and AWS may be slow."""

_DOCUMENTS = ("parameters", "status_reason", "result", "late_response", "history")
_ANSWERED = (Status.SUCCEEDED, Status.FAILED, Status.REJECTED)


@dataclass(frozen=True)
class Execution:
    """A record of the command table: what is JSON text there is read; its times are epoch ms."""

    record: Mapping[str, Any]

    @property
    def execution_id(self) -> str:
        return str(self.record["execution_id"])

    @property
    def status(self) -> Status:
        return Status(self.record["status"])

    @property
    def round_trip_ms(self) -> int | None:
        """From the first request to the answer that settled it; None where none did."""
        sent = [entry["at"] for entry in self.record["history"] if entry["type"] == "dispatched"]
        return int(self.record["settled_at"] - sent[0]) if sent and self.status in _ANSWERED else None


def send(stack: Stack, order: Mapping[str, Any]) -> str:
    """The id of the execution. Asking again with the same token is the same execution."""
    function = stack.output("SendCommandFunctionName")
    answer = stack.clients.lambda_.invoke(FunctionName=function, Payload=json.dumps(order).encode())
    document = json.loads(answer["Payload"].read())
    if failed := answer.get("FunctionError"):
        told = document.get("errorMessage") if isinstance(document, dict) else None
        raise FailedError(
            f"The command could not be sent ({told or failed}). It is safe to ask again with "
            f"--token {order['client_token']}"
        )
    if "error" in document:
        raise RefusedError(document["error"])
    return str(document["execution_id"])


def get_execution(stack: Stack, execution_id: str) -> Execution:
    if not is_execution_id(execution_id):
        raise UsageError(f"{execution_id!r} is no command execution: its id has 26 small letters and digits.")
    key = {"execution_id": execution_id}
    found = stack.table("CommandTableName").get_item(Key=key, ConsistentRead=True)
    if "Item" not in found:
        raise NotFoundError(f"There is no command execution {execution_id} in {stack.name}.")
    return _read(plain(found["Item"]))


def list_executions(stack: Stack, device_id: str, limit: int) -> list[Execution]:
    """The newest first."""
    found = items(
        stack.table("CommandTableName").query,
        IndexName="by_device",
        KeyConditionExpression="device_id = :device",
        ExpressionAttributeValues={":device": device_id},
        ScanIndexForward=False,
        Limit=limit,
    )
    return [_read(record) for record, _ in zip(found, range(limit), strict=False)]


def wait(stack: Stack, execution_id: str, pause: Callable[[float], None]) -> Execution:
    """The execution once it is settled, or as it stands when every attempt's time is over and more."""
    execution = get_execution(stack, execution_id)
    left_s = execution.record["attempts"] * execution.record["timeout_s"] + GRACE_S
    while not execution.status.is_final and left_s > 0:
        pause(POLL_S)
        left_s -= POLL_S
        execution = get_execution(stack, execution_id)
    return execution


def _read(record: dict[str, Any]) -> Execution:
    read = {name: json.loads(record[name]) for name in _DOCUMENTS if name in record}
    return Execution({name: value for name, value in record.items() if name != "revision"} | read)
