"""E-mail and SMS that SNS would send: appended to a file, which the inbox page shows.

MiniStack logs such a delivery and drops it. It also takes an e-mail subscription for confirmed, which on AWS waits for
the token in a mail (https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html), and forgets whether the
confirmation was authenticated, which decides whether a click on *unsubscribe* removes a responder.
"""

import json
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from ministack.services import sns

from local.cloud.function_urls import host
from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.sns:_subscribe", "db260c543268f953"),
    Upstream("ministack.services.sns:_confirm_subscription", "9cbdb0a3a4dce209"),
    Upstream("ministack.services.sns:_fanout", "984cdd91d64aa056"),
    Upstream("ministack.services.sns:_list_subscriptions", "03d4e93081a0fb0f"),
    Upstream("ministack.services.sns:_list_subscriptions_by_topic", "02119f3da93568ca"),
    Upstream("ministack.services.sns:_matches_filter_policy", "16fce5e70fec3494"),
    Upstream("ministack.services.sns:_resolve_message_for_protocol", "ce24ef525ae48496"),
    Upstream("ministack.services.sns:_refresh_subscription_counts", "cbba9c55348fcde1"),
)

VARIABLE = "COLDWATCH_INBOX"
"""Names the file: a JSON line per delivery, oldest first. Without it nothing is written."""

MAIL = frozenset({"email", "email-json"})
PENDING = "PendingConfirmation"

_lock = Lock()


def install() -> None:
    subscribe, confirm, fan_out = sns._subscribe, sns._confirm_subscription, sns._fanout  # noqa: SLF001 - the actions
    lists = {name: getattr(sns, name) for name in ("_list_subscriptions", "_list_subscriptions_by_topic")}

    def subscribe_waiting(params: Any) -> Any:
        return _subscribe(subscribe, params)

    def confirm_as_asked(params: Any) -> Any:
        return _confirm(confirm, params)

    def fan_out_to_inbox(topic_arn: str, message_id: str, message: str, subject: str, *more: Any, **named: Any) -> Any:
        structure = more[0] if more else named.get("message_structure", "")
        attributes = (more[1] if len(more) > 1 else named.get("message_attributes")) or {}
        _deliver(topic_arn, message, structure, attributes, subject=subject, message_id=message_id)
        return fan_out(topic_arn, message_id, message, subject, *more, **named)

    def pending_hidden(listed: Any) -> Any:
        return lambda params: _hide_pending(listed(params))

    sns._subscribe, sns._confirm_subscription = subscribe_waiting, confirm_as_asked  # noqa: SLF001 - the mend
    sns._fanout = fan_out_to_inbox  # noqa: SLF001 - the mend
    for name, listed in lists.items():
        setattr(sns, name, pending_hidden(listed))


def messages() -> list[dict[str, Any]]:
    """What has been delivered, oldest first."""
    path = os.environ.get(VARIABLE)
    if not path or not Path(path).exists():
        return []
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def append(
    protocol: str,
    to: str,
    *,
    subject: str,
    text: str,
    message_id: str,
    attributes: Mapping[str, str] = MappingProxyType({}),
) -> None:
    path = os.environ.get(VARIABLE)
    if not path:
        return
    line = {"at": time.time_ns() // 1_000_000, "protocol": protocol, "to": to, "subject": subject, "text": text}
    document = json.dumps(line | {"message_id": message_id, "attributes": dict(attributes)}, ensure_ascii=False)
    with _lock, Path(path).open("a", encoding="utf-8") as file:
        file.write(document + "\n")


def _subscribe(upstream: Any, params: Any) -> Any:
    """A mail address waits for its confirmation, unless it is subscribed already."""
    known = {sub["arn"] for topic in sns._topics.values() for sub in topic["subscriptions"]}  # noqa: SLF001 - their store
    answer = upstream(params)
    if answer[0] != 200 or sns._p(params, "Protocol") not in MAIL:  # noqa: SLF001 - how it reads a parameter
        return answer
    topic, _ = sns._get_topic(sns._p(params, "TopicArn"))  # noqa: SLF001 - likewise
    (made,) = [sub for sub in topic["subscriptions"] if sub["arn"] not in known] or [None]
    if made is None:
        return answer
    made["confirmed"], made["token"] = False, uuid.uuid4().hex * 2
    made["attributes"] |= {PENDING: "true", "ConfirmationWasAuthenticated": "false"}
    sns._refresh_subscription_counts(topic)  # noqa: SLF001 - counts the pending ones
    _ask_to_confirm(made)
    wants_arn = sns._p(params, "ReturnSubscriptionArn") == "true"  # noqa: SLF001 - likewise
    return answer if wants_arn else _replaced(answer, made["arn"], "pending confirmation")


def _ask_to_confirm(subscription: Any) -> None:
    asked = {"Action": "ConfirmSubscription", "TopicArn": subscription["topic_arn"], "Token": subscription["token"]}
    text = (
        f"You have chosen to subscribe to the topic:\n{subscription['topic_arn']}\n\n"
        f"To confirm this subscription, open:\nhttp://{host()}/?{urlencode(asked)}\n"
    )
    subject = "AWS Notification - Subscription Confirmation"
    append("email", subscription["endpoint"], subject=subject, text=text, message_id=str(uuid.uuid4()))


def _confirm(upstream: Any, params: Any) -> Any:
    token = sns._p(params, "Token")  # noqa: SLF001 - how it reads a parameter
    waiting = [
        sub
        for topic in sns._topics.values()  # noqa: SLF001 - their store
        for sub in topic["subscriptions"]
        if token and sub.get("token") == token
    ]
    answer = upstream(params)
    if answer[0] == 200 and waiting:
        asked = sns._p(params, "AuthenticateOnUnsubscribe")  # noqa: SLF001 - likewise
        waiting[0]["attributes"]["ConfirmationWasAuthenticated"] = "true" if asked == "true" else "false"
    return answer


def _hide_pending(answer: Any) -> Any:
    """AWS lists a subscription that waits under no ARN."""
    pending = [
        sub["arn"]
        for topic in sns._topics.values()  # noqa: SLF001 - their store
        for sub in topic["subscriptions"]
        if sub["attributes"].get(PENDING) == "true"
    ]
    for arn in pending:
        answer = _replaced(answer, arn, PENDING)
    return answer


def _replaced(answer: Any, text: str, by: str) -> Any:
    status, headers, body = answer
    raw = body if isinstance(body, bytes) else body.encode()
    return status, headers, raw.replace(text.encode(), by.encode())


def _deliver(
    topic_arn: str, message: str, structure: str, attributes: dict[str, Any], *, subject: str, message_id: str
) -> None:
    topic = sns._topic_by_arn_any_scope(topic_arn)  # noqa: SLF001 - how a fan-out finds it
    for sub in topic["subscriptions"] if topic else ():
        protocol = sub["protocol"]
        text = sns._resolve_message_for_protocol(message, structure, protocol)  # noqa: SLF001 - as a fan-out does
        wanted = sns._matches_filter_policy(sub, attributes, text)  # noqa: SLF001 - likewise
        if sub.get("confirmed") and wanted and protocol in MAIL | {"sms"}:
            told = {name: str(value.get("StringValue", "")) for name, value in attributes.items()}
            append(
                "sms" if protocol == "sms" else "email",
                sub["endpoint"],
                subject=subject or "",
                text=text,
                message_id=message_id,
                attributes=told,
            )
