"""Who is told, and when, while many things go wrong: as timelines, on virtual time."""

from dataclasses import replace

import pytest

from coldwatch.incidents.answering import Action
from coldwatch.incidents.incident import EventType, Status
from coldwatch.incidents.policy import AutoResolve, Severity
from coldwatch.incidents.storms.silencing import ask_again_ms
from tests.unit.incidents.builders import NOW, is_
from tests.unit.incidents.storms.builders import SECOND, device, opens, recovers, storm_world
from tests.unit.incidents.storms.telling import GATEWAY, generous, settle, storm_of_three, told
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork


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
