"""Contacts with their real adapters: who is subscribed, with which filter, and what the daily check finds.

moto takes every subscription for confirmed, and any filter for an address that has another; what waits, and what SNS
refuses, is put in here by hand.
"""

import json
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
from coldwatch.adapters.items import to_item
from coldwatch.adapters.secret_store import SecretsManagerSecrets
from coldwatch.adapters.subscriptions import SnsSubscriptions
from coldwatch.incidents.channels.ways import Way, ways_of
from coldwatch.incidents.contacts import Address, ChannelKind, Contact, filter_policy
from coldwatch.incidents.ports import Recipient
from manage_contacts import handler as managing
from tests.integration.aws.stack import REGION, Calls, Killed, Watched
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
        dynamodb.create_table(
            TableName="ContactTable",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "contact_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "contact_id", "KeyType": "HASH"}],
        )
        made = Cloud(dynamodb, Sns(sns), sns.create_topic(Name="notifications")["TopicArn"])
        monkeypatch.setenv("CONTACT_TABLE", "ContactTable")
        monkeypatch.setenv("NOTIFICATION_TOPIC_ARN", made.topic)
        for name in ("MAIL_SENDER", "MAIL_CONFIGURATION_SET"):
            monkeypatch.setenv(name, "")
        for name in (
            *("LINK_TABLE", "CODE_KEY_SECRET", "SECRET_PREFIX", "EVENT_BUS_NAME"),
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


def test_a_contact_is_kept_and_each_address_subscribed_with_its_filter(cloud: Cloud) -> None:
    answer = ask(ANA)

    assert json.loads(json.dumps(answer)) == {
        "contact": {
            "contact_id": "ana",
            "name": "Ana",
            "addresses": [
                {"protocol": "email", "endpoint": MAIL, "verified_at": NOW, "secret_name": None, "is_waiting": False},
                {"protocol": "sms", "endpoint": PHONE, "verified_at": None, "secret_name": None, "is_waiting": False},
            ],
        }
    }
    assert cloud.subscribed() == {MAIL: '{"contact_id":["ana"]}', PHONE: '{"contact_id":["ana~test"]}'}
    assert found() == []


def test_adding_twice_is_as_good_as_once(cloud: Cloud) -> None:
    ask(ANA)
    once = cloud.final()

    ask(ANA)

    assert cloud.final() == once


def test_a_change_of_address_ends_the_old_one(cloud: Cloud) -> None:
    ask(ANA)

    ask(MOVED)

    assert cloud.subscribed() == {OTHER: filter_policy("ana")}
    assert found() == []


def test_an_address_of_somebody_else_is_refused_and_nothing_changes(cloud: Cloud) -> None:
    ask(ANA)
    before = cloud.final()

    answer = ask(ANA | {"contact_id": "ben", "name": "Ben", "phones": []})

    assert answer == {"error": f"{MAIL} belongs to ana already."}
    assert cloud.final() == before


def test_an_address_can_be_given_up_and_become_anothers(cloud: Cloud) -> None:
    ask(ANA)
    ask(MOVED)

    ask(ANA | {"contact_id": "ben", "name": "Ben"})

    assert cloud.subscribed() == {
        OTHER: filter_policy("ana"),
        MAIL: filter_policy("ben"),
        PHONE: filter_policy("ben~test"),
    }


def test_who_is_removed_is_told_nothing_any_more(cloud: Cloud) -> None:
    ask(ANA)

    answer, again = ask({"action": "remove", "contact_id": "ana"}), ask({"action": "remove", "contact_id": "ana"})

    assert answer["contact"]["contact_id"] == "ana"
    assert again == {"error": "There is no contact 'ana'."}
    assert cloud.final() == ([], {})


def test_contacts_are_listed_by_their_ids(cloud: Cloud) -> None:
    ask(ANA | {"contact_id": "zoe", "emails": [OTHER], "phones": []})
    ask(ANA)

    assert [each["contact_id"] for each in ask({"action": "list"})["contacts"]] == ["ana", "zoe"]


def test_a_token_confirms_so_that_no_link_can_unsubscribe(cloud: Cloud) -> None:
    answer = ask({"action": "confirm", "token": "t" * 64})

    assert answer == {"confirmed": True}
    assert cloud.sns.confirmations == [
        {"TopicArn": cloud.topic, "Token": "t" * 64, "AuthenticateOnUnsubscribe": "true"}
    ]


@pytest.mark.parametrize("code", ["InvalidParameter", "NotFound"])
def test_a_token_that_confirms_nothing_is_said_to(cloud: Cloud, code: str) -> None:
    cloud.sns.refusal = code

    assert ask({"action": "confirm", "token": "x"})["error"].startswith("This token confirms nothing")


def test_that_sns_does_not_work_is_no_answer_to_who_asks(cloud: Cloud) -> None:
    cloud.sns.refusal = "InternalError"

    with pytest.raises(cloud.sns.exceptions.ClientError, match="InternalError"):
        ask({"action": "confirm", "token": "x"})


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"action": None},
        {"action": ["add"]},
        {"action": "drop"},
        {"action": "add"},
        {"action": "add", "contact_id": {"S": "ana"}, "name": "Ana", "emails": [MAIL]},
        {"action": "add", "contact_id": "ana", "name": "Ana", "emails": [f"{MAIL}\n"]},
        {"action": "remove"},
        {"action": "remove", "contact_id": ""},
        {"action": "remove", "contact_id": "x" * 5000},
        {"action": "confirm"},
        {"action": "confirm", "token": 5},
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence_and_changes_nothing(
    cloud: Cloud, event: dict[str, Any]
) -> None:
    answer = ask(event)

    assert list(answer) == ["error"]
    assert answer["error"].endswith(".")
    assert cloud.final() == ([], {})


def test_the_check_finds_what_is_wrong_and_logs_and_counts_it(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    ask(ANA)
    ask(ANA | {"contact_id": "ben", "emails": ["ben@example.com"], "phones": ["+4915100000001"]})
    cloud.mark("ben@example.com", PendingConfirmation="true")
    cloud.mark(MAIL, FilterPolicy='{"contact_id": ["ana", "ben"]}')
    cloud.mark(PHONE, FilterPolicy="")
    cloud.subscribe("email", "mallory@example.com", FilterPolicy=filter_policy("ana"))
    cloud.subscribe("sqs", f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:queue")
    gone = cloud.subscribe("sms", "+4915100000001")
    cloud.sns.unsubscribe(SubscriptionArn=gone)
    capsys.readouterr()

    findings = sorted(found())

    metrics = [line for line in capsys.readouterr().out.splitlines() if "ContactFindings" in line]
    assert findings == [
        ("missing", "ben"),
        ("pending", "ben"),
        ("stranger", f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:queue"),
        ("stranger", "mallory@example.com"),
        ("wrong_filter", PHONE),
        ("wrong_filter", MAIL),
        ("wrong_filter", f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:queue"),
    ]
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 7
    assert [json.loads(line)["ContactFindings"] for line in metrics] == [7]


def test_no_finding_is_counted_too(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    ask({"action": "check"})

    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (cloud.subscribed(), line["stage"], line["ContactFindings"]) == ({}, "test", 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"FilterPolicy": '{"contact_id": ["ana", "ben"]}'},
        {"FilterPolicy": ""},
        {"ConfirmationWasAuthenticated": "false"},
    ],
)
def test_a_wrong_subscription_of_a_contact_is_mended_by_adding_again(cloud: Cloud, wrong: dict[str, str]) -> None:
    ask(ANA)
    cloud.mark(MAIL, **wrong)
    before = found()

    ask(ANA)

    assert len(before) == 1
    assert found() == []


def test_what_waits_for_its_confirmation_is_left_to_wait(cloud: Cloud) -> None:
    ask(ANA)
    cloud.mark(MAIL, PendingConfirmation="true")

    ask(ANA)
    ask({"action": "remove", "contact_id": "ana"})

    assert cloud.subscribed() == {MAIL: filter_policy("ana")}
    assert found() == [("stranger", MAIL)]


@pytest.mark.parametrize("is_carried_out", [False, True])
@pytest.mark.parametrize("before", [[], [ANA], [MOVED]], ids=["new", "same", "moved"])
def test_whenever_it_dies_adding_again_repairs_it(
    cloud: Cloud, before: list[dict[str, Any]], *, is_carried_out: bool
) -> None:
    kills = 0
    for kill_at in range(1, 30):
        _reset(cloud, before)
        if not _dies(cloud, ANA, Calls(kill_at, is_carried_out)):
            break
        kills += 1
        ask(ANA)
        assert found() == []
        assert set(cloud.subscribed()) == {MAIL, PHONE}

    assert kills >= 3


@pytest.mark.parametrize("is_carried_out", [False, True])
def test_whenever_it_dies_removing_again_repairs_it(cloud: Cloud, *, is_carried_out: bool) -> None:
    kills = 0
    for kill_at in range(1, 30):
        _reset(cloud, [ANA])
        if not _dies(cloud, {"action": "remove", "contact_id": "ana"}, Calls(kill_at, is_carried_out)):
            break
        kills += 1
        ask({"action": "remove", "contact_id": "ana"})
        assert cloud.final() == ([], {})

    assert kills >= 4


def _reset(cloud: Cloud, before: list[dict[str, Any]]) -> None:
    sns_backends[DEFAULT_ACCOUNT_ID][REGION].subscriptions.clear()
    cloud.dynamodb.delete_item(TableName="ContactTable", Key=to_item({"contact_id": "ana"}))
    for event in before:
        ask(event)


def _dies(cloud: Cloud, event: dict[str, Any], calls: Calls) -> bool:
    """Whether the function was killed on the way."""
    whole = managing.ports
    managing.ports = lambda: cloud.ports(calls)  # type: ignore[assignment] # a function with no cache
    try:
        ask(event)
    except Killed:
        return True
    finally:
        managing.ports = whole
    return False


def test_the_notifier_learns_who_can_be_reached(cloud: Cloud) -> None:
    ask(ANA)
    store = cloud.ports().contacts
    store.put(Contact("mute", "Mute", ()), now_ms=1)
    mail, phone = Address(ChannelKind.EMAIL, MAIL, NOW), Address(ChannelKind.SMS, PHONE)

    assert store.find("ana") == Contact("ana", "Ana", (mail, phone))
    assert store.find_recipient("ana") == Recipient("ana", "Ana", None, (Way("sns", (mail,)),), (phone,))
    assert store.find_recipient("ana", ["sms"]) == Recipient("ana", "Ana", None, (), (phone,))
    assert store.find_recipient("mute") == Recipient("mute", "Mute", "Mute has no address.", (), ())
    assert store.find_recipient("nobody") is None
    assert [store.knows(each) for each in ("ana", "mute", "nobody")] == [True, True, False]


def test_who_was_there_before_addresses_were_verified_is_told_on(cloud: Cloud) -> None:
    text = f'[{{"protocol": "email", "endpoint": "{MAIL}"}}, {{"protocol": "sms", "endpoint": "{PHONE}"}}]'
    item = to_item({"contact_id": "ana", "name": "Ana", "addresses": text, "changed_at": 7})
    cloud.dynamodb.put_item(TableName="ContactTable", Item=item)

    recipient = cloud.ports().contacts.find_recipient("ana")

    assert recipient
    assert recipient.unverified == ()
    assert [each.verified_at for each in recipient.ways[0].addresses] == [7, 7]
    ask(ANA)
    assert cloud.subscribed() == dict.fromkeys([MAIL, PHONE], filter_policy("ana"))


def test_a_telephone_is_told_pages_only_after_its_test_page(cloud: Cloud) -> None:
    ask(ANA)

    sent = ask({"action": "test", "contact_id": "ana", "channel": "sms"})
    (page,) = cloud.channel.sent
    wrong = ask({"action": "verify", "contact_id": "ana", "code": "000000"})
    before = cloud.subscribed()[PHONE]
    right = ask({"action": "verify", "contact_id": "ana", "code": "908172"})

    assert (sent["channel"], page.contact_id, cloud.channel.used) == ("sms", "ana~test", ["sns"])
    assert "908172" in page.sms
    assert "/a/" not in page.text + page.sms
    assert wrong == {"error": "This is not the code that was sent to ana."}
    assert (before, cloud.subscribed()[PHONE]) == (ON_TRIAL, filter_policy("ana"))
    assert [each["verified_at"] for each in right["contact"]["addresses"]] == [NOW, NOW]
    assert "908172" not in str(cloud.dynamodb.scan(TableName="ContactTable"))
    assert found() == []


def test_a_telephone_is_not_verified_before_its_subscription_lets_pages_through(cloud: Cloud) -> None:
    ask(ANA)
    ask({"action": "test", "contact_id": "ana", "channel": "sms"})
    cloud.sns.is_down = True

    with pytest.raises(ConnectionError):
        ask({"action": "verify", "contact_id": "ana", "code": "908172"})

    contact = cloud.ports().contacts.find("ana")
    assert contact
    assert [each.is_verified for each in contact.addresses if each.protocol == "sms"] == [False]
    cloud.sns.is_down = False
    ask({"action": "verify", "contact_id": "ana", "code": "908172"})
    assert cloud.subscribed()[PHONE] == filter_policy("ana")


def test_a_mail_address_that_sns_asks_to_confirm_anew_is_not_told_meanwhile(cloud: Cloud) -> None:
    ask(MOVED)
    cloud.mark(OTHER, ConfirmationWasAuthenticated="false")
    cloud.sns.asks_to_confirm = True

    answer = ask(MOVED)

    assert [each["verified_at"] for each in answer["contact"]["addresses"]] == [None]
    recipient = cloud.ports().contacts.find_recipient("ana")
    assert recipient
    assert (recipient.why_not, recipient.ways) == (None, ())


def test_the_token_of_a_mail_verifies_its_address(cloud: Cloud) -> None:
    cloud.sns.asks_to_confirm = True
    ask(MOVED)
    arn = next(iter(sns_backends[DEFAULT_ACCOUNT_ID][REGION].subscriptions))
    cloud.sns.confirmed_arn = arn

    ask({"action": "confirm", "token": "t" * 64})

    contact = cloud.ports().contacts.find("ana")
    assert contact
    assert [each.verified_at for each in contact.addresses] == [NOW]


def test_with_a_sender_mails_go_by_ses_first_and_by_sns_if_that_fails(cloud: Cloud) -> None:
    cloud.has_sender = True
    ask(MOVED)

    assert ask({"action": "test", "contact_id": "ana", "channel": "ses_email"})["channel"] == "ses_email"
    ask({"action": "verify", "contact_id": "ana", "code": "908172"})

    contact = cloud.ports().contacts.find("ana")
    assert contact
    assert [each.channel for each in ways_of(contact)] == ["ses_email", "sns"]
    assert "<html" in cloud.channel.sent[0].html


SLACK = "https://hooks.slack.com/services/T0/B0/verysecret"
ADD_SLACK = {"action": "add_channel", "contact_id": "ana", "protocol": "slack", "label": "ops", "secret": SLACK + "\n"}


def test_a_channels_secret_is_kept_in_secrets_manager_and_nowhere_else(
    cloud: Cloud, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(ANA)
    answer = ask(ADD_SLACK)

    secrets = boto3.client("secretsmanager", region_name=REGION)
    name = "coldwatch/test/channels/ana/slack/ops"
    assert json.loads(secrets.get_secret_value(SecretId=name)["SecretString"]) == {"url": SLACK}
    said = json.dumps(answer) + caplog.text + str(capsys.readouterr())
    assert "verysecret" not in said + str(cloud.dynamodb.scan(TableName="ContactTable"))
    assert answer["channel"] == "slack:ops"

    again = ask(ADD_SLACK | {"secret": SLACK + "2"})
    assert again["channel"] == "slack:ops"
    assert json.loads(secrets.get_secret_value(SecretId=name)["SecretString"]) == {"url": SLACK + "2"}

    assert ask({"action": "remove_channel", "contact_id": "ana", "channel": "slack:ops"})["channel"] == "slack:ops"
    assert secrets.list_secrets()["SecretList"] == []


def test_a_channel_stays_when_addresses_change_and_goes_with_its_contact(cloud: Cloud) -> None:
    ask(ADD_SLACK | {"name": "Ana"})
    ask(ANA)
    assert [each["protocol"] for each in ask({"action": "list"})["contacts"][0]["addresses"]] == [
        "email",
        "sms",
        "slack",
    ]

    ask({"action": "remove", "contact_id": "ana"})

    assert boto3.client("secretsmanager", region_name=REGION).list_secrets()["SecretList"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": "email"},
        {"protocol": ["slack"]},
        {"label": "UP"},
        {"label": "../x"},
        {"secret": None},
        {"secret": "http://hooks.slack.com/services/x"},
        {"secret": "https://evil.example/services/x"},
        {"secret": "https://hooks.slack.com.evil.example/"},
        {"contact_id": "nobody"},
    ],
)
def test_a_channel_that_makes_no_sense_is_refused_and_leaves_nothing(cloud: Cloud, changes: dict[str, Any]) -> None:
    ask(ANA)
    before = cloud.final()

    answer = ask(ADD_SLACK | changes)

    assert list(answer) == ["error"]
    assert "verysecret" not in answer["error"]
    assert cloud.final() == before
    assert boto3.client("secretsmanager", region_name=REGION).list_secrets()["SecretList"] == []


def test_a_test_page_that_cannot_be_sent_says_why(cloud: Cloud) -> None:
    ask(ADD_SLACK | {"name": "Ana"})
    cloud.channel.refuses_for_good.add("slack:ops")

    answer = ask({"action": "test", "contact_id": "ana", "channel": "ops"})

    assert answer == {"error": "The test page could not be sent to slack:ops. gone"}


def test_who_cannot_be_told_for_a_day_opens_an_incident_and_who_can_again_ends_it(cloud: Cloud) -> None:
    ask(ANA)
    cloud.mark(MAIL, PendingConfirmation="true")

    fresh = ask({"action": "reconcile"})
    cloud.now_ms += 86_400_000
    found_first = ask({"action": "reconcile"})
    cloud.now_ms += 86_400_000
    found_again = ask({"action": "reconcile"})
    cloud.mark(MAIL, PendingConfirmation="false")
    mended = ask({"action": "reconcile"})
    quiet = ask({"action": "reconcile"})

    assert (fresh["unreachable"], fresh["findings"][0]["kind"]) == ([], "pending")
    assert (found_first["unreachable"], found_again["unreachable"]) == (["ana"], ["ana"])
    assert (mended["reachable_again"], quiet["reachable_again"]) == (["ana"], [])
    first, second = cloud.calls.opened
    assert first["effect_id"] != second["effect_id"]
    assert (first["detector_model"], first["key"], first["kind"]) == (
        "contact_reachability",
        "ana",
        "contact_unreachable",
    )
    assert [each["key"] for each in cloud.calls.recovered] == ["ana"]


def test_a_check_by_hand_opens_no_incident(cloud: Cloud) -> None:
    ask(ANA)
    cloud.mark(MAIL, PendingConfirmation="true")
    cloud.now_ms += 86_400_000

    ask({"action": "check"})

    assert cloud.calls.opened == []


def damage(cloud: Cloud, contact_id: str, **changes: str) -> None:
    """As somebody does who writes past the commands."""
    entry: dict[str, Any] = {"contact_id": contact_id, "name": "Zoe", "addresses": "[{", "form": 2} | changes
    cloud.dynamodb.put_item(TableName="ContactTable", Item=to_item(entry))


def test_an_entry_that_cannot_be_read_is_a_finding_and_stops_nobody_elses(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    ask(ANA)
    cloud.mark(MAIL, PendingConfirmation="true")
    for number, addresses in enumerate(["[{", "{}", '[{"protocol": "fax", "endpoint": "1"}]']):
        damage(cloud, f"zoe{number}", addresses=addresses)
    cloud.dynamodb.put_item(TableName="ContactTable", Item=to_item({"contact_id": "nameless"}))
    cloud.now_ms += 86_400_000

    checked = ask({"action": "reconcile"})
    listed = ask({"action": "list"})
    ben = ask(ANA | {"contact_id": "ben", "emails": [OTHER], "phones": []})

    kinds = sorted((each["subject"], each["kind"]) for each in checked["findings"])
    damaged = [(name, "unreadable") for name in ("nameless", "zoe0", "zoe1", "zoe2")]
    assert kinds == [("ana", "pending"), *damaged]
    assert sorted(checked["unreachable"]) == ["ana", "nameless", "zoe0", "zoe1", "zoe2"]
    assert [each["contact_id"] for each in listed["contacts"]] == ["ana"]
    assert ben["contact"]["contact_id"] == "ben"
    assert {vars(each)["contact_id"] for each in caplog.records if each.message == "contact not readable"} == {
        *("nameless", "zoe0", "zoe1", "zoe2")
    }


def test_an_entry_that_cannot_be_read_is_mended_by_adding_again(cloud: Cloud) -> None:
    damage(cloud, "ana")
    refused = ask({"action": "remove", "contact_id": "ana"})

    ask(ANA)

    assert refused["error"].startswith("The entry of contact ana cannot be read (")
    assert found() == []
    assert list(ask({"action": "remove", "contact_id": "ana"})) == ["contact"]


def test_who_is_removed_while_unreachable_leaves_no_incident_behind(cloud: Cloud) -> None:
    ask(ANA)
    ask(ANA | {"contact_id": "ben", "emails": [OTHER], "phones": []})
    cloud.mark(MAIL, PendingConfirmation="true")
    cloud.now_ms += 86_400_000
    opened = ask({"action": "reconcile"})["unreachable"]

    for contact_id in ("ana", "ben"):
        ask({"action": "remove", "contact_id": contact_id})

    assert opened == ["ana"]
    assert [each["key"] for each in cloud.calls.recovered] == ["ana"], "Ben's was never open"
    assert cloud.calls.recovered[0]["detector_model"] == cloud.calls.opened[0]["detector_model"]
