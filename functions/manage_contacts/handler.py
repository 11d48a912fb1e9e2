"""Lambda: manage contacts. Trigger: the operator's command, and a schedule each day. Writes: contacts (DynamoDB),
subscriptions (SNS), a metric (log).

The only one who may subscribe to the notification topic, so that no subscription is without the filter of its contact.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import msgspec
from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, sns_client
from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.subscriptions import SnsSubscriptions, TokenError
from coldwatch.incidents.contacts import Contact, ContactError, find_faults, is_contact_id, make_contact
from coldwatch.settings import ManageContactsSettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Ports:
    contacts: DynamoContactStore
    subscriptions: SnsSubscriptions


@cache
def settings() -> ManageContactsSettings:
    return ManageContactsSettings.from_env()


@cache
def ports() -> Ports:
    own = settings()
    return Ports(
        DynamoContactStore(dynamodb_client(), own.contact_table),
        SnsSubscriptions(sns_client(), own.notification_topic_arn),
    )


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """What was asked for, or `error` with a sentence for the person who asked."""
    action = _ACTIONS.get(str(event.get("action")))
    if action is None:
        return {"error": f"There is no action {event.get('action')!r}; there are {', '.join(_ACTIONS)}."}
    try:
        return action(event, ports())
    except ContactError as error:
        return {"error": str(error)}


def _add(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    """A contact that is there already gets what is said now; addresses that are left out are unsubscribed.

    The contact first: a subscription that nobody knows would be a finding, a contact without one is repaired by adding
    it again.
    """
    contact = make_contact(event.get("contact_id"), event.get("name"), event.get("emails"), event.get("phones"))
    _refuse_shared(contact, use)
    use.contacts.put(contact, now_ms=time.time_ns() // 1_000_000)
    use.subscriptions.tend(contact)
    logger.info("contact kept", extra={"contact_id": contact.contact_id, "addresses": len(contact.addresses)})
    return {"contact": asdict(contact)}


def _refuse_shared(contact: Contact, use: Ports) -> None:
    """SNS keeps one subscription, with one filter, for an address: two contacts cannot share it."""
    for other in use.contacts.contacts():
        if other.contact_id != contact.contact_id and (shared := set(other.addresses) & set(contact.addresses)):
            raise ContactError(f"{shared.pop().endpoint} belongs to {other.contact_id} already.")


def _remove(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    contact_id = event.get("contact_id")
    contact = use.contacts.find(contact_id) if is_contact_id(contact_id) else None
    if contact is None:
        raise ContactError(f"There is no contact {contact_id!r}.")
    use.subscriptions.end(contact)
    use.contacts.remove(contact.contact_id)
    logger.info("contact removed", extra={"contact_id": contact.contact_id})
    return {"contact": asdict(contact)}


def _list(_event: dict[str, Any], use: Ports) -> dict[str, Any]:
    return {"contacts": [asdict(each) for each in sorted(use.contacts.contacts(), key=lambda each: each.contact_id)]}


def _confirm(event: dict[str, Any], use: Ports) -> dict[str, Any]:
    token = event.get("token")
    if not isinstance(token, str) or not token:
        raise ContactError("The token is missing: it stands in the mail that asks to confirm, after `Token=`.")
    try:
        use.subscriptions.confirm(token)
    except TokenError:
        raise ContactError(
            "This token confirms nothing: it is used, older than two days, or of another topic."
        ) from None
    return {"confirmed": True}


def _check(_event: dict[str, Any], use: Ports) -> dict[str, Any]:
    findings = find_faults(use.contacts.contacts(), list(use.subscriptions.all()))
    for finding in findings:
        logger.error("contact finding", extra=asdict(finding))
    sys.stdout.write(msgspec.json.encode(_metric(len(findings))).decode() + "\n")
    sys.stdout.flush()
    return {"findings": [asdict(finding) for finding in findings]}


def _metric(findings: int) -> dict[str, Any]:
    """Amazon CloudWatch user guide, "Specification: Embedded metric format"."""
    definition = {"Namespace": "Coldwatch", "Dimensions": [["stage"]], "Metrics": [{"Name": "ContactFindings"}]}
    about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [definition]}
    return {"_aws": about, "stage": settings().stage, "ContactFindings": findings}


_ACTIONS: dict[str, Callable[[dict[str, Any], Ports], dict[str, Any]]] = {
    "add": _add,
    "remove": _remove,
    "list": _list,
    "confirm": _confirm,
    "check": _check,
}
