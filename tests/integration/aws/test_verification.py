"""Who can be told, and by what: addresses are verified before they are, and channels with a label keep their secret."""

import json
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from coldwatch.adapters.items import to_item
from coldwatch.incidents.channels.ways import Way, ways_of
from coldwatch.incidents.contacts import Address, ChannelKind, Contact, filter_policy
from coldwatch.incidents.ports import Recipient
from tests.integration.aws.contacts_world import ANA, MAIL, MOVED, ON_TRIAL, OTHER, PHONE, Cloud, ask, found
from tests.integration.aws.contacts_world import cloud as _cloud
from tests.integration.aws.stack import REGION
from tests.unit.incidents.builders import NOW

cloud = _cloud


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
