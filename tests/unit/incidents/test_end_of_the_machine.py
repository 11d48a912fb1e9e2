"""What fails the incident's machine when others cannot be told, and what does not: at its end, and while it waits."""

import pytest

from tests.unit.incidents.builders import NOW
from tests.unit.incidents.machine import Execution, definition

NOT_ANNOUNCED = "NotAnnouncedError"


@pytest.fixture
def recording() -> Execution:
    """It has called for the record."""
    execution = Execution("i", definition("incident"))
    waits = {"acknowledge_s": [60], "repeat_s": 60}
    execution.begin({"incident_id": "i", "waits": waits, "round": 1, "step": 1, "wait_s": 60, "number": 1}, NOW)
    execution.succeed({"Payload": {"outcome": "kept"}}, NOW)
    execution.succeed({"Payload": {}}, NOW)
    resolved = {"outcome": "resolved", "round": 1, "step": 1, "wait_s": 1, "standing": "RESOLVED"}
    execution.succeed(resolved, NOW)
    execution.succeed({"Payload": {"outcome": "kept"}}, NOW)
    assert execution.state == "Record"
    return execution


@pytest.fixture
def waiting() -> Execution:
    """Somebody has the incident, and it has called for the wait until it is resolved."""
    execution = Execution("i", definition("incident"))
    waits = {"acknowledge_s": [60], "repeat_s": 60}
    execution.begin({"incident_id": "i", "waits": waits, "round": 1, "step": 1, "wait_s": 60, "number": 1}, NOW)
    execution.succeed({"Payload": {"outcome": "kept"}}, NOW)
    execution.succeed({"Payload": {}}, NOW)
    execution.succeed({"outcome": "acknowledged", "round": 1, "step": 1, "wait_s": 900, "standing": "A"}, NOW)
    assert execution.state == "Wait for a change"
    return execution


def failing_with(execution: Execution, error: str) -> int:
    """How often it was called until it was in another state, or had failed."""
    calls, state = 0, execution.state
    while execution.state == state and execution.status == "RUNNING":
        calls += 1
        execution.fail(error, NOW)
        if execution.is_backing_off:
            execution.pass_time()
    return calls


def test_that_the_end_could_not_be_announced_is_tried_often_and_then_reported_all_the_same(
    recording: Execution,
) -> None:
    calls = failing_with(recording, NOT_ANNOUNCED)

    assert (calls, recording.state) == (13, "Report")
    assert recording.call is not None
    assert recording.call.payload == {"incident_id": "i", "part": "report"}
    recording.succeed({"Payload": {}}, NOW)
    assert recording.status == "SUCCEEDED"


def test_an_acknowledgement_that_cannot_be_announced_is_tried_often_and_the_resolution_waited_for_all_the_same(
    waiting: Execution,
) -> None:
    assert waiting.call is not None
    assert waiting.call.payload["is_last_try"] is False

    calls = failing_with(waiting, NOT_ANNOUNCED)

    assert (calls, waiting.state) == (6, "Wait without having said so")
    assert waiting.call.payload == {
        "incident_id": "i",
        "standing": "A",
        "task_token": waiting.token,
        "is_last_try": True,
    }
    waiting.succeed({"outcome": "resolved", "round": 1, "step": 1, "wait_s": 1, "standing": "RESOLVED"}, NOW)
    assert waiting.state == "Keep its whole course"


@pytest.mark.parametrize("error", ["Runtime.ExitError", "NotResolvedError", "States.Timeout"])
def test_a_record_that_cannot_be_written_fails_the_execution(recording: Execution, error: str) -> None:
    failing_with(recording, error)

    assert (recording.status, recording.state) == ("FAILED", "Record")
