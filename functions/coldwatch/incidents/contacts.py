"""Contacts, and whether the topic's subscriptions are as they should be. Pure.

An address is told nothing before somebody has shown that what is sent there arrives with the right person: a mail
address by the token of its subscription's confirmation, any other by the code of its test page (`verification`).

A responder's link is in a message of their own: a subscription gets a contact's messages by a filter of exactly that
contact. One without such a filter would get everybody's links; one that is missing, or still waits for its
confirmation, gets nothing, and a tier passes before anybody notices.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeIs

import msgspec

from coldwatch.incidents.time_zones import UnknownTimeZoneError, time_zone

_CONTACT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"(?=.{{3,254}}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,64}}@{_LABEL}(?:\.{_LABEL})+")
"""What mail servers take without extensions (RFC 5321), quoted names left out."""
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
"""E.164."""
_LABELLED = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_LONGEST_NAME = 80
_MOST_ADDRESSES = 5
_MOST_CHANNELS = 5


class ContactError(Exception):
    """What was said of a contact cannot be so; the sentence says why."""


class ChannelKind(StrEnum):
    """How an address is told. The first two are SNS's own words."""

    EMAIL = "email"
    SMS = "sms"
    SES_EMAIL = "ses_email"
    WEBHOOK = "webhook"
    PAGERDUTY = "pagerduty"
    SLACK = "slack"
    TEAMS = "teams"
    EVENTBRIDGE = "eventbridge"


OF_SNS = frozenset({ChannelKind.EMAIL, ChannelKind.SMS})
"""Told together, by one publish to the topic."""
WITH_SECRET = frozenset({ChannelKind.WEBHOOK, ChannelKind.PAGERDUTY, ChannelKind.SLACK, ChannelKind.TEAMS})
"""Their endpoint is a label; where they lead is a secret."""
LABELLED = WITH_SECRET | {ChannelKind.EVENTBRIDGE}


@dataclass(frozen=True, slots=True)
class Proof:
    """A test page that is under way: the keyed hash of its code, when it was sent, and how often the code was wrong."""

    code_hash: str
    sent_at: int
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """`endpoint` is what people may read: never a secret, which Secrets Manager keeps under `secret_name`."""

    protocol: ChannelKind
    endpoint: str
    verified_at: int | None = None
    secret_name: str | None = None
    proof: Proof | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.protocol.value, self.endpoint

    @property
    def is_verified(self) -> bool:
        return self.verified_at is not None

    @property
    def channel(self) -> str:
        """As pages and tiers name it: `sms`, or `slack:cold-room` where a contact may have several."""
        return f"{self.protocol}:{self.endpoint}" if self.protocol in LABELLED else self.protocol.value


@dataclass(frozen=True, slots=True)
class Contact:
    contact_id: str
    name: str
    addresses: tuple[Address, ...]
    time_zone: str = ""
    """By its name in the IANA database; empty: UTC. Times in messages and on pages are told by it."""

    def find(self, channel: str) -> Address | None:
        """By channel, or by endpoint where that says enough."""
        found = [each for each in self.addresses if channel in {each.channel, each.endpoint}]
        return found[0] if len(found) == 1 else None

    def with_address(self, changed: Address) -> "Contact":
        """The contact with this address in place of the one at the same place."""
        addresses = tuple(changed if each.place == changed.place else each for each in self.addresses)
        return replace(self, addresses=addresses)


@dataclass(frozen=True, slots=True)
class Subscription:
    """As SNS lists it. `arn` is None while it waits for its confirmation, and its filter is not known then."""

    protocol: str
    endpoint: str
    arn: str | None
    filter_policy: str | None = None
    filter_scope: str | None = None
    is_authenticated: bool = True
    """Whether it was confirmed by a signed request: only a signed one can end it then."""


class FindingKind(StrEnum):
    MISSING = "missing"
    PENDING = "pending"
    WRONG_FILTER = "wrong_filter"
    STRANGER = "stranger"
    SHARED = "shared"
    UNPROTECTED = "unprotected"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ContactFinding:
    kind: FindingKind
    subject: str
    sentence: str


def is_contact_id(given: Any) -> TypeIs[str]:
    return isinstance(given, str) and _CONTACT_ID.fullmatch(given) is not None


def make_contact(
    contact_id: Any, name: Any, emails: Any, phones: Any, time_zone: Any = None, *, has_sender: bool = False
) -> Contact:
    """A contact of what somebody typed; `has_sender`: mails go by SES, else by SNS. Raises ContactError."""
    if not is_contact_id(contact_id):
        raise ContactError(f"{contact_id!r} is no contact id: lower-case letters, digits, - and _, 64 at most.")
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ContactError(f"A contact has a name of 1 to {_LONGEST_NAME} printable characters.")
    mails = list(dict.fromkeys(_addresses(ChannelKind.EMAIL, emails, _EMAIL)))
    typed = [*mails, *dict.fromkeys(_addresses(ChannelKind.SMS, phones, _PHONE))]
    if len(typed) > _MOST_ADDRESSES:
        raise ContactError(f"A contact has at most {_MOST_ADDRESSES} addresses.")
    preferred = [Address(ChannelKind.SES_EMAIL, each.endpoint) for each in mails] if has_sender else []
    return Contact(contact_id, name.strip(), (*preferred, *typed), _time_zone(time_zone))


def keep_known(contact: Contact, known: Contact | None) -> Contact:
    """What is known of an address stays known, a channel with a label stays until it is taken away by name, and a time
    zone until another one is given.

    Raises ContactError for a contact that could be told nothing.
    """
    before = known.addresses if known else ()
    by_place = {each.place: each for each in before}
    kept = [by_place.get(each.place, each) for each in contact.addresses]
    addresses = (*kept, *(each for each in before if each.protocol in LABELLED))
    if not addresses:
        raise ContactError(
            f"{contact.contact_id} cannot be told anything: give an e-mail address or a telephone number."
        )
    return replace(contact, addresses=addresses, time_zone=contact.time_zone or (known.time_zone if known else ""))


def add_channel(contact: Contact, protocol: Any, label: Any, secret_name: str | None) -> Contact:
    """The contact with another channel, not verified yet; the same label again replaces it. Raises ContactError."""
    if not isinstance(protocol, str) or protocol not in LABELLED:
        raise ContactError(f"{protocol!r} is no channel; there are {', '.join(sorted(LABELLED))}.")
    if not isinstance(label, str) or not _LABELLED.fullmatch(label):
        raise ContactError(f"{label!r} is no label: lower-case letters, digits, dots, - and _, 40 at most.")
    made = Address(ChannelKind(protocol), label, None, secret_name if protocol in WITH_SECRET else None)
    others = tuple(each for each in contact.addresses if each.place != made.place)
    if len([each for each in others if each.protocol in LABELLED]) >= _MOST_CHANNELS:
        raise ContactError(f"A contact has at most {_MOST_CHANNELS} channels besides mail and telephone.")
    return replace(contact, addresses=(*others, made))


def remove_channel(contact: Contact, channel: Any) -> tuple[Contact, Address]:
    """The contact without a channel, and what was taken away. Raises ContactError."""
    gone = contact.find(channel) if isinstance(channel, str) else None
    if gone is None or gone.protocol not in LABELLED:
        raise ContactError(f"{contact.contact_id} has no channel {channel!r}.")
    left = tuple(each for each in contact.addresses if each != gone)
    if not left:
        raise ContactError(f"{contact.contact_id} could be told nothing any more: remove the contact instead.")
    return replace(contact, addresses=left), gone


def filter_policy(contact_id: str) -> str:
    """The filter of a contact's subscriptions: messages that name this contact, and no others."""
    return msgspec.json.encode({"contact_id": [contact_id]}).decode()


def told_as(contact: Contact, address: Address) -> str:
    """Whom messages must name to reach an address. A telephone that is not verified hears of test pages alone; what
    waits to confirm a mail address gets nothing anyhow.
    """
    is_on_trial = address.protocol is ChannelKind.SMS and not address.is_verified
    return on_trial(contact.contact_id) if is_on_trial else contact.contact_id


def on_trial(contact_id: str) -> str:
    """No contact is called so: the sign is in no contact's id."""
    return f"{contact_id}~test"


def find_faults(contacts: Iterable[Contact], subscriptions: Sequence[Subscription]) -> list[ContactFinding]:
    """Everything that is not as it should be: who would not be told, and who would be told too much."""
    known = list(contacts)
    by_address, filters = _by_address(known), _filters(known)
    found = {_address(each) for each in subscriptions}
    return [
        *(
            finding
            for address, owners in by_address.items()
            for finding in (*_shared(address, owners), *(() if address in found else _missing(address, owners)))
        ),
        *(finding for each in subscriptions for finding in _judge(each, by_address.get(_address(each), []), filters)),
    ]


def unreadable(contact_id: str, why: str) -> ContactFinding:
    """Of an entry that somebody has written past the commands."""
    sentence = f"{contact_id} is told nothing: the entry cannot be read ({why}). Add the contact again."
    return ContactFinding(FindingKind.UNREADABLE, contact_id, sentence)


def must_be_replaced(subscription: Subscription, contact: Contact) -> bool:
    """Whether one at the contact's own address is not as it should be: SNS refuses another filter for the same address,
    so it has to end before the right one begins.
    """
    wanted = {told_as(contact, each) for each in contact.addresses if each.place == _address(subscription)}
    is_own = subscription.arn is not None and bool(wanted)
    return is_own and not (any(_is_exact(subscription, each) for each in wanted) and _is_protected(subscription))


def is_left_over(subscription: Subscription, contact: Contact) -> bool:
    """Whether one still tells the contact at an address that is no longer theirs."""
    own = contact.contact_id, on_trial(contact.contact_id)
    is_elsewhere = subscription.arn is not None and not _is_at(subscription, contact)
    return is_elsewhere and any(_is_exact(subscription, each) for each in own)


def is_of(subscription: Subscription, contact: Contact) -> bool:
    """Whether it has to end with the contact."""
    return subscription.arn is not None and (_is_at(subscription, contact) or is_left_over(subscription, contact))


def _time_zone(given: Any) -> str:
    if given is None:
        return ""
    try:
        return time_zone(given).key
    except UnknownTimeZoneError:
        raise ContactError(f"There is no time zone {given!r}; give one such as Europe/Berlin, or UTC.") from None


def _addresses(protocol: ChannelKind, given: Any, form: re.Pattern[str]) -> list[Address]:
    listed = given if isinstance(given, list) else [given] if given is not None else []
    for endpoint in listed:
        if not isinstance(endpoint, str) or not form.fullmatch(endpoint):
            kind = "an e-mail address" if protocol is ChannelKind.EMAIL else "a telephone number such as +4915112345678"
            raise ContactError(f"{endpoint!r} is not {kind}.")
    return [Address(protocol, endpoint) for endpoint in listed]


def _address(subscription: Subscription) -> tuple[str, str]:
    return subscription.protocol, subscription.endpoint


def _is_at(subscription: Subscription, contact: Contact) -> bool:
    return any(_address(subscription) == each.place for each in contact.addresses)


def _is_protected(subscription: Subscription) -> bool:
    """Only mails carry a link that ends their subscription."""
    return subscription.is_authenticated or subscription.protocol != ChannelKind.EMAIL


def _by_address(contacts: Iterable[Contact]) -> Mapping[tuple[str, str], list[str]]:
    """(protocol, endpoint), as SNS has them -> the ids of the contacts that have it."""
    owners: dict[tuple[str, str], list[str]] = {}
    for contact in contacts:
        for each in contact.addresses:
            if each.protocol in OF_SNS:
                owners.setdefault(each.place, []).append(contact.contact_id)
    return owners


def _filters(contacts: Iterable[Contact]) -> Mapping[tuple[str, str, str], str]:
    """(contact, protocol, endpoint) -> whom messages must name to get there."""
    return {(each.contact_id, *own.place): told_as(each, own) for each in contacts for own in each.addresses}


def _shared(address: tuple[str, str], owners: Sequence[str]) -> Iterator[ContactFinding]:
    if len(owners) > 1:
        sentence = f"{address[1]} is of {' and '.join(owners)}, and only one of them is told there. Change the others."
        yield ContactFinding(FindingKind.SHARED, owners[0], sentence)


def _missing(address: tuple[str, str], owners: Sequence[str]) -> Iterator[ContactFinding]:
    for owner in owners:
        sentence = f"{owner} gets nothing at {address[1]}: it is not subscribed. Add the contact again."
        yield ContactFinding(FindingKind.MISSING, owner, sentence)


def _judge(
    subscription: Subscription, owners: Sequence[str], filters: Mapping[tuple[str, str, str], str]
) -> Iterator[ContactFinding]:
    told, subject = f"the {subscription.protocol} subscription of {subscription.endpoint}", subscription.endpoint
    if not owners:
        arn = subscription.arn or "not confirmed yet"
        sentence = f"Nobody knows {told}. Remove it, and find out who made it ({arn})."
        yield ContactFinding(FindingKind.STRANGER, subject, sentence)
    if subscription.arn is None:
        for owner in owners:
            sentence = f"{owner} gets nothing at {subject} before the subscription is confirmed."
            yield ContactFinding(FindingKind.PENDING, owner, sentence)
        return
    wanted: list[str | None] = [filters[owner, *_address(subscription)] for owner in owners] or [None]
    if not any(_is_exact(subscription, each) for each in wanted):
        yield from _wrong_filter(subscription, owners, told)
    if owners and not _is_protected(subscription):
        sentence = (
            f"A click, by anybody who has the mail or by a scanner, ends {told}. Add the contact again and confirm"
        )
        yield ContactFinding(FindingKind.UNPROTECTED, subject, f"{sentence} by the token instead of the link.")


def _wrong_filter(subscription: Subscription, owners: Sequence[str], told: str) -> Iterator[ContactFinding]:
    for owner in owners:
        sentence = f"{owner} may get nothing, or the links of others, at {subscription.endpoint}: the filter of {told}"
        whose = f"is not exactly that of {owner} ({subscription.arn}). Add the contact again."
        yield ContactFinding(FindingKind.WRONG_FILTER, owner, f"{sentence} {whose}")
    if not owners:
        sentence = f"The filter of {told} is not exactly one contact: it may get the links of others"
        yield ContactFinding(FindingKind.WRONG_FILTER, subscription.endpoint, f"{sentence} ({subscription.arn}).")


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
