"""Channels with a label, their secrets, and the test pages that verify every address."""

from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.secret_store import SecretError
from coldwatch.incidents.channels.destinations import read_secret
from coldwatch.incidents.channels.ways import SNS, Way
from coldwatch.incidents.contacts import (
    OF_SNS,
    WITH_SECRET,
    Address,
    ContactError,
    add_channel,
    make_contact,
    remove_channel,
)
from coldwatch.incidents.ports import NotSentError
from coldwatch.incidents.verification import begin, settle
from manage_contacts.people import known, shown, stored
from manage_contacts.ports import Ports

logger = Logger()


def add(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    """The secret first: a contact never names one that is not there. With a name, a new contact is made."""
    contact_id, protocol, label = event.get("contact_id"), event.get("protocol"), event.get("label")
    before = make_contact(contact_id, event.get("name"), [], []) if event.get("name") else None
    contact = stored(before.contact_id, use) or before if before else known(event, use)
    changed = add_channel(contact, protocol, label, f"{use.secret_prefix}{contact_id}/{protocol}/{label}")
    address = changed.addresses[-1]
    if address.protocol in WITH_SECRET and address.secret_name:
        text = event.get("secret")
        if not isinstance(text, str):
            raise ContactError(f"A {address.protocol} channel has a secret: give its file.")
        _keep(address, read_secret(address.protocol, text), use)
    use.contacts.put(changed, now_ms=use.now_ms())
    logger.info("channel kept", extra={"contact_id": changed.contact_id, "channel": address.channel})
    return {"contact": shown(changed), "channel": address.channel}


def remove(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    contact, gone = remove_channel(known(event, use), event.get("channel"))
    use.contacts.put(contact, now_ms=use.now_ms())
    if gone.secret_name:
        use.secrets.remove(gone.secret_name)
    logger.info("channel removed", extra={"contact_id": contact.contact_id, "channel": gone.channel})
    return {"contact": shown(contact), "channel": gone.channel}


def test(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    """Kept before it is sent: a code that arrives is a code that counts."""
    page = begin(known(event, use), event.get("channel"), _key(use), use.random_bytes, use.now_ms())
    use.contacts.put(page.contact, now_ms=use.now_ms())
    try:
        use.channels.send(page.notification, _way(page.address))
    except NotSentError as error:
        raise ContactError(f"The test page could not be sent to {page.address.channel}. {error}") from None
    logger.info("test page sent", extra={"contact_id": page.contact.contact_id, "channel": page.address.channel})
    return {"contact": shown(page.contact), "channel": page.address.channel}


def verify(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    contact, address = settle(known(event, use), event.get("code"), _key(use), now_ms=use.now_ms())
    if address and address.protocol in OF_SNS:
        use.subscriptions.tend(contact)  # first the filter that pages go by: nobody relies on it before it is there
    use.contacts.put(contact, now_ms=use.now_ms())
    if address is None:
        raise ContactError(f"This is not the code that was sent to {contact.contact_id}.")
    logger.info("address verified", extra={"contact_id": contact.contact_id, "channel": address.channel})
    return {"contact": shown(contact), "channel": address.channel}


def _keep(address: Address, secret: dict[str, str], use: Ports) -> None:
    try:
        use.secrets.put(address.secret_name or "", secret)
    except SecretError as error:
        raise ContactError(str(error)) from None


def _key(use: Ports) -> bytes:
    key = use.code_key()
    if key is None:
        raise ContactError("The key of the codes cannot be read; see the function's log and its role.")
    return key


def _way(address: Address) -> Way:
    return Way(SNS if address.protocol in OF_SNS else address.channel, (address,))
