"""Who joins which storm, when there is one, and what it makes of its own incident."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from coldwatch.incidents.answering import Action, Asked, act_as_operator
from coldwatch.incidents.incident import EventType, Incident, Severity, Status
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.storms.family import topmost
from tests.unit.incidents.builders import NOW, SILENCE, is_
from tests.unit.incidents.fakes import Course, Killed
from tests.unit.incidents.storms.builders import (
    SECOND,
    device,
    gateway,
    opens,
    recovers,
    storm_world,
    window,
    wrong,
)
from tests.unit.incidents.storms.fakes import StormWorld

GATEWAY = "acme-gw-1"


def behind_one_gateway(here: StormWorld, count: int, *, apart_s: int = 10, **changes: Any) -> list[Incident]:
    names = [device(here, number, gateway=GATEWAY, site=None) for number in range(count)]
    return [opens(here, name, at=NOW + n * apart_s * SECOND, **changes) for n, name in enumerate(names)]


def _open(here: StormWorld, name: str) -> None:
    opens(here, name)


def only_storm(here: StormWorld) -> Incident:
    (storm,) = here.storm_incidents()
    return storm


def resolve(here: StormWorld, incident: Incident, *, at: int, who: str = "op") -> None:
    act_as_operator(
        incident.incident_id,
        Asked(Action.RESOLVE),
        who=who,
        incidents=here.incidents,
        waiting=here.waiting,
        now_ms=at,
    )


def test_what_is_alone_stays_alone() -> None:
    here = storm_world()

    made = behind_one_gateway(here, 2)

    assert here.storm_incidents() == []
    assert [is_(here, each).parent_id for each in made] == [None, None]


def test_the_third_of_a_gateway_within_two_minutes_makes_a_storm_of_all_three() -> None:
    here = storm_world()

    made = behind_one_gateway(here, 3)

    storm = only_storm(here)
    assert (storm.detector_model, storm.kind, storm.key) == ("storm", "storm", f"gateway:acme/{GATEWAY}")
    assert {is_(here, each).parent_id for each in made} == {storm.incident_id}
    assert here.families.children(storm.incident_id) == sorted(each.incident_id for each in made)
    assert storm.incident_id in here.executions.started
    assert storm.plan.tiers


def test_the_storm_says_so_on_its_own_timeline_and_on_each_childs() -> None:
    here = storm_world()

    made = behind_one_gateway(here, 3)

    assert here.what(only_storm(here)) == [EventType.OPENED, *[EventType.JOINED] * 3]
    assert all(here.what(each)[-1] is EventType.JOINED for each in made)


def test_three_that_are_further_apart_are_no_storm() -> None:
    here = storm_world()

    behind_one_gateway(here, 3, apart_s=61)

    assert here.storm_incidents() == []


def test_what_comes_later_joins_while_the_storm_is_open() -> None:
    here = storm_world()
    behind_one_gateway(here, 3)
    late = device(here, 9, gateway=GATEWAY, site=None)

    joined = opens(here, late, at=NOW + 3600 * SECOND)

    assert joined.parent_id == only_storm(here).incident_id


def test_five_of_a_site_make_its_storm_whatever_gateways_they_have() -> None:
    here = storm_world()

    for number in range(5):
        opens(here, device(here, number, gateway=f"acme-gw-{number}"), at=NOW + number * SECOND)

    assert only_storm(here).key == "site:acme/Basel"
    assert len(here.families.children(only_storm(here).incident_id)) == 5


def test_one_bad_gateway_is_its_own_storm_and_not_its_sites() -> None:
    here = storm_world()

    for number in range(20):
        opens(here, device(here, number, gateway=GATEWAY), at=NOW + number * SECOND)

    assert only_storm(here).key == f"gateway:acme/{GATEWAY}"


def test_two_bad_gateways_are_their_sites_storm_with_theirs_in_it() -> None:
    here = storm_world()

    for number in range(20):
        opens(here, device(here, number, gateway=f"acme-gw-{number % 2}"), at=NOW + number * SECOND)

    by_key = {each.key: each for each in here.storm_incidents()}
    site = by_key["site:acme/Basel"]
    assert by_key.keys() == {site.key, "gateway:acme/acme-gw-0"}, "the second gateway's third found its site's"
    assert {topmost(each, here.incidents).key for each in here.incidents.incidents.values()} == {site.key}


def test_the_same_effect_again_changes_nothing() -> None:
    here = storm_world()
    made = behind_one_gateway(here, 3)
    before = dict(here.incidents.incidents)

    for number, each in enumerate(made):
        open_incident(wrong(each.device_id, at=NOW + number * 10 * SECOND), here.opening(), now_ms=NOW + 60 * SECOND)

    assert here.incidents.incidents == before


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_whoever_dies_over_a_storm_at_any_call_leaves_the_same_storm(*, is_after: bool) -> None:
    def run(course: Course) -> StormWorld:
        here = storm_world()
        for number in range(2):
            opens(here, device(here, number, gateway=GATEWAY), at=NOW + number * SECOND)
        last = device(here, 2, gateway=GATEWAY)
        try:
            opens(here, last, at=NOW + 2 * SECOND, course=course)
        except Killed:
            opens(here, last, at=NOW + 2 * SECOND)
        return here

    whole = Course()
    expected = run(whole)
    for at in range(1, whole.calls + 1):
        found = run(Course(at, is_after))
        assert [each.key for each in found.storm_incidents()] == [f"gateway:acme/{GATEWAY}"], at
        assert found.families == replace(expected.families, incidents=found.incidents), at
        assert found.executions.started.keys() == expected.executions.started.keys(), at
        assert {each.parent_id for each in found.incidents.incidents.values()} == {
            each.parent_id for each in expected.incidents.incidents.values()
        }, at
    assert whole.calls > 20


def test_two_that_make_it_a_storm_at_once_open_one() -> None:
    here = storm_world()
    names = [device(here, number, gateway=GATEWAY, site=None) for number in range(4)]
    for name in names[:2]:
        opens(here, name)
    whole = Course()
    opens(here, names[2], course=whole)
    for at in range(1, whole.calls + 1):
        other = storm_world()
        for number in range(4):
            device(other, number, gateway=GATEWAY, site=None)
        for name in names[:2]:
            opens(other, name)

        opens(other, names[2], course=Course(at, act=partial(_open, other, names[3])))

        storm = only_storm(other)
        assert {each.parent_id for each in other.incidents.incidents.values()} == {storm.incident_id, None}, at
        assert len(other.families.children(storm.incident_id)) == 4, at


def test_a_storm_is_as_grave_as_its_gravest_child() -> None:
    here = storm_world()

    behind_one_gateway(here, 2, model="shock")
    opens(here, device(here, 7, gateway=GATEWAY, site=None), at=NOW + 30 * SECOND)

    assert only_storm(here).severity is Severity.CRITICAL


def test_a_graver_child_makes_the_storm_graver_and_it_begins_its_plan_anew() -> None:
    here = storm_world()
    behind_one_gateway(here, 3, model="shock")
    storm = only_storm(here)
    assert storm.severity is Severity.WARNING
    act_as_operator(
        storm.incident_id,
        Asked(Action.ACKNOWLEDGE),
        who="ana",
        incidents=here.incidents,
        waiting=here.waiting,
        now_ms=NOW + 60 * SECOND,
    )
    here.waiting.open_tokens.add("t")
    here.incidents.keep_token(is_(here, storm), "t")

    opens(here, device(here, 7, gateway=GATEWAY, site=None), at=NOW + 90 * SECOND)

    grown = is_(here, storm)
    assert (grown.severity, grown.status, grown.acknowledged_by, grown.step) == (
        Severity.CRITICAL,
        Status.OPEN,
        None,
        0,
    )
    ((token, answer),) = here.waiting.heard
    assert (token, answer["outcome"], answer["step"]) == ("t", "escalate", 0)
    assert EventType.GREW in here.what(grown)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_a_graver_child_makes_its_storms_graver_wherever_whoever_brings_it_in_dies(*, is_after: bool) -> None:
    def run(course: Course) -> StormWorld:
        here = storm_world()
        for number in range(7):
            gateway_ = GATEWAY if number < 3 else None
            opens(here, device(here, number, gateway=gateway_), at=NOW + number * SECOND, model="shock")
        assert {each.severity for each in here.storm_incidents()} == {Severity.WARNING}
        for storm in here.storm_incidents():
            here.waiting.open_tokens.add(storm.key)
            here.incidents.keep_token(storm, storm.key)
        last = device(here, 9, gateway=GATEWAY)
        try:
            opens(here, last, at=NOW + 30 * SECOND, course=course)
        except Killed:
            opens(here, last, at=NOW + 30 * SECOND)
        return here

    whole = Course()
    expected = {each.key: each.severity for each in run(whole).storm_incidents()}
    assert Severity.CRITICAL in expected.values()
    for at in range(1, whole.calls + 1):
        found = run(Course(at, is_after))
        assert {each.key: each.severity for each in found.storm_incidents()} == expected, at
        graver = {key for key, severity in expected.items() if severity is Severity.CRITICAL}
        assert {token for token, _ in found.waiting.heard} == graver, at


def test_a_storm_is_over_when_the_last_of_its_incidents_is() -> None:
    here = storm_world(auto_resolve="always")
    made = behind_one_gateway(here, 3)
    storm = only_storm(here)

    for number, each in enumerate(made):
        assert is_(here, storm).status is Status.OPEN, number
        recovers(here, each, at=NOW + (100 + number) * SECOND)

    over = is_(here, storm)
    assert (over.status, over.resolution, over.resolved_by) == (
        Status.RESOLVED,
        "all of its incidents are resolved",
        "coldwatch",
    )
    assert over.child_count == 3


def test_whoever_was_over_before_the_storm_opened_is_not_waited_for() -> None:
    here = storm_world(auto_resolve="always")
    first, second = behind_one_gateway(here, 2)
    recovers(here, first, at=NOW + 15 * SECOND)

    third = opens(here, device(here, 2, gateway=GATEWAY, site=None), at=NOW + 20 * SECOND)

    storm = only_storm(here)
    assert here.families.open_children(storm.incident_id) == sorted([second.incident_id, third.incident_id])


def test_a_storm_that_was_resolved_has_used_up_those_that_came_before_its_end() -> None:
    here = storm_world(auto_resolve="always")
    made = behind_one_gateway(here, 3)
    for each in made:
        recovers(here, each, at=NOW + 30 * SECOND)
    assert only_storm(here).status is Status.RESOLVED

    fourth = opens(here, device(here, 4, gateway=GATEWAY, site=None), at=NOW + 40 * SECOND)

    assert only_storm(here).status is Status.RESOLVED
    assert fourth.parent_id is None


def test_three_more_after_its_end_are_another_storm() -> None:
    here = storm_world(auto_resolve="always")
    for each in behind_one_gateway(here, 3):
        recovers(here, each, at=NOW + 30 * SECOND)

    for number in range(3):
        opens(here, device(here, 10 + number, gateway=GATEWAY, site=None), at=NOW + (40 + number) * SECOND)

    assert [each.status for each in here.storm_incidents()] == [Status.RESOLVED, Status.OPEN]


def test_what_is_under_maintenance_makes_no_storm() -> None:
    here = storm_world()
    here.storms.put_window(window(is_even_critical=True))

    for number in range(9):
        opens(here, device(here, number))

    assert here.storm_incidents() == []
    assert here.storms.groups == {}


def test_a_gateways_own_incident_is_its_sites_and_not_its_own_groups() -> None:
    here = storm_world()

    opens(here, gateway(here), model=SILENCE)

    assert set(here.storms.groups) == {"site:acme/Basel"}


def test_a_device_that_nobody_knows_or_that_is_nowhere_joins_nothing() -> None:
    here = storm_world()

    for number in range(6):
        opens(here, device(here, number, site=None))
        opens(here, f"stranger-{number}")

    assert here.storms.groups == {}
