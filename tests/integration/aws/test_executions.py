"""The workflow's executions: woken, replaced where they ended too soon, and succeeded by fresh ones."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.waiting import StepFunctionsExecutions, StepFunctionsWaiting
from coldwatch.incidents import lifecycle
from coldwatch.incidents.incident import REPORT_MISSED_MS, Incident, Status
from coldwatch.incidents.reconciling import GRACE_MS, reconcile
from coldwatch.incidents.workflow import answer_of, continuation_of
from tests.integration.aws.incident_world import ACCOUNT, MADE, running, stop
from tests.integration.aws.incident_world import dynamodb as _dynamodb
from tests.integration.aws.incident_world import executions as _executions
from tests.integration.aws.incident_world import states as _states
from tests.integration.aws.stack import REGION
from tests.unit.incidents.builders import NOW

dynamodb, executions, states = _dynamodb, _executions, _states


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_token_that_waits_no_longer_takes_no_harm(dynamodb: Any, code: str) -> None:
    states = boto3.client("stepfunctions", region_name=REGION)
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    real.keep_token(MADE, "t")
    with Stubber(states) as stub:
        stub.add_client_error("send_task_success", code)

        StepFunctionsWaiting(states, real).wake(replace(MADE, status=Status.ACKNOWLEDGED, revision=2), now_ms=NOW)

        stub.assert_no_pending_responses()


OPEN = replace(MADE, round=1, deadline_at=NOW)
TAKEN = replace(OPEN, status=Status.ACKNOWLEDGED, acknowledged_by="ana", deadline_at=NOW + 9)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (OPEN, TAKEN, "acknowledged"),
        (OPEN, replace(OPEN, status=Status.RESOLVED, deadline_at=None), "resolved"),
        (OPEN, replace(OPEN, escalated_round=1), "escalate"),
        (TAKEN, replace(OPEN, status=Status.SNOOZED, deadline_at=NOW + 500), "snoozed"),
        (OPEN, replace(OPEN, peak=9.0), None),
        (TAKEN, replace(TAKEN, recovered_at=NOW), None),
    ],
)
def test_a_workflow_is_woken_by_what_changes_how_the_incident_stands(
    dynamodb: Any, before: Incident, after: Incident, says: str | None
) -> None:
    states = boto3.client("stepfunctions", region_name=REGION)
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    real.keep_token(before, "t")
    later = replace(after, revision=before.revision + 1)
    with Stubber(states) as stub:
        output = json.dumps(answer_of(later, now_ms=NOW))
        stub.add_response("send_task_success", {}, {"taskToken": "t", "output": output})

        StepFunctionsWaiting(states, real).wake(later, now_ms=NOW)

        if says:
            assert json.loads(output)["outcome"] == says
            stub.assert_no_pending_responses()
        else:
            with pytest.raises(AssertionError, match="remaining"):
                stub.assert_no_pending_responses()


def test_a_wake_up_call_that_comes_late_does_not_end_a_later_wait(dynamodb: Any) -> None:
    states = boto3.client("stepfunctions", region_name=REGION)
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    real.keep_token(replace(OPEN, round=2, revision=7), "t")
    with Stubber(states) as stub:  # which answers nothing
        StepFunctionsWaiting(states, real).wake(replace(TAKEN, revision=5), now_ms=NOW)

        stub.assert_no_pending_responses()


def test_a_workflow_that_runs_is_as_good_as_one_that_is_started(states: Any, executions: Any) -> None:
    executions.start(MADE, now_ms=NOW)
    executions.start(replace(MADE, round=1, step=1), now_ms=NOW)

    assert running(states) == {MADE.incident_id: "RUNNING"}


def test_a_workflow_that_ended_before_its_incident_is_replaced_by_one_however_often_it_is_asked(
    states: Any, executions: Any
) -> None:
    executions.start(MADE, now_ms=NOW)
    stop(states, MADE.incident_id)

    for round_ in (1, 1, 2):
        executions.start(replace(MADE, round=round_, step=round_), now_ms=NOW)
    assert running(states) == {MADE.incident_id: "ABORTED", f"{MADE.incident_id}-2": "RUNNING"}

    stop(states, f"{MADE.incident_id}-2")
    executions.start(replace(MADE, status=Status.ACKNOWLEDGED), now_ms=NOW)
    assert running(states)[f"{MADE.incident_id}-3"] == "RUNNING"


@pytest.mark.parametrize("described", ["ExecutionDoesNotExist", "PENDING_REDRIVE"])
def test_a_workflow_that_is_not_seen_yet_or_will_be_redriven_is_not_replaced(states: Any, described: str) -> None:
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:incident"
    execution = {"executionArn": arn.replace("stateMachine", "execution") + f":{MADE.incident_id}"}
    with Stubber(states) as stub:
        stub.add_client_error("start_execution", "ExecutionAlreadyExists")
        if described == "PENDING_REDRIVE":
            told = {"status": described, "stateMachineArn": arn, "startDate": 0, **execution}
            stub.add_response("describe_execution", told, execution)
        else:
            stub.add_client_error("describe_execution", described, expected_params=execution)

        StepFunctionsExecutions(states, arn).start(MADE, now_ms=NOW)

        stub.assert_no_pending_responses()


def test_a_workflow_that_ended_with_the_report_is_not_replaced(states: Any, executions: Any) -> None:
    executions.start(MADE, now_ms=NOW)
    stop(states, MADE.incident_id)

    over = replace(MADE, status=Status.RESOLVED, recorded_at=NOW, reported_at=NOW)
    executions.start(over, now_ms=NOW)

    assert running(states) == {MADE.incident_id: "ABORTED"}


def test_a_workflow_that_ended_before_the_report_is_replaced_while_the_report_is_missed(
    states: Any, executions: Any
) -> None:
    over = replace(MADE, status=Status.RESOLVED, recorded_at=NOW)
    executions.start(over, now_ms=NOW)
    stop(states, MADE.incident_id)

    assert executions.start(over, now_ms=NOW + REPORT_MISSED_MS) == 1
    assert executions.start(over, now_ms=NOW) == 2


def test_an_execution_is_looked_for_from_the_last_that_is_known_of(states: Any, executions: Any) -> None:
    assert executions.running(MADE) is None
    executions.start(MADE, now_ms=NOW)
    assert executions.running(MADE) == 1

    stop(states, MADE.incident_id)
    assert executions.running(MADE) is None
    assert executions.start(replace(MADE, executions=4), now_ms=NOW) == 4
    assert executions.running(MADE) is None, "what comes before is forgotten in time"
    assert executions.running(replace(MADE, executions=4)) == 4


def test_an_execution_is_succeeded_by_one_however_often_it_is_asked(states: Any, executions: Any) -> None:
    executions.start(MADE, now_ms=NOW)
    given = continuation_of(MADE, 7, 3, number=2)

    numbers = [executions.succeed(MADE, after=1, given=given) for _ in range(2)]
    stop(states, f"{MADE.incident_id}-2")
    numbers.append(executions.succeed(MADE, after=1, given=given))

    assert numbers == [2, 2, 3]
    assert set(running(states)) == {MADE.incident_id, f"{MADE.incident_id}-2", f"{MADE.incident_id}-3"}


def test_one_incident_that_cannot_be_read_keeps_nobody_from_the_others(
    dynamodb: Any, states: Any, executions: Any
) -> None:
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    for name, status in (("broken", Status.OPEN), ("well", Status.OPEN), ("over", Status.RESOLVED)):
        each = replace(MADE, incident_id=name, key=name, status=status)
        real.open(each, lifecycle.opened(each, "x"))
    dynamodb.update_item(
        TableName="IncidentTable",
        Key={"incident_id": {"S": "broken"}, "part": {"S": "incident"}},
        UpdateExpression="SET #plan = :none",
        ExpressionAttributeNames={"#plan": "plan"},
        ExpressionAttributeValues={":none": {"S": "{"}},
    )

    done = reconcile(real, executions, with_unrecorded=True, now_ms=NOW + GRACE_MS)

    assert sorted(done.reattached) == ["over", "well"]
    assert list(done.faults) == ["broken"]
    assert set(running(states)) == {"over", "well"}
