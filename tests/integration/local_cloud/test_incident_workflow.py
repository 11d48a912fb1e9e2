"""The incident workflow itself, with functions that only say that they were called: who is told when, and again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.local_cloud.conftest import ROOT
from tests.integration.local_cloud.devices import eventually
from tests.integration.local_cloud.machines import Machines

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

INCIDENT = "0" * 26
FUNCTIONS = ("KeepEvidence", "EnrichIncident", "NotifyTier", "AwaitResolution", "HandOverIncident", "RecordIncident")


@pytest.fixture
def machines(mended_cloud: "MendedCloud", tmp_path: Path) -> Machines:
    return Machines(mended_cloud, tmp_path)


def definition(machines: Machines, failing: tuple[str, ...] = ()) -> dict[str, Any]:
    """The machine as it is deployed, save that it tries everything once: its back-off would make the test slow."""
    text = (ROOT / "statemachines" / "incident.asl.json").read_text()
    for name in FUNCTIONS:
        arn = machines.function(name, fails="it is broken" if name in failing else "")
        text = text.replace(f"${{{name}FunctionArn}}", arn)
    machine: dict[str, Any] = json.loads(text)
    for state in machine["States"].values():
        state.pop("Retry", None)
    return machine


def waits(*acknowledge_s: int, repeat_s: int = 60) -> dict[str, Any]:
    """A wait that is to end is long enough for a function to begin in it, on a machine that has much to do."""
    times = {"acknowledge_s": list(acknowledge_s), "repeat_s": repeat_s}
    place = {"round": 1, "step": 1, "wait_s": acknowledge_s[0], "number": 1}
    return {"incident_id": INCIDENT, "waits": times, **place}


def answer(machines: Machines, function: str, number: int, outcome: str, wait_s: int = 60) -> dict[str, Any]:
    """Return the token of a function's call, as whoever settles the incident does; the call."""
    calls = eventually(lambda: found if len(found := machines.calls(function)) >= number else None)
    assert calls, f"{function} was not called {number} times"
    call = calls[number - 1]
    last = machines.calls("NotifyTier")[-1]
    place = {"round": last["round"], "step": last["step"]}
    output = {"outcome": outcome, "wait_s": wait_s, "standing": f"{outcome} {number}", **place}
    machines.sfn.send_task_success(taskToken=call["task_token"], output=json.dumps(output))
    return call


def steps(machines: Machines) -> list[tuple[int, int]]:
    return [(call["round"], call["step"]) for call in machines.calls("NotifyTier")]


def test_tier_after_tier_is_told_and_the_acknowledgers_again_when_they_forget(machines: Machines) -> None:
    execution = machines.start(definition(machines), waits(3))

    answer(machines, "NotifyTier", 2, "acknowledged", wait_s=1)
    answer(machines, "NotifyTier", 3, "acknowledged")
    answer(machines, "AwaitResolution", 2, "resolved")

    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert steps(machines) == [(1, 1), (2, 2), (3, 2)], "after its time the next step; after an expiry the same step"
    first, final = machines.calls("KeepEvidence")
    assert (first, final) == ({"incident_id": INCIDENT, "is_final": False}, {"incident_id": INCIDENT, "is_final": True})
    assert machines.calls("RecordIncident") == [{"incident_id": INCIDENT}, {"incident_id": INCIDENT, "part": "report"}]


def test_who_cannot_be_reached_is_not_waited_for(machines: Machines) -> None:
    execution = machines.start(definition(machines), waits(60, 60))

    answer(machines, "NotifyTier", 1, "unreachable")
    answer(machines, "NotifyTier", 2, "resolved")

    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert steps(machines) == [(1, 1), (2, 2)]
    assert machines.calls("AwaitResolution") == []


def test_a_snooze_is_waited_for_and_then_the_same_tier_is_told(machines: Machines) -> None:
    execution = machines.start(definition(machines), waits(60, 60))

    answer(machines, "NotifyTier", 1, "snoozed", wait_s=60)
    snoozed = answer(machines, "AwaitResolution", 1, "snoozed", wait_s=1)
    shortened = machines.calls("AwaitResolution")
    answer(machines, "NotifyTier", 2, "resolved")

    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert steps(machines) == [(1, 1), (2, 1)]
    assert snoozed["standing"] == "snoozed 1", "each wait is for what it was measured for"
    assert len(shortened) <= 2
    assert [call["standing"] for call in machines.calls("AwaitResolution")] == ["snoozed 1", "snoozed 1"]


def test_whoever_asks_for_the_next_tier_is_not_waited_for(machines: Machines) -> None:
    execution = machines.start(definition(machines), waits(60, 60, 60))

    answer(machines, "NotifyTier", 1, "escalate")
    answer(machines, "NotifyTier", 2, "acknowledged")
    answer(machines, "AwaitResolution", 1, "escalate")
    answer(machines, "NotifyTier", 3, "resolved")

    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert steps(machines) == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("why", ["silenced", "held_down"])
def test_while_nobody_is_to_be_told_no_round_is_counted(machines: Machines, why: str) -> None:
    execution = machines.start(definition(machines), waits(60, 60))
    eventually(lambda: machines.calls("NotifyTier"))
    (call,) = machines.calls("NotifyTier")
    output = {"outcome": why, "round": 0, "step": 1, "wait_s": 1, "standing": "OPEN"}
    machines.sfn.send_task_success(taskToken=call["task_token"], output=json.dumps(output))
    answer(machines, "NotifyTier", 2, "resolved")

    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert steps(machines) == [(1, 1), (1, 1)]


def test_a_long_history_is_handed_over_with_the_round_that_comes_next(machines: Machines) -> None:
    short = definition(machines)
    (choice,) = short["States"]["Is its history long?"]["Choices"]
    choice["Condition"] = "{% $turns >= 3 %}"
    execution = machines.start(short, waits(3, 3, 3))

    assert machines.end(execution)["status"] == "SUCCEEDED"
    (handed,) = machines.calls("HandOverIncident")
    machine = handed.pop("state_machine_arn")
    assert handed == {"incident_id": INCIDENT, "number": 1, "round": 4, "step": 4}
    assert execution.startswith(machine.replace(":stateMachine:", ":execution:"))
    assert steps(machines) == [(1, 1), (2, 2), (3, 3)]
    assert machines.calls("RecordIncident") == []


def test_where_nobody_takes_over_the_workflow_goes_on(machines: Machines) -> None:
    short = definition(machines, failing=("HandOverIncident",))
    (choice,) = short["States"]["Is its history long?"]["Choices"]
    choice["Condition"] = "{% $turns >= 1 %}"
    execution = machines.start(short, waits(3, 60))

    answer(machines, "NotifyTier", 2, "resolved")

    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert steps(machines) == [(1, 1), (2, 2)]


def test_without_evidence_and_details_somebody_is_told_all_the_same(machines: Machines) -> None:
    execution = machines.start(definition(machines, failing=("KeepEvidence", "EnrichIncident")), waits(60))

    answer(machines, "NotifyTier", 1, "resolved")

    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert machines.entered(execution)[:4] == ["Begin", "Keep evidence", "Enrich", "Notify tier"]


def test_a_broken_notifier_is_tried_again_with_the_next_step(machines: Machines) -> None:
    broken = definition(machines, failing=("NotifyTier",))
    broken["States"]["Wait after a failure"]["Seconds"] = 0

    execution = machines.start(broken, waits(60, 60))

    assert eventually(lambda: len(machines.calls("NotifyTier")) >= 3)
    machines.sfn.stop_execution(executionArn=execution)
    assert steps(machines)[:3] == [(1, 1), (2, 2), (3, 3)]


def test_a_record_that_cannot_be_written_fails_the_execution_for_somebody_to_redrive(machines: Machines) -> None:
    execution = machines.start(definition(machines, failing=("RecordIncident",)), waits(60))

    answer(machines, "NotifyTier", 1, "resolved")

    end = machines.end(execution)
    assert end["status"] == "FAILED"
    assert "it is broken" in end["cause"]
    assert machines.entered(execution)[-1] == "Record"


def test_a_plan_that_has_changed_is_waited_for_as_it_is_then(machines: Machines) -> None:
    execution = machines.start(definition(machines), waits(60, 60))
    assert eventually(lambda: machines.calls("NotifyTier"))
    (call,) = machines.calls("NotifyTier")
    times = {"acknowledge_s": [3, 50], "repeat_s": 60}
    output = {"outcome": "escalate", "round": 1, "step": 0, "wait_s": 3, "standing": "OPEN", "waits": times}
    machines.sfn.send_task_success(taskToken=call["task_token"], output=json.dumps(output))
    answer(machines, "NotifyTier", 3, "resolved")

    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert steps(machines) == [(1, 1), (2, 1), (3, 2)]
    assert [call["wait_s"] for call in machines.calls("NotifyTier")] == [60, 3, 50]
