"""Tasks that wait for their token, as AWS documents them.

Step Functions Developer Guide: connect-to-resource ("Wait for a Callback with Task Token"), state-task, and
concepts-error-handling. API reference: SendTaskSuccess.
"""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.local_cloud.devices import Queue
from tests.integration.local_cloud.machines import Machines

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud


@pytest.fixture
def machines(mended_cloud: "MendedCloud", tmp_path: Path) -> Machines:
    return Machines(mended_cloud, tmp_path)


def task(function: str, **more: Any) -> dict[str, Any]:
    """A machine of one task that waits for its token; what it catches is its output."""
    waiting = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": function, "Payload": {"token": "{% $states.context.Task.Token %}"}},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
        "End": True,
        **more,
    }
    states = {"Wait for it": waiting, "Caught": {"Type": "Succeed"}}
    return {"QueryLanguage": "JSONata", "StartAt": "Wait for it", "States": states}


def caught(machines: Machines, definition: dict[str, Any], given: dict[str, Any] | None = None) -> dict[str, Any]:
    end = machines.end(machines.start(definition, given))
    assert end["status"] == "SUCCEEDED", end
    output: dict[str, Any] = json.loads(end["output"])
    return output


def test_a_function_that_fails_fails_the_task(machines: Machines) -> None:
    began = time.monotonic()

    failure = caught(machines, task(machines.function("f", fails="no responders"), TimeoutSeconds=60))

    assert "no responders" in failure["Cause"]
    assert time.monotonic() - began < 30, "it did not wait for the end of its time"


def test_a_failed_attempt_is_retried_as_often_as_it_says_each_time_with_another_token(machines: Machines) -> None:
    retry = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 2}

    caught(machines, task(machines.function("f", fails="x"), TimeoutSeconds=60, Retry=[retry]))

    tokens = [call["token"] for call in machines.calls("f")]
    assert len(tokens) == len(set(tokens)) == 3


def test_a_time_out_may_be_an_expression(machines: Machines) -> None:
    definition = task(machines.function("f"), TimeoutSeconds="{% $states.input.wait_s %}")
    began = time.monotonic()

    failure = caught(machines, definition, {"wait_s": 1})

    assert failure["Error"] == "States.Timeout"
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("expression", ["{% $states.input.nothing %}", "{% 'soon' %}"])
def test_an_expression_that_is_no_time_fails_the_task(machines: Machines, expression: str) -> None:
    failure = caught(machines, task(machines.function("f"), TimeoutSeconds=expression))

    assert failure["Error"] == "States.QueryEvaluationError"
    assert machines.calls("f") == []


def test_time_runs_from_the_beginning_of_the_attempt(machines: Machines) -> None:
    began = time.monotonic()

    failure = caught(machines, task(machines.function("f", sleeps=25), TimeoutSeconds=1))

    assert failure["Error"] == "States.Timeout"
    assert time.monotonic() - began < 20, "it did not wait for the function"


def test_a_token_completes_its_task_once_and_not_after_its_time(
    machines: Machines, mended_cloud: "MendedCloud"
) -> None:
    queue = Queue(mended_cloud)
    sent = {
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {"QueueUrl": queue.url, "MessageBody": "{% $states.context.Task.Token %}"},
    }
    in_time = machines.start(task("", **sent, TimeoutSeconds=30))
    (token,) = queue.read(1)
    machines.sfn.send_task_success(taskToken=token, output='{"outcome": "acknowledged"}')
    assert json.loads(machines.end(in_time)["output"]) == {"outcome": "acknowledged"}

    too_late = machines.start(task("", **sent, TimeoutSeconds=1))
    (late,) = queue.read(1)
    assert json.loads(machines.end(too_late)["output"])["Error"] == "States.Timeout"

    for gone in (token, late):
        with pytest.raises(ClientError) as refused:
            machines.sfn.send_task_success(taskToken=gone, output="{}")
        assert refused.value.response["Error"]["Code"] in {"TaskTimedOut", "TaskDoesNotExist"}
