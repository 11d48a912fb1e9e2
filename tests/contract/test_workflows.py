"""The state machines agree with the functions that they invoke, and end so that somebody can take them up again."""

import json
from typing import Any

import pytest

from coldwatch.incidents.storms.posting import CLAIMED_MS

from .template import ROOT, resources, template


def states(machine: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "statemachines" / f"{machine}.asl.json").read_text())["States"]
    return found


def function_timeout_s(state: dict[str, Any]) -> int:
    logical_id = state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
    own = resources("AWS::Serverless::Function")[logical_id]["Properties"]
    return int(own.get("Timeout", template()["Globals"]["Function"]["Timeout"]))


@pytest.mark.parametrize("name", ["Keep its whole course", "Record", "Report", "Report without a PDF"])
def test_the_end_of_an_incident_does_not_go_on_while_a_function_may_still_write(name: str) -> None:
    """A record that overtakes the final evidence would lack its hash. Ten seconds are a function's start."""
    state = states("incident")[name]

    assert state["TimeoutSeconds"] > function_timeout_s(state) + 10


def test_a_run_that_sends_digests_is_over_when_its_claims_are() -> None:
    notifier = resources("AWS::Serverless::Function")["NotifyTierFunction"]["Properties"]

    assert notifier["Timeout"] * 1000 <= CLAIMED_MS


def test_a_redrive_of_an_incidents_workflow_tries_again_what_failed() -> None:
    """A state of type Fail is entered again by a redrive, and fails again."""
    assert [name for name, state in states("incident").items() if state["Type"] == "Fail"] == []


def events_of(state: dict[str, Any]) -> int:
    """At most, of one visit: entered and left, and for each attempt scheduled, started, submitted and its end."""
    attempts = 1 + max((each.get("MaxAttempts", 3) for each in state.get("Retry", ())), default=0)
    return 2 + (4 * attempts if state["Type"] == "Task" else 0)


def test_an_incident_is_handed_over_before_its_history_is_full() -> None:
    """Whatever has to be tried again: a turn is at most a round that is told twice over, and the waits around it."""
    known = states("incident")
    (choice,) = known["Is its history long?"]["Choices"]
    turns = int(choice["Condition"].split(">=")[1].strip(" %}"))
    told = ("Notify tier", "Tell those who can be told", "What has become of it?", "Wait after a failure")
    turned = ("Go on to the next step", "Is its history long?")
    begun_and_ended = 2_000

    per_turn = sum(events_of(known[name]) for name in (*told, *turned))

    assert per_turn <= 75
    assert turns * 75 + begun_and_ended < 25_000


def test_no_wait_of_an_incident_is_without_an_end() -> None:
    machine = json.loads((ROOT / "statemachines" / "incident.asl.json").read_text())
    tasks = [state for state in machine["States"].values() if state["Type"] == "Task"]

    assert all("TimeoutSeconds" in state for state in tasks)
    assert machine["TimeoutSeconds"] < 365 * 86_400
