"""Contacts in DynamoDB.

An item without `form` is from before addresses were verified: its mail addresses and telephones were told so far, and
are told on. The daily check finds what of them is not as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
from aws_lambda_powertools.logging import Logger
from botocore.exceptions import ClientError

from coldwatch.adapters.items import from_item, is_failed_condition, to_item
from coldwatch.incidents.contacts import Address, Contact
from coldwatch.incidents.ports import Recipient, recipient_of
from coldwatch.incidents.reachability import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from coldwatch.adapters.items import Scalar


logger = Logger(child=True)


class UnreadableContactError(ValueError):
    """What is stored is no contact."""

    def __init__(self, contact_id: str, why: str) -> None:
        super().__init__(why)
        self.contact_id = contact_id


@dataclass(frozen=True, slots=True)
class DynamoContactStore:
    """`ports.Recipients`, `ports.Roster`, `reachability.Standings`, and what keeps contacts."""

    client: DynamoDBClient
    table: str
    has_sender: bool = False
    """Whether mails can go by SES."""

    def find(self, contact_id: str) -> Contact | None:
        """Raises UnreadableContactError."""
        item = self._item(contact_id)
        return _contact(item) if item else None

    def find_recipient(self, contact_id: str, channels: Sequence[str] = ()) -> Recipient | None:
        contact = self.find(contact_id)
        return recipient_of(contact, channels, has_sender=self.has_sender) if contact else None

    def knows(self, contact_id: str) -> bool:
        """Of an entry that cannot be read too: its contact has not been removed."""
        return self._item(contact_id) is not None

    def contacts(self) -> Iterator[Contact]:
        """An entry that cannot be read is told to the log, and hides no other."""
        for each in self.entries():
            if isinstance(each, Contact):
                yield each
            else:
                logger.error("contact not readable", extra={"contact_id": each.contact_id, "why": str(each)})

    def entries(self) -> Iterator[Contact | UnreadableContactError]:
        for item in self._items():
            try:
                yield _contact(item)
            except UnreadableContactError as error:
                yield error

    def put(self, contact: Contact, *, now_ms: int) -> None:
        """What the daily check noted stays."""
        record: dict[str, Scalar | None] = {
            ":name": contact.name,
            ":addresses": msgspec.json.encode(contact.addresses).decode(),
            ":now": now_ms,
            ":form": _FORM,
            ":zone": contact.time_zone,
        }
        self.client.update_item(
            TableName=self.table,
            Key=to_item({"contact_id": contact.contact_id}),
            UpdateExpression=(
                "SET #name = :name, addresses = :addresses, time_zone = :zone, changed_at = :now, form = :form"
            ),
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues=to_item(record),
        )

    def standings(self) -> Iterator[Standing]:
        yield from map(_standing, self._items())

    def standing(self, contact_id: str) -> Standing | None:
        item = self._item(contact_id)
        return _standing(item) if item else None

    def note_unreachable(self, contact_id: str, since: int | None) -> None:
        """Of a contact that was removed in the meantime nothing is noted."""
        change: dict[str, Any] = {"UpdateExpression": "REMOVE unreachable_since"}
        if since is not None:
            values = to_item({":since": since})
            change = {"UpdateExpression": "SET unreachable_since = :since", "ExpressionAttributeValues": values}
        try:
            self.client.update_item(
                TableName=self.table,
                Key=to_item({"contact_id": contact_id}),
                ConditionExpression="attribute_exists(contact_id)",
                **change,
            )
        except ClientError as error:
            if not is_failed_condition(error):
                raise

    def remove(self, contact_id: str) -> None:
        self.client.delete_item(TableName=self.table, Key=to_item({"contact_id": contact_id}))

    def _item(self, contact_id: str) -> Mapping[str, Any] | None:
        key = to_item({"contact_id": contact_id})
        return self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item")

    def _items(self) -> Iterator[Mapping[str, Any]]:
        for page in self.client.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True):
            yield from page["Items"]


_FORM = 2


def _contact(item: Mapping[str, Any]) -> Contact:
    """Raises UnreadableContactError."""
    record = from_item(item)
    try:
        addresses = msgspec.json.decode(record["addresses"], type=tuple[Address, ...])
        if "form" not in record:
            addresses = tuple(replace(each, verified_at=record.get("changed_at", 0)) for each in addresses)
        return Contact(record["contact_id"], record["name"], addresses, _text(record.get("time_zone")))
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise UnreadableContactError(record["contact_id"], str(error)) from error


def _text(given: object) -> str:
    return given if isinstance(given, str) else ""


def _standing(item: Mapping[str, Any]) -> Standing:
    record = from_item(item)
    return Standing(record["contact_id"], record.get("changed_at", 0), record.get("unreachable_since"))
