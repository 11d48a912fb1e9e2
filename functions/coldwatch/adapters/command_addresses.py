"""Who hears a device's commands, from the device registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldwatch.adapters.items import from_item, to_item
from coldwatch.commands.ports import Addressee

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoAddresses:
    """`ports.Addresses` on the device table, always as it is now."""

    client: DynamoDBClient
    table: str

    def find(self, device_id: str) -> Addressee | None:
        key = to_item({"device_id": device_id})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        device = from_item(item)
        # A child of a gateway has no connection of its own.
        return Addressee(device.get("gateway", device_id), device.get("application", ""))
