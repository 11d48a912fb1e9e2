"""Contacts, and whether the topic's subscriptions are as they should be. Pure.

A responder's link is in a message of their own: a subscription gets a contact's messages by a filter of exactly that
contact. One without such a filter would get everybody's links; one that is missing, or still waits for its
confirmation, gets nothing, and a tier passes before anybody notices.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

_CONTACT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_EMAIL = re.compile(r"[^\s@<>\"',;:()\\]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164."""
_LONGEST_NAME = 80
_MOST_ADDRESSES = 5


class ContactError(Exception):
    """What was said of a contact cannot be so; the sentence says why."""


class Protocol(StrEnum):
    EMAIL = "email"
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class Address:
    protocol: Protocol
    endpoint: str


@dataclass(frozen=True, slots=True)
class Contact:
    contact_id: str
    name: str
    addresses: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Subscription:
    """As SNS lists it. `arn` is None while it waits for its confirmation, and its filter is not known then."""

    protocol: str
    endpoint: str
    arn: str | None
    filter_policy: str | None = None
    filter_scope: str | None = None


class FindingKind(StrEnum):
    MISSING = "missing"
    PENDING = "pending"
    WRONG_FILTER = "wrong_filter"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class ContactFinding:
    kind: FindingKind
    subject: str
    sentence: str


def make_contact(contact_id: Any, name: Any, emails: Any, phones: Any) -> Contact:
    """A contact of what somebody typed. Raises ContactError."""
    if not isinstance(contact_id, str) or not _CONTACT_ID.fullmatch(contact_id):
        raise ContactError(f"{contact_id!r} is no contact id: lower-case letters, digits, - and _, 64 at most.")
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ContactError(f"A contact has a name of 1 to {_LONGEST_NAME} printable characters.")
    addresses = [*_addresses(Protocol.EMAIL, emails, _EMAIL), *_addresses(Protocol.SMS, phones, _PHONE)]
    if not addresses:
        raise ContactError(f"{contact_id} cannot be told anything: give an e-mail address or a telephone number.")
    if len(addresses) > _MOST_ADDRESSES:
        raise ContactError(f"A contact has at most {_MOST_ADDRESSES} addresses.")
    return Contact(contact_id, name.strip(), tuple(dict.fromkeys(addresses)))


def filter_policy(contact_id: str) -> str:
    """The filter of a contact's subscriptions: messages that name this contact, and no others."""
    return msgspec.json.encode({"contact_id": [contact_id]}).decode()


def find_faults(contacts: Iterable[Contact], subscriptions: Sequence[Subscription]) -> list[ContactFinding]:
    """Everything that is not as it should be: who would not be told, and who would be told too much."""
    by_address = {
        (address.protocol.value, address.endpoint): contact for contact in contacts for address in contact.addresses
    }
    found = {(each.protocol, each.endpoint): each for each in subscriptions}
    return [
        *_missing(by_address, found),
        *(
            finding
            for each in subscriptions
            for finding in _judge(each, by_address.get((each.protocol, each.endpoint)))
        ),
    ]


def _addresses(protocol: Protocol, given: Any, form: re.Pattern[str]) -> list[Address]:
    listed = given if isinstance(given, list) else [given] if given is not None else []
    for endpoint in listed:
        if not isinstance(endpoint, str) or not form.fullmatch(endpoint):
            kind = "an e-mail address" if protocol is Protocol.EMAIL else "a telephone number such as +4915112345678"
            raise ContactError(f"{endpoint!r} is not {kind}.")
    return [Address(protocol, endpoint) for endpoint in listed]


def _missing(
    by_address: Mapping[tuple[str, str], Contact], found: Mapping[tuple[str, str], Subscription]
) -> Iterator[ContactFinding]:
    for (protocol, endpoint), contact in by_address.items():
        if (protocol, endpoint) not in found:
            yield ContactFinding(
                FindingKind.MISSING,
                contact.contact_id,
                f"{contact.contact_id} gets nothing at {endpoint}: it is not subscribed. Add the contact again.",
            )


def _judge(subscription: Subscription, contact: Contact | None) -> Iterator[ContactFinding]:
    told = f"the {subscription.protocol} subscription of {subscription.endpoint}"
    if contact is None:
        yield ContactFinding(
            FindingKind.STRANGER,
            subscription.endpoint,
            f"Nobody knows {told}. Remove it, and find out who made it ({subscription.arn or 'not confirmed yet'}).",
        )
    if subscription.arn is None:
        if contact is not None:
            yield ContactFinding(
                FindingKind.PENDING,
                contact.contact_id,
                f"{contact.contact_id} gets nothing at {subscription.endpoint} before the subscription is confirmed.",
            )
    elif not _is_exact(subscription, contact.contact_id if contact else None):
        yield ContactFinding(
            FindingKind.WRONG_FILTER,
            contact.contact_id if contact else subscription.endpoint,
            f"The filter of {told} is not exactly one contact: it may get the links of others ({subscription.arn}).",
        )


def _is_exact(subscription: Subscription, contact_id: str | None) -> bool:
    """Whether the filter is that of its contact; of a stranger, whether it is of any one contact."""
    if subscription.filter_scope not in {None, "MessageAttributes"} or not subscription.filter_policy:
        return False
    try:
        policy = msgspec.json.decode(subscription.filter_policy)
    except msgspec.DecodeError:
        return False
    match policy:
        case {"contact_id": [str(named)]} if len(policy) == 1:
            return contact_id in {None, named}
    return False
