"""What exceeds a contact's budget comes in a digest: as timelines, on virtual time."""

from typing import Any

import pytest

from coldwatch.incidents.answering import Action
from coldwatch.incidents.incident import EventType, Incident
from coldwatch.incidents.storms.posting import CLAIMED_MS, send_digests
from tests.unit.incidents.builders import NOW, is_
from tests.unit.incidents.fakes import Course, Killed
from tests.unit.incidents.storms.builders import SECOND, device, opens, storm_world
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.storms.telling import SLOW, replace_rules, settle, told
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork


def many(clock: Clockwork, count: int, **changes: Any) -> list[Incident]:
    """Incidents that have nothing in common but whom they are told to."""
    names = [device(clock.here, number, site=None) for number in range(count)]
    return [opens(clock.here, name, at=clock.now, **changes) for name in names]


def test_what_exceeds_the_budget_comes_in_one_message_at_the_end_of_the_window() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)

    made = many(clock, 10)
    clock.run_until(NOW + 9 * MINUTE)
    assert [told(clock.here, each) for each in made] == [1] * 6 + [0] * 4
    clock.run_until(NOW + 10 * MINUTE)

    digest = clock.here.channel.sent[6]
    assert digest.subject == "CRITICAL: 4 incidents in one message"
    assert digest.text.count("https://page.example/a/") == 4
    assert all(each.device_id in digest.text for each in made[6:])


def test_a_page_in_a_digest_counts_as_told_and_its_round_has_its_whole_time() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)
    last = many(clock, 7)[-1]

    clock.run_until(NOW + 11 * MINUTE)
    (page,) = (each for each in clock.here.incidents.pages(last.incident_id) if each.is_sent)
    assert (page.channel, page.at, page.round) == ("sns", NOW + 10 * MINUTE, 1)
    clock.run_until(NOW + 70 * MINUTE)

    assert is_(clock.here, last).round == 1
    assert EventType.QUEUED in clock.here.what(last)


def test_what_is_critical_comes_first_in_a_digest_and_has_messages_of_its_own() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)

    warnings = many(clock, 6, model="shock")
    critical = [opens(clock.here, device(clock.here, 50 + n, site=None)) for n in range(4)]
    clock.run_until(NOW + 10 * MINUTE)

    assert [told(clock.here, each) for each in warnings] == [1] * 4 + [0] * 2
    assert [told(clock.here, each) for each in critical] == [1] * 2 + [0] * 2
    lines = [line for line in clock.here.channel.sent[6].text.splitlines() if ": " in line]
    assert [line.partition(":")[0] for line in lines] == ["CRITICAL", "CRITICAL", "WARNING", "WARNING"]


def test_a_test_page_is_sent_whatever_was_sent_before() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)
    many(clock, 8)

    made = one_of_kind(clock, "test")
    clock.run_until(NOW + MINUTE)

    assert told(clock.here, made) == 1


def one_of_kind(clock: Clockwork, kind: str) -> Incident:
    return opens(clock.here, device(clock.here, 99, site=None), at=clock.now, kind=kind)


def test_what_somebody_has_falls_out_of_the_digest() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)
    made = many(clock, 8)
    clock.run_until(NOW + MINUTE)

    settle(clock.here, made[6], Action.ACKNOWLEDGE, at=clock.now)
    clock.run_until(NOW + 10 * MINUTE)

    digest = clock.here.channel.sent[6]
    assert made[6].device_id not in digest.text
    assert made[7].device_id in digest.text


def test_a_digest_of_which_nothing_is_left_is_not_sent() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)
    made = many(clock, 8)
    clock.run_until(NOW + MINUTE)

    for each in made:
        settle(clock.here, each, Action.ACKNOWLEDGE, at=clock.now)
    clock.run_until(NOW + 12 * MINUTE)

    assert len(clock.here.channel.sent) == 6
    assert clock.here.storms.entries == {}


def test_a_link_in_a_digest_acknowledges_its_own_incident() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)
    made = many(clock, 7)
    clock.run_until(NOW + 10 * MINUTE)
    links = [each for each in clock.here.links.links.values() if each.incident_id == made[6].incident_id]

    assert [(each.contact_id, each.round) for each in links] == [("ana", 1)]


def test_what_a_digest_has_no_room_for_is_told_in_the_next_window() -> None:
    here = storm_world(SLOW)
    here.rules = replace_rules(here, digest_at_most=3)
    clock = Clockwork(here, NOW)

    made = many(clock, 12)
    clock.run_until(NOW + 22 * MINUTE)

    digests = [each for each in here.channel.sent if each.page_id.startswith("digest-")]
    assert "Up to 3 more follow in the next message." in digests[0].text
    assert all(any(page.is_sent for page in here.incidents.pages(each.incident_id)) for each in made)
    assert len(here.channel.sent) <= 2 * here.rules.budget.messages + 1


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_a_digest_whose_sender_dies_is_sent_again_and_nothing_is_lost(*, is_after: bool) -> None:
    def run(course: Course) -> StormWorld:
        clock = Clockwork(storm_world(SLOW), NOW)
        many(clock, 9)
        clock.run_until(NOW + 9 * MINUTE + 30 * SECOND)
        try:
            send_digests(clock.here.posting(course), now_ms=NOW + 10 * MINUTE)
        except Killed:
            send_digests(clock.here.posting(), now_ms=NOW + 10 * MINUTE + CLAIMED_MS)
        return clock.here

    whole = Course()
    expected = run(whole)
    sent_twice = 0
    for at in range(1, whole.calls + 1):
        found = run(Course(at, is_after))
        assert {place: page.is_sent for place, page in found.incidents.kept_pages.items()} == {
            place: page.is_sent for place, page in expected.incidents.kept_pages.items()
        }, at
        assert found.storms.entries == {}, at
        digests = [each for each in found.channel.sent if each.page_id.startswith("digest-")]
        sent_twice += len(digests) - 1
    assert sent_twice <= 1, "only between the channel's yes and the note of it"
    assert whole.calls > 10


def test_a_contact_whose_digest_is_not_taken_has_it_tried_again_and_harms_nobody() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)
    made = many(clock, 7)
    clock.run_until(NOW + 9 * MINUTE)
    clock.here.channel.refuses.add("ana")
    clock.run_until(NOW + 10 * MINUTE)
    assert told(clock.here, made[6]) == 0

    clock.here.channel.refuses.clear()
    clock.run_until(NOW + 11 * MINUTE)

    assert any(each.is_sent for each in clock.here.incidents.pages(made[6].incident_id))


def test_digests_that_nobody_sends_are_told_one_by_one_in_the_end() -> None:
    clock = Clockwork(storm_world(SLOW), NOW)
    made = many(clock, 7)
    clock.next_digest = NOW + 10_000 * MINUTE

    clock.run_until(NOW + 11 * MINUTE)
    assert told(clock.here, made[6]) == 0
    clock.run_until(NOW + 12 * MINUTE)

    assert told(clock.here, made[6]) == 1
