"""Digests of several contacts in one run: what is wrong with one, or takes long, costs no other theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from coldwatch.incidents import announcing
from coldwatch.incidents.announcing import announce
from coldwatch.incidents.answering import Action
from coldwatch.incidents.contacts import Address, ChannelKind, Contact
from coldwatch.incidents.delivery import Delivery, Report, take_report
from coldwatch.incidents.incident import Incident, Severity
from coldwatch.incidents.policy import Tier, by_severity
from coldwatch.incidents.ports import Notification, Recipient
from coldwatch.incidents.storms.posting import CLAIMED_MS, Digest, Ports, send_digests
from coldwatch.incidents.storms.rules import Budget
from coldwatch.incidents.telling import tell_one
from tests.unit.incidents.builders import NOW, is_, plan
from tests.unit.incidents.fakes import Course
from tests.unit.incidents.storms.builders import device, opens, storm_world
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.storms.telling import replace_rules, settle
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork
from tests.unit.incidents.test_announcing import Book, Listeners

DUE = NOW + 10 * MINUTE


def waiting(count: int, *, digest_at_most: int = 100) -> tuple[Clockwork, list[Incident]]:
    """Ana and Ben have each had their message; `count` incidents more wait for the digests of both."""
    here = storm_world()
    budget = Budget(messages=1, window_s=600, reserved=0)
    here.rules = replace_rules(here, budget=budget, digest_at_most=digest_at_most)
    both = plan(Tier(("ana", "ben"), 3600))
    here.directory.policies["default"] = by_severity("default", "1", dict.fromkeys(Severity, both))
    clock = Clockwork(here, NOW)
    opens(here, device(here, 0, site=None))
    clock.run_until(NOW)
    made = [opens(here, device(here, n + 1, site=None), model="shock") for n in range(count)]
    clock.run_until(DUE - 1)
    return clock, made


def send(clock: Clockwork, ports: Ports | None = None, *, now_ms: int = DUE) -> dict[str, Digest]:
    return {each.contact_id: each for each in send_digests(ports or clock.here.posting(), now_ms=now_ms)}


@dataclass
class Unreadable:
    """A directory in which one entry is none."""

    contact_id: str
    find: Callable[[str, Sequence[str]], Recipient | None]

    def find_recipient(self, contact_id: str, channels: Sequence[str] = ()) -> Recipient | None:
        if contact_id == self.contact_id:
            raise ValueError("no such protocol: pigeon")
        return self.find(contact_id, channels)


def broken(of: str) -> Callable[[Incident, str, int], str]:
    def make_link(_incident: Incident, contact_id: str, _now_ms: int) -> str:
        if contact_id == of:
            raise RuntimeError("throttled")
        return "https://page.example/a/x"

    return make_link


@pytest.mark.parametrize("fault", ["entry", "link"])
def test_a_contact_whose_digest_cannot_be_made_costs_nobody_else_theirs(fault: str) -> None:
    clock, _ = waiting(3)
    ports = clock.here.posting()
    unreadable = Unreadable("ana", clock.here.directory.find_recipient)
    ports = replace(ports, recipients=unreadable) if fault == "entry" else replace(ports, make_link=broken("ana"))

    sent = send(clock, ports)

    assert sent["ana"].failure in {"ValueError: no such protocol: pigeon", "RuntimeError: throttled"}
    assert (sent["ana"].told, sent["ana"].left) == (0, 3)
    assert (sent["ben"].told, sent["ben"].failure) == (3, None)
    assert send(clock)["ana"].told == 3, "it is tried again"


PAGER = Address(ChannelKind.PAGERDUTY, "quality", 1, "s/pd")
MAIL, SLACK = Address(ChannelKind.SES_EMAIL, "a@b.example", 1), Address(ChannelKind.SLACK, "ops", 1, "s/slack")


def digest_for_ana(*addresses: Address) -> tuple[Clockwork, list[Incident], Notification]:
    clock, made = waiting(3)
    clock.here.directory.contacts["ana"] = Contact("ana", "Ana", addresses)
    send(clock)
    (digest,) = (each for each in clock.here.channel.sent if each.page_id.startswith("digest-ana"))
    return clock, sorted(made, key=lambda each: each.incident_id != digest.incident_id), digest


def test_pagerduty_follows_the_first_incident_of_a_digest_that_it_was_sent() -> None:
    clock, (first, *others), _ = digest_for_ana(PAGER)
    here, listeners = clock.here, Listeners()

    for each in (*others, first):
        settle(here, each, Action.RESOLVE, at=clock.now)
        announce(is_(here, each), announcing.Ports(here.incidents, Book(here.directory.contacts), listeners))

    assert listeners.heard == [("pagerduty:quality", "resolve")]


def test_a_digest_that_came_back_as_a_mail_tells_its_first_incident_by_the_next_way() -> None:
    clock, (first, *_), digest = digest_for_ana(MAIL, SLACK)
    here = clock.here
    number = here.channel.sent.index(digest) + 1
    report = Report(digest.incident_id, digest.round, "ana", "ses_email", f"message-{number}", Delivery.FAILED, "Gone.")

    take_report(report, here.incidents, lambda of, who: tell_again(here, of, who, DUE + 5), now_ms=DUE + 5)
    clock.run_until(DUE + 12 * MINUTE)

    pages = {each.channel: each for each in here.incidents.pages(first.incident_id) if each.contact_id == "ana"}
    assert (pages["ses_email"].is_sent, pages["ses_email"].delivery) == (False, "failed")
    assert pages["slack:ops"].is_sent
    assert [used for used in here.channel.used if used == "ses_email"] == ["ses_email"], "it would come back again"


def test_no_round_tells_again_what_a_digest_has_told_by_whatever_ways() -> None:
    clock, made, _ = digest_for_ana(MAIL, SLACK)
    before = len(clock.here.channel.sent)

    clock.run_until(DUE + 45 * MINUTE)

    assert {is_(clock.here, each).round for each in made} == {1}
    assert len(clock.here.channel.sent) == before


def tell_again(here: StormWorld, of: Incident, contact_id: str, now_ms: int) -> None:
    tell_one(of.incident_id, of.round, contact_id, here.telling(), now_ms=now_ms)


@dataclass
class Asking:
    """Counts who was asked about; each takes `ms_each` of the `ms` that there are."""

    ms: int = 3_600_000
    ms_each: int = 0
    asked: list[str] = field(default_factory=list)

    def is_silenced(self, incident: Incident, _now_ms: int) -> bool:
        self.asked.append(incident.incident_id)
        return False

    def ms_left(self) -> int:
        return self.ms - self.ms_each * len(self.asked)

    def ports(self, clock: Clockwork) -> Ports:
        return replace(clock.here.posting(), is_silenced=self.is_silenced, ms_left=self.ms_left)


def test_no_more_are_asked_about_than_one_digest_tells() -> None:
    clock, _ = waiting(12, digest_at_most=4)
    asking = Asking()

    sent = send(clock, asking.ports(clock))

    assert len(asking.asked) == 8
    assert [(each.told, each.left) for each in sent.values()] == [(4, 8), (4, 8)]


def test_what_is_urgent_is_asked_about_first() -> None:
    clock, _ = waiting(6, digest_at_most=2)
    urgent = [opens(clock.here, device(clock.here, 50 + n, site=None), at=clock.now) for n in range(2)]
    clock.run_until(DUE - 1)

    asking = Asking()
    send(clock, asking.ports(clock))

    assert set(asking.asked) == {each.incident_id for each in urgent}


def test_what_is_over_costs_one_look() -> None:
    clock, made = waiting(6)
    for each in made:
        clock.here.incidents.incidents[each.incident_id] = replace(each, round=7)
    asking = Asking()

    sent = send(clock, asking.ports(clock))

    assert asking.asked == []
    assert [(each.told, each.dropped) for each in sent.values()] == [(0, 6), (0, 6)]


def test_time_is_shared_among_contacts_so_that_each_is_sent_something() -> None:
    clock, made = waiting(10)

    sent = send(clock, Asking(ms=1_000, ms_each=100).ports(clock))

    assert [(each.told, each.left) for each in sent.values()] == [(5, 5), (5, 5)]
    clock.run_until(DUE + 11 * MINUTE)
    assert all(any(page.is_sent for page in clock.here.incidents.pages(each.incident_id)) for each in made)


def test_a_run_that_has_no_time_left_leaves_the_rest_to_the_next_and_says_so() -> None:
    clock, _ = waiting(3)

    sent = send(clock, Asking(ms=0).ports(clock))

    assert [(each.told, each.left) for each in sent.values()] == [(0, 3), (0, 3)]
    assert all(each.failure and "tried again in a minute" in each.failure for each in sent.values())
    assert [each.told for each in send(clock).values()] == [3, 3]


# --- two runs at once


def digests(clock: Clockwork) -> list[str]:
    return [each.contact_id for each in clock.here.channel.sent if each.page_id.startswith("digest-")]


@pytest.mark.parametrize("at_most", [100, 2], ids=["room for all", "some are put off"])
def test_whichever_call_of_a_run_another_one_comes_between_each_page_is_in_one_digest(at_most: int) -> None:
    def run(at: int) -> int:
        clock, made = waiting(3, digest_at_most=at_most)

        def act() -> None:
            send(clock, now_ms=DUE + 1)

        meanwhile = Course(at, act=act)
        send(clock, clock.here.posting(meanwhile))
        clock.run_until(DUE + 12 * MINUTE)
        said = "".join(each.text for each in clock.here.channel.sent if each.page_id.startswith("digest-"))
        assert [said.count(each.device_id) for each in made] == [2] * 3, (at, "once for Ana, once for Ben")
        assert clock.here.storms.entries == {}, at
        return meanwhile.calls

    calls = run(0)
    assert calls > 20
    for at in range(1, calls + 1):
        run(at)


def test_the_digest_of_a_run_that_died_is_sent_by_the_next_one_after_its_claim() -> None:
    clock, _ = waiting(3)
    assert clock.here.storms.claim_digest("ana", now_ms=DUE, until_ms=DUE + CLAIMED_MS)

    assert send(clock).keys() == {"ben"}
    assert send(clock, now_ms=DUE + CLAIMED_MS)["ana"].told == 3
    assert sorted(digests(clock)) == ["ana", "ben"]


def test_a_claim_that_cannot_be_given_back_costs_no_digest() -> None:
    clock, _ = waiting(3)
    stuck = replace(clock.here.posting(), store=Stuck(clock.here.storms))

    assert [(each.told, each.failure) for each in send(clock, stuck).values()] == [(3, None)] * 2


@dataclass
class Stuck:
    """A store that takes no claim back."""

    store: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def release_digest(self, contact_id: str, *, until_ms: int) -> None:
        raise RuntimeError(f"throttled: {contact_id}, {until_ms}")
