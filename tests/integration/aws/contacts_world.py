"""`manage_contacts` with its real adapters, on moto's SNS as AWS has it.

moto takes every subscription for confirmed, and any filter for an address that has another; what waits, and what SNS
refuses, is put in here by hand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.policy_store import DynamoPolicyStore, DynamoRotaStore
from coldwatch.adapters.secret_store import SecretsManagerSecrets
from coldwatch.adapters.subscriptions import SnsSubscriptions
from coldwatch.incidents.contacts import filter_policy
from manage_contacts import handler as managing
from tests.integration.aws.stack import REGION, Calls, Watched
from tests.unit.incidents.builders import NOW
from tests.unit.incidents.fakes import FakeChannel

CONTEXT = SimpleNamespace(aws_request_id="request-1")
MAIL, OTHER, PHONE = "ana@example.com", "ana@example.org", "+4915112345678"
ANA = {"action": "add", "contact_id": "ana", "name": "Ana", "emails": [MAIL], "phones": [PHONE]}
ON_TRIAL = filter_policy("ana~test")
CODE = 908_172
MOVED = ANA | {"emails": [OTHER], "phones": []}


class Sns:
    """moto's SNS, with what AWS does and moto does not."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.exceptions = client.exceptions
        self.confirmations: list[dict[str, Any]] = []
        self.refusal: str | None = None
        self.asks_to_confirm = False
        self.is_down = False
        self.confirmed_arn: str | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def subscribe(self, **asked: Any) -> Any:
        """SNS refuses another filter for an address that is subscribed (API reference, Subscribe: InvalidParameter)."""
        if self.is_down:
            raise ConnectionError
        for each in sns_backends[DEFAULT_ACCOUNT_ID][REGION].subscriptions.values():
            if (each.protocol, each.endpoint) == (asked["Protocol"], asked["Endpoint"]):
                known = each.attributes.get("FilterPolicy")
                assert known == asked["Attributes"].get("FilterPolicy"), "exists already with different attributes"
        answer = self.client.subscribe(**asked)
        is_waiting = self.asks_to_confirm and asked["Protocol"] == "email"
        return {"SubscriptionArn": "pending confirmation"} if is_waiting else answer

    def confirm_subscription(self, **asked: Any) -> Any:
        self.confirmations.append(asked)
        if self.refusal:
            error = {"Error": {"Code": self.refusal, "Message": "no"}}
            raise self.client.exceptions.ClientError(error, "ConfirmSubscription")
        answer = self.client.confirm_subscription(**asked)
        return {"SubscriptionArn": self.confirmed_arn} if self.confirmed_arn else answer


class IncidentCalls:
    """`reachability.Incidents`: what would be opened and recovered."""

    def __init__(self) -> None:
        self.opened: list[dict[str, Any]] = []
        self.recovered: list[dict[str, Any]] = []

    def open(self, event: Mapping[str, Any]) -> None:
        self.opened.append(dict(event["coldwatch"]))

    def recover(self, event: Mapping[str, Any]) -> None:
        self.recovered.append(dict(event["coldwatch"]))


@dataclass
class Cloud:
    dynamodb: Any
    sns: Sns
    topic: str
    channel: FakeChannel = field(default_factory=FakeChannel)
    calls: IncidentCalls = field(default_factory=IncidentCalls)
    has_sender: bool = False
    now_ms: int = NOW

    def ports(self, calls: Calls | None = None) -> managing.Ports:
        dynamodb, sns = self._watched(self.dynamodb, calls), self._watched(self.sns, calls)
        return managing.Ports(
            contacts=DynamoContactStore(dynamodb, "ContactTable"),
            policies=DynamoPolicyStore(dynamodb, "PolicyTable"),
            rotas=DynamoRotaStore(dynamodb, "PolicyTable"),
            subscriptions=SnsSubscriptions(sns, self.topic),
            channels=self.channel,
            secrets=SecretsManagerSecrets(boto3.client("secretsmanager", region_name=REGION)),
            incidents=self.calls,
            code_key=lambda: b"k" * 32,
            random_bytes=CODE.to_bytes,
            now_ms=lambda: self.now_ms,
            secret_prefix="coldwatch/test/channels/",
            has_sender=self.has_sender,
        )

    def _watched(self, client: Any, calls: Calls | None) -> Any:
        return WatchedClient(client, calls) if calls else client

    def subscribe(self, protocol: str, endpoint: str, **attributes: str) -> str:
        """Past manage_contacts."""
        return str(
            self.sns.client.subscribe(TopicArn=self.topic, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)[
                "SubscriptionArn"
            ]
        )

    def subscribed(self) -> dict[str, str | None]:
        """Endpoint -> filter."""
        own = sns_backends[DEFAULT_ACCOUNT_ID][REGION].subscriptions.values()
        return {each.endpoint: each.attributes.get("FilterPolicy") for each in own}

    def mark(self, endpoint: str, **attributes: str) -> None:
        """Give a subscription attributes that only SNS itself gives."""
        for each in sns_backends[DEFAULT_ACCOUNT_ID][REGION].subscriptions.values():
            if each.endpoint == endpoint:
                each.attributes |= attributes

    def final(self) -> tuple[Any, ...]:
        return sorted(self.ports().contacts.contacts(), key=str), self.subscribed()


class WatchedClient(Watched):
    """Calls are counted; a paginator's pages are one call each, and its own name is none."""

    def __getattr__(self, name: str) -> Any:
        if name in {"get_paginator", "exceptions"}:
            return getattr(self._client, name)
        return super().__getattr__(name)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with mock_aws():
        dynamodb, sns = boto3.client("dynamodb", region_name=REGION), boto3.client("sns", region_name=REGION)
        for table, key in (("ContactTable", "contact_id"), ("PolicyTable", "policy_id")):
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
                KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            )
        made = Cloud(dynamodb, Sns(sns), sns.create_topic(Name="notifications")["TopicArn"])
        monkeypatch.setenv("CONTACT_TABLE", "ContactTable")
        monkeypatch.setenv("NOTIFICATION_TOPIC_ARN", made.topic)
        for name in ("MAIL_SENDER", "MAIL_CONFIGURATION_SET"):
            monkeypatch.setenv(name, "")
        for name in (
            *("LINK_TABLE", "POLICY_TABLE", "CODE_KEY_SECRET", "SECRET_PREFIX", "EVENT_BUS_NAME"),
            *("OPEN_INCIDENT_FUNCTION", "RECOVER_INCIDENT_FUNCTION"),
        ):
            monkeypatch.setenv(name, name.lower())
        monkeypatch.setattr(managing, "ports", made.ports)
        managing.settings.cache_clear()
        yield made


def ask(event: dict[str, Any]) -> dict[str, Any]:
    return managing.handler(event, CONTEXT)


def found() -> list[tuple[str, str]]:
    return [(each["kind"], each["subject"]) for each in ask({"action": "check"})["findings"]]
