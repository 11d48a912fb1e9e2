"""What a call is asked for, where MiniStack asks for something else than AWS.

Service Authorization Reference: list_awsstepfunctions (SendTaskSuccess: stateMachine), list_amazonsns (Unsubscribe:
topic). Amazon SQS Developer Guide:
sqs-api-permissions-reference (batches). IAM User Guide: reference_policies_condition-keys (aws:PrincipalArn).
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.local_cloud.conftest import running_cloud
from tests.integration.local_cloud.devices import Queue, client, eventually, unique
from tests.integration.local_cloud.machines import Machines
from tests.integration.local_cloud.sessions import Session

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud


def waiting(machines: Machines) -> tuple[str, str, str]:
    """An execution that waits for its token; its machine; the token."""
    function = machines.function("f")
    arguments = {"FunctionName": function, "Payload": {"token": "{% $states.context.Task.Token %}"}}
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "Arguments": arguments}
    states = {"Wait": task | {"TimeoutSeconds": 60, "End": True}}
    execution = machines.start({"QueryLanguage": "JSONata", "StartAt": "Wait", "States": states})
    machine = str(machines.sfn.describe_execution(executionArn=execution)["stateMachineArn"])
    calls = eventually(lambda: machines.calls("f"))
    return execution, machine, str(calls[0]["token"])


def test_a_token_may_be_returned_by_who_is_allowed_on_the_machine_that_gave_it(
    mended_cloud: "MendedCloud", tmp_path: Path
) -> None:
    machines = Machines(mended_cloud, tmp_path)
    execution, machine, token = waiting(machines)

    with pytest.raises(ClientError, match="AccessDenied"):
        Session(mended_cloud, ("states:SendTaskSuccess", f"{machine}x")).client("stepfunctions").send_task_success(
            taskToken=token, output="{}"
        )
    Session(mended_cloud, ("states:SendTaskSuccess", machine)).client("stepfunctions").send_task_success(
        taskToken=token, output='{"settled": true}'
    )

    assert json.loads(machines.end(execution)["output"]) == {"settled": True}


def test_a_token_that_nobody_gave_out_is_no_machines(mended_cloud: "MendedCloud") -> None:
    any_machine = f"arn:aws:states:{mended_cloud.region}:{mended_cloud.account}:stateMachine:*"
    session = Session(mended_cloud, ("states:SendTaskSuccess", any_machine))

    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("stepfunctions").send_task_success(taskToken="forged", output="{}")


def test_a_batch_is_allowed_by_the_action_itself(mended_cloud: "MendedCloud") -> None:
    queue = Queue(mended_cloud)
    sqs = Session(mended_cloud, ("sqs:SendMessage", queue.arn)).client("sqs")

    sent = sqs.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": each, "MessageBody": each} for each in "ab"])
    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.delete_message_batch(QueueUrl=queue.url, Entries=[{"Id": "a", "ReceiptHandle": "x"}])

    assert len(sent["Successful"]) == 2
    assert sorted(queue.read(2)) == ["a", "b"]


def test_who_may_a_batch_by_its_own_name_may_nothing(mended_cloud: "MendedCloud") -> None:
    queue = Queue(mended_cloud)
    sqs = Session(mended_cloud, ("sqs:SendMessageBatch", queue.arn)).client("sqs")

    with pytest.raises(ClientError, match="AccessDenied"):
        sqs.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": "a", "MessageBody": "a"}])


@pytest.mark.parametrize("path", ["/", "/service/"])
def test_a_condition_on_the_principal_names_a_session_by_its_role(mended_cloud: "MendedCloud", path: str) -> None:
    sns = client(mended_cloud, "sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    own, other = (Session(mended_cloud, ("sns:Publish", topic), path=path) for _ in range(2))
    deny: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
    deny["Condition"] = {"ArnNotEquals": {"aws:PrincipalArn": own.role_arn}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)

    published = own.client("sns").publish(TopicArn=topic, Message="hello")

    assert published["MessageId"]
    for refused in (other.client("sns"), sns):
        with pytest.raises(ClientError, match="AuthorizationError"):
            refused.publish(TopicArn=topic, Message="no")


@pytest.mark.parametrize("action", ["GetSubscriptionAttributes", "Unsubscribe"])
def test_what_is_done_to_a_subscription_is_allowed_on_anything_or_not_at_all(
    mended_cloud: "MendedCloud", action: str
) -> None:
    sns = client(mended_cloud, "sns")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="sms", Endpoint="+4915100000008")["SubscriptionArn"]
    by_topic, by_anything = (Session(mended_cloud, (f"sns:{action}", on)).client("sns") for on in (topic, "*"))
    name = "unsubscribe" if action == "Unsubscribe" else "get_subscription_attributes"

    with pytest.raises(ClientError, match="AuthorizationError"):
        getattr(by_topic, name)(SubscriptionArn=arn)

    assert getattr(by_anything, name)(SubscriptionArn=arn)


def test_which_statements_let_a_call_pass_is_written_down_once(tmp_path: Path) -> None:
    written = tmp_path / "authorizations.jsonl"
    with running_cloud(tmp_path, COLDWATCH_AUTHORIZATIONS=str(written)) as cloud:
        queue = Queue(cloud)
        session = Session(cloud, ("sqs:SendMessage", queue.arn), ("sqs:Send*", "*"), ("sqs:DeleteMessage", queue.arn))
        for _ in range(2):
            session.client("sqs").send_message(QueueUrl=queue.url, MessageBody="hello")

    lines = [json.loads(line) for line in written.read_text().splitlines()]
    assert [line for line in lines if line["principal"] == session.name] == [
        {"principal": session.name, "action": "sqs:SendMessage", "sids": ["Allowed0", "Allowed1"]}
    ]
