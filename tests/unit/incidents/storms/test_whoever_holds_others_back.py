"""A storm, or a silent gateway, holds others back only while somebody hears of it: as timelines, on virtual time."""

from dataclasses import replace

import pytest

from coldwatch.incidents.answering import Action
from coldwatch.incidents.delivery import Delivery
from coldwatch.incidents.incident import Incident, Severity, Status
from coldwatch.incidents.policy import EscalationPolicy, Rule, Tier
from coldwatch.incidents.storms.budget import Spent
from coldwatch.incidents.storms.maintenance import Scope
from coldwatch.incidents.storms.rules import Budget
from coldwatch.incidents.storms.speaking import speaks
from tests.unit.incidents.builders import NOW, is_, plan
from tests.unit.incidents.storms.builders import SECOND, device, falls_silent, gateway, storm_world, window
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.storms.telling import (
    GATEWAY,
    generous,
    replace_rules,
    settle,
    storm_of_three,
    told,
)
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork

LONG = NOW + 24 * 60 * MINUTE


def where_storms_go_to(contact: str, *, wait_s: int = 300) -> Clockwork:
    """What devices open, Ana is told of."""
    here = generous(storm_world())
    own, of_storms = plan(Tier(("ana",), 300)), plan(Tier((contact,), wait_s))
    storms = Rule({"kind": frozenset({"storm"})}, dict.fromkeys(Severity, of_storms))
    rules = (Rule({}, dict.fromkeys(Severity, own)), storms)
    here.directory.policies["default"] = EscalationPolicy("default", "1", rules)
    return Clockwork(here, NOW)


def under(clock: Clockwork, scope: Scope) -> None:
    clock.here.storms.put_window(window(scope=scope, until_ms=LONG))


def silenced(here: StormWorld, made: list[Incident]) -> list[str | None]:
    return [is_(here, each).silenced_by for each in made]


# --- maintenance


def test_maintenance_of_one_device_is_not_about_the_storm_of_the_gateway_that_it_is() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    gateway(clock.here)
    under(clock, Scope(device=GATEWAY))

    _, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 20 * MINUTE)

    assert told(clock.here, storm) >= 2


def test_maintenance_of_a_gateway_is_about_its_storm_too() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    made, storm = storm_of_three(clock, model="shock")

    under(clock, Scope(gateway=GATEWAY))
    clock.run_until(NOW + 20 * MINUTE)

    assert silenced(clock.here, [*made, storm]) == ["maintenance:w1"] * 4


@pytest.mark.parametrize("scope", [Scope(kind="storm"), Scope(detector_model="storm")], ids=["kind", "model"])
def test_a_storm_under_maintenance_holds_nobody_back_that_is_not(scope: Scope) -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    under(clock, scope)

    made, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 20 * MINUTE)

    assert told(clock.here, storm) == 0
    assert all(told(clock.here, each) >= 3 for each in made)
    assert silenced(clock.here, made) == [None] * 3


def test_a_storm_that_comes_under_maintenance_gives_back_whom_it_held_until_that_ends() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    made, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 10 * MINUTE)
    assert told(clock.here, made[2]) == 0

    clock.here.storms.put_window(window(scope=Scope(kind="storm"), until_ms=NOW + 60 * MINUTE))
    clock.run_until(NOW + 16 * MINUTE)
    assert told(clock.here, made[2]) >= 1
    clock.run_until(NOW + 70 * MINUTE)

    assert silenced(clock.here, made) == [f"storm:{storm.incident_id}"] * 3


def test_a_gateway_under_maintenance_whose_devices_are_not_holds_no_silence_of_theirs_back() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    name = gateway(clock.here)
    under(clock, Scope(device=name))

    top = falls_silent(clock.here, name)
    made = falls_silent(clock.here, device(clock.here, 1, gateway=name, site=None))
    clock.run_until(NOW + 20 * MINUTE)

    assert (told(clock.here, top), is_(clock.here, made).silenced_by) == (0, None)
    assert told(clock.here, made) >= 2


def test_behind_a_gateway_under_maintenance_the_gateway_below_it_is_told() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    gateway(clock.here, "gw-top", site=None)
    under(clock, Scope(device="gw-top"))
    clock.here.directory.devices["gw-below"] = replace(
        clock.here.directory.devices["gw-top"], device_id="gw-below", place={"gateway": "gw-top"}
    )
    last = device(clock.here, 1, gateway="gw-below", site=None)

    top, below, made = [falls_silent(clock.here, name) for name in ("gw-top", "gw-below", last)]
    clock.run_until(NOW + 20 * MINUTE)

    assert [told(clock.here, each) > 0 for each in (top, below, made)] == [False, True, False]


# --- nobody who can be reached


def test_a_storm_of_which_nobody_can_be_told_holds_nobody_back_once_it_has_tried() -> None:
    clock = where_storms_go_to("ghost")

    made, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 4 * MINUTE)
    assert told(clock.here, made[2]) == 0, "it may still tell somebody"
    clock.run_until(NOW + 20 * MINUTE)

    assert told(clock.here, storm) == 0
    assert all(told(clock.here, each) >= 2 for each in made)
    assert silenced(clock.here, made) == [None] * 3


def test_a_storm_that_waits_for_hours_after_nobody_could_be_told_holds_nobody_back_for_that() -> None:
    clock = where_storms_go_to("ghost", wait_s=7200)

    made, _ = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 11 * MINUTE)

    assert told(clock.here, made[2]) >= 1


def test_a_storm_whose_contact_is_added_late_holds_back_again_what_is_in_it() -> None:
    clock = where_storms_go_to("cem")
    made, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 30 * MINUTE)

    clock.here.directory.names["cem"] = "Cem"
    clock.run_until(NOW + 50 * MINUTE)

    assert told(clock.here, storm) >= 1
    assert silenced(clock.here, made) == [f"storm:{storm.incident_id}"] * 3


def test_a_storm_that_reached_nobody_but_that_somebody_has_is_theirs_with_what_is_in_it() -> None:
    clock = where_storms_go_to("ghost")
    made, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + MINUTE)

    settle(clock.here, storm, Action.ACKNOWLEDGE, at=clock.now)
    clock.run_until(NOW + 10 * MINUTE)

    assert {is_(clock.here, each).acknowledged_by for each in made} == {"ana"}
    assert told(clock.here, made[2]) == 0


def test_a_storm_that_waits_for_a_digest_holds_back_what_is_in_it() -> None:
    clock = where_storms_go_to("ben")
    clock.here.rules = replace_rules(clock.here, budgets={"ben": Budget(messages=1, window_s=3600, reserved=0)})
    clock.here.storms.budgets["ben"] = Spent(NOW, 1)

    made, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 50 * MINUTE)

    assert (told(clock.here, storm), told(clock.here, made[2])) == (0, 0)
    assert silenced(clock.here, made) == [f"storm:{storm.incident_id}"] * 3


def test_a_silent_gateway_of_which_nobody_can_be_told_holds_no_silence_back_once_it_has_tried() -> None:
    clock = where_storms_go_to("ana")
    name = gateway(clock.here, site=None)
    top = falls_silent(clock.here, name)
    ghost = plan(Tier(("ghost",), 300))
    clock.here.incidents.incidents[top.incident_id] = replace(is_(clock.here, top), plan=ghost)

    made = falls_silent(clock.here, device(clock.here, 1, gateway=name, site=None))
    clock.run_until(NOW + 4 * MINUTE)
    assert told(clock.here, made) == 0
    clock.run_until(NOW + 20 * MINUTE)

    assert told(clock.here, made) >= 2


# --- what counts as told


def speaks_now(clock: Clockwork, storm: Incident) -> bool:
    return speaks(is_(clock.here, storm), clock.here.incidents, clock.here.storms, now_ms=clock.now)


def test_a_storm_whose_every_mail_came_back_speaks_no_more() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    _, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 12 * MINUTE)
    assert speaks_now(clock, storm)

    kept = clock.here.incidents.kept_pages
    came_back = {place: replace(page, is_sent=False, delivery=Delivery.FAILED.value) for place, page in kept.items()}
    kept |= came_back

    assert not speaks_now(clock, storm)


def test_what_a_storm_told_as_something_lesser_does_not_count_once_it_is_graver() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    _, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 12 * MINUTE)
    known = is_(clock.here, storm)
    to_come, begun, in_vain = (
        replace(known, severity=Severity.CRITICAL, graver_round=0),
        replace(known, round=9, step=1, graver_round=9, deadline_at=clock.now + 300 * SECOND),
        replace(known, round=10, graver_round=9),
    )

    def each_speaks(incident: Incident) -> bool:
        return speaks(incident, clock.here.incidents, clock.here.storms, now_ms=clock.now)

    assert [each_speaks(each) for each in (to_come, begun, in_vain)] == [True, True, False]


def test_a_storm_that_somebody_put_off_is_theirs() -> None:
    clock = where_storms_go_to("ghost")
    _, storm = storm_of_three(clock, model="shock")
    clock.run_until(NOW + 20 * MINUTE)
    assert not speaks_now(clock, storm)

    kept = clock.here.incidents.incidents
    kept[storm.incident_id] = replace(is_(clock.here, storm), status=Status.SNOOZED, snoozed_by="ana")

    assert speaks_now(clock, storm)
