"""The device registry as provisioning and presence write it, in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from coldwatch.adapters.epochs import change_device, typed
from coldwatch.adapters.items import from_item, is_failed_condition, to_item
from coldwatch.provisioning.claim import ALLOWED, CLAIMED, Allowance, Grant
from coldwatch.provisioning.presence import CLEARLY_APART_MS, Presence

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_NEVER_CONNECTED = "attribute_not_exists(connection_changed_at)"
_CLEARLY_LATER = "connection_changed_at < :earliest"
_HIGHER_VERSION = "(connection_changed_at <= :latest AND connection_version < :version)"
_END_OF_CONNECTION = "(connection_changed_at <= :latest AND connection_version = :version AND connected = :true)"


@dataclass(frozen=True, slots=True)
class DynamoAllowList:
    """`claim.AllowList` on the tables of allowed serials and of devices."""

    client: DynamoDBClient
    allowed_serial_table: str
    device_table: str

    def find(self, serial: str) -> Allowance | None:
        key = to_item({"serial": serial})
        item = self.client.get_item(TableName=self.allowed_serial_table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        record = from_item(item)
        return Allowance(
            serial=serial,
            application=record.get("application", ""),
            fleet_id=record.get("fleet_id", ""),
            device_type=record.get("device_type", ""),
            status=record.get("status", ""),
            certificate_id=record.get("certificate_id"),
        )

    def claim(self, grant: Grant, *, now_ms: int) -> bool:
        def send(actions: list[Any]) -> None:
            self.client.transact_write_items(TransactItems=actions)

        actions = [self._claim(grant, now_ms), self._register(grant, now_ms)]
        try:
            change_device(send, actions, table=self.device_table, device_id=grant.thing_name, attribute=typed)
        except ClientError as error:
            if _is_refused_transaction(error):
                return False
            raise
        return True

    def _claim(self, grant: Grant, now_ms: int) -> Any:
        return {
            "Update": {
                "TableName": self.allowed_serial_table,
                "Key": to_item({"serial": grant.request.serial}),
                "UpdateExpression": (
                    "SET #status = :claimed, certificate_id = :certificate, thing_name = :thing, claimed_at = :now"
                ),
                "ConditionExpression": "#status = :allowed OR (#status = :claimed AND certificate_id = :certificate)",
                "ExpressionAttributeNames": {"#status": "status"},
                "ExpressionAttributeValues": {
                    ":claimed": {"S": CLAIMED},
                    ":allowed": {"S": ALLOWED},
                    ":certificate": {"S": grant.request.certificate_id},
                    ":thing": {"S": grant.thing_name},
                    ":now": {"N": str(now_ms)},
                },
            }
        }

    def _register(self, grant: Grant, now_ms: int) -> Any:
        device = {
            "device_id": grant.thing_name,
            "thing_name": grant.thing_name,
            "fleet_id": grant.fleet_id,
            "device_type": grant.device_type,
            "application": grant.request.application.value,
            "serial": grant.request.serial,
            "certificate_id": grant.request.certificate_id,
            "registered_at": now_ms,
        }
        return {
            "Put": {
                "TableName": self.device_table,
                "Item": to_item(device),
                "ConditionExpression": "attribute_not_exists(device_id) OR certificate_id = :certificate",
                "ExpressionAttributeValues": {":certificate": {"S": grant.request.certificate_id}},
            }
        }


@dataclass(frozen=True, slots=True)
class DynamoPresenceStore:
    """`presence.PresenceStore`: one conditional request that says what `presence.supersedes` says."""

    client: DynamoDBClient
    device_table: str

    def record(self, presence: Presence) -> bool:
        cases = [_NEVER_CONNECTED, _CLEARLY_LATER, _HIGHER_VERSION]
        if not presence.is_connected:
            cases.append(_END_OF_CONNECTION)
        change, values = _change(presence)
        try:
            self.client.update_item(
                TableName=self.device_table,
                Key=to_item({"device_id": presence.thing_name}),
                UpdateExpression=change,
                # A child device is in the registry, but is no client: its gateway is.
                ConditionExpression=(
                    f"attribute_exists(device_id) AND attribute_not_exists(gateway) AND ({' OR '.join(cases)})"
                ),
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            if is_failed_condition(error):
                return False
            raise
        return True


def _change(presence: Presence) -> tuple[str, dict[str, Any]]:
    """The update, and the values that it and its condition name."""
    change = "SET connected = :connected, connection_changed_at = :changed_at, connection_version = :version"
    values: dict[str, Any] = {
        ":connected": {"BOOL": presence.is_connected},
        ":changed_at": {"N": str(presence.changed_at)},
        ":version": {"N": str(presence.version)},
        ":earliest": {"N": str(presence.changed_at - CLEARLY_APART_MS)},
        ":latest": {"N": str(presence.changed_at + CLEARLY_APART_MS)},
    }
    if not presence.is_connected:
        values[":true"] = {"BOOL": True}
    if presence.disconnect_reason is None:
        return f"{change} REMOVE disconnect_reason", values
    return f"{change}, disconnect_reason = :reason", values | {":reason": {"S": presence.disconnect_reason}}


def _is_refused_transaction(error: ClientError) -> bool:
    """Whether one of the claim's conditions did not hold; a conflict or a throttle would be worth another try."""
    claim = error.response.get("CancellationReasons", [])[:-1]
    return any(reason.get("Code") == "ConditionalCheckFailed" for reason in claim)
