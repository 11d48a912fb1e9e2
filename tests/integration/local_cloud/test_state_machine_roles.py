"""A state machine's tasks do what its role allows and nothing else."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.local_cloud.devices import Queue, Roles, client, eventually, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

STATES = "states.amazonaws.com"


@pytest.fixture
def roles(mended_cloud: "MendedCloud") -> Roles:
    return Roles(mended_cloud)


def outcome(cloud: "MendedCloud", role: str, task: dict[str, Any]) -> dict[str, Any]:
    """How an execution of one task ends: DescribeExecution's answer."""
    sfn = client(cloud, "stepfunctions")
    definition = {"StartAt": "Task", "States": {"Task": {"Type": "Task", "End": True, **task}}}
    machine = sfn.create_state_machine(name=unique("machine"), definition=json.dumps(definition), roleArn=role)
    execution = sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")["executionArn"]

    def ended() -> dict[str, Any] | None:
        described: dict[str, Any] = sfn.describe_execution(executionArn=execution)
        return described if described["status"] != "RUNNING" else None

    found = eventually(ended)
    assert found, "the execution did not end"
    return found


@pytest.fixture(scope="module")
def function(mended_cloud: "MendedCloud") -> Iterator[str]:
    lambda_, packed, name = client(mended_cloud, "lambda"), io.BytesIO(), unique("function")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("handler.py", "def handler(event, context):\n    return {'answer': 42}\n")
    made = lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=Roles(mended_cloud).create(service="lambda.amazonaws.com"),
        Handler="handler.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    yield str(made["FunctionArn"])
    lambda_.delete_function(FunctionName=name)


def tasks_for(function: str) -> list[dict[str, Any]]:
    optimized = {"Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": function, "Payload": {}}}
    by_name = optimized | {"Parameters": {"FunctionName": function.rpartition(":")[2], "Payload": {}}}
    return [optimized, by_name, {"Resource": function}, optimized | {"TimeoutSeconds": 30}]


def test_a_role_that_may_invoke_the_function_gets_its_answer(
    mended_cloud: "MendedCloud", roles: Roles, function: str
) -> None:
    role = roles.create(("lambda:InvokeFunction", function), service=STATES)

    ends = [outcome(mended_cloud, role, task)["status"] for task in tasks_for(function)]

    assert ends == ["SUCCEEDED"] * 4


def test_a_role_that_may_not_invoke_the_function_fails_the_task_in_every_form(
    mended_cloud: "MendedCloud", roles: Roles, function: str
) -> None:
    role = roles.create(("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:other"), service=STATES)
    callback = {
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": function, "Payload": {}},
        "TimeoutSeconds": 15,
    }

    ends = [outcome(mended_cloud, role, task) for task in (*tasks_for(function), callback)]

    assert [end["error"] for end in ends] == ["States.Permissions"] * 5
    assert all(f"{role} may not lambda:InvokeFunction on {function}" in end["cause"] for end in ends)


def test_a_role_that_does_not_trust_step_functions_may_do_nothing(
    mended_cloud: "MendedCloud", roles: Roles, function: str
) -> None:
    role = roles.create(("*", "*"), service="lambda.amazonaws.com")

    end = outcome(mended_cloud, role, tasks_for(function)[0])

    assert "does not trust states.amazonaws.com" in end["cause"]


def test_a_denial_can_be_caught(mended_cloud: "MendedCloud", roles: Roles, function: str) -> None:
    sfn, role = client(mended_cloud, "stepfunctions"), roles.create(service=STATES)
    caught = tasks_for(function)[0] | {
        "Type": "Task",
        "End": True,
        "Catch": [{"ErrorEquals": ["States.Permissions"], "Next": "Sorry"}],
    }
    definition = {"StartAt": "Task", "States": {"Task": caught, "Sorry": {"Type": "Succeed"}}}
    machine = sfn.create_state_machine(name=unique("machine"), definition=json.dumps(definition), roleArn=role)
    execution = sfn.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    assert eventually(lambda: sfn.describe_execution(executionArn=execution)["status"] == "SUCCEEDED")


def test_each_integration_is_asked_for_its_own_call_and_resource(mended_cloud: "MendedCloud", roles: Roles) -> None:
    base = f"{mended_cloud.region}:{mended_cloud.account}"
    topic, machine = f"arn:aws:sns:{base}:t", f"arn:aws:states:{base}:stateMachine:m"
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("sns:publish", {"TopicArn": topic, "Message": "m"}, f"sns:Publish on {topic}"),
        (
            "sqs:sendMessage",
            {"QueueUrl": "http://x/1/q", "MessageBody": "m"},
            f"sqs:SendMessage on arn:aws:sqs:{base}:q",
        ),
        ("dynamodb:putItem", {"TableName": "t", "Item": {}}, f"dynamodb:PutItem on arn:aws:dynamodb:{base}:table/t"),
        ("events:putEvents", {"Entries": [{}]}, f"events:PutEvents on arn:aws:events:{base}:event-bus/default"),
        ("states:startExecution", {"StateMachineArn": machine}, f"states:StartExecution on {machine}"),
        (
            "aws-sdk:dynamodb:query",
            {"TableName": "t", "KeyConditionExpression": "a = :a"},
            f"dynamodb:Query on arn:aws:dynamodb:{base}:table/t",
        ),
        ("aws-sdk:sns:publish", {"TopicArn": topic, "Message": "m"}, f"sns:Publish on {topic}"),
        ("aws-sdk:s3:createBucket", {"Bucket": "b"}, "s3:CreateBucket on arn:aws:s3:::b"),
        ("aws-sdk:sfn:startExecution", {"StateMachineArn": machine}, f"states:StartExecution on {machine}"),
    ]
    role = roles.create(service=STATES)

    ends = [
        outcome(mended_cloud, role, {"Resource": f"arn:aws:states:::{resource}", "Parameters": parameters})
        for resource, parameters, _denied in cases
    ]

    said = [(end.get("error"), end.get("cause", "").partition(" may not ")[2]) for end in ends]
    assert said == [("States.Permissions", f"{denied}: no policy allows it") for _r, _p, denied in cases]


def test_what_the_role_allows_is_carried_out(mended_cloud: "MendedCloud", roles: Roles) -> None:
    queue = Queue(mended_cloud)
    role = roles.create(("sqs:SendMessage", queue.arn), service=STATES)
    given = {"QueueUrl": queue.url, "MessageBody": "hello"}

    for resource in ("sqs:sendMessage", "aws-sdk:sqs:sendMessage"):
        end = outcome(mended_cloud, role, {"Resource": f"arn:aws:states:::{resource}", "Parameters": given})
        assert end["status"] == "SUCCEEDED", end

    assert queue.read(2) == ["hello", "hello"]
