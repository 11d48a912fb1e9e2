"""Whom a round tells: rotas are looked up when it begins; and what would be told when, for an operator who asks."""

from dataclasses import replace
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from coldwatch.adapters.incident_items import incident_item, incident_of
from coldwatch.adapters.items import from_item
from coldwatch.incidents import lifecycle
from coldwatch.incidents.escalation.calling import Called, call, round_began_at
from coldwatch.incidents.escalation.forecast import Telling, forecast
from coldwatch.incidents.escalation.hold_down import is_unheard
from coldwatch.incidents.escalation.rota import Layer, Override, Rota, RotaError
from coldwatch.incidents.incident import EventType, Status
from coldwatch.incidents.policy import AutoResolve, Plan, Responder, Tier, plan_without_tiers
from tests.unit.incidents.builders import MINUTE, NOW, incident, is_, opened, plan, told, world
from tests.unit.incidents.fakes import FakeDirectory

UTC_ZONE = ZoneInfo("UTC")
NIGHTS = Responder(rota="nights")


def handing_over_at(at_ms: int, *contacts: str) -> Rota:
    """Each has it for an hour; the first from `at_ms` on."""
    stand_ins = [
        Override(contact, at_ms + number * 60 * MINUTE, at_ms + (number + 1) * 60 * MINUTE)
        for number, contact in enumerate(contacts)
    ]
    return Rota("nights", "1", UTC_ZONE, (Layer("l", ("nobody",), date(2900, 1, 1), time(0), 1),), tuple(stand_ins))


def rotas(*known: Rota) -> FakeDirectory:
    return FakeDirectory(rotas={each.rota_id: each for each in known})


class BrokenRotas:
    def find(self, rota_id: str) -> Rota | None:
        raise RotaError(rota_id, ["layers: there are between 1 and 20"])


def test_a_rota_names_whoever_is_on_call_then() -> None:
    known = rotas(handing_over_at(NOW, "ana", "ben"))

    assert call([NIGHTS], known, at_ms=NOW).called == (Called("ana", (), "nights"),)
    assert call([NIGHTS], known, at_ms=NOW + 60 * MINUTE).called == (Called("ben", (), "nights"),)


def test_a_contact_that_is_named_twice_is_called_once_by_the_channels_of_both() -> None:
    known = rotas(handing_over_at(NOW, "ana"))
    by_sms, by_mail = Responder(contact="ana", channels=("sms",)), replace(NIGHTS, channels=("email", "sms"))

    assert call([by_sms, by_mail], known, at_ms=NOW).called == (Called("ana", ("sms", "email"), None),)
    assert call([by_sms, NIGHTS], known, at_ms=NOW).called == (Called("ana", (), None),)


@pytest.mark.parametrize(
    ("known", "why"),
    [
        (rotas(), "There is no rota nights."),
        (rotas(handing_over_at(NOW + 1, "ana")), "Nobody is on call in rota nights."),
        (BrokenRotas(), "Rota nights cannot be used: layers: there are between 1 and 20."),
    ],
)
def test_a_rota_that_names_nobody_says_why_and_harms_no_other(known: Any, why: str) -> None:
    found = call([NIGHTS, Responder(contact="cem")], known, at_ms=NOW)

    assert found.called == (Called("cem"),)
    assert found.missing == {"nights": why}


def test_whoever_is_on_call_is_told_and_the_next_round_tells_who_is_then() -> None:
    here = world(tiers=(Tier((), 30 * 60, (NIGHTS,)),), rounds=1, repeat_every_s=3600)
    here.directory.rotas["nights"] = handing_over_at(NOW, "ana", "ben")
    made = opened(here)

    first, second = told(here, made, 1), told(here, made, 2, now_ms=NOW + 60 * MINUTE)

    assert (first.fates, second.fates) == ({"ana": "sent"}, {"ben": "sent"})


def test_a_round_that_is_resumed_after_a_hand_over_tells_whom_it_told_first() -> None:
    here = world(tiers=(Tier(("cem",), 2 * 3600, (NIGHTS,)),))
    here.directory.rotas["nights"] = handing_over_at(NOW, "ana", "ben")
    made = opened(here)
    told(here, made, 1)

    again = told(here, made, 1, now_ms=NOW + 90 * MINUTE)

    assert again.fates == {"cem": "already_sent", "ana": "already_sent"}
    assert round_began_at(is_(here, made)) == NOW


def test_a_rota_with_a_hole_is_noted_once_and_the_next_tier_is_told_at_once() -> None:
    here = world(tiers=(Tier((), 600, (NIGHTS,)), Tier(("ben",), 600)))
    made = opened(here)

    first = told(here, made, 1)
    told(here, made, 1)

    assert first.is_nobody_told
    assert [(token, answer["outcome"]) for token, answer in here.waiting.heard] == [("token-1", "unreachable")] * 2
    failures = [each.what for each in here.incidents.timeline(made.incident_id) if each.type is EventType.PAGE_FAILED]
    assert failures == ["rota:nights could not be told (round 1, tier 1). There is no rota nights."]


def test_a_hole_in_a_rota_keeps_nobody_else_of_the_tier_from_being_told() -> None:
    here = world(tiers=(Tier(("cem",), 600, (NIGHTS,)),))

    assert told(here, opened(here), 1).fates == {"rota:nights": "unreachable", "cem": "sent"}


def test_a_plan_of_an_incident_from_before_there_were_rotas_still_reads() -> None:
    record = from_item(incident_item(incident()))
    stored = msgspec.json.decode(record["plan"])
    old = {name: stored[name] for name in ("rounds", "repeat_every_s", "resolve_within_s", "auto_resolve")}
    old |= {"policy_id": "default", "policy_version": "1"}
    old["tiers"] = [{"contacts": ["ana"], "acknowledge_within_s": 900}]

    read = incident_of(record | {"plan": msgspec.json.encode(old).decode()}).plan

    assert read == Plan((Tier(("ana",), 900),), 2, 600, 900, AutoResolve.ACKNOWLEDGED, "default", "1")
    assert (read.hold_down_s, read.commands, read.target_s) == (0, (), 900)


def test_a_plan_with_all_that_it_may_have_reads_as_it_was_and_by_functions_of_before() -> None:
    others = (NIGHTS, Responder(contact="cem", channels=("sms",)))
    made = plan(Tier(("ana",), 5, others), hold_down_s=9, commands=("defrost",), acknowledged_target_s=7, plan_name="p")

    record = from_item(incident_item(incident(plan=made)))

    assert incident_of(record).plan == made
    assert msgspec.json.decode(record["plan"])["tiers"][0]["contacts"] == ["ana"]


@pytest.mark.parametrize(
    ("auto_resolve", "hold_down_s", "round_", "status"),
    [
        (AutoResolve.ALWAYS, 60, 0, Status.RESOLVED),
        (AutoResolve.ACKNOWLEDGED, 60, 0, Status.RESOLVED),
        (AutoResolve.NEVER, 60, 0, Status.OPEN),
        (AutoResolve.ACKNOWLEDGED, 60, 1, Status.OPEN),
        (AutoResolve.ACKNOWLEDGED, 0, 0, Status.OPEN),
    ],
)
def test_what_recovers_while_it_is_held_down_is_resolved_unless_never(
    auto_resolve: AutoResolve, hold_down_s: int, round_: int, status: Status
) -> None:
    made = plan(auto_resolve=auto_resolve, hold_down_s=hold_down_s)
    recovered = incident(plan=made, recovered_at=NOW, round=round_)

    change = lifecycle.settle_recovered(recovered, now_ms=NOW)

    assert (change.after.status if change else Status.OPEN) is status
    assert is_unheard(recovered) == (hold_down_s > 0 and round_ == 0)


def test_what_somebody_asked_to_escalate_in_its_hold_down_is_not_unheard() -> None:
    held = incident(plan=plan(hold_down_s=60))
    asked = replace(held, escalated_round=held.round)

    assert is_unheard(held)
    assert asked.is_escalated
    assert not is_unheard(asked)


def test_a_recovery_that_was_decided_before_the_first_round_began_is_decided_again() -> None:
    here = world(hold_down_s=60)
    made = opened(here)
    decided = lifecycle.settle_recovered(replace(made, recovered_at=NOW), now_ms=NOW)

    told(here, made, 1, now_ms=NOW + MINUTE)

    assert decided is not None
    assert not here.incidents.apply(decided)
    assert lifecycle.settle_recovered(replace(is_(here, made), recovered_at=NOW), now_ms=NOW) is None


def steps(made: Plan, known: Any = None, **more: Any) -> list[Telling]:
    return list(forecast(made, known or rotas(), opened_at=NOW, **more))


def test_a_forecast_goes_through_the_loops_and_shows_the_first_of_what_repeats() -> None:
    found = steps(plan(hold_down_s=30))

    assert [(each.offset_s, each.loop, each.tier) for each in found] == [
        (30, 1, 1),
        (90, 1, 2),
        (210, 2, 1),
        (270, 2, 2),
        (390, None, 2),
    ]
    assert [each.at_ms - NOW for each in found] == [each.offset_s * 1000 for each in found]
    assert found[-1].wait_s == 600


def test_a_forecast_names_who_is_on_call_at_the_time_of_each_step() -> None:
    made = plan(Tier((), 3600, (NIGHTS,)), rounds=2)

    found = steps(made, rotas(handing_over_at(NOW, "ana", "ben", "cem")))

    assert [[called.contact_id for called in each.called] for each in found] == [["ana"], ["ben"], ["cem"]]


def test_a_forecast_skips_a_tier_that_nobody_can_be_told_of_as_the_workflow_does() -> None:
    made = plan(Tier(("gone",), 600), Tier((), 600, (NIGHTS,)), Tier(("gone",), 600), rounds=1, repeat_every_s=900)

    found = steps(made, why_not=lambda contact: f"There is no contact {contact}." if contact == "gone" else None)

    assert [(each.offset_s, each.tier, each.wait_s) for each in found] == [
        (0, 1, 0),
        (0, 2, 0),
        (0, 3, 600),
        (600, 3, 900),
    ]
    assert found[1].missing == {"rota nights": "There is no rota nights."}


def test_the_workflow_does_what_was_forecast() -> None:
    here = world(tiers=(Tier(("ana",), 60), Tier((), 60, (NIGHTS,)), Tier(("ben",), 60)), rounds=1)
    here.directory.rotas["nights"] = handing_over_at(NOW, "cem")
    made = opened(here)

    for number, step in enumerate(steps(made.plan, here.directory), start=1):
        fates = told(here, made, number, now_ms=step.at_ms).fates
        assert list(fates) == [each.contact_id for each in step.called]
        assert (is_(here, made).deadline_at or 0) - step.at_ms == step.wait_s * 1000


def test_without_tiers_a_forecast_tells_nobody() -> None:
    (only,) = steps(plan_without_tiers())

    assert (only.called, only.missing) == ((), {})
