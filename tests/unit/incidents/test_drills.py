"""Test pages: whom they ask, that they go the way of any incident, how each ends, and who is overdue."""

import json
from dataclasses import replace
from typing import Any

import pytest

from coldwatch.adapters.alert_topic import IotAlertTopic
from coldwatch.adapters.event_bus import AllAlerts, BusAlerts, EventBus
from coldwatch.incidents import drills, lifecycle
from coldwatch.incidents.alerts import AlertEvent, alert, alert_topic
from coldwatch.incidents.changing import carry_out
from coldwatch.incidents.drills import DEVICE, Drill, Result
from coldwatch.incidents.incident import EventType, Incident, Status
from coldwatch.incidents.policy import EscalationPolicy, Responder, Severity, Tier, by_severity
from tests.unit.incidents.builders import MINUTE, NOW, is_, plan, told, world
from tests.unit.incidents.fakes import World

DAY = 86_400_000
ANA = Drill(Responder(contact="ana"), 300, ("default",))
NIGHTS = Drill(Responder(rota="nights"), 300, ("default",))


def policy(policy_id: str, *tiers: Tier) -> EscalationPolicy:
    return by_severity(policy_id, "1", {Severity.CRITICAL: plan(*tiers), Severity.WARNING: plan(*tiers)})


def begun(here: World, drill: Drill = ANA, at_ms: int = NOW) -> Incident:
    return drills.begin(drill, here.opening(), at_ms=at_ms, now_ms=at_ms).incident


def acknowledged(here: World, of: Incident, *, who: str = "ana", now_ms: int = NOW + MINUTE) -> None:
    _, change = carry_out(
        here.incidents,
        of.incident_id,
        lambda each: lifecycle.acknowledge(each, who=who, note=None, now_ms=now_ms),
    )
    assert change


def test_every_responder_of_every_tier_is_asked_once_with_the_shortest_time_that_a_policy_gives() -> None:
    by_text = Responder(contact="ben", channels=("sms",))
    found = drills.drills(
        [
            policy("acme", Tier(("ana", "ben"), 900), Tier((), 60, (Responder(rota="nights"), by_text))),
            policy("north", Tier(("ana",), 300)),
        ]
    )

    assert {each.key: (each.within_s, each.policies) for each in found} == {
        "contact:ana": (300, ("acme", "north")),
        "contact:ben": (900, ("acme",)),
        "contact:ben:sms": (60, ("acme",)),
        "rota:nights": (60, ("acme",)),
    }


def test_it_is_an_incident_that_says_test_and_tells_its_responder_alone() -> None:
    here = world()

    made = begun(here)
    told(here, made, 1)

    assert (made.kind, made.severity, made.key, made.device_id) == ("test", "warning", "contact:ana", DEVICE)
    [message] = here.channel.sent
    assert message.contact_id == "ana"
    assert "TEST" in message.subject
    assert "TEST" in message.text


class Machines:
    """AWS IoT and EventBridge, as far as alerts go."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def publish(self, *, topic: str, qos: int, payload: bytes) -> None:
        assert qos == 1
        self.heard.append(f"{topic} {json.loads(payload)['kind']}")

    def put_events(self, *, Entries: list[Any]) -> Any:  # noqa: N803 - AWS's own names
        self.heard += [f"{each['DetailType']} {json.loads(each['Detail'])['kind']}" for each in Entries]
        return {"Entries": [{"EventId": "e"}]}


def test_machines_that_listen_to_alerts_hear_nothing_of_it() -> None:
    machines: Any = Machines()
    topics = AllAlerts((IotAlertTopic(machines, "dev/"), BusAlerts(EventBus(machines, "incidents"))))
    here = world()
    made = begun(here)

    for each in (made, replace(made, kind="silent")):
        for event in AlertEvent:
            topics.publish(alert_topic(each), alert(each, event, at=NOW))

    assert len(machines.heard) == 2 * len(AlertEvent)
    assert {each.rpartition(" ")[2] for each in machines.heard} == {"silent"}


def test_asked_for_twice_at_one_time_it_is_one_and_the_next_week_another() -> None:
    here = world()

    first, again = begun(here), drills.begin(ANA, here.opening(), at_ms=NOW, now_ms=NOW + 5).incident
    told(here, first, 1)
    told(here, first, 2, now_ms=NOW + 5 * MINUTE)
    next_week = begun(here, at_ms=NOW + 7 * DAY)

    assert again.incident_id == first.incident_id
    assert next_week.incident_id != first.incident_id


def test_nobody_answers_and_its_time_is_over_so_it_ends_and_tells_nobody_again() -> None:
    here = world()
    made = begun(here)
    told(here, made, 1)

    told(here, made, 2, now_ms=NOW + 5 * MINUTE)

    over = is_(here, made)
    assert (over.status, over.resolution, over.resolved_by) == (Status.RESOLVED, "not answered", "coldwatch")
    assert len(here.channel.sent) == 1
    assert here.waiting.heard[-1][1]["outcome"] == "resolved"
    assert EventType.ESCALATED not in {each.type for each in here.incidents.timeline(made.incident_id)}


def test_who_answers_is_kept_and_a_minute_later_it_is_over() -> None:
    here = world()
    made = begun(here)
    told(here, made, 1)
    acknowledged(here, made)

    told(here, made, 2, now_ms=NOW + 2 * MINUTE)

    over = is_(here, made)
    assert (over.status, over.resolution, over.resolved_by) == (Status.RESOLVED, "answered", "ana")
    [found] = drills.results([ANA], [over])
    assert (found.result, found.by, found.after_s) == (Result.ANSWERED, "ana", 60)
    assert EventType.ACKNOWLEDGEMENT_EXPIRED not in {each.type for each in here.incidents.timeline(made.incident_id)}


def test_other_incidents_escalate_as_before() -> None:
    """The same two rounds of one that is no test."""
    here = world()
    made = begun(here)
    real = replace(made, incident_id="real", kind="shock", key="other", plan=plan())
    assert here.incidents.open(real, lifecycle.opened(real, "Shock."))
    told(here, real, 1)
    told(here, real, 2, now_ms=NOW + MINUTE)

    assert is_(here, real).status is Status.OPEN


@pytest.mark.parametrize(("drill", "result"), [(ANA, Result.NOT_ANSWERED), (NIGHTS, Result.ANSWERED)])
def test_what_another_answers_is_no_answer_of_the_contact_but_one_of_a_rota(drill: Drill, result: Result) -> None:
    here = world()
    made = begun(here, drill)
    _, change = carry_out(
        here.incidents,
        made.incident_id,
        lambda each: lifecycle.resolve(each, who="ben", resolution="a test", note=None, now_ms=NOW + MINUTE),
    )
    assert change

    [found] = drills.results([drill], [is_(here, made)])

    assert found.result is result


def test_the_last_one_is_told_and_when_one_was_answered_last() -> None:
    here = world()
    first = begun(here)
    told(here, first, 1)
    acknowledged(here, first)
    told(here, first, 2, now_ms=NOW + 2 * MINUTE)
    second = begun(here, at_ms=NOW + 7 * DAY)

    [found, other] = drills.results([ANA, NIGHTS], [is_(here, second), is_(here, first)])

    assert (found.result, found.incident_id) == (Result.WAITING, second.incident_id)
    assert found.last_answered_at == NOW + MINUTE
    assert other.result is Result.NOT_TESTED


@pytest.mark.parametrize(("after_days", "is_overdue"), [(15, False), (15.1, True)])
def test_overdue_is_who_was_asked_and_has_answered_none_for_so_long(
    after_days: float,
    is_overdue: bool,  # noqa: FBT001 - a column of the table
) -> None:
    here = world()
    made = begun(here)
    known = [is_(here, made)]

    late = drills.overdue(
        drills.results([ANA, NIGHTS], known),
        days=15,
        now_ms=NOW + round(after_days * DAY),
        first_at=drills.first_asked(known),
    )

    assert [each.key for each in late] == (["contact:ana"] if is_overdue else [])
