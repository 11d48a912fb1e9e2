"""The device registry: what each device is, and which gateway may speak for it."""

from collections.abc import Iterator
from typing import Any

from coldwatch.adapters.epochs import EPOCH_ID, change_device
from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.devices.names import device_id_fault, device_types
from coldwatch_ops.errors import NotFoundError, RefusedError, UsageError
from coldwatch_ops.items import items, plain
from coldwatch_ops.stack import Stack

type Device = dict[str, Any]
"""An item of the device table, as plain values; its times are epoch ms."""


def list_devices(stack: Stack, fleet_id: str | None) -> Iterator[Device]:
    """Of one fleet by the index; of all by reading the whole registry."""
    table = stack.table("DeviceTableName")
    if fleet_id is None:
        return (item for item in items(table.scan) if item["device_id"] != EPOCH_ID)
    values = {":fleet": fleet_id}
    return items(
        table.query,
        IndexName="by_fleet",
        KeyConditionExpression="fleet_id = :fleet",
        ExpressionAttributeValues=values,
    )


def find_device(stack: Stack, device_id: str) -> Device | None:
    found = stack.table("DeviceTableName").get_item(Key={"device_id": device_id}, ConsistentRead=True)
    return plain(found["Item"]) if "Item" in found else None


def get_device(stack: Stack, device_id: str) -> Device:
    device = find_device(stack, device_id)
    if device is None:
        raise NotFoundError(f"There is no device {device_id} in the registry of {stack.name}.")
    return device


def latest_readings(stack: Stack, device_id: str) -> list[dict[str, Any]]:
    """One per sensor."""
    table = stack.table("LatestTableName")
    values = {":device": device_id}
    return list(items(table.query, KeyConditionExpression="device_id = :device", ExpressionAttributeValues=values))


def children_of(stack: Stack, gateway: str) -> list[str]:
    found = items(
        stack.table("DeviceTableName").scan,
        FilterExpression="gateway = :gateway",
        ExpressionAttributeValues={":gateway": gateway},
    )
    return sorted(child["device_id"] for child in found)


def adopt(stack: Stack, child_id: str, gateway_id: str, *, device_type: str | None, now_ms: int) -> Device:
    """Let the gateway speak for the child. A child not yet known is entered, in the gateway's fleet and application."""
    gateway = get_device(stack, gateway_id)
    if gateway.get("device_type") != "gateway":
        raise RefusedError(
            f"{gateway_id} is a {gateway.get('device_type')}, not a gateway: it speaks for itself alone."
        )
    child = find_device(stack, child_id)
    if child is None:
        return enter(stack, _new_child(child_id, gateway, device_type, now_ms) | {"gateway": gateway_id})
    _refuse_child(child, gateway_id)
    change(
        stack,
        child_id,
        UpdateExpression="SET gateway = :gateway",
        # Somebody else may have given it to another gateway meanwhile.
        ConditionExpression="attribute_not_exists(gateway) OR gateway = :gateway",
        ExpressionAttributeValues={":gateway": gateway_id},
    )
    return child | {"gateway": gateway_id}


def enter(stack: Stack, device: Device) -> Device:
    """A device that is not there yet."""
    put = {"Item": device, "ConditionExpression": "attribute_not_exists(device_id)"}
    _tell(stack, device["device_id"], [{"Put": {"TableName": stack.output("DeviceTableName"), **put}}])
    return device


def change(stack: Stack, device_id: str, *others: Any, **update: Any) -> None:
    """Update an entry, as `update_item` does, in one transaction with other actions, and tell those that go by it:
    their next batch sees it.
    """
    table = stack.output("DeviceTableName")
    _tell(stack, device_id, [{"Update": {"TableName": table, "Key": {"device_id": device_id}, **update}}, *others])


def remove(stack: Stack, device_id: str, *others: Any) -> None:
    """Take an entry off the registry, in one transaction with other actions."""
    table = stack.output("DeviceTableName")
    _tell(stack, device_id, [*others, {"Delete": {"TableName": table, "Key": {"device_id": device_id}}}])


def _tell(stack: Stack, device_id: str, actions: list[Any]) -> None:
    def send(all_actions: list[Any]) -> None:
        stack.clients.dynamodb.meta.client.transact_write_items(TransactItems=all_actions)

    try:
        change_device(send, actions, table=stack.output("DeviceTableName"), device_id=device_id)
    except aws_exceptions() as error:
        if error_code(error) != "TransactionCanceledException":
            raise
        raise RefusedError(f"{device_id} was changed by somebody else meanwhile. Look at it and try again.") from None


def _new_child(child_id: str, gateway: Device, device_type: str | None, now_ms: int) -> Device:
    application = str(gateway["application"])
    types = [name for name in device_types(application) if name != "gateway"]
    if device_type is None:
        raise UsageError(f"{child_id} is new: say what it is with --type ({', '.join(types)}).")
    if device_type not in types:
        raise UsageError(f"type {device_type!r} is none of {application}'s: {', '.join(types)}.")
    if fault := device_id_fault(child_id):
        raise UsageError(f"{fault}.")
    return {
        "device_id": child_id,
        "application": application,
        "fleet_id": gateway["fleet_id"],
        "device_type": device_type,
        "registered_at": now_ms,
    }


def _refuse_child(child: Device, gateway_id: str) -> None:
    if child.get("device_type") == "gateway":
        raise RefusedError(f"{child['device_id']} is a gateway itself, and a gateway has none over it.")
    if child.get("gateway", gateway_id) != gateway_id:
        raise RefusedError(
            f"{child['device_id']} belongs to {child['gateway']}. "
            f"Part them first: coldwatch devices orphan {child['device_id']}"
        )


def orphan(stack: Stack, child_id: str) -> str:
    """Take the child from its gateway and return which that was. The entry stays; readings through the gateway
    are quarantined from now on.
    """
    child = get_device(stack, child_id)
    if "gateway" not in child:
        raise RefusedError(f"{child_id} has no gateway.")
    change(stack, child_id, UpdateExpression="REMOVE gateway")
    return str(child["gateway"])
