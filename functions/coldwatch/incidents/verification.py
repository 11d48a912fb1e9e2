"""The test page: nobody is paged at an address before a code that was sent there came back from it.

A mail address at SNS is the exception: the token of its confirmation came in a mail to it, and shows the same.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from coldwatch.incidents.channels import html_mail
from coldwatch.incidents.codes import make_code
from coldwatch.incidents.contacts import Address, ChannelKind, Contact, ContactError, Proof, told_as
from coldwatch.incidents.ports import Notification

LIFETIME_MS: Final = 86_400_000
MOST_WRONG: Final = 5


@dataclass(frozen=True, slots=True)
class TestPage:
    """What is to be stored, and what is to be sent to which address."""

    contact: Contact
    address: Address
    notification: Notification


def begin(contact: Contact, channel: object, key: bytes, random_bytes: Callable[[int], bytes], now_ms: int) -> TestPage:
    """Make a test page for one address; the code of one before it is worth nothing any more. Raises ContactError."""
    address = contact.find(channel) if isinstance(channel, str) else None
    if address is None:
        known = ", ".join(each.channel for each in contact.addresses)
        raise ContactError(f"{contact.contact_id} has no such channel, or several; it has {known}.")
    if address.protocol is ChannelKind.EMAIL and not address.is_verified:
        raise ContactError(f"{address.endpoint} waits for its confirmation: coldwatch contacts confirm TOKEN")
    code = make_code(random_bytes(8))
    proof = Proof(_hash(key, contact, address, code), now_ms)
    made = replace(address, proof=proof)
    return TestPage(contact.with_address(made), made, _notification(contact, made, code, now_ms))


def settle(contact: Contact, code: object, key: bytes, *, now_ms: int) -> tuple[Contact, Address | None]:
    """The contact with the address verified that this code was sent to; or with one wrong try more, and None.

    Raises ContactError where no code can be right.
    """
    waiting = [each for each in contact.addresses if _is_waiting(each, now_ms)]
    if not waiting:
        raise ContactError(f"{contact.contact_id} waits for no code: send a test page first, coldwatch contacts test")
    said = code.strip() if isinstance(code, str) else ""
    for address in waiting:
        if address.proof and hmac.compare_digest(_hash(key, contact, address, said), address.proof.code_hash):
            verified = replace(address, verified_at=now_ms, proof=None)
            return contact.with_address(verified), verified
    for address in waiting:
        if address.proof:
            contact = contact.with_address(
                replace(address, proof=replace(address.proof, wrong=address.proof.wrong + 1))
            )
    return contact, None


def confirmed(contact: Contact, endpoint: str, *, now_ms: int) -> Contact:
    """The contact with the mail address verified whose subscription was confirmed by its token."""
    for address in contact.addresses:
        if address.place == (ChannelKind.EMAIL.value, endpoint) and not address.is_verified:
            return contact.with_address(replace(address, verified_at=now_ms))
    return contact


def as_subscribed(contact: Contact, waiting: set[str], *, now_ms: int) -> Contact:
    """The contact as SNS has its mail addresses: those that wait to be confirmed are not verified any more, and the
    others were confirmed by their token, for a subscription that was confirmed otherwise is made anew.
    """
    for address in contact.addresses:
        if address.protocol is ChannelKind.EMAIL:
            since = None if address.endpoint in waiting else address.verified_at or now_ms
            contact = contact.with_address(replace(address, verified_at=since))
    return contact


def _is_waiting(address: Address, now_ms: int) -> bool:
    proof = address.proof
    return proof is not None and proof.wrong < MOST_WRONG and now_ms - proof.sent_at < LIFETIME_MS


def _hash(key: bytes, contact: Contact, address: Address, code: str) -> str:
    about = f"test\0{contact.contact_id}\0{address.channel}\0{address.endpoint}\0{code}"
    return hmac.new(key, about.encode(), hashlib.sha256).hexdigest()


def _notification(contact: Contact, address: Address, code: str, now_ms: int) -> Notification:
    subject = "TEST: this is how Coldwatch reaches you"
    what = f"{contact.name}, this is a test page from Coldwatch. Nothing is wrong."
    command = f"coldwatch contacts verify {contact.contact_id} {code}"
    how = f"Its code is {code}. Whoever keeps the contacts enters it: {command}"
    then = "From then on incidents are told here. If you do not know what this is, do nothing."
    return Notification(
        told_as(contact, address),
        f"test-{contact.contact_id}-{now_ms}",
        subject,
        f"{what}\n\n{how}\n{then}",
        severity="info",
        sms=f"{subject}. Code {code}",
        html=html_mail.render(
            subject=subject, greeting=what, facts=[("Code", code)], deadline="", link="", small=[how, then]
        ),
        facts=(("Code", code), ("Contact", contact.contact_id)),
    )
