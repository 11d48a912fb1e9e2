"""What is said after a change, what SES says of a mail, who cannot be told, and the code of a test page."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from await_resolution.handler import say as say_held
from coldwatch.incidents import lifecycle
from coldwatch.incidents.alerts import AlertEvent, alert
from coldwatch.incidents.announcing import NotAnnouncedError, Ports, announce
from coldwatch.incidents.channels.pagerduty import MOST, key_of, keys_of
from coldwatch.incidents.contacts import Address, ChannelKind, Contact, ContactError
from coldwatch.incidents.delivery import Delivery, Report, read_report, take_report
from coldwatch.incidents.incident import EventType, Incident, TimelineEvent
from coldwatch.incidents.policy import Tier
from coldwatch.incidents.ports import Notification, NotSentError
from coldwatch.incidents.telling import tell_one
from coldwatch.incidents.verification import LIFETIME_MS, MOST_WRONG, begin, settle
from tests.unit.incidents.builders import NOW, is_, opened, told, world
from tests.unit.incidents.fakes import World

EVENT = json.loads((Path(__file__).parents[3] / "events/record_delivery.json").read_text())
PAGER = Address(ChannelKind.PAGERDUTY, "quality", 1, "s/pd")
MAIL, SLACK = Address(ChannelKind.SES_EMAIL, "a@b.example", 1), Address(ChannelKind.SLACK, "ops", 1, "s/slack")


@dataclass
class Listeners:
    heard: list[tuple[str, str]] = field(default_factory=list)
    is_deaf: bool = False
    keys: list[str] = field(default_factory=list)

    def update_pagerduty(self, address: Address, action: str, alert_key: str) -> None:
        self.keys.append(alert_key)
        if self.is_deaf:
            raise NotSentError("PagerDuty is deaf")
        self.heard.append((address.channel, action))

    def publish(self, topic: str, alert: Any) -> None:  # noqa: ARG002 - of the port
        if self.is_deaf:
            raise NotSentError("the bus is deaf")
        self.heard.append(("bus", alert["event"]))


def ana(*addresses: Address) -> tuple[World, Incident]:
    here = world(tiers=(Tier(("ana",), 60), Tier(("ben",), 60)))
    here.directory.contacts["ana"] = Contact("ana", "Ana", addresses)
    incident = opened(here)
    told(here, incident, 1)
    return here, incident


@dataclass
class Book:
    contacts: dict[str, Contact]

    def find(self, contact_id: str) -> Contact | None:
        return self.contacts.get(contact_id)


def say(here: World, of: Incident, listeners: Listeners) -> list[str]:
    ports = Ports(here.incidents, Book(here.directory.contacts), listeners, listeners)
    return [each.sentence for each in announce(is_(here, of), ports)]


def act(here: World, of: Incident, how: str) -> None:
    now = is_(here, of)
    if how == "acknowledge":
        change = lifecycle.acknowledge(now, who="ben", note=None, now_ms=NOW)
    elif how == "snooze":
        change = lifecycle.snooze(now, who="ben", note=None, seconds=600, now_ms=NOW)
    else:
        change = lifecycle.resolve(now, who="op", resolution="by op", note=None, now_ms=NOW)
    assert change
    assert here.incidents.apply(change)


def test_pagerduty_and_the_bus_follow_an_incident_however_it_was_answered() -> None:
    here, incident = ana(PAGER)
    listeners = Listeners()

    nothing_yet = say(here, incident, listeners)
    act(here, incident, "acknowledge")
    say(here, incident, listeners)
    act(here, incident, "resolve")
    say(here, incident, listeners)

    assert nothing_yet == []
    assert listeners.heard == [
        *(("bus", "acknowledged"), ("pagerduty:quality", "acknowledge")),
        *(("bus", "resolved"), ("pagerduty:quality", "resolve"), ("pagerduty:quality", "resolve")),
    ]


def test_who_puts_an_incident_off_has_it_and_pagerduty_is_told_so() -> None:
    here, incident = ana(PAGER)
    listeners = Listeners()

    act(here, incident, "snooze")
    say(here, incident, listeners)

    assert listeners.heard == [("bus", "acknowledged"), ("pagerduty:quality", "acknowledge")]
    heard = alert(is_(here, incident), AlertEvent.ACKNOWLEDGED, at=NOW)
    assert (heard["status"], heard["acknowledged_by"]) == ("SNOOZED", "ben")


def alerts(here: World) -> list[str]:
    """The keys under which PagerDuty was told."""
    return [each.alert_key for each in here.channel.sent if each.alert_key]


def test_pagerduty_pages_again_once_nobody_has_it_any_more_and_all_of_it_is_closed_in_the_end() -> None:
    here, incident = ana(PAGER)
    listeners = Listeners()
    told(here, incident, 2, step=1)
    act(here, incident, "acknowledge")
    say(here, incident, listeners)
    acknowledged = list(listeners.keys)
    too_late = NOW + 3_600_000

    told(here, incident, 3, step=1, now_ms=too_late)
    first, second, third = alerts(here)
    act(here, incident, "resolve")
    say(here, incident, listeners)

    assert first == second, "nobody had it: PagerDuty goes on with what it has"
    assert third != first, "what is acknowledged there notifies nobody again"
    assert acknowledged == [first]
    assert listeners.keys[1:] == [third, first], "what pages now is closed first"


def test_of_an_incident_that_somebody_had_very_often_the_newest_alerts_are_closed() -> None:
    taken = [TimelineEvent(NOW + n, str(n), EventType.ACKNOWLEDGED, "ana", "x") for n in range(50)]

    held, over = (keys_of("i", taken, is_over=is_over) for is_over in (False, True))

    assert (len(held), held[0], len(over), over[0]) == (MOST, "i/49", MOST, "i/50")
    assert keys_of("i", taken[:1], is_over=True) == ["i/1", "i/0"]
    assert key_of("i", taken[:1]) == "i/1"


def test_pagerduty_hears_nothing_of_what_it_was_not_told_of() -> None:
    here, incident = ana(MAIL, PAGER)
    listeners = Listeners()
    act(here, incident, "resolve")

    say(here, incident, listeners)

    assert listeners.heard == [("bus", "resolved")]


def test_what_cannot_be_announced_is_told_and_stops_nothing() -> None:
    here, incident = ana(PAGER)
    act(here, incident, "resolve")

    listeners = Listeners(is_deaf=True)
    assert say(here, incident, listeners) == ["the bus is deaf", "PagerDuty is deaf"]
    assert len(listeners.keys) == 1, "who takes one not is not sent the others"


def held_by_ben() -> tuple[Incident, Listeners, Ports]:
    here, incident = ana(PAGER)
    act(here, incident, "acknowledge")
    listeners = Listeners(is_deaf=True)
    return is_(here, incident), listeners, Ports(here.incidents, Book(here.directory.contacts), listeners)


def test_an_acknowledgement_that_pagerduty_does_not_take_now_is_tried_again() -> None:
    incident, listeners, ports = held_by_ben()

    with pytest.raises(NotAnnouncedError):
        say_held(incident, ports, lambda: 30_000, is_last_try=False)
    say_held(incident, ports, lambda: 30_000, is_last_try=True)
    listeners.is_deaf = False
    say_held(incident, ports, lambda: 30_000, is_last_try=False)

    assert listeners.heard == [("pagerduty:quality", "acknowledge")]


def test_what_could_not_end_in_time_is_not_begun_and_tried_again() -> None:
    incident, listeners, ports = held_by_ben()

    with pytest.raises(NotAnnouncedError):
        say_held(incident, ports, lambda: 5_000, is_last_try=False)

    assert listeners.keys == []


def ses(kind: str, **detail: Any) -> dict[str, Any]:
    return {**EVENT, "detail": {"mail": EVENT["detail"]["mail"], "eventType": kind, **detail}}


@pytest.mark.parametrize(
    ("event", "delivery"),
    [
        (EVENT, Delivery.FAILED),
        (ses("Delivery"), Delivery.DELIVERED),
        (ses("Complaint"), Delivery.COMPLAINED),
        (ses("Reject", reject={"reason": "Bad content"}), Delivery.FAILED),
        (ses("Bounce", bounce={"bounceType": "Transient"}), None),
        (ses("Open"), None),
        ({}, None),
        ({"detail": {"eventType": "Delivery", "mail": {"messageId": "m", "tags": {"purpose": ["test"]}}}}, None),
        ({"detail": {"eventType": 5}}, None),
        ({"detail": []}, None),
    ],
)
def test_what_ses_says_is_read(event: dict[str, Any], delivery: Delivery | None) -> None:
    report = read_report(event)

    assert (report.delivery if report else None) == delivery


def report(incident: Incident, delivery: Delivery, message_id: str = "message-1") -> Report:
    return Report(incident.incident_id, 1, "ana", "ses_email", message_id, delivery, "It came back.")


def take(here: World, what: Report) -> list[str]:
    """Whom the notifier was asked to tell; it does so at once."""
    asked: list[str] = []

    def again(incident: Incident, contact_id: str) -> None:
        asked.append(contact_id)
        tell_one(incident.incident_id, incident.round, contact_id, here.telling(), now_ms=NOW)

    take_report(what, here.incidents, again, now_ms=NOW + 5)
    return asked


def test_a_mail_that_arrived_is_known_to_have_arrived() -> None:
    here, incident = ana(MAIL)

    assert take(here, report(incident, Delivery.DELIVERED)) == []
    assert [page.delivery for page in here.incidents.pages(incident.incident_id)] == ["delivered"]


def test_a_mail_that_came_back_moves_on_to_the_contacts_next_way() -> None:
    here, incident = ana(MAIL, SLACK)

    asked = [take(here, report(incident, Delivery.FAILED)) for _ in range(2)]

    assert (asked[0], here.channel.used) == (["ana"], ["ses_email", "slack:ops"])
    pages = {page.channel: (page.is_sent, page.delivery) for page in here.incidents.pages(incident.incident_id)}
    assert pages == {"ses_email": (False, "failed"), "slack:ops": (True, "sent")}
    said = [each.what for each in here.incidents.timeline(incident.incident_id) if each.type == "page_failed"]
    assert said == ["ana could not be told (round 1, tier 1). It came back."]
    assert here.waiting.heard == [], "she is told, and has the tier's time"


def test_where_nothing_else_reaches_anybody_of_the_tier_the_next_one_is_told() -> None:
    here, incident = ana(MAIL)

    take(here, report(incident, Delivery.FAILED))

    assert [answer["outcome"] for _, answer in here.waiting.heard] == ["unreachable"]


def three(**addresses: tuple[Address, ...]) -> tuple[World, Incident]:
    """A world in which these are one tier, Ana first; Zoe is the next."""
    here = world(tiers=(Tier(tuple(addresses), 60), Tier(("zoe",), 60)))
    here.directory.contacts |= {each: Contact(each, each, own) for each, own in addresses.items()}
    return here, opened(here)


def test_a_mail_that_comes_back_while_others_are_told_tells_nobody_twice() -> None:
    here, incident = three(ana=(MAIL, SLACK), ben=(MAIL,), cem=(MAIL,))
    reports = [report(incident, Delivery.FAILED)]

    def bounce(notification: Notification) -> None:
        if notification.contact_id == "ben" and reports:
            take(here, reports.pop())

    here.channel.on_send = bounce
    told(here, incident, 1)

    assert [each.contact_id for each in here.channel.sent] == ["ana", "ana", "ben", "cem"]


def test_the_token_that_waits_is_left_as_it_is_by_a_mail_that_came_back() -> None:
    here, incident = ana(MAIL)
    here.incidents.keep_token(is_(here, incident), "newer")
    here.waiting.open_tokens.add("newer")

    take(here, report(incident, Delivery.FAILED))

    waiting = here.incidents.token(incident.incident_id)
    assert waiting
    assert waiting[0] == "newer"
    assert [(token, answer["outcome"]) for token, answer in here.waiting.heard] == [("newer", "unreachable")]


def test_the_next_tier_waits_for_as_long_as_somebody_of_this_one_is_told() -> None:
    here, incident = three(ana=(MAIL,), ben=(MAIL,))
    told(here, incident, 1)

    take(here, report(incident, Delivery.FAILED))

    assert here.waiting.heard == []


def test_a_mail_that_comes_back_before_the_last_of_the_tier_is_tried_does_not_delay_the_next_tier() -> None:
    here, incident = three(ana=(MAIL,), ben=(SLACK,))
    here.channel.refuses_for_good.add("slack:ops")
    heard_meanwhile: list[object] = []

    def bounce() -> None:
        take(here, report(incident, Delivery.FAILED))
        heard_meanwhile.extend(here.waiting.heard)

    here.channel.on_refusal = bounce
    told(here, incident, 1)

    assert heard_meanwhile == [], "he is tried yet"
    assert [answer["outcome"] for _, answer in here.waiting.heard] == ["unreachable"]


@pytest.mark.parametrize("how", ["acknowledge", "resolve"])
def test_nobody_is_told_of_what_was_answered_meanwhile(how: str) -> None:
    here, incident = ana(MAIL, SLACK)
    act(here, incident, how)

    assert take(here, report(incident, Delivery.FAILED)) == []
    assert here.channel.used == ["ses_email"]


def test_what_is_said_of_another_message_changes_nothing() -> None:
    here, incident = ana(MAIL)
    before = here.incidents.pages(incident.incident_id)

    take(here, report(incident, Delivery.FAILED, "another"))

    assert here.incidents.pages(incident.incident_id) == before


KEY = b"k" * 64


def test_a_test_page_verifies_the_address_that_it_was_sent_to_and_no_other() -> None:
    contact = Contact("ana", "Ana", (replace(SLACK, verified_at=None), replace(MAIL, verified_at=None)))
    page = begin(contact, "slack:ops", KEY, (4711).to_bytes, NOW)

    done, address = settle(page.contact, " 004711 ", KEY, now_ms=NOW + 1)

    assert address
    assert [(each.channel, each.verified_at) for each in done.addresses] == [
        ("slack:ops", NOW + 1),
        ("ses_email", None),
    ]
    assert "004711" in page.notification.text
    assert "004711" not in str(page.contact)


def test_the_code_of_a_test_page_holds_for_a_day_and_five_wrong_tries() -> None:
    contact = begin(Contact("ana", "Ana", (MAIL,)), "ses_email", KEY, (4711).to_bytes, NOW).contact

    with pytest.raises(ContactError, match="waits for no code"):
        settle(contact, "004711", KEY, now_ms=NOW + LIFETIME_MS)
    for _ in range(MOST_WRONG):
        contact, address = settle(contact, "000000", KEY, now_ms=NOW)
        assert address is None
    with pytest.raises(ContactError, match="waits for no code"):
        settle(contact, "004711", KEY, now_ms=NOW)


@pytest.mark.parametrize("channel", [None, "", "sms", 5, "slack:other"])
def test_there_is_no_test_page_for_a_channel_that_is_not_there(channel: object) -> None:
    with pytest.raises(ContactError, match="has no such channel"):
        begin(Contact("ana", "Ana", (MAIL,)), channel, KEY, bytes, NOW)


def test_a_mail_address_of_sns_is_confirmed_before_it_gets_a_test_page() -> None:
    contact = Contact("ana", "Ana", (Address(ChannelKind.EMAIL, "a@b.example"),))

    with pytest.raises(ContactError, match="contacts confirm TOKEN"):
        begin(contact, "email", KEY, bytes, NOW)
