"""An effect opens one incident, joins the one that is open, or is known; and which incident it is."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coldwatch.incidents.answering import Action
from coldwatch.incidents.effects import EffectFormError, read_effect
from coldwatch.incidents.incident import Incident, Severity, Status
from coldwatch.incidents.opening import Opened, Opening, open_incident
from coldwatch.incidents.policy import PolicyError, Tier, by_severity
from coldwatch.incidents.recovery import recover_incident
from coldwatch.incidents.telling import NotAllToldError
from tests.unit.incidents.builders import FRIDGE, HIGH, NOW, SILENCE, effect, is_, opened, operated, plan, told, world
from tests.unit.incidents.fakes import Course, World
from tests.unit.incidents.workflow import Workflow

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[3] / "events/open_incident.json").read_text())


def opening(here: World, **changes: Any) -> Opening:
    return open_incident(effect(**changes), here.opening(), now_ms=NOW)


def timeline(here: World, of: Incident) -> list[str]:
    return [event.type.value for event in here.incidents.timeline(of.incident_id)]


def test_an_effect_opens_an_incident_and_starts_its_workflow_under_its_name() -> None:
    here = world()

    made = opening(here)

    incident = made.incident
    assert (made.outcome, made.complaint) == (Opened.OPENED, None)
    assert (incident.kind, incident.severity, incident.title) == ("too_warm", "critical", "Too warm")
    assert (incident.fleet_id, incident.thing_type) == ("acme", "fridge")
    assert incident.began_at < incident.opened_at == NOW
    assert incident.profile["high_c"] == 8.0
    assert here.executions.started == {
        incident.incident_id: {
            "incident_id": incident.incident_id,
            "number": 1,
            "round": 1,
            "step": 1,
            "wait_s": 60,
            "waits": {"acknowledge_s": [60, 120, 60, 120], "repeat_s": 600, "resolve_s": 900},
        }
    }
    assert timeline(here, incident) == ["opened"]


def test_the_same_effect_is_the_same_incident() -> None:
    here = world()
    first = opened(here)

    again = opening(here)

    assert (again.outcome, again.incident) == (Opened.KNOWN, first)
    assert timeline(here, first) == ["opened"]


def test_the_same_effect_is_the_same_incident_though_it_is_over() -> None:
    here = world()
    first = opened(here)
    here.incidents.incidents[first.incident_id] = replace(first, status=Status.RESOLVED)
    here.incidents.locks.clear()

    assert opening(here).outcome is Opened.KNOWN
    assert len(here.incidents.incidents) == 1


def test_a_repeat_joins_what_is_open_once_however_often_it_comes() -> None:
    here = world()
    first = opened(here)

    answers = [opening(here, effect_id="e2", occurred_at=NOW + 9) for _ in range(3)]

    assert {each.outcome for each in answers} == {Opened.JOINED}
    assert {each.incident.incident_id for each in answers} == {first.incident_id}
    assert is_(here, first).excursion_at == NOW + 9
    assert timeline(here, first) == ["opened", "repeated"]


def test_a_repeat_that_is_delivered_again_after_the_end_opens_nothing() -> None:
    here = world(auto_resolve="always")
    first = opened(here)
    opening(here, effect_id="e2")
    recover_incident(effect("r1", occurred_at=NOW + 1), here.incidents, here.waiting, now_ms=NOW)

    again = opening(here, effect_id="e2")

    assert (again.outcome, again.incident.incident_id) == (Opened.JOINED, first.incident_id)
    assert len(here.incidents.incidents) == 1


def test_after_the_end_the_next_excursion_is_another_incident() -> None:
    here = world(auto_resolve="always")
    first = opened(here)
    recover_incident(effect("r1", occurred_at=NOW + 1), here.incidents, here.waiting, now_ms=NOW)

    second = opened(here, effect("e2", occurred_at=NOW + 2))

    assert second.incident_id != first.incident_id
    assert second.status is Status.OPEN


def test_a_repeat_gives_an_incident_a_workflow_again_whose_own_has_ended() -> None:
    here = world()
    first = opened(here)
    told(here, first, 1)
    here.executions.ended.add(first.incident_id)

    opened(here, effect("e2"), now_ms=NOW + 59_000)
    opened(here, effect("e3"), now_ms=NOW + 59_000)

    assert list(here.executions.started) == [first.incident_id, f"{first.incident_id}-2"]
    assert here.executions.started[f"{first.incident_id}-2"]["round"] == 1


def took_over(here: World, of: Incident, now_ms: int) -> Workflow:
    """The workflow that a repeat starts where the first has ended, as it stands after its first function."""
    here.executions.ended.add(of.incident_id)
    opened(here, effect("e2"), now_ms=now_ms)
    workflow = Workflow.of(here, of, 2)
    workflow.enter(now_ms)
    return workflow


def test_a_workflow_that_takes_over_resumes_a_round_whose_time_is_not_over() -> None:
    here = world(tiers=(Tier(("ana", "ben"), 60), Tier(("cem",), 120)))
    first = opened(here)
    here.channel.refuses = {"ben"}
    with pytest.raises(NotAllToldError):
        told(here, first, 1)
    here.channel.refuses.clear()

    workflow = took_over(here, first, NOW + 59_999)

    assert [each.contact_id for each in here.channel.sent] == ["ana", "ben"], "each once, and nobody of the next tier"
    assert workflow.until == NOW + 119_999


def test_a_workflow_that_takes_over_after_the_rounds_time_tells_the_next_tier() -> None:
    here = world()
    first = opened(here)
    told(here, first, 1)

    workflow = took_over(here, first, NOW + 60_000)

    assert [each.contact_id for each in here.channel.sent] == ["ana", "ben", "cem"]
    assert workflow.place == (2, 2)


@pytest.mark.parametrize(("at", "sent"), [(899_999, ["ana"]), (900_000, ["ana", "ana"])])
def test_a_workflow_that_takes_over_what_somebody_has_waits_for_it_or_tells_its_tier_again(
    at: int, sent: list[str]
) -> None:
    here = world()
    first = opened(here)
    told(here, first, 1)
    operated(here, first, Action.ACKNOWLEDGE, "ana", now_ms=NOW)

    workflow = took_over(here, first, NOW + at)

    assert [each.contact_id for each in here.channel.sent] == sent
    assert workflow.state == ("Wait for a change" if len(sent) == 1 else "Notify tier")


def test_what_is_acknowledged_before_anybody_was_told_and_then_forgotten_begins_with_the_first_tier() -> None:
    here = world()
    first = opened(here)
    operated(here, first, Action.ACKNOWLEDGE, "op", now_ms=NOW)
    workflow = Workflow.of(here, first)
    workflow.enter(NOW)
    assert workflow.state == "Wait for a change"

    workflow.time_out()

    assert [each.contact_id for each in here.channel.sent] == ["ana"]


def test_another_key_and_another_model_have_incidents_of_their_own() -> None:
    here = world()

    made = [opened(here), opened(here, effect(key="other")), opened(here, effect(detector_model="shock"))]

    assert len({each.incident_id for each in made}) == 3


def test_of_two_effects_at_once_one_opens_and_the_other_joins() -> None:
    for at in range(1, 9):
        here = world()

        def other(here: World = here) -> None:
            opened(here, effect("e2"))

        open_incident(effect("e1"), here.opening(Course(at=at, act=other)), now_ms=NOW)

        assert len(here.incidents.incidents) == 1, at
        assert len(here.executions.started) == 1, at


def test_an_excursion_that_comes_after_its_own_recovery_is_recovered() -> None:
    here, late = world(auto_resolve="always"), world(auto_resolve="acknowledged")
    for each in (here, late):
        noted = recover_incident(effect("r1", occurred_at=NOW + 1), each.incidents, each.waiting, now_ms=NOW)
        assert noted.incident is None

    assert opened(here).status is Status.RESOLVED
    assert opened(late).recovered_at == NOW + 1
    assert opened(late, effect("e2", detector_model="shock")).recovered_at is None


def test_the_fleets_policy_comes_before_the_default_one() -> None:
    here = world()
    own = plan(Tier(("cem",), 5))
    here.directory.policies["acme"] = by_severity("acme", "7", {Severity.CRITICAL: own})

    assert opened(here).plan == own
    assert opening(here, effect_id="e2", detector_model="shock").incident.plan.tiers == ()


def test_without_a_policy_the_incident_opens_all_the_same_and_says_so() -> None:
    here = world()
    here.directory.policies.clear()

    made = opening(here)

    assert made.complaint == "There is no escalation policy: nobody is told."
    (event,) = here.incidents.timeline(made.incident.incident_id)
    assert event.what.endswith("nobody is told.")


def test_a_policy_that_cannot_be_read_leaves_the_default_one() -> None:
    here = world()
    policies = here.directory

    class Broken:
        def find(self, name: str) -> Any:
            if name == "acme":
                raise PolicyError("acme", "no tiers")
            return policies.find(name)

    made = open_incident(effect(), replace(here.opening(), policies=Broken()), now_ms=NOW)

    assert made.incident.plan.policy_id == "default"
    assert made.complaint is not None
    assert "no tiers" in made.complaint


def test_a_device_that_nobody_registered_has_an_incident_too() -> None:
    here = world()
    here.directory.devices.clear()

    incident = opened(here)

    assert (incident.thing_type, incident.fleet_id) == ("unknown", "")
    assert incident.plan.policy_id == "default"


def test_a_model_that_no_deployment_knows_opens_a_warning_under_its_events_name() -> None:
    incident = opened(world(), effect(detector_model="mine", event_name="Door ajar"))

    assert (incident.kind, incident.severity, incident.title) == ("out_of_range", "warning", "Door ajar")


def test_a_command_that_timed_out_says_itself_what_it_is() -> None:
    told = {"kind": "command_timed_out", "severity": "warning", "title": "No answer to set_interval"}

    incident = opened(world(), effect(detector_model="command_timeout", **told))

    assert (incident.kind, incident.severity, incident.title) == tuple(told.values())


@pytest.mark.parametrize(
    ("state", "title", "severity"),
    [
        ("pending", "Silent, last seen too warm, unconfirmed", "critical"),
        ("excursion", "Silent, last seen too warm", "critical"),
        ("recovering", "Silent, last seen too warm", "critical"),
        ("in_range", "Silent", "warning"),
        (None, "Silent", "warning"),
    ],
)
def test_a_device_that_falls_silent_out_of_range_is_as_grave_as_its_excursion(
    state: str | None, title: str, severity: str
) -> None:
    here = world()
    if state:
        here.directory.states[HIGH, FRIDGE] = state

    incident = opened(here, effect(detector_model=SILENCE, event_name="Silent", clock="wall"))

    assert (incident.kind, incident.title, incident.severity) == ("silent", title, severity)


def test_the_sample_event_is_read_with_the_detectors_own_beginning() -> None:
    read = read_effect(SAMPLE)

    assert (read.detector_model, read.detector_key) == (HIGH, FRIDGE)
    assert read.began_at == SAMPLE["payload"]["state"]["variables"]["began_at"] < read.occurred_at


@pytest.mark.parametrize("variables", [{}, {"began_at": 5}, {"began_at": 9e15}, {"began_at": "soon"}])
def test_a_beginning_that_is_no_time_before_the_effect_is_not_believed(variables: dict[str, Any]) -> None:
    event = SAMPLE | {"payload": SAMPLE["payload"] | {"state": {"variables": variables}}}

    assert read_effect(event).began_at == SAMPLE["coldwatch"]["occurred_at"]


@pytest.mark.parametrize("event", [{}, {"coldwatch": None}, {"coldwatch": {"effect_id": "e"}}])
def test_an_event_that_no_effect_makes_is_refused_with_what_is_missing(event: dict[str, Any]) -> None:
    with pytest.raises(EffectFormError, match="coldwatch"):
        read_effect(event)
