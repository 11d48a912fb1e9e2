"""The channels with their real adapters: what AWS is sent, and what PagerDuty and chats are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from coldwatch.adapters.event_bus import AllAlerts, BusAlerts, EventBus
from coldwatch.adapters.mail import SesMailer
from coldwatch.adapters.secret_store import FRESH_S, SecretError, SecretsManagerSecrets
from coldwatch.incidents.channels.ways import SNS, Way
from coldwatch.incidents.contacts import Address, ChannelKind
from coldwatch.incidents.ports import NotSentError
from tests.integration.aws.channels_world import HOST, PAGE, Account, Receiver, poster
from tests.integration.aws.channels_world import account as _account
from tests.integration.aws.channels_world import certificate as _certificate
from tests.integration.aws.channels_world import receiver as _receiver
from tests.integration.aws.stack import REGION

account, certificate, receiver = _account, _certificate, _receiver


def test_sns_says_it_in_other_words_to_a_telephone(account: Account) -> None:
    way = Way(SNS, (Address(ChannelKind.EMAIL, "a@b.example", 1), Address(ChannelKind.SMS, "+4915112345678", 1)))
    asked = account.asked("sns", "Publish")

    account.channels().send(PAGE, way)

    (sent,) = asked
    assert json.loads(sent["Message"]) == {"default": PAGE.text, "sms": PAGE.sms}
    assert (sent["MessageStructure"], sent["Subject"]) == ("json", PAGE.subject)
    assert sent["MessageAttributes"]["contact_id"]["StringValue"] == "ana"


def test_ses_sends_text_and_html_to_the_contact_alone_with_tags_that_come_back(account: Account) -> None:
    way = Way("ses_email", (Address(ChannelKind.SES_EMAIL, "ana@example.com", 1),))

    message_id = account.channels().send(PAGE, way)

    (sent,) = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert (sent.id, sent.source, sent.destinations["ToAddresses"]) == (
        message_id,
        "watch@example.com",
        ["ana@example.com"],
    )
    assert "unsubscribe" not in str(vars(sent)).lower()


def test_a_sender_that_ses_does_not_know_is_a_fault_for_good(account: Account) -> None:
    mailer = SesMailer(boto3.client("sesv2", region_name=REGION), "other@example.org", "")

    with pytest.raises(NotSentError, match="MessageRejected") as refused:
        mailer.send(PAGE, Way("ses_email", (Address(ChannelKind.SES_EMAIL, "ana@example.com", 1),)))

    assert refused.value.is_permanent
    assert "s3cret" not in str(refused.value)


def test_the_bus_hears_what_becomes_of_an_incident_and_no_link(account: Account) -> None:
    bus, asked = EventBus(account.events, "incidents"), account.asked("events", "PutEvents")
    account.channels().send(PAGE, Way("eventbridge:bus", (Address(ChannelKind.EVENTBRIDGE, "bus", 1),)))
    for event in ("opened", "escalated", "acknowledged", "resolved"):
        BusAlerts(bus).publish("alerts/x/y", {"event": event, "incident_id": "i"})

    heard = [entry for each in asked for entry in each["Entries"]]
    assert [each["DetailType"] for each in heard] == [
        *("ResponderPaged", "IncidentOpened", "IncidentEscalated", "IncidentAcknowledged", "IncidentResolved")
    ]
    assert {(each["EventBusName"], each["Source"]) for each in heard} == {("incidents", "coldwatch")}
    assert "s3cret" not in str(heard)


def test_a_bus_that_is_not_there_is_a_fault(account: Account) -> None:
    class Refusing:
        def put_events(self, **_asked: Any) -> Any:
            return {"Entries": [{"ErrorCode": "ThrottlingException"}], "FailedEntryCount": 1}

    with pytest.raises(NotSentError, match="ThrottlingException"):
        EventBus(Refusing(), "incidents").put("IncidentOpened", {}, "i")  # type: ignore[arg-type] # a stand-in


def test_what_one_listener_does_not_take_the_others_hear() -> None:
    heard: list[str] = []

    class Deaf:
        def publish(self, topic: str, alert: Any) -> None:  # noqa: ARG002 - of the port
            raise NotSentError("deaf")

    class Ear:
        def publish(self, topic: str, alert: Any) -> None:  # noqa: ARG002 - of the port
            heard.append(topic)

    with pytest.raises(NotSentError, match="deaf"):
        AllAlerts((Deaf(), Ear())).publish("t", {})

    assert heard == ["t"]


def test_pagerduty_is_triggered_acknowledged_and_resolved_by_the_alerts_key(account: Account) -> None:
    posted: list[tuple[str, dict[str, Any]]] = []

    class Poster:
        def post(self, whose: str, url: str, body: bytes, headers: Any = None) -> None:  # noqa: ARG002 - of the port
            posted.append((url, json.loads(body)))

    name = account.keep("s/pd", routing_key="r" * 32, region="eu")
    address = Address(ChannelKind.PAGERDUTY, "quality", 1, name)
    channels = account.channels(Poster())  # type: ignore[arg-type] # a stand-in
    channels.send(replace(PAGE, alert_key="i/1"), Way("pagerduty:quality", (address,)))
    for action in ("acknowledge", "resolve"):
        channels.pagerduty.update_pagerduty(address, action, "i/1")
    channels.send(PAGE, Way("pagerduty:quality", (address,)))

    assert {url for url, _ in posted} == {"https://events.eu.pagerduty.com/v2/enqueue"}
    assert [(each["event_action"], each["dedup_key"]) for _, each in posted] == [
        *(("trigger", "i/1"), ("acknowledge", "i/1"), ("resolve", "i/1"), ("trigger", PAGE.page_id))
    ]
    event = posted[0][1]
    assert (event["payload"]["severity"], event["links"][0]["href"]) == ("critical", PAGE.link)
    assert set(event["payload"]) >= {"summary", "source", "severity"}


@pytest.mark.parametrize("protocol", [ChannelKind.SLACK, ChannelKind.TEAMS])
def test_a_chat_gets_hostile_text_as_text_and_one_link(
    account: Account, receiver: Receiver, certificate: Path, protocol: ChannelKind
) -> None:
    name = account.keep(f"s/{protocol}", url=f"https://{HOST}:{receiver.port}/chat")

    account.channels(poster(certificate)).send(PAGE, Way(f"{protocol}:ops", (Address(protocol, "ops", 1, name),)))

    ((_, _, body),) = receiver.got
    said = json.loads(body)
    assert body.decode().count("https://page.example/a/s3cret") == 1
    if protocol is ChannelKind.SLACK:
        assert {block["type"] for block in said["blocks"]} == {"header", "section", "actions"}
        assert "<!channel>" not in body.decode()
        assert "mrkdwn" not in body.decode()
    else:
        card = said["attachments"][0]
        assert (said["type"], card["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
        assert {block["type"] for block in card["content"]["body"]} == {"RichTextBlock"}, "TextBlocks read Markdown"


def test_a_secret_that_is_gone_is_a_fault_for_good_and_no_secret_is_ever_told(account: Account) -> None:
    with pytest.raises(NotSentError, match="s/none cannot be read") as refused:
        account.channels().send(PAGE, Way("slack:ops", (Address(ChannelKind.SLACK, "ops", 1, "s/none"),)))

    assert refused.value.is_permanent


def test_a_secret_is_read_once_in_five_minutes(account: Account) -> None:
    now = [0.0]
    secrets = SecretsManagerSecrets(account.secrets, lambda: now[0])
    account.keep("s/a", url="old")
    first = secrets.find("s/a")
    account.secrets.put_secret_value(SecretId="s/a", SecretString='{"url": "new"}')
    now[0] = FRESH_S - 1
    still = secrets.find("s/a")
    now[0] = FRESH_S

    assert (first, still, secrets.find("s/a")) == ({"url": "old"}, {"url": "old"}, {"url": "new"})
    secrets.remove("s/a")
    secrets.remove("s/a")
    with pytest.raises(SecretError) as gone:
        secrets.find("s/a")
    assert gone.value.is_missing
