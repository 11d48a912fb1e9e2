"""Metrics and alarms on the local cloud. docs/local-cloud/firehose-and-metrics.md has AWS's pages."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.local_cloud.devices import Queue, Roles, Stream, client, eventually, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

PRINTS_ITS_EVENT = (
    "import json\n\n\ndef handler(event, context):\n    print('an ordinary line')\n    print(json.dumps(event))\n"
)


@pytest.fixture(scope="module")
def function(mended_cloud: "MendedCloud") -> str:
    """A function that prints its event as a line of its log."""
    packed, name = io.BytesIO(), unique("printer")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", PRINTS_ITS_EVENT)
    client(mended_cloud, "lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=Roles(mended_cloud).create(service="lambda.amazonaws.com"),
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    client(mended_cloud, "lambda").get_waiter("function_active_v2").wait(FunctionName=name)
    return name


def log_line(cloud: "MendedCloud", function: str, line: dict[str, Any]) -> None:
    client(cloud, "lambda").invoke(FunctionName=function, Payload=json.dumps(line).encode())


def embedded(namespace: str, metrics: dict[str, str], sets: list[list[str]], **members: Any) -> dict[str, Any]:
    definitions = [{"Name": name, "Unit": unit} for name, unit in metrics.items()]
    directive = {"Namespace": namespace, "Dimensions": sets, "Metrics": definitions}
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}} | members


def statistics(cloud: "MendedCloud", namespace: str, metric: str, **dimensions: str) -> dict[str, Any]:
    """Sum, Maximum, SampleCount and Unit of the last minutes; empty when there is no value."""
    now = datetime.now(UTC)
    points = client(cloud, "cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
        Period=86_400,
        Statistics=["Sum", "Maximum", "SampleCount"],
    )["Datapoints"]
    return dict(points[0]) if points else {}


def test_a_functions_embedded_metrics_are_metrics(mended_cloud: "MendedCloud", function: str) -> None:
    namespace = unique("Embedded")
    line = embedded(
        namespace,
        {"Accepted": "Count", "Age": "Milliseconds"},
        [["application"], ["application", "reason"]],
        application="coldchain",
        reason="late",
        Accepted=7,
        Age=[10, 20, 30.5],
    )

    log_line(mended_cloud, function, line)

    by_application = statistics(mended_cloud, namespace, "Accepted", application="coldchain")
    assert (by_application["Sum"], by_application["Unit"]) == (7, "Count")
    by_both = statistics(mended_cloud, namespace, "Age", application="coldchain", reason="late")
    assert (by_both["SampleCount"], by_both["Maximum"], by_both["Unit"]) == (3, 30.5, "Milliseconds")
    assert not statistics(mended_cloud, namespace, "Age", reason="late")


@pytest.fixture
def topic(mended_cloud: "MendedCloud") -> Iterator[tuple[str, Queue]]:
    """The ARN of a topic, and a queue that hears it."""
    sns, queue = client(mended_cloud, "sns"), Queue(mended_cloud)
    arn = sns.create_topic(Name=unique("alarms"))["TopicArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue.arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    client(mended_cloud, "sqs").set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    yield arn, queue
    sns.delete_topic(TopicArn=arn)


def make_alarm(cloud: "MendedCloud", namespace: str, dimensions: dict[str, str], **more: Any) -> str:
    name = unique("alarm")
    settings: dict[str, Any] = {
        "AlarmName": name,
        "Namespace": namespace,
        "MetricName": "Refused",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    client(cloud, "cloudwatch").put_metric_alarm(**settings | more)
    return name


def state(cloud: "MendedCloud", alarm: str) -> str:
    found = client(cloud, "cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]
    return str(found["StateValue"])


def test_an_alarm_looks_only_at_the_metric_with_exactly_its_dimensions(
    mended_cloud: "MendedCloud", function: str, topic: tuple[str, Queue]
) -> None:
    namespace, (arn, told) = unique("Embedded"), topic
    own = make_alarm(mended_cloud, namespace, {"application": "factory"}, AlarmActions=[arn])
    other = make_alarm(mended_cloud, namespace, {"application": "coldchain"})
    without = make_alarm(mended_cloud, namespace, {})
    narrower = make_alarm(mended_cloud, namespace, {"application": "factory", "reason": "late"})

    line = embedded(namespace, {"Refused": "Count"}, [["application"]], application="factory", Refused=1)
    log_line(mended_cloud, function, line)

    assert eventually(lambda: state(mended_cloud, own) == "ALARM", within_s=5)
    assert [state(mended_cloud, alarm) for alarm in (other, without, narrower)] == ["OK", "OK", "OK"]
    (message,) = told.read(1)
    assert json.loads(message)["AlarmName"] == own


@pytest.mark.parametrize(
    ("treated", "expected"), [("breaching", "ALARM"), ("notBreaching", "OK"), ("missing", "INSUFFICIENT_DATA")]
)
def test_an_alarm_whose_metric_has_no_value_treats_it_as_configured(
    mended_cloud: "MendedCloud", treated: str, expected: str
) -> None:
    alarm = make_alarm(mended_cloud, unique("Silent"), {"application": "factory"}, TreatMissingData=treated)

    assert state(mended_cloud, alarm) == expected


def test_the_depth_of_a_queue_and_the_age_of_its_oldest_message_are_metrics(mended_cloud: "MendedCloud") -> None:
    queue = Queue(mended_cloud)
    alarm = make_alarm(
        mended_cloud,
        "AWS/SQS",
        {"QueueName": queue.name},
        MetricName="ApproximateNumberOfMessagesVisible",
        Statistic="Maximum",
        Threshold=3,
    )

    for number in range(3):
        client(mended_cloud, "sqs").send_message(QueueUrl=queue.url, MessageBody=str(number))

    assert eventually(lambda: state(mended_cloud, alarm) == "ALARM", within_s=12)
    depth = statistics(mended_cloud, "AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=queue.name)
    assert depth["Maximum"] == 3
    assert eventually(
        lambda: statistics(mended_cloud, "AWS/SQS", "ApproximateAgeOfOldestMessage", QueueName=queue.name)["Maximum"],
        within_s=12,
    )


def test_the_age_of_an_event_sources_iterator_is_a_metric_of_its_function(
    mended_cloud: "MendedCloud", function: str
) -> None:
    stream = Stream(mended_cloud)
    client(mended_cloud, "lambda").create_event_source_mapping(
        FunctionName=function, EventSourceArn=stream.arn, StartingPosition="TRIM_HORIZON", BatchSize=10
    )

    found = eventually(
        lambda: statistics(mended_cloud, "AWS/Lambda", "IteratorAge", FunctionName=function), within_s=15
    )

    assert found["Unit"] == "Milliseconds"
    assert 0 <= found["Maximum"] < 60_000
