"""The state machines agree with the functions that they invoke, and end so that somebody can take them up again."""

import json
from typing import Any

import pytest

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


def test_a_redrive_of_an_incidents_workflow_tries_again_what_failed() -> None:
    """A state of type Fail is entered again by a redrive, and fails again."""
    assert [name for name, state in states("incident").items() if state["Type"] == "Fail"] == []
