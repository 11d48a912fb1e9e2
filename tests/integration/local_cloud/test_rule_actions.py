"""Topic rules on the local cloud, against the behaviour that AWS documents. docs/local-cloud/iot.md has the pages."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.local_cloud.devices import Device, Queue, Roles, Stream, client, eventually, topic_rule, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

ENVELOPE = (
    "SELECT encode(*, 'base64') AS payload, topic() AS topic, topic(3) AS thing, clientid() AS client_id,"
    " timestamp() AS received_at, traceid() AS trace_id FROM 'dt/{topic}/+/telemetry'"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def device(mended_cloud: "MendedCloud", folder: Path) -> Iterator[Device]:
    with Device(mended_cloud, folder) as connected:
        yield connected


@pytest.fixture(scope="module")
def role(mended_cloud: "MendedCloud") -> str:
    return Roles(mended_cloud).create(("*", "*"))


@pytest.fixture
def stream(mended_cloud: "MendedCloud") -> Stream:
    return Stream(mended_cloud)


@pytest.fixture
def errors(mended_cloud: "MendedCloud") -> Queue:
    return Queue(mended_cloud)


def to_stream(stream: Stream, role: str, key: str = "${topic(3)}") -> dict[str, Any]:
    return {"kinesis": {"streamName": stream.name, "partitionKey": key, "roleArn": role}}


def to_queue(queue: Queue, role: str) -> dict[str, Any]:
    return {"sqs": {"queueUrl": queue.url, "roleArn": role, "useBase64": False}}


def test_a_message_goes_to_the_stream_as_compact_json_under_its_partition_key(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, role: str
) -> None:
    with topic_rule(mended_cloud, ENVELOPE, to_stream(stream, role)) as rule:
        device.publish(f"dt/{rule}/thing-1/telemetry", b'{"temp_c": 4.5}')
        (record,) = stream.read(1)

    envelope = json.loads(record["Data"])
    assert record["PartitionKey"] == "thing-1"
    assert base64.b64decode(envelope.pop("payload")) == b'{"temp_c": 4.5}'
    assert isinstance(envelope.pop("received_at"), int)
    assert envelope.pop("trace_id")
    assert envelope == {"topic": f"dt/{rule}/thing-1/telemetry", "thing": "thing-1", "client_id": device.client_id}
    assert b'":' in record["Data"]
    assert b'": ' not in record["Data"]


def test_basic_ingest_sees_the_topic_behind_the_rule_s_name(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, role: str
) -> None:
    with topic_rule(mended_cloud, ENVELOPE, to_stream(stream, role)) as rule:
        device.publish(f"$aws/rules/{rule}/dt/{rule}/thing-2/telemetry", b"{}")
        (record,) = stream.read(1)

    assert record["PartitionKey"] == "thing-2"
    assert json.loads(record["Data"])["topic"] == f"dt/{rule}/thing-2/telemetry"


HOSTILE = {
    "empty": b"",
    "invalid UTF-8": b"\xff\xfe{",
    "a null byte": b"\x00",
    "NaN": b'{"a":NaN}',
    "infinity": b'{"a":-Infinity}',
    "beyond a double": b'{"a":1e400}',
    "an integer of 5000 digits": b"9" * 5000,
    "1000 levels": b"[" * 1000 + b"]" * 1000,
    "60000 levels": b"[" * 60_000 + b"]" * 60_000,
    "60000 open brackets": b'{"a":' * 20_000,
    "a list": b"[1,2]",
    "a scalar": b"5",
    "a string": b'"x"',
    "duplicate keys": b'{"a":1,"a":2}',
    "half a surrogate pair": b'{"a":"\\ud800"}',
    "white space": b' {"a" : 1 } \n',
    "the largest message": b"x" * 131_072,
}


def test_the_envelope_keeps_the_bytes_of_any_payload(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, role: str
) -> None:
    with topic_rule(mended_cloud, ENVELOPE, to_stream(stream, role)) as rule:
        for payload in HOSTILE.values():
            device.publish(f"dt/{rule}/thing-1/telemetry", payload)
        records = stream.read(len(HOSTILE))

    kept = [base64.b64decode(json.loads(record["Data"])["payload"]) for record in records]
    assert dict(zip(HOSTILE, kept, strict=True)) == HOSTILE


def test_select_star_passes_json_on_compactly_and_anything_else_as_its_bytes(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, role: str
) -> None:
    expected = {
        b' {"a" : 1.5, "b": "\xc3\xa9" } ': b'{"a":1.5,"b":"\xc3\xa9"}',
        b'{"a":1,"a":2}': b'{"a":2}',
        b'{"a":"\\ud800"}': b'{"a":"\\ud800"}',
        b"\xff\xfe{": b"\xff\xfe{",
        b"not json": b"not json",
        b'{"a":NaN}': b'{"a":NaN}',
        b'{"a":1e400}': b'{"a":1e400}',
        b"[" * 60_000: b"[" * 60_000,
    }
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}/raw'", to_stream(stream, role, "k")) as rule:
        for payload in expected:
            device.publish(f"dt/{rule}/raw", payload)
        records = stream.read(len(expected))

    assert [record["Data"] for record in records] == list(expected.values())


def test_every_payload_ends_in_the_action_or_in_the_error_action(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, errors: Queue, role: str
) -> None:
    sql = "SELECT *, topic(3) AS x FROM 'dt/{topic}/+'"
    with topic_rule(mended_cloud, sql, to_stream(stream, role), error=to_queue(errors, role)) as rule:
        for payload in HOSTILE.values():
            device.publish(f"dt/{rule}/thing", payload)
        failed = [base64.b64decode(json.loads(body)["base64OriginalPayload"]) for body in errors.read(14)]
        passed = [json.loads(record["Data"]) for record in stream.read(4)]

    objects = ("empty", "duplicate keys", "half a surrogate pair", "white space")
    assert sorted(failed) == sorted(payload for name, payload in HOSTILE.items() if name not in objects)
    assert passed == [{"x": "thing"}, {"a": 2, "x": "thing"}, {"a": "\ud800", "x": "thing"}, {"a": 1, "x": "thing"}]


def test_an_undefined_partition_key_fails_the_action_and_reaches_the_error_action(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, errors: Queue, role: str
) -> None:
    action, error = to_stream(stream, role, "${device_id}"), to_queue(errors, role)
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", action, error=error) as rule:
        device.publish(f"dt/{rule}", b'{"other":1}')
        device.publish(f"dt/{rule}", b'{"device_id":7}')
        (body,) = errors.read(1)
        (record,) = stream.read(1)

    document = json.loads(body)
    (failure,) = document["failures"]
    assert record["PartitionKey"] == "7"
    assert document["ruleName"] == rule
    assert document["clientId"] == device.client_id
    assert base64.b64decode(document["base64OriginalPayload"]) == b'{"other":1}'
    assert failure["failedAction"] == "KinesisAction"
    assert failure["failedResource"] == stream.name
    assert "'device_id' has no value" in failure["errorMessage"]


def test_a_partition_key_kinesis_refuses_reaches_the_error_action(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, errors: Queue, role: str
) -> None:
    action, error = to_stream(stream, role, "${key}"), to_queue(errors, role)
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", action, error=error) as rule:
        for key in ("", "k" * 257, "k" * 256):
            device.publish(f"dt/{rule}", json.dumps({"key": key}).encode())

        assert len(errors.read(2)) == 2
        assert [record["PartitionKey"] for record in stream.read(1)] == ["k" * 256]


def test_one_failing_action_does_not_stop_the_others_and_all_failures_come_in_one_document(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, errors: Queue, role: str
) -> None:
    gone = {"kinesis": {"streamName": "gone", "partitionKey": "k", "roleArn": role}}
    unknown = {"cloudwatchLogs": {"logGroupName": "logs", "roleArn": role}}
    actions = (gone, to_stream(stream, role, "k"), unknown)
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", *actions, error=to_queue(errors, role)) as rule:
        device.publish(f"dt/{rule}", b"{}")
        (body,) = errors.read(1)

        assert len(stream.read(1)) == 1
    failures = json.loads(body)["failures"]
    assert [failure["failedAction"] for failure in failures] == ["KinesisAction", "CloudwatchLogsAction"]
    assert "gone" in failures[0]["errorMessage"]


def test_one_rule_s_failure_does_not_stop_the_other_rules(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, role: str
) -> None:
    gone = {"kinesis": {"streamName": "gone", "partitionKey": "k", "roleArn": role}}
    with (
        topic_rule(mended_cloud, "SELECT * FROM 'dt/shared'", gone),
        topic_rule(mended_cloud, "SELECT * FROM 'dt/shared'", to_stream(stream, role, "k")),
    ):
        device.publish("dt/shared", b"{}")

        assert len(stream.read(1)) == 1


def test_templates_are_expanded_in_every_action(
    mended_cloud: "MendedCloud", device: Device, folder: Path, role: str
) -> None:
    queue, notified, bucket = Queue(mended_cloud), Queue(mended_cloud), unique("bucket").replace("_", "-")
    table = unique("table")
    sns, s3, dynamodb = client(mended_cloud, "sns"), client(mended_cloud, "s3"), client(mended_cloud, "dynamodb")
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=notified.arn, Attributes={"RawMessageDelivery": "true"})
    allow = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "*", "Resource": notified.arn}
    client(mended_cloud, "sqs").set_queue_attributes(
        QueueUrl=notified.url, Attributes={"Policy": json.dumps({"Statement": [allow]})}
    )
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": mended_cloud.region})
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
    )
    actions = (
        {"sqs": {"queueUrl": queue.url.replace(queue.name, "${queue}"), "roleArn": role, "useBase64": False}},
        {"sns": {"targetArn": topic.rpartition(":")[0] + ":${topic}", "roleArn": role, "messageFormat": "RAW"}},
        {"s3": {"bucketName": "${bucket}", "key": "${topic(1)}/${clientid()}", "roleArn": role}},
        {"republish": {"topic": "out/${clientid()}", "roleArn": role, "qos": 1}},
        {"dynamoDBv2": {"putItem": {"tableName": "${table}"}, "roleArn": role}},
    )
    sent = {"queue": queue.name, "topic": topic.rpartition(":")[2], "bucket": bucket, "table": table, "a": "x"}
    text = json.dumps(sent, separators=(",", ":"))
    with (
        Device(mended_cloud, folder) as listener,
        topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", *actions) as rule,
    ):
        listener.subscribe(f"out/{device.client_id}")
        device.publish(f"dt/{rule}", json.dumps(sent).encode())

        assert queue.read(1) == [text]
        assert notified.read(1) == [text]
        assert eventually(lambda: listener.received) == [(f"out/{device.client_id}", text.encode())]
    assert s3.get_object(Bucket=bucket, Key=f"dt/{device.client_id}")["Body"].read() == text.encode()
    assert dynamodb.get_item(TableName=table, Key={"a": {"S": "x"}})["Item"]["queue"] == {"S": queue.name}


def test_the_queue_takes_bytes_only_in_base64(
    mended_cloud: "MendedCloud", device: Device, errors: Queue, role: str
) -> None:
    plain, encoded = Queue(mended_cloud), Queue(mended_cloud)
    actions = (
        to_queue(plain, role),
        {"sqs": {"queueUrl": encoded.url, "roleArn": role, "useBase64": True}},
    )
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", *actions, error=to_queue(errors, role)) as rule:
        device.publish(f"dt/{rule}", b"\xff\xfe")
        (body,) = errors.read(1)

        assert encoded.read(1) == [base64.b64encode(b"\xff\xfe").decode()]
    assert "not UTF-8" in json.loads(body)["failures"][0]["errorMessage"]
    assert plain.bodies == []


def test_a_reserved_topic_is_republished_to_with_two_dollar_signs(
    mended_cloud: "MendedCloud", device: Device, role: str
) -> None:
    iot, data, thing = client(mended_cloud, "iot"), client(mended_cloud, "iot-data"), unique("thing")
    iot.create_thing(thingName=thing)
    action = {"republish": {"topic": f"$$aws/things/{thing}/shadow/update", "roleArn": role}}
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", action) as rule:
        device.publish(f"dt/{rule}", b'{"state":{"reported":{"a":1}}}')

        shadow = json.loads(data.get_thing_shadow(thingName=thing)["payload"].read())
    assert shadow["state"]["reported"] == {"a": 1}


def test_a_firehose_record_ends_with_the_separator(
    mended_cloud: "MendedCloud", device: Device, errors: Queue, role: str
) -> None:
    s3, firehose, name = client(mended_cloud, "s3"), client(mended_cloud, "firehose"), unique("delivery")
    bucket = name.replace("_", "-")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": mended_cloud.region})
    reader = Roles(mended_cloud).create(("s3:*", "*"), service="firehose.amazonaws.com")
    firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={"RoleARN": reader, "BucketARN": f"arn:aws:s3:::{bucket}"},
    )
    action = {"firehose": {"deliveryStreamName": name, "separator": "\n", "roleArn": role}}
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", action, error=to_queue(errors, role)) as rule:
        device.publish(f"dt/{rule}", b'{"a": 1}')
        keys = eventually(lambda: [found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", [])])

    assert s3.get_object(Bucket=bucket, Key=keys[0])["Body"].read() == b'{"a":1}\n'


def test_an_execution_starts_under_the_prefix_with_the_message_as_its_input(
    mended_cloud: "MendedCloud", device: Device, role: str
) -> None:
    sfn, name = client(mended_cloud, "stepfunctions"), unique("machine")
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    machine = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    action = {"stepFunctions": {"stateMachineName": name, "executionNamePrefix": "${topic(1)}-", "roleArn": role}}
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", action) as rule:
        device.publish(f"dt/{rule}", b'{"a": 1}')
        (execution,) = eventually(lambda: sfn.list_executions(stateMachineArn=machine)["executions"])

    assert execution["name"].startswith("dt-")
    assert sfn.describe_execution(executionArn=execution["executionArn"])["input"] == '{"a":1}'


def test_a_where_clause_that_does_not_hold_calls_nothing(
    mended_cloud: "MendedCloud", device: Device, stream: Stream, errors: Queue, role: str
) -> None:
    sql, error = "SELECT * FROM 'dt/{topic}' WHERE temp > 8", to_queue(errors, role)
    with topic_rule(mended_cloud, sql, to_stream(stream, role, "k"), error=error) as rule:
        for payload in (b'{"temp":7}', b"\xff", b"[" * 60_000, b'{"other":9}', b'{"temp":9}'):
            device.publish(f"dt/{rule}", payload)
        (record,) = stream.read(1)

    assert record["Data"] == b'{"temp":9}'
    assert errors.read(1, within_s=0.2) == []


def test_rules_are_counted(mended_cloud: "MendedCloud", device: Device, stream: Stream, role: str) -> None:
    gone = {"firehose": {"deliveryStreamName": "gone", "roleArn": role}}
    missing = unique("missing")
    with topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", to_stream(stream, role, "k"), gone) as rule:
        for _ in range(3):
            device.publish(f"dt/{rule}", b"{}")
        device.publish(f"$aws/rules/{missing}/dt/x", b"{}")
    named = {"RuleName": rule}

    assert eventually(lambda: metric_sum(mended_cloud, "TopicMatch", named)) == 3
    assert metric_sum(mended_cloud, "Success", named | {"ActionType": "Kinesis"}) == 3
    assert metric_sum(mended_cloud, "Failure", named | {"ActionType": "Firehose"}) == 3
    assert metric_sum(mended_cloud, "RuleNotFound", {"RuleName": missing}) == 1


def metric_sum(cloud: "MendedCloud", metric: str, dimensions: dict[str, str]) -> float:
    now = datetime.now(UTC)
    found = client(cloud, "cloudwatch").get_metric_statistics(
        Namespace="AWS/IoT",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in found["Datapoints"]))
