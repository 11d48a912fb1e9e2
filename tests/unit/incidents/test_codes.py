"""The code beside the link: what it opens, what is counted, and what a guess is worth."""

from collections.abc import Callable

import pytest

from coldwatch.incidents.answering import Action, Answer, Asked, Outcome, act
from coldwatch.incidents.channels.html_mail import render
from coldwatch.incidents.codes import (
    MOST_PER_INCIDENT,
    MOST_PER_SOURCE,
    WITHIN_MS,
    CodeOutcome,
    CodePorts,
    Tried,
    act_by_code,
    make_code,
    new_code,
)
from coldwatch.incidents.contacts import Address, ChannelKind, Contact
from coldwatch.incidents.identity import reference
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.ports import LinkStore
from tests.unit.incidents.builders import NOW, effect, is_, opened, told, world
from tests.unit.incidents.fakes import FakeCodes, World

KEY = b"k" * 64
PHONE = Address(ChannelKind.SMS, "+4915112345678", 1)


def paged() -> tuple[World, Incident, str]:
    """Ana was told by text message; her code."""
    here = world()
    here.code_key = KEY
    here.directory.names["ana"] = "Ana"
    here.directory.contacts["ana"] = Contact("ana", "Ana", (PHONE,))
    incident = opened(here)
    told(here, incident, 1)
    return here, incident, here.channel.sent[0].sms.split(" code ")[1][:6]


def acting(here: World, now_ms: int = NOW) -> Callable[[str, LinkStore], Answer]:
    def press(secret: str, links: LinkStore) -> Answer:
        return act(
            secret,
            Asked(Action.ACKNOWLEDGE),
            incidents=here.incidents,
            links=links,
            roster=here.directory,
            waiting=here.waiting,
            commands=here.commands,
            now_ms=now_ms,
        )

    return press


def tried(here: World, of: str, code: str, *, source: str = "192.0.2.1", now_ms: int = NOW) -> CodeOutcome | Outcome:
    """What came of it: answering's word where the code was right."""
    ports = CodePorts(here.codes, here.links, KEY)
    found = act_by_code(Tried(of, code, source), ports, acting(here, now_ms), now_ms=now_ms)
    return found.answer.outcome if found.answer else found.outcome


def wrong(code: str, number: int = 1) -> str:
    return f"{(int(code) + number) % 10**6:06d}"


def test_a_code_answers_for_the_contact_that_it_was_sent_to() -> None:
    here, incident, code = paged()

    assert tried(here, reference(incident.incident_id), code) == Outcome.ACKNOWLEDGED

    now = is_(here, incident)
    assert (now.status, now.acknowledged_by) == (Status.ACKNOWLEDGED, "ana")


@pytest.mark.parametrize(
    "spelt", [str.lower, lambda said: f" {said[:3]}-{said[3:]} ", lambda said: said.replace("1", "l")]
)
def test_a_reference_is_understood_however_people_write_it(spelt: Callable[[str], str]) -> None:
    here, incident, code = paged()

    assert tried(here, spelt(reference(incident.incident_id)), f" {code[:3]} {code[3:]}") == Outcome.ACKNOWLEDGED


def test_neither_code_nor_key_nor_link_is_in_what_is_stored() -> None:
    here, _incident, code = paged()

    stored = str(here.codes.codes) + str(here.links.links) + str(here.incidents)

    assert code not in stored
    assert here.channel.sent[0].link.rpartition("/")[2] not in stored
    assert next(iter(here.links.links.values())).code_hash in here.codes.codes


@pytest.mark.parametrize("of", ["ZZZZZZ", "", "x" * 5000, "------", "\0", "ana"])
def test_an_unknown_incident_is_answered_like_a_wrong_code(of: str) -> None:
    here, _, code = paged()

    assert tried(here, of, code) == CodeOutcome.WRONG_CODE


def test_five_wrong_codes_lock_the_incident_for_a_quarter_of_an_hour_and_the_right_one_too() -> None:
    here, incident, code = paged()
    own = reference(incident.incident_id)

    outcomes = [tried(here, own, wrong(code, n), source=f"s{n}") for n in range(1, MOST_PER_INCIDENT + 1)]

    assert outcomes == [CodeOutcome.WRONG_CODE] * 5
    assert tried(here, own, code) == CodeOutcome.LOCKED
    assert tried(here, own, code, now_ms=NOW + WITHIN_MS - 1) == CodeOutcome.LOCKED
    assert is_(here, incident).status is Status.OPEN
    assert tried(here, own, code, now_ms=NOW + WITHIN_MS) == Outcome.ACKNOWLEDGED


def test_who_tries_many_incidents_is_locked_out_of_all_of_them() -> None:
    here, incident, code = paged()

    outcomes = [tried(here, f"ZZZZ{n:02d}", code) for n in range(MOST_PER_SOURCE)]

    assert outcomes == [CodeOutcome.WRONG_CODE] * MOST_PER_SOURCE
    assert tried(here, reference(incident.incident_id), code) == CodeOutcome.LOCKED
    assert tried(here, reference(incident.incident_id), code, source="elsewhere") == Outcome.ACKNOWLEDGED


def test_a_right_code_does_not_count() -> None:
    here, incident, code = paged()

    outcomes = [tried(here, reference(incident.incident_id), code) for _ in range(MOST_PER_INCIDENT + 2)]

    assert outcomes == [Outcome.ACKNOWLEDGED] + [Outcome.ALREADY_YOURS] * 6


def test_a_code_is_as_late_as_its_link() -> None:
    here, incident, code = paged()
    told(here, incident, 2)

    assert tried(here, reference(incident.incident_id), code) == Outcome.TOO_LATE


def test_a_code_of_another_incident_opens_nothing() -> None:
    here, _, code = paged()
    other = opened(here, effect("e2", key="other", device_id="other"))

    assert tried(here, reference(other.incident_id), code) == CodeOutcome.WRONG_CODE


def test_two_responders_never_have_the_same_code() -> None:
    codes = FakeCodes()
    random = iter([7, 7, 8])

    first = new_code("5whtkc", codes, KEY, lambda _: next(random).to_bytes(8), link_hash="a", until=NOW)
    second = new_code("5whtkc", codes, KEY, lambda _: next(random).to_bytes(8), link_hash="b", until=NOW)

    assert first
    assert second
    assert (first[0], second[0]) == ("000007", "000008")


def test_codes_are_spread_evenly() -> None:
    codes = [make_code((number * 7_919_000_123_456_789 % 2**64).to_bytes(8)) for number in range(20_000)]

    firsts = [sum(code[0] == digit for code in codes) for digit in "0123456789"]

    assert max(firsts) - min(firsts) < 400


def test_without_a_key_a_message_has_no_code_and_is_sent_all_the_same() -> None:
    here = world()
    here.directory.contacts["ana"] = Contact("ana", "Ana", (PHONE,))
    told(here, opened(here), 1)

    (sent,) = here.channel.sent
    assert "code" not in sent.sms + sent.text
    assert sent.link in sent.sms


HOSTILE = "<script>alert(1)</script>\"'&<a href=x>"


def test_an_html_mail_shows_hostile_text_as_text_and_its_button_only_leads_somewhere() -> None:
    mail = render(
        subject=HOSTILE,
        greeting=HOSTILE,
        facts=[(HOSTILE, HOSTILE)],
        deadline=HOSTILE,
        link="https://page.example/a/x",
        small=[HOSTILE],
    )

    assert "<script" not in mail
    assert mail.count("<a ") == 1
    assert 'href="https://page.example/a/x"' in mail
    assert not any(each in mail for each in ("<form", "<img", "<link", "http-equiv", "onclick", "@import", "url("))
    assert "prefers-color-scheme:dark" in mail


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", ""])
def test_a_mail_has_no_button_to_what_is_no_page(link: str) -> None:
    assert "<a " not in render(subject="s", greeting="g", facts=[], deadline="", link=link, small=[])
