"""Lambda: manage contacts. Trigger: the operator's command, and a schedule each day. Writes: contacts (DynamoDB),
subscriptions (SNS), secrets of channels (Secrets Manager), a metric (log); sends test pages; opens and recovers
incidents of contacts that cannot be told.

The only one who may subscribe to the notification topic, so that no subscription is without the filter of its contact.
"""

import secrets
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from coldwatch.adapters.clients import dynamodb_client, lambda_client, sns_client
from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.every_channel import code_key, every_channel
from coldwatch.adapters.function_calls import LambdaIncidents
from coldwatch.adapters.policy_store import DynamoPolicyStore, DynamoRotaStore
from coldwatch.adapters.subscriptions import SnsSubscriptions
from coldwatch.incidents.contacts import ContactError
from coldwatch.settings import ManageContactsSettings
from manage_contacts import channels, checking, people
from manage_contacts.ports import Ports

__all__ = ["Ports", "handler", "ports", "settings"]


@cache
def settings() -> ManageContactsSettings:
    return ManageContactsSettings.from_env()


@cache
def ports() -> Ports:
    own = settings()
    sent_by, kept = every_channel(own)
    has_sender = bool(own.mail_sender)
    return Ports(
        contacts=DynamoContactStore(dynamodb_client(), own.contact_table, has_sender=has_sender),
        policies=DynamoPolicyStore(dynamodb_client(), own.policy_table),
        rotas=DynamoRotaStore(dynamodb_client(), own.policy_table),
        subscriptions=SnsSubscriptions(sns_client(), own.notification_topic_arn),
        channels=sent_by,
        secrets=kept,
        incidents=LambdaIncidents(lambda_client(), own.open_incident_function, own.recover_incident_function),
        code_key=code_key(kept, own.code_key_secret),
        random_bytes=secrets.token_bytes,
        now_ms=lambda: time.time_ns() // 1_000_000,
        secret_prefix=own.secret_prefix,
        has_sender=has_sender,
    )


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """What was asked for, or `error` with a sentence for the person who asked. The event never goes to the log."""
    action = _ACTIONS.get(str(event.get("action")))
    if action is None:
        return {"error": f"There is no action {event.get('action')!r}; there are {', '.join(_ACTIONS)}."}
    try:
        return action(event, ports())
    except ContactError as error:
        return {"error": str(error)}


_ACTIONS: dict[str, Callable[[dict[str, Any], Ports], dict[str, Any]]] = {
    "add": people.add,
    "remove": people.remove,
    "list": people.listed,
    "confirm": people.confirm,
    "add_channel": channels.add,
    "remove_channel": channels.remove,
    "test": channels.test,
    "verify": channels.verify,
    "check": lambda _event, use: checking.check(use, settings().stage),
    "reconcile": lambda _event, use: checking.check_and_reconcile(use, settings().stage),
}
