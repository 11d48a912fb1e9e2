"""The ways to a responder: which is tried first, what gives way to what, and what each attempt leaves behind."""

from dataclasses import dataclass, field, replace

import pytest

from coldwatch.incidents import lifecycle
from coldwatch.incidents.channels.ways import SNS, Way, ways_of
from coldwatch.incidents.contacts import Address, ChannelKind, Contact
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.policy import Tier
from coldwatch.incidents.ports import CallTime, Notification, NotSentError
from coldwatch.incidents.telling import Fate, NotAllToldError, Round, Told, tell
from tests.unit.incidents.builders import NOW, opened, told, world
from tests.unit.incidents.fakes import FakeChannel, Killed, World

MAIL = Address(ChannelKind.SES_EMAIL, "ana@example.com", 1)
SNS_MAIL = Address(ChannelKind.EMAIL, "ana@example.com", 1)
PHONE = Address(ChannelKind.SMS, "+4915112345678", 1)
SLACK = Address(ChannelKind.SLACK, "ops", 1, "s/slack")
PAGER = Address(ChannelKind.PAGERDUTY, "quality", 1, "s/pd")


def ana(*addresses: Address) -> tuple[World, Incident]:
    """A world in which Ana, alone on her tier, has these addresses; Ben is on the next."""
    here = world(tiers=(Tier(("ana",), 60), Tier(("ben",), 60)))
    here.directory.contacts["ana"] = Contact("ana", "Ana", addresses)
    return here, opened(here)


def last_try(here: World, of: Incident) -> Fate:
    here.waiting.open_tokens.add("last")
    asked = Round(of.incident_id, 1, 1, "last", is_last_try=True)
    return tell(asked, here.telling(), now_ms=NOW).fates["ana"]


def failures(here: World, of: Incident) -> list[str]:
    return [each.what for each in here.incidents.timeline(of.incident_id) if each.type == "page_failed"]


def kept(here: World, of: Incident) -> list[tuple[str, bool, str | None]]:
    return [(each.channel, each.is_sent, each.delivery) for each in here.incidents.pages(of.incident_id)]


@pytest.mark.parametrize(
    ("addresses", "wanted", "ways"),
    [
        ((MAIL, SNS_MAIL, SLACK), (), ["ses_email", "sns", "slack:ops"]),
        ((SNS_MAIL, PHONE), (), ["sns"]),
        ((MAIL, SLACK, PAGER), ("pagerduty", "slack"), ["pagerduty:quality", "slack:ops"]),
        ((MAIL, SLACK), ("slack:ops",), ["slack:ops"]),
        ((MAIL, SNS_MAIL, SLACK), ("email",), ["ses_email", "sns"]),
        ((MAIL, PHONE), ("sms",), ["sns"]),
        ((MAIL, SLACK), ("teams",), []),
        ((replace(SLACK, verified_at=None), MAIL), (), ["ses_email"]),
    ],
)
def test_the_ways_are_tried_in_the_tiers_order_or_else_in_the_contacts(
    addresses: tuple[Address, ...], wanted: tuple[str, ...], ways: list[str]
) -> None:
    found = ways_of(Contact("ana", "Ana", addresses), wanted=wanted)

    assert [each.channel for each in found] == ways


def test_without_a_sender_no_mail_goes_by_ses() -> None:
    assert [each.channel for each in ways_of(Contact("ana", "Ana", (MAIL, SNS_MAIL)), has_sender=False)] == [SNS]


def test_the_first_way_that_takes_the_message_is_enough() -> None:
    here, incident = ana(MAIL, SNS_MAIL, SLACK)

    result = told(here, incident, 1)

    assert (result.fates, here.channel.used) == ({"ana": Fate.SENT}, ["ses_email"])
    assert kept(here, incident) == [("ses_email", True, "sent")]


@pytest.mark.parametrize("refusing", ["refuses", "refuses_for_good"])
def test_a_way_that_fails_gives_way_to_the_next_one_at_once(refusing: str) -> None:
    here, incident = ana(MAIL, SNS_MAIL)
    getattr(here.channel, refusing).add("ses_email")

    result = told(here, incident, 1)

    assert (result.fates, here.channel.used) == ({"ana": Fate.SENT}, ["sns"])
    assert kept(here, incident) == [("ses_email", False, None), ("sns", True, "sent")]
    assert len(failures(here, incident)) == 1


def test_a_telephone_is_told_besides_whatever_else_was() -> None:
    here, incident = ana(MAIL, PHONE)

    told(here, incident, 1)

    assert here.channel.used == ["ses_email", "sns"]
    mail, text = here.channel.sent
    assert mail.link != text.link, "each message has a link of its own"
    assert (mail.sms, text.html) == ("", "")


def test_a_telephone_that_cannot_be_told_now_is_tried_again_and_the_rest_is_not_told_twice() -> None:
    here, incident = ana(MAIL, PHONE)
    here.channel.refuses.add("sns")

    with pytest.raises(NotAllToldError, match="for ana"):
        told(here, incident, 1)
    content = last_try(here, incident)
    here.channel.refuses.clear()
    again = told(here, incident, 1)

    assert (content, again.fates["ana"]) == (Fate.SENT_IN_PART, Fate.SENT)
    assert here.channel.used == ["ses_email", "sns"]


def test_a_telephone_that_cannot_be_told_now_is_tried_again_whichever_way_came_first() -> None:
    here, incident = ana(PHONE, SLACK)
    here.channel.refuses.add("sns")

    with pytest.raises(NotAllToldError, match="for ana"):
        told(here, incident, 1)
    here.channel.refuses.clear()
    again = told(here, incident, 1)

    assert (again.fates["ana"], here.channel.used) == (Fate.SENT, ["slack:ops", "sns"])


def test_who_was_told_is_not_told_again_because_somebody_else_was_not() -> None:
    here = world(tiers=(Tier(("ana", "ben"), 60),))
    here.directory.contacts["ana"] = Contact("ana", "Ana", (SLACK, MAIL))
    here.directory.contacts["ben"] = Contact("ben", "Ben", (replace(MAIL, endpoint="ben@example.com"),))
    incident = opened(here)
    here.channel.refuses |= {"slack:ops", "ben"}

    with pytest.raises(NotAllToldError, match="for ben"):
        told(here, incident, 1)
    here.channel.refuses.clear()
    again = told(here, incident, 1)

    assert again.fates == {"ana": Fate.ALREADY_SENT, "ben": Fate.SENT}
    assert [(each.contact_id, by) for each, by in zip(here.channel.sent, here.channel.used, strict=True)] == [
        ("ana", "ses_email"),
        ("ben", "ses_email"),
    ]


@dataclass
class Hanging:
    """A minute in which everything is sent in 200 ms, but what leads to `services` fails after 8 s."""

    channel: FakeChannel
    services: set[str] = field(default_factory=lambda: {"slack"})
    passed_ms: int = 0

    def send(self, notification: Notification, way: Way) -> str:
        is_hanging = way.service in self.services
        self.passed_ms += 8_000 if is_hanging else 200
        if self.passed_ms > 60_000:
            raise Killed
        if is_hanging:
            raise NotSentError("it hangs")
        return self.channel.send(notification, way)

    def tell(self, here: World, of: Incident) -> Told:
        self.passed_ms = 0
        call_time = CallTime(lambda: self.passed_ms, lambda: 60_000 - self.passed_ms)
        ports = replace(here.telling(), notifier=self, call_time=call_time)
        here.waiting.open_tokens.add("token-1")
        return tell(Round(of.incident_id, 1, 1, "token-1", wait_s=60), ports, now_ms=NOW)


TEN = tuple(f"contact-{number}" for number in range(10))


def ten(*addresses: Address) -> tuple[World, Incident]:
    here = world(tiers=(Tier(TEN, 60), Tier(("ben",), 60)))
    here.directory.contacts |= {each: Contact(each, each, addresses) for each in TEN}
    return here, opened(here)


def test_a_service_that_hangs_keeps_nobody_waiting_who_can_be_told_otherwise() -> None:
    here, incident = ten(SLACK, MAIL)

    result = Hanging(here.channel).tell(here, incident)

    assert set(result.fates.values()) == {Fate.SENT}
    assert here.channel.used == ["ses_email"] * 10


def test_a_page_says_when_it_was_sent_and_not_when_the_call_began() -> None:
    here, incident = ten(SLACK, MAIL)

    Hanging(here.channel).tell(here, incident)

    sent = sorted(each.at - NOW for each in here.incidents.pages(incident.incident_id) if each.is_sent)
    assert sent == [8_200, *range(8_400, 10_200, 200)]
    told_at = sorted(each.at - NOW for each in here.incidents.timeline(incident.incident_id) if each.type == "paged")
    assert told_at == sent


def test_whoever_has_nothing_but_what_hangs_keeps_the_rest_of_the_tier_from_nothing() -> None:
    here, incident = ten(SLACK)
    for each in TEN[7:]:
        here.directory.contacts[each] = Contact(each, each, (MAIL,))
    hanging = Hanging(here.channel)

    for _ in range(6):
        with pytest.raises(NotAllToldError):
            hanging.tell(here, incident)

    assert [each.contact_id for each in here.channel.sent] == list(TEN[7:])
    tried = {each.contact_id for each in here.incidents.pages(incident.incident_id) if each.failure}
    assert tried == set(TEN[:7])


def test_a_call_that_is_out_of_time_is_made_again_and_goes_on_with_those_who_were_not_tried() -> None:
    here, incident = ten()
    webhooks = [Address(ChannelKind.WEBHOOK, each, 1, "s/own") for each in TEN]
    here.directory.contacts |= {own.endpoint: Contact(own.endpoint, own.endpoint, (own, MAIL)) for own in webhooks}
    hanging = Hanging(here.channel, {own.channel for own in webhooks})

    for _ in range(2):
        with pytest.raises(NotAllToldError):
            hanging.tell(here, incident)
    result = hanging.tell(here, incident)

    assert all(fate.is_told for fate in result.fates.values())
    assert sorted(each.contact_id for each in here.channel.sent) == sorted(TEN), "each once"


def test_where_all_ways_are_closed_for_good_the_next_tier_is_told_without_a_wait() -> None:
    here, incident = ana(MAIL, SLACK)
    here.channel.refuses_for_good |= {"ses_email", "slack:ops"}

    result = told(here, incident, 1)

    assert result.fates == {"ana": Fate.UNREACHABLE}
    assert [answer["outcome"] for _, answer in here.waiting.heard] == ["unreachable"]


def test_where_one_way_may_do_better_soon_the_whole_is_tried_again() -> None:
    here, incident = ana(MAIL, SLACK)
    here.channel.refuses_for_good.add("ses_email")
    here.channel.refuses.add("slack:ops")

    with pytest.raises(NotAllToldError):
        told(here, incident, 1)

    assert here.waiting.heard == []


def test_an_address_that_nobody_verified_is_left_out_and_said_so_once_a_round() -> None:
    here, incident = ana(replace(SLACK, verified_at=None), SNS_MAIL)

    told(here, incident, 1)
    told(here, incident, 1)

    assert here.channel.used == ["sns"]
    assert failures(here, incident) == [
        "ana could not be told (round 1, tier 1). ops is not verified; coldwatch contacts test sends it a test page."
    ]


def test_who_has_only_addresses_that_nobody_verified_is_unreachable() -> None:
    here, incident = ana(replace(PHONE, verified_at=None))

    result = told(here, incident, 1)

    assert (result.fates, here.channel.sent) == ({"ana": Fate.UNREACHABLE}, [])
    assert [answer["outcome"] for _, answer in here.waiting.heard] == ["unreachable"]


def test_an_acknowledgement_cancels_the_ways_that_are_left() -> None:
    here, incident = ana(MAIL, PHONE)

    def acknowledge(_: Notification) -> None:
        now = here.incidents.incidents[incident.incident_id]
        taken = lifecycle.acknowledge(now, who="ana", note=None, now_ms=NOW)
        assert taken
        assert here.incidents.apply(taken)

    here.channel.on_send = acknowledge

    result = told(here, incident, 1)

    assert (result.fates, here.channel.used) == ({"ana": Fate.SENT}, ["ses_email"])
