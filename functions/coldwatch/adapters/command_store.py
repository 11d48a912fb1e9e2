"""Command executions in DynamoDB: one item each, its history beside its status, and an item for the task token.

An execution is replaced as a whole, on condition that its revision is still the one that was read. The token has an
item of its own, so that nobody who reads executions, and no index of them, ever holds one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from coldwatch.adapters.items import from_item, is_failed_condition, to_attribute, to_item
from coldwatch.commands.execution import CommandExecution, Entry, EntryType, LateResponse
from coldwatch.commands.order import Command, Order
from coldwatch.commands.response import StatusReason
from coldwatch.commands.status import Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.items import Item, Scalar

_TOKEN_PREFIX = "token#"  # noqa: S105 - the beginning of a key


@dataclass(frozen=True, slots=True)
class DynamoCommandStore:
    """`ports.CommandStore` on the command table."""

    client: DynamoDBClient
    table: str

    def create(self, execution: CommandExecution) -> bool:
        return self._put(_item(execution), "attribute_not_exists(execution_id)")

    def find(self, execution_id: str) -> CommandExecution | None:
        item = self._get(execution_id)
        return None if item is None else _execution(item)

    def replace(self, before: CommandExecution, after: CommandExecution) -> bool:
        return self._put(_item(after), "revision = :known", {":known": before.revision})

    def keep_token(self, execution_id: str, attempt: int, token: str) -> None:
        item = to_item({"execution_id": f"{_TOKEN_PREFIX}{execution_id}", "attempt": attempt, "task_token": token})
        self._put(item, "attribute_not_exists(execution_id) OR attempt <= :attempt", {":attempt": attempt})

    def token(self, execution_id: str) -> str | None:
        item = self._get(f"{_TOKEN_PREFIX}{execution_id}")
        return None if item is None else item["task_token"]

    def _get(self, execution_id: str) -> dict[str, Any] | None:
        key = to_item({"execution_id": execution_id})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else from_item(item)

    def _put(self, item: Item, condition: str, values: dict[str, Scalar] | None = None) -> bool:
        request: Any = {"TableName": self.table, "Item": item, "ConditionExpression": condition}
        if values:
            request["ExpressionAttributeValues"] = {name: to_attribute(value) for name, value in values.items()}
        try:
            self.client.put_item(**request)
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True


def _item(execution: CommandExecution) -> Item:
    order = execution.order
    record: dict[str, Scalar | None] = {
        "execution_id": execution.execution_id,
        "device_id": order.device_id,
        "thing": execution.thing,
        "application": execution.application,
        "command": order.command.name,
        "parameters": json.dumps(order.command.parameters),
        "timeout_s": order.timeout_s,
        "attempts": order.attempts,
        "client_token": order.client_token,
        "requested_by": order.requested_by,
        "incident_on_timeout": order.incident_on_timeout,
        "status": execution.status.value,
        "attempt": execution.attempt,
        "created_at": execution.created_at,
        "updated_at": execution.updated_at,
        "settled_at": execution.settled_at,
        "status_reason": _text(asdict(execution.status_reason) if execution.status_reason else None),
        "result": _text(execution.result),
        "late_response": _text(asdict(execution.late_response) if execution.late_response else None),
        "history": json.dumps([asdict(entry) for entry in execution.history]),
        "revision": execution.revision,
    }
    return to_item(record)


def _execution(item: dict[str, Any]) -> CommandExecution:
    return CommandExecution(
        execution_id=item["execution_id"],
        order=_order(item),
        thing=item["thing"],
        application=item["application"],
        created_at=item["created_at"],
        updated_at=item["updated_at"],
        status=Status(item["status"]),
        attempt=item["attempt"],
        settled_at=item.get("settled_at"),
        status_reason=_reason(_document(item, "status_reason")),
        result=_document(item, "result"),
        late_response=_late_response(_document(item, "late_response")),
        history=tuple(
            Entry(each["at"], EntryType(each["type"]), each["detail"]) for each in json.loads(item["history"])
        ),
        revision=item["revision"],
    )


def _order(item: dict[str, Any]) -> Order:
    return Order(
        device_id=item["device_id"],
        command=Command(item["command"], json.loads(item["parameters"])),
        timeout_s=item["timeout_s"],
        attempts=item["attempts"],
        client_token=item["client_token"],
        requested_by=item["requested_by"],
        incident_on_timeout=item.get("incident_on_timeout"),
    )


def _text(document: Any) -> str | None:
    return None if document is None else json.dumps(document)


def _document(item: dict[str, Any], name: str) -> dict[str, Any] | None:
    return json.loads(item[name]) if name in item else None


def _reason(document: dict[str, Any] | None) -> StatusReason | None:
    return None if document is None else StatusReason(**document)


def _late_response(document: dict[str, Any] | None) -> LateResponse | None:
    if document is None:
        return None
    status, reason = Status(document["status"]), _reason(document["status_reason"])
    return LateResponse(document["received_at"], status, reason, document["result"])
