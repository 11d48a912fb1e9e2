"""Who may subscribe, on the deployed system: the contacts function alone, and what came past it is found."""

import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from coldwatch_ops.responders.contacts import ask
from tests.conftest import Cloud

pytestmark = pytest.mark.cloud

ANYTHING = {"Effect": "Allow", "Principal": "*", "Action": "sns:*", "Resource": "*"}
OPEN = json.dumps({"Version": "2012-10-17", "Statement": [ANYTHING]})


def unique() -> str:
    return uuid.uuid4().hex[:8]


def endpoints(cloud: Cloud) -> list[str]:
    topic = cloud.output("NotificationTopicArn")
    pages = cloud.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return [each["Endpoint"] for page in pages for each in page["Subscriptions"]]


def kinds(cloud: Cloud, subject: str) -> set[str]:
    findings = ask(cloud.stack, "check")["findings"]
    return {finding["kind"] for finding in findings if finding["subject"] == subject}


@contextmanager
def without_topic_policy(cloud: Cloud) -> Iterator[None]:
    """For a moment anybody may do anything with the topic."""
    sns, topic = cloud.client("sns"), cloud.output("NotificationTopicArn")
    policy = sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=OPEN)
    try:
        yield
    finally:
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def token_of(cloud: Cloud, address: str) -> str:
    lines = (cloud.places.folder / "inbox.jsonl").read_text().splitlines()
    mails = [mail for mail in map(json.loads, lines) if mail["to"] == address]
    found = re.search(r"Token=(\w+)", mails[-1]["text"])
    assert found
    return found[1]


def test_not_even_the_account_subscribes_or_publishes_past_the_functions(cloud: Cloud) -> None:
    sns, topic, address = cloud.client("sns"), cloud.output("NotificationTopicArn"), f"{unique()}@example.com"

    with pytest.raises(ClientError, match="AuthorizationError"):
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    with pytest.raises(ClientError, match="AuthorizationError"):
        sns.publish(TopicArn=topic, Message="not from here")

    assert address not in endpoints(cloud)


def test_what_was_smuggled_in_is_found(cloud: Cloud) -> None:
    sns, topic, address = cloud.client("sns"), cloud.output("NotificationTopicArn"), f"+49151{unique_number()}"

    with without_topic_policy(cloud):
        arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint=address)["SubscriptionArn"]
    found = kinds(cloud, address)
    sns.unsubscribe(SubscriptionArn=arn)

    assert found == {"stranger", "wrong_filter"}
    assert kinds(cloud, address) == set()


def test_a_contact_comes_is_confirmed_moves_and_goes(cloud: Cloud) -> None:
    contact, old, new = f"c{unique()}", f"{unique()}@example.com", f"{unique()}@example.com"

    added: dict[str, Any] = ask(cloud.stack, "add", contact_id=contact, name="Cem", emails=[old])
    waiting = kinds(cloud, contact)
    ask(cloud.stack, "confirm", token=token_of(cloud, old))
    confirmed = kinds(cloud, contact) | kinds(cloud, old)
    ask(cloud.stack, "add", contact_id=contact, name="Cem", emails=[new])
    moved = endpoints(cloud)
    ask(cloud.stack, "confirm", token=token_of(cloud, new))
    ask(cloud.stack, "remove", contact_id=contact)

    assert added["contact"]["contact_id"] == contact
    assert (waiting, confirmed) == ({"pending"}, set())
    assert new in moved
    assert old not in moved
    assert new not in endpoints(cloud)


def unique_number() -> str:
    return f"{uuid.uuid4().int % 10**8:08d}"
