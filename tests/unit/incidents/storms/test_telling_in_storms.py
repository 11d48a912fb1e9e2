"""Who is told, and when, while many things go wrong: as timelines, on virtual time."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from coldwatch.incidents.answering import Action, Asked, act_as_operator
from coldwatch.incidents.incident import EventType, Incident, Status
from coldwatch.incidents.policy import AutoResolve, Severity, Tier
from coldwatch.incidents.ports import Device
from coldwatch.incidents.storms.posting import CLAIMED_MS, send_digests
from coldwatch.incidents.storms.rules import Budget
from coldwatch.incidents.storms.silencing import ask_again_ms
from tests.unit.incidents.builders import NOW, is_
from tests.unit.incidents.fakes import Course, Killed
from tests.unit.incidents.storms.builders import (
    SECOND,
    device,
    falls_silent,
    gateway,
    opens,
    recovers,
    storm_world,
    window,
)
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork

GATEWAY = "acme-gw-1"
SLOW = Tier(("ana",), 3600)


def told(here: StormWorld, incident: Incident) -> int:
    """How often somebody was sent a message of this incident alone."""
    return sum(each.page_id.startswith(incident.incident_id) for each in here.channel.sent)


def settle(here: StormWorld, incident: Incident, action: Action, *, at: int, who: str = "ana") -> None:
    act_as_operator(
        incident.incident_id,
        Asked(action),
        who=who,
        incidents=here.incidents,
        waiting=here.waiting,
        now_ms=at,
    )


def storm_of_three(clock: Clockwork, **changes: Any) -> tuple[list[Incident], Incident]:
    """Three of one gateway, ten seconds apart; the first two tell somebody before the third comes."""
    here, made = clock.here, []
    for number in range(3):
        clock.run_until(NOW + number * 10 * SECOND)
        made.append(opens(here, device(here, number, gateway=GATEWAY, site=None), at=clock.now, **changes))
        clock.pick_up()
    clock.run_until(clock.now)
    (storm,) = here.storm_incidents()
    return made, storm


def generous(here: StormWorld) -> StormWorld:
    """Where the budget is not what is tested."""
    here.rules = replace_rules(here, budget=Budget(messages=100, window_s=600, reserved=0))
    return here


def replace_rules(here: StormWorld, **changes: Any) -> Any:
    return msgspec.structs.replace(here.rules, **changes)


# --- storms


def test_the_first_are_told_the_storm_is_told_and_its_children_are_told_no_more() -> None:
    clock = Clockwork(generous(storm_world()), NOW)

    made, storm = storm_of_three(clock)
    clock.run_until(NOW + 30 * MINUTE)

    assert [told(clock.here, each) for each in made] == [1, 1, 0]
    assert told(clock.here, storm) >= 3
    assert [is_(clock.here, each).silenced_by for each in made] == [f"storm:{storm.incident_id}"] * 3
    assert clock.unattended() == []


def test_whoever_has_the_storm_has_what_is_in_it() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    made, storm = storm_of_three(clock)

    settle(clock.here, storm, Action.ACKNOWLEDGE, at=clock.now)
    clock.run_until(NOW + 6 * MINUTE)

    assert {is_(clock.here, each).acknowledged_by for each in made} == {"ana"}
    assert [told(clock.here, each) for each in [*made, storm]] == [1, 1, 0, 1]
    assert clock.here.what(made[2])[-1] is EventType.ACKNOWLEDGED


def test_a_storm_whose_acknowledgement_expires_is_told_again_and_its_children_are_not() -> None:
    clock = Clockwork(generous(storm_world(resolve_within_s=900)), NOW)
    made, storm = storm_of_three(clock)
    settle(clock.here, storm, Action.ACKNOWLEDGE, at=clock.now)

    clock.run_until(NOW + 40 * MINUTE)

    assert told(clock.here, storm) > 1
    assert [told(clock.here, each) for each in made] == [1, 1, 0]


def test_what_is_still_wrong_when_somebody_resolves_the_storm_is_told_on_its_own() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    made, storm = storm_of_three(clock)
    clock.run_until(NOW + 2 * MINUTE)
    before = [told(clock.here, each) for each in made]

    settle(clock.here, storm, Action.RESOLVE, at=clock.now)
    clock.run_until(NOW + 15 * MINUTE)

    assert all(told(clock.here, each) > count for each, count in zip(made, before, strict=True))
    assert [EventType.UNSILENCED in clock.here.what(each) for each in made] == [False, False, True], "it had said so"
    assert all(is_(clock.here, each).silenced_by is None for each in made)
    assert len(clock.here.storm_incidents()) == 1


@pytest.mark.parametrize(
    ("rule", "status"), [(AutoResolve.ACKNOWLEDGED, Status.RESOLVED), (AutoResolve.NEVER, Status.OPEN)]
)
def test_what_had_recovered_when_somebody_resolved_the_storm_is_over_where_a_recovery_may_end_it(
    rule: AutoResolve, status: Status
) -> None:
    clock = Clockwork(generous(storm_world(auto_resolve=rule)), NOW)
    made, storm = storm_of_three(clock)
    recovers(clock.here, made[2], at=NOW + MINUTE)
    clock.run_until(NOW + 2 * MINUTE)
    assert is_(clock.here, made[2]).status is Status.OPEN

    settle(clock.here, storm, Action.RESOLVE, at=clock.now)
    clock.run_until(NOW + 8 * MINUTE)

    assert is_(clock.here, made[2]).status is status
    assert (told(clock.here, made[2]) == 0) is (status is Status.RESOLVED)


def test_a_storm_ends_once_somebody_has_it_and_all_has_recovered() -> None:
    clock = Clockwork(generous(storm_world(auto_resolve="acknowledged")), NOW)
    made, storm = storm_of_three(clock)
    for each in made:
        recovers(clock.here, each, at=NOW + MINUTE)
    clock.run_until(NOW + 2 * MINUTE)
    assert is_(clock.here, storm).status is Status.OPEN

    settle(clock.here, storm, Action.ACKNOWLEDGE, at=clock.now)
    clock.run_until(NOW + 10 * MINUTE)

    assert {is_(clock.here, each).status for each in [*made, storm]} == {Status.RESOLVED}
    assert all(is_(clock.here, each).recorded_at for each in [*made, storm])


def test_a_storm_is_held_down_no_longer_than_the_first_of_its_incidents() -> None:
    clock = Clockwork(generous(storm_world(hold_down_s=60)), NOW)

    made, storm = storm_of_three(clock)
    clock.run_until(NOW + MINUTE - 1)
    assert clock.here.channel.sent == []
    clock.run_until(NOW + MINUTE)

    assert is_(clock.here, storm).plan.hold_down_s == 40
    assert told(clock.here, storm) == len(clock.here.channel.sent) == 1
    assert all(is_(clock.here, each).round == 0 for each in made)


def test_a_storm_of_which_somebody_was_told_already_is_held_down_no_more() -> None:
    here = generous(storm_world(hold_down_s=5))
    clock = Clockwork(here, NOW)

    _, storm = storm_of_three(clock)

    assert told(here, storm) == 1


def test_a_storm_whose_children_ended_without_a_word_finds_out_before_anybody_is_told_again() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    made, storm = storm_of_three(clock)
    clock.here.dies_before_leaving = True
    for each in made:
        settle(clock.here, each, Action.RESOLVE, at=clock.now)
    clock.run_until(clock.now + MINUTE)
    assert is_(clock.here, storm).status is Status.OPEN
    clock.here.dies_before_leaving = False
    before = len(clock.here.channel.sent)

    clock.run_until(clock.now + 24 * 60 * MINUTE)

    over = is_(clock.here, storm)
    assert (over.status, over.resolution) == (Status.RESOLVED, "all of its incidents are resolved")
    assert over.recorded_at
    assert len(clock.here.channel.sent) == before
    assert clock.unattended() == []


def test_a_storm_waits_for_whoever_is_expected_and_has_not_joined_yet() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    made, storm = storm_of_three(clock)
    for each in made:
        clock.here.incidents.incidents[each.incident_id] = replace(is_(clock.here, each), parent_id=None)

    clock.here.silencing().reason(is_(clock.here, storm), now_ms=clock.now)

    assert is_(clock.here, storm).status is Status.OPEN
    assert len(clock.here.families.open_children(storm.incident_id)) == 3


def test_a_graver_child_has_the_storm_told_again_at_once() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    _, storm = storm_of_three(clock, model="shock")
    settle(clock.here, storm, Action.ACKNOWLEDGE, at=clock.now)
    clock.run_until(NOW + MINUTE)
    before = told(clock.here, storm)

    opens(clock.here, device(clock.here, 8, gateway=GATEWAY, site=None), at=clock.now)
    clock.run_until(clock.now + SECOND)

    assert told(clock.here, storm) == before + 1
    assert clock.here.channel.sent[-1].subject.startswith("CRITICAL: Storm: 4 incidents")


def test_a_graver_child_that_its_storm_was_never_told_of_makes_it_graver_when_it_asks() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    _, storm = storm_of_three(clock, model="shock")
    settle(clock.here, storm, Action.ACKNOWLEDGE, at=clock.now)
    clock.run_until(NOW + MINUTE)
    graver = opens(clock.here, device(clock.here, 8, gateway=GATEWAY, site=None), at=clock.now)
    clock.here.incidents.incidents[storm.incident_id] = replace(
        is_(clock.here, storm), severity=Severity.WARNING, status=Status.ACKNOWLEDGED, acknowledged_by="ana"
    )

    clock.run_until(clock.now + MINUTE)

    assert is_(clock.here, storm).severity is Severity.CRITICAL
    assert is_(clock.here, graver).acknowledged_by is None, "ana has something lesser"
    assert clock.here.channel.sent[-1].subject.startswith("CRITICAL: Storm")


def test_a_storm_that_opens_before_a_workflow_tells_anybody_is_the_only_one_told() -> None:
    clock = Clockwork(storm_world(), NOW, started_ms=5 * SECOND)
    for number in range(6):
        opens(clock.here, device(clock.here, number), at=NOW)

    clock.run_until(NOW + 10 * SECOND)

    (storm,) = clock.here.storm_incidents()
    assert len(clock.here.channel.sent) == told(clock.here, storm) == 1


def test_how_soon_it_is_asked_again_grows_with_the_incidents_age_within_bounds() -> None:
    here = storm_world()
    made = opens(here, device(here, 1))
    waits = [ask_again_ms(made, NOW + age) - NOW - age for age in (0, 4 * MINUTE, 3600 * SECOND)]

    assert waits == [30 * SECOND, 60 * SECOND, 300 * SECOND]


# --- a silent gateway


def silent_gateway(here: StormWorld, count: int) -> list[str]:
    gateway(here, GATEWAY, site=None)
    return [device(here, number, gateway=GATEWAY, site=None) for number in range(count)]


def test_while_a_gateway_is_silent_nobody_is_told_of_the_silence_of_its_devices() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    names = silent_gateway(clock.here, 2)
    top = falls_silent(clock.here, GATEWAY)

    made = [falls_silent(clock.here, name, at=NOW + SECOND) for name in names]
    clock.run_until(NOW + 20 * MINUTE)

    assert told(clock.here, top) >= 2
    assert [told(clock.here, each) for each in made] == [0, 0]
    assert {is_(clock.here, each).inhibited_by for each in made} == {top.incident_id}
    assert all(EventType.SILENCED in clock.here.what(each) for each in made)


def test_devices_that_fall_silent_a_moment_before_their_gateway_are_not_told_either() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    names = silent_gateway(clock.here, 5)

    made = [falls_silent(clock.here, name) for name in names]
    clock.run_until(NOW + 45 * SECOND)
    top = falls_silent(clock.here, GATEWAY, at=clock.now)
    clock.run_until(NOW + 20 * MINUTE)

    assert [each for each in [*made, *clock.here.storm_incidents()] if told(clock.here, each)] == []
    assert told(clock.here, top) >= 2


def test_a_silent_device_whose_gateway_speaks_is_told_after_the_grace() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    (name,) = silent_gateway(clock.here, 1)

    made = falls_silent(clock.here, name)
    clock.run_until(NOW + 59 * SECOND)
    assert told(clock.here, made) == 0
    clock.run_until(NOW + 61 * SECOND)

    assert told(clock.here, made) == 1


def test_what_is_still_silent_when_the_gateway_speaks_again_is_told_after_the_grace() -> None:
    clock = Clockwork(generous(storm_world(auto_resolve="always")), NOW)
    back, gone = silent_gateway(clock.here, 2)
    top = falls_silent(clock.here, GATEWAY)
    heard, silent = (falls_silent(clock.here, name) for name in (back, gone))
    clock.run_until(NOW + 10 * MINUTE)

    recovers(clock.here, top, at=clock.now)
    recovers(clock.here, heard, at=clock.now + 20 * SECOND)
    clock.run_until(NOW + 14 * MINUTE)

    assert (told(clock.here, heard), is_(clock.here, heard).status) == (0, Status.RESOLVED)
    assert told(clock.here, silent) == 1
    assert is_(clock.here, silent).inhibited_by is None


def test_a_device_that_was_too_warm_when_it_fell_silent_is_told_whatever_its_gateway_does() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    (name,) = silent_gateway(clock.here, 1)
    clock.here.directory.states["sustained_excursion_high", name] = "excursion"
    falls_silent(clock.here, GATEWAY)

    made = falls_silent(clock.here, name)
    clock.run_until(NOW + SECOND)

    assert told(clock.here, made) == 1


def behind(here: StormWorld, name: str, gateway_: str) -> str:
    here.directory.devices[name] = Device(name, "acme", "gateway", "coldchain", {"gateway": gateway_})
    return name


def test_a_gateway_that_is_registered_behind_itself_is_told_all_the_same() -> None:
    clock = Clockwork(generous(storm_world()), NOW)

    made = falls_silent(clock.here, behind(clock.here, GATEWAY, GATEWAY))
    clock.run_until(NOW + 5 * MINUTE)

    assert told(clock.here, made) == 1


def test_of_gateways_that_are_registered_behind_each_other_somebody_is_told() -> None:
    clock = Clockwork(generous(storm_world(SLOW)), NOW)
    ring = {"gw-a": "gw-b", "gw-b": "gw-c", "gw-c": "gw-a"}
    made = [falls_silent(clock.here, behind(clock.here, *pair)) for pair in ring.items()]

    clock.run_until(NOW + 10 * MINUTE)

    assert sum(told(clock.here, each) for each in made) == 1


def test_what_is_behind_a_gateway_that_is_behind_a_silent_one_is_told_with_that() -> None:
    clock = Clockwork(generous(storm_world(SLOW)), NOW)
    gateway(clock.here, "gw-top", site=None)
    behind(clock.here, "gw-below", "gw-top")
    device_ = device(clock.here, 1, gateway="gw-below", site=None)

    top, *others = [falls_silent(clock.here, name) for name in ("gw-top", "gw-below", device_)]
    clock.run_until(NOW + 10 * MINUTE)

    assert [told(clock.here, each) for each in (top, *others)] == [1, 0, 0]
    assert {is_(clock.here, each).inhibited_by for each in others} == {top.incident_id}


def test_a_gateway_of_whose_silence_nobody_is_told_silences_no_device() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    (name,) = silent_gateway(clock.here, 1)
    top = falls_silent(clock.here, GATEWAY)
    clock.here.incidents.incidents[top.incident_id] = replace(top, plan=replace(top.plan, tiers=()))

    made = falls_silent(clock.here, name)
    clock.run_until(NOW + 2 * MINUTE)

    assert told(clock.here, made) == 1


# --- maintenance


def test_nobody_is_told_during_maintenance_and_what_is_still_open_at_its_end_is_told_then() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    clock.here.storms.put_window(window(until_ms=NOW + 20 * MINUTE))

    made = opens(clock.here, device(clock.here, 1), model="shock")
    clock.run_until(NOW + 20 * MINUTE - 1)
    assert told(clock.here, made) == 0
    assert is_(clock.here, made).silenced_by == "maintenance:w1"
    clock.run_until(NOW + 20 * MINUTE)

    assert told(clock.here, made) == 1
    types = clock.here.what(made)
    assert types.index(EventType.SILENCED) < types.index(EventType.UNSILENCED) < types.index(EventType.PAGED)


def test_a_window_that_is_ended_early_is_noticed_soon() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    long = window(until_ms=NOW + 86_400 * SECOND)
    clock.here.storms.put_window(long)
    made = opens(clock.here, device(clock.here, 1), model="shock")
    clock.run_until(NOW + 10 * MINUTE)

    clock.here.storms.put_window(replace(long, ended_at=clock.now, ended_by="op"), before=long)
    clock.run_until(NOW + 15 * MINUTE)

    assert told(clock.here, made) == 1


def test_what_is_critical_is_told_during_maintenance_that_does_not_say_even_that() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    clock.here.storms.put_window(window())

    made = opens(clock.here, device(clock.here, 1))
    clock.run_until(NOW + SECOND)

    assert told(clock.here, made) == 1


def test_a_whole_months_maintenance_asks_less_often_than_a_workflows_history_has_room_for() -> None:
    clock = Clockwork(storm_world(), NOW)
    clock.here.storms.put_window(window(from_ms=NOW, until_ms=NOW + 30 * 86_400 * SECOND))
    made = opens(clock.here, device(clock.here, 1), model="shock")
    at, asked = NOW, 0
    while (silence := clock.here.silencing().reason(is_(clock.here, made), now_ms=at)) is not None:
        at, asked = silence.until_ms, asked + 1

    assert at == NOW + 30 * 86_400 * SECOND
    assert asked * 8 < 25_000


# --- budget and digest


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
