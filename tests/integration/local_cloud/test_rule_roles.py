"""A rule's actions do what its roles allow and nothing else. docs/local-cloud/iot.md has the AWS pages."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.local_cloud.devices import Device, Queue, Roles, Stream, client, eventually, topic_rule, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

SQL = "SELECT * FROM 'dt/{topic}'"


@pytest.fixture(scope="module")
def device(mended_cloud: "MendedCloud", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    with Device(mended_cloud, tmp_path_factory.mktemp("certificates")) as connected:
        yield connected


@pytest.fixture
def roles(mended_cloud: "MendedCloud") -> Roles:
    return Roles(mended_cloud)


@pytest.fixture
def stream(mended_cloud: "MendedCloud") -> Stream:
    return Stream(mended_cloud)


@pytest.fixture
def errors(mended_cloud: "MendedCloud") -> Queue:
    return Queue(mended_cloud)


def to_stream(stream: Stream, role: str) -> dict[str, Any]:
    return {"kinesis": {"streamName": stream.name, "partitionKey": "k", "roleArn": role}}


def to_queue(queue: Queue, role: str) -> dict[str, Any]:
    return {"sqs": {"queueUrl": queue.url, "roleArn": role, "useBase64": False}}


def the_failure(queue: Queue) -> str:
    (body,) = queue.read(1)
    (failure,) = json.loads(body)["failures"]
    return str(failure["errorMessage"])


def test_a_role_that_allows_the_call_on_the_stream_is_enough(
    mended_cloud: "MendedCloud", device: Device, roles: Roles, stream: Stream
) -> None:
    role = roles.create(("kinesis:PutRecord", stream.arn))
    with topic_rule(mended_cloud, SQL, to_stream(stream, role)) as rule:
        device.publish(f"dt/{rule}", b"{}")

        assert len(stream.read(1)) == 1


@pytest.mark.parametrize(
    ("allowed", "service", "why"),
    [
        ([], "iot.amazonaws.com", "may not kinesis:PutRecord"),
        ([("kinesis:PutRecords", "*")], "iot.amazonaws.com", "may not kinesis:PutRecord"),
        ([("kinesis:PutRecord", "arn:aws:kinesis:*:*:stream/other")], "iot.amazonaws.com", "no policy allows it"),
        ([("kinesis:*", "*")], "firehose.amazonaws.com", "does not trust iot.amazonaws.com"),
    ],
)
def test_a_denied_action_fails_and_the_error_action_is_told_role_call_and_resource(  # noqa: PLR0917 - pytest passes fixtures by name
    mended_cloud: "MendedCloud",
    device: Device,
    roles: Roles,
    stream: Stream,
    errors: Queue,
    allowed: list[tuple[str, str]],
    service: str,
    why: str,
) -> None:
    role = roles.create(*allowed, service=service)
    reporter = roles.create(("sqs:SendMessage", errors.arn))
    with topic_rule(mended_cloud, SQL, to_stream(stream, role), error=to_queue(errors, reporter)) as rule:
        device.publish(f"dt/{rule}", b"{}")
        message = the_failure(errors)

    assert why in message
    assert role in message
    assert stream.arn in message
    assert stream.read(1, within_s=0.1) == []


def test_a_role_that_does_not_exist_denies(
    mended_cloud: "MendedCloud", device: Device, roles: Roles, errors: Queue
) -> None:
    iam, gone = client(mended_cloud, "iam"), roles.create()
    reporter = roles.create(("sqs:SendMessage", errors.arn))
    action = {"republish": {"topic": "a/b", "roleArn": gone}}
    with topic_rule(mended_cloud, SQL, action, error=to_queue(errors, reporter)) as rule:
        iam.delete_role(RoleName=gone.rpartition("/")[2])
        device.publish(f"dt/{rule}", b"{}")

        assert f"role {gone} does not exist" in the_failure(errors)


def test_the_error_action_needs_its_own_role(
    mended_cloud: "MendedCloud", device: Device, roles: Roles, stream: Stream, errors: Queue
) -> None:
    nothing, passing = roles.create(), roles.create(("kinesis:PutRecord", stream.arn))
    with topic_rule(mended_cloud, SQL, to_stream(stream, nothing), error=to_queue(errors, nothing)) as rule:
        device.publish(f"dt/{rule}", b"{}")
    with topic_rule(mended_cloud, SQL, to_stream(stream, passing)) as rule:
        device.publish(f"dt/{rule}", b"{}")
        stream.read(1)

    assert errors.read(1, within_s=0.2) == []


def test_a_permission_taken_away_is_missed_within_seconds(
    mended_cloud: "MendedCloud", device: Device, roles: Roles, stream: Stream, errors: Queue
) -> None:
    role, reporter = roles.create(("kinesis:PutRecord", stream.arn)), roles.create(("sqs:SendMessage", errors.arn))
    name = role.rpartition("/")[2]
    with topic_rule(mended_cloud, SQL, to_stream(stream, role), error=to_queue(errors, reporter)) as rule:
        device.publish(f"dt/{rule}", b"{}")
        stream.read(1)
        client(mended_cloud, "iam").delete_role_policy(RoleName=name, PolicyName="policy0")

        def publish_again() -> list[str]:
            device.publish(f"dt/{rule}", b"{}")
            return errors.read(1, within_s=0.1)

        assert eventually(publish_again)


def test_a_deny_in_the_queue_s_own_policy_counts(
    mended_cloud: "MendedCloud", device: Device, roles: Roles, errors: Queue
) -> None:
    queue = Queue(mended_cloud)
    role = roles.create(("sqs:SendMessage", "*"))
    deny = {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "sqs:SendMessage", "Resource": queue.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    client(mended_cloud, "sqs").set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
    with topic_rule(mended_cloud, SQL, to_queue(queue, role), error=to_queue(errors, role)) as rule:
        device.publish(f"dt/{rule}", b"{}")

        assert "a policy denies it" in the_failure(errors)


ACCOUNT_ARN = "arn:aws:{service}:eu-west-1:000000000000:"
CALLS: dict[str, tuple[dict[str, Any], str, str]] = {
    "sqs": ({"queueUrl": "http://x/000000000000/q"}, "sqs:SendMessage", ACCOUNT_ARN + "q"),
    "sns": ({"targetArn": "arn:aws:sns:eu-west-1:000000000000:t"}, "sns:Publish", ACCOUNT_ARN + "t"),
    "firehose": ({"deliveryStreamName": "d"}, "firehose:PutRecord", ACCOUNT_ARN + "deliverystream/d"),
    "republish": ({"topic": "$$aws/x/${topic(1)}"}, "iot:Publish", ACCOUNT_ARN + "topic/$aws/x/dt"),
    "dynamoDBv2": ({"putItem": {"tableName": "t"}}, "dynamodb:PutItem", ACCOUNT_ARN + "table/t"),
    "s3": ({"bucketName": "b", "key": "${topic(1)}/k"}, "s3:PutObject", "arn:aws:s3:::b/dt/k"),
    "stepFunctions": ({"stateMachineName": "m"}, "states:StartExecution", ACCOUNT_ARN + "stateMachine:m"),
}


@pytest.mark.parametrize("action_type", CALLS)
def test_each_action_is_asked_for_its_own_call_and_resource(
    mended_cloud: "MendedCloud", device: Device, roles: Roles, errors: Queue, action_type: str
) -> None:
    fields, call, resource = CALLS[action_type]
    nothing, reporter = roles.create(), roles.create(("sqs:SendMessage", errors.arn))
    action: dict[str, Any] = {action_type: {**fields, "roleArn": nothing}}
    service = {"republish": "iot", "dynamoDBv2": "dynamodb", "stepFunctions": "states"}.get(action_type, action_type)
    with topic_rule(mended_cloud, SQL, action, error=to_queue(errors, reporter)) as rule:
        device.publish(f"dt/{rule}", b"{}")

        assert f"{nothing} may not {call} on {resource.format(service=service)}: no policy" in the_failure(errors)


@pytest.fixture
def function(mended_cloud: "MendedCloud", roles: Roles) -> Iterator[Callable[[dict[str, str]], str]]:
    """Makes a function that IoT may invoke when `source` matches, and that sends its event to nobody; its ARN."""
    lambda_, made = client(mended_cloud, "lambda"), []

    def make(source: dict[str, str]) -> str:
        packed, name = io.BytesIO(), unique("function")
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("handler.py", "def handler(event, context):\n    print('got', event['marker'])\n")
        arn = lambda_.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=roles.create(("logs:*", "*"), service="lambda.amazonaws.com"),
            Handler="handler.handler",
            Code={"ZipFile": packed.getvalue()},
        )["FunctionArn"]
        made.append(name)
        if source:
            lambda_.add_permission(
                FunctionName=name,
                StatementId="iot",
                Action="lambda:InvokeFunction",
                Principal="iot.amazonaws.com",
                **source,
            )
        return str(arn)

    yield make
    for name in made:
        lambda_.delete_function(FunctionName=name)


@pytest.mark.parametrize("source", [{}, {"SourceArn": "arn:aws:iot:eu-west-1:000000000000:rule/other"}])
def test_a_function_that_gives_this_rule_no_permission_is_not_invoked(  # noqa: PLR0917 - pytest passes fixtures by name
    mended_cloud: "MendedCloud",
    device: Device,
    roles: Roles,
    errors: Queue,
    function: Callable[[dict[str, str]], str],
    source: dict[str, str],
) -> None:
    arn, reporter = function(source), roles.create(("sqs:SendMessage", errors.arn))
    with topic_rule(mended_cloud, SQL, {"lambda": {"functionArn": arn}}, error=to_queue(errors, reporter)) as rule:
        device.publish(f"dt/{rule}", b"{}")

        assert f"{arn} does not let iot.amazonaws.com lambda:InvokeFunction" in the_failure(errors)


def test_a_function_that_permits_the_rule_is_invoked(
    mended_cloud: "MendedCloud", device: Device, function: Callable[[dict[str, str]], str]
) -> None:
    arn = function({"SourceArn": f"arn:aws:iot:{mended_cloud.region}:{mended_cloud.account}:rule/*"})
    logs, group = client(mended_cloud, "logs"), f"/aws/lambda/{arn.rpartition(':')[2]}"

    def lines() -> list[str]:
        groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]] if groups else []

    with topic_rule(mended_cloud, SQL, {"lambda": {"functionArn": arn}}) as rule:
        device.publish(f"dt/{rule}", b'{"marker":"m-1"}')

        assert eventually(lambda: [line for line in lines() if "got m-1" in line])
