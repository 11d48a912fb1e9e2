"""Contacts and the addresses that SNS and SES tell."""

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.contact_store import UnreadableContactError
from coldwatch.adapters.subscriptions import TokenError
from coldwatch.incidents.contacts import Contact, ContactError, is_contact_id, keep_known, make_contact
from coldwatch.incidents.reachability import forget
from coldwatch.incidents.verification import as_subscribed, confirmed
from manage_contacts.ports import Ports

logger = Logger()


def add(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    """A contact that is there already gets what is said now; addresses that are left out are unsubscribed.

    The contact first: a subscription that nobody knows would be a finding, a contact without one is repaired by adding
    it again. Whether a mail address is verified is as SNS has it. An entry that cannot be read is written anew.
    """
    given = event.get("emails"), event.get("phones"), event.get("time_zone")
    made = make_contact(event.get("contact_id"), event.get("name"), *given, has_sender=use.has_sender)
    contact = keep_known(made, _readable(made.contact_id, use))
    _refuse_shared(contact, use)
    use.contacts.put(contact, now_ms=use.now_ms())
    subscribed = as_subscribed(contact, use.subscriptions.tend(contact), now_ms=use.now_ms())
    if subscribed != contact:
        use.contacts.put(subscribed, now_ms=use.now_ms())
    logger.info("contact kept", extra={"contact_id": contact.contact_id, "addresses": len(contact.addresses)})
    return {"contact": shown(subscribed)}


def remove(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    """The end of its incident first, if it could not be told: nobody would say it later."""
    contact = known(event, use)
    if standing := use.contacts.standing(contact.contact_id):
        forget(standing, use.incidents, now_ms=use.now_ms())
    use.subscriptions.end(contact)
    for address in contact.addresses:
        if address.secret_name:
            use.secrets.remove(address.secret_name)
    use.contacts.remove(contact.contact_id)
    logger.info("contact removed", extra={"contact_id": contact.contact_id})
    return {"contact": shown(contact)}


def listed(_event: dict[str, Any], use: Ports) -> dict[str, Any]:
    return {"contacts": [shown(each) for each in sorted(use.contacts.contacts(), key=lambda each: each.contact_id)]}


def confirm(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    """The token came in a mail to that address: it is verified by it."""
    token = event.get("token")
    if not isinstance(token, str) or not token:
        raise ContactError("The token is missing: it stands in the mail that asks to confirm, after `Token=`.")
    try:
        endpoint = use.subscriptions.endpoint_of(use.subscriptions.confirm(token))
    except TokenError:
        raise ContactError(
            "This token confirms nothing: it is used, older than two days, or of another topic."
        ) from None
    for contact in use.contacts.contacts() if endpoint else ():
        if (verified := confirmed(contact, endpoint or "", now_ms=use.now_ms())) != contact:
            use.contacts.put(verified, now_ms=use.now_ms())
            logger.info("address verified", extra={"contact_id": contact.contact_id, "channel": "email"})
    return {"confirmed": True}


def known(event: dict[str, Any], use: Ports) -> Contact:
    """Raises ContactError."""
    contact_id = event.get("contact_id")
    contact = stored(contact_id, use) if is_contact_id(contact_id) else None
    if contact is None:
        raise ContactError(f"There is no contact {contact_id!r}.")
    return contact


def stored(contact_id: str, use: Ports) -> Contact | None:
    """Raises ContactError for an entry that cannot be read."""
    try:
        return use.contacts.find(contact_id)
    except UnreadableContactError as error:
        raise ContactError(
            f"The entry of contact {contact_id} cannot be read ({error}). Add the contact again first."
        ) from None


def shown(contact: Contact) -> dict[str, Any]:
    """A contact as people may see it: without the hash of a code that is under way."""
    own = asdict(contact)
    for address in own["addresses"]:
        address["is_waiting"] = address.pop("proof") is not None
    return own


def _readable(contact_id: str, use: Ports) -> Contact | None:
    try:
        return use.contacts.find(contact_id)
    except UnreadableContactError as error:
        logger.warning("contact not readable, written anew", extra={"contact_id": contact_id, "why": str(error)})
        return None


def _refuse_shared(contact: Contact, use: Ports) -> None:
    """SNS keeps one subscription, with one filter, for an address: two contacts cannot share it."""
    own = {each.place for each in contact.addresses if not each.secret_name}
    for other in use.contacts.contacts():
        if other.contact_id == contact.contact_id:
            continue
        for each in other.addresses:
            if each.place in own and each.protocol != "eventbridge":
                raise ContactError(f"{each.endpoint} belongs to {other.contact_id} already.")
