"""Contacts as the notifier needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coldwatch.adapters.items import from_item, to_item
from coldwatch.incidents.ports import Recipient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoRecipients:
    """`ports.Recipients`."""

    client: DynamoDBClient
    table: str

    def find_recipient(self, contact_id: str) -> Recipient | None:
        key = to_item({"contact_id": contact_id})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return None
        return Recipient(contact_id, str(from_item(item).get("name") or contact_id))
