"""Writes to the table of incidents: what belongs together is one transaction, and events are only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from coldwatch.adapters.incident_items import event_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.items import Item
    from coldwatch.incidents.incident import TimelineEvent

ABSENT = "attribute_not_exists(part)"
_SETTLED_BY_ANOTHER = {"ConditionalCheckFailed", "TransactionConflict"}


def put(table: str, item: Item, condition: str | None = None, values: dict[str, Any] | None = None) -> Any:
    """One write of a transaction."""
    found: dict[str, Any] = {"TableName": table, "Item": item}
    if condition:
        found["ConditionExpression"] = condition
    if values:
        found["ExpressionAttributeValues"] = values
    return {"Put": found}


def put_event(table: str, incident_id: str, event: TimelineEvent) -> Any:
    """An event is added and never changed: one that is there already is not written over."""
    return put(table, event_item(incident_id, event), ABSENT)


def write_all(client: DynamoDBClient, *writes: Any) -> bool:
    """All of them, or none: False where somebody else was first."""
    try:
        client.transact_write_items(TransactItems=writes)
    except ClientError as error:
        reasons = {reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])}
        if reasons and reasons - {"None"} <= _SETTLED_BY_ANOTHER:
            return False
        raise
    return True
