"""Contacts in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from coldwatch.adapters.items import from_item, to_item
from coldwatch.incidents.contacts import Address, Contact, Protocol
from coldwatch.incidents.ports import Recipient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoContactStore:
    """`ports.Recipients`, `ports.Roster`, and what keeps contacts."""

    client: DynamoDBClient
    table: str

    def find(self, contact_id: str) -> Contact | None:
        key = to_item({"contact_id": contact_id})
        item = self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")
        return _contact(item) if item else None

    def find_recipient(self, contact_id: str) -> Recipient | None:
        contact = self.find(contact_id)
        if contact is None:
            return None
        why_not = None if contact.addresses else f"{contact.name} has no address."
        return Recipient(contact_id, contact.name, why_not)

    def knows(self, contact_id: str) -> bool:
        """Of an entry that cannot be read too: its contact has not been removed."""
        key = to_item({"contact_id": contact_id})
        return "Item" in self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)

    def contacts(self) -> Iterator[Contact]:
        for page in self.client.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True):
            yield from (_contact(item) for item in page["Items"])

    def put(self, contact: Contact, *, now_ms: int) -> None:
        item = to_item(
            {
                "contact_id": contact.contact_id,
                "name": contact.name,
                "addresses": msgspec.json.encode(contact.addresses).decode(),
                "changed_at": now_ms,
            }
        )
        self.client.put_item(TableName=self.table, Item=item)

    def remove(self, contact_id: str) -> None:
        self.client.delete_item(TableName=self.table, Key=to_item({"contact_id": contact_id}))


def _contact(item: Mapping[str, Any]) -> Contact:
    record = from_item(item)
    addresses = msgspec.json.decode(record["addresses"], type=tuple[Address, ...])
    return Contact(
        record["contact_id"], record["name"], tuple(Address(Protocol(a.protocol), a.endpoint) for a in addresses)
    )
