"""Kinesis event sources of the local cloud against what AWS documents. docs/local-cloud/event-source.md lists them."""

import io
import json
import subprocess
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.integration.local_cloud.conftest import PYTHON, ROOT, MendedCloud, running_cloud

pytestmark = pytest.mark.cloud

# Writes one line per invocation, then does what its environment says, by the text of the records it was given.
HANDLER = """
import base64, json, os, signal, time

def handler(event, context):
    records = event["Records"]
    texts = [base64.b64decode(record["kinesis"]["data"]).decode() for record in records]
    line = {"texts": texts, "shard": records[0]["eventID"].split(":")[0], "at": time.time(),
            "request_id": context.aws_request_id, "first": records[0]}
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(json.dumps(line) + "\\n")
    time.sleep(float(os.environ.get("TAKES_S", "0")))
    return BEHAVIOURS[os.environ["BEHAVIOUR"]](texts, records)

def times(path):
    with open(path, "a") as file:
        file.write(".")
        return file.tell()

def succeed(texts, records):
    return None

def fail(texts, records):
    if any(text.startswith("bad") for text in texts):
        raise ValueError("a bad record")

def die_once(texts, records):
    if "deadly" in texts and times(os.environ["SEEN"] + ".deaths") == 1:
        os.kill(os.getpid(), signal.SIGKILL)

def report(texts, records):
    bad = [record["kinesis"]["sequenceNumber"] for record, text in zip(records, texts) if text.startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in reversed(bad)]}

def report_once(texts, records):
    answer = report(texts, records)
    if answer["batchItemFailures"] and times(os.environ["SEEN"] + ".failures") > 1:
        return {"batchItemFailures": []}
    return answer

def answer(texts, records):
    return json.loads(os.environ["ANSWER"])

BEHAVIOURS = {each.__name__: each for each in (succeed, fail, die_once, report, report_once, answer)}
"""

LOWER_HALF, UPPER_HALF = ["6", "a"], ["2", "b"]
"""Partition keys by the half of the hash range that their MD5 falls into: a stream's two shards, or a split's."""

READS_STREAMS = (
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def eventually[T](look: Callable[[], T], within_s: float = 8.0) -> T:
    """What `look` finds as soon as it finds something."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"nothing was found within {within_s:.0f} s")
        time.sleep(0.05)
    return found


@dataclass(slots=True)
class Bench:
    """Makes streams, functions and mappings of one test, and deletes the mappings at its end."""

    cloud: MendedCloud
    folder: Path
    name: str = field(default_factory=lambda: f"esm-{uuid4().hex[:8]}")
    mappings: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:
        connect: Any = boto3.client  # its stubs want the service's name as a literal
        return connect(
            service,
            endpoint_url=self.cloud.endpoint,
            region_name=self.cloud.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def role(self, name: str, *actions: str) -> str:
        iam = self.client("iam")
        role: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        return role

    def function(
        self, behaviour: str, *, suffix: str = "", actions: tuple[str, ...] | None = None, **environment: str
    ) -> str:
        name = self.name + suffix
        allowed = actions if actions is not None else ("sqs:SendMessage", *READS_STREAMS)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("index.py", HANDLER)
        self.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=self.role(f"{name}-role", *allowed),
            Handler="index.handler",
            Timeout=20,
            Code={"ZipFile": buffer.getvalue()},
            Environment={"Variables": {"SEEN": str(self.folder / name), "BEHAVIOUR": behaviour, **environment}},
        )
        return name

    def stream(self, shards: int = 1) -> str:
        kinesis = self.client("kinesis")
        kinesis.create_stream(StreamName=self.name, ShardCount=shards)
        arn: str = kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]["StreamARN"]
        return arn

    def queue(self) -> tuple[str, str]:
        sqs = self.client("sqs")
        url: str = sqs.create_queue(QueueName=self.name)["QueueUrl"]
        arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def map(self, function: str, stream_arn: str, **options: Any) -> str:
        asked = {"StartingPosition": "TRIM_HORIZON", **options}
        mapping = self.client("lambda").create_event_source_mapping(
            FunctionName=function, EventSourceArn=stream_arn, **asked
        )
        self.mappings.append(mapping["UUID"])
        return str(mapping["UUID"])

    def put(self, *texts: str, key: str = "one") -> list[str]:
        """The sequence numbers of the records."""
        records = [{"Data": text.encode(), "PartitionKey": key} for text in texts]
        answer = self.client("kinesis").put_records(StreamName=self.name, Records=records)
        return [record["SequenceNumber"] for record in answer["Records"]]

    def seen(self, suffix: str = "") -> list[dict[str, Any]]:
        """One entry per invocation so far."""
        path = self.folder / (self.name + suffix)
        whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
        return [json.loads(line) for line in whole.splitlines()]

    def texts(self, suffix: str = "") -> list[list[str]]:
        return [line["texts"] for line in self.seen(suffix)]

    def until_seen(self, *expected: list[str], suffix: str = "", within_s: float = 8.0) -> None:
        """Waits for these invocations, then makes sure that no other follows."""
        eventually(lambda: len(self.texts(suffix)) >= len(expected), within_s)
        time.sleep(0.3)
        assert self.texts(suffix) == list(expected)

    def failure_record(self, url: str) -> dict[str, Any]:
        receive = partial(self.client("sqs").receive_message, QueueUrl=url, WaitTimeSeconds=1)
        message = eventually(lambda: receive().get("Messages"), 12.0)[0]
        record: dict[str, Any] = json.loads(message["Body"])
        return record

    def close(self) -> None:
        for uuid in self.mappings:
            self.client("lambda").delete_event_source_mapping(UUID=uuid)


@pytest.fixture
def bench(mended_cloud: MendedCloud, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(mended_cloud, tmp_path)
    yield bench
    bench.close()


def test_a_function_sees_records_as_aws_sends_them(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    [number] = bench.put("hello", key="thing-1")

    bench.map(function, stream)

    [line] = eventually(bench.seen)
    record, arrival = line["first"], line["first"]["kinesis"].pop("approximateArrivalTimestamp")
    assert abs(arrival - time.time()) < 10
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "thing-1",
            "sequenceNumber": number,
            "data": "aGVsbG8=",
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"shardId-000000000000:{number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": f"arn:aws:iam::{bench.cloud.account}:role/{function}-role",
        "awsRegion": bench.cloud.region,
        "eventSourceARN": stream,
    }


def test_a_batch_goes_when_it_is_full_and_the_rest_when_the_window_ends(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    bench.put("1", "2", "3", "4", "5")

    bench.map(function, stream, BatchSize=4, MaximumBatchingWindowInSeconds=1)

    bench.until_seen(["1", "2", "3", "4"], ["5"])
    full, rest = bench.seen()
    assert rest["at"] - full["at"] >= 1.0


def test_records_that_come_within_the_window_go_together(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    bench.map(function, stream, MaximumBatchingWindowInSeconds=1)
    time.sleep(0.3)

    bench.put("1")
    time.sleep(0.4)
    bench.put("2")

    bench.until_seen(["1", "2"])


def test_a_batch_is_sent_at_six_megabytes_whatever_its_size_and_window(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    for letter in "abcdef":
        bench.put(letter * 1_000_000)

    bench.map(function, stream, MaximumBatchingWindowInSeconds=2)

    eventually(lambda: len(bench.texts()) == 2)
    assert [[text[0] for text in texts] for texts in bench.texts()] == [["a", "b", "c", "d"], ["e", "f"]]


def test_trim_horizon_starts_at_the_oldest_and_latest_after_the_newest_record(bench: Bench) -> None:
    stream = bench.stream()
    oldest, newest = bench.function("succeed", suffix="-oldest"), bench.function("succeed", suffix="-newest")
    bench.put("before")

    bench.map(oldest, stream, StartingPosition="TRIM_HORIZON", MaximumBatchingWindowInSeconds=1)
    bench.map(newest, stream, StartingPosition="LATEST", MaximumBatchingWindowInSeconds=1)
    bench.put("after")

    bench.until_seen(["after"], suffix="-newest")
    bench.until_seen(["before", "after"], suffix="-oldest")


def test_at_timestamp_starts_at_the_first_record_from_then_on(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    bench.put("before")
    time.sleep(1.1)
    then = int(time.time())
    bench.put("after")

    bench.map(function, stream, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=then)

    bench.until_seen(["after"])


def test_what_aws_refuses_in_a_mapping_is_refused(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    tomorrow = time.time() + 86_400

    for options in (
        {"StartingPosition": "AT_TIMESTAMP"},
        {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": tomorrow},
        {"MaximumRecordAgeInSeconds": 30},
        {"BatchSize": 10_000, "TumblingWindowInSeconds": 5},
        {"DestinationConfig": {"OnFailure": {"Destination": function}}},
    ):
        with pytest.raises(ClientError, match="InvalidParameterValueException"):
            bench.map(function, stream, **options)


def test_the_lowest_reported_record_is_the_checkpoint(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("report_once")
    bench.put("1", "2", "bad 3", "4", "bad 5", "6")

    bench.map(function, stream, FunctionResponseTypes=["ReportBatchItemFailures"])

    bench.until_seen(["1", "2", "bad 3", "4", "bad 5", "6"], ["bad 3", "4", "bad 5", "6"])


def test_reported_failures_count_only_where_the_mapping_asks_for_them(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("report")
    bench.put("1", "bad 2", "3")

    bench.map(function, stream)

    bench.until_seen(["1", "bad 2", "3"])


def test_an_answer_without_failures_is_a_complete_success(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("answer", ANSWER='{"batchItemFailures": null}')
    bench.put("1", "2")

    bench.map(function, stream, FunctionResponseTypes=["ReportBatchItemFailures"])

    bench.until_seen(["1", "2"])


def test_an_answer_that_names_no_record_is_a_complete_failure(bench: Bench) -> None:
    answer = {"batchItemFailures": [{"itemIdentifier": ""}]}
    stream, function = bench.stream(), bench.function("answer", ANSWER=json.dumps(answer))
    bench.put("1", "2")

    bench.map(function, stream, FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=1)

    bench.until_seen(["1", "2"], ["1", "2"])


def test_after_its_retries_a_batch_is_reported_and_the_shard_goes_on(bench: Bench) -> None:
    stream, function, (url, queue) = bench.stream(), bench.function("fail"), bench.queue()
    numbers = bench.put("1", "bad 2")
    mapping = {"MaximumRetryAttempts": 2, "DestinationConfig": {"OnFailure": {"Destination": queue}}}

    bench.map(function, stream, **mapping)
    eventually(lambda: bench.texts() == 3 * [["1", "bad 2"]])
    bench.put("3")

    bench.until_seen(*3 * [["1", "bad 2"]], ["3"])
    record = bench.failure_record(url)
    assert record.pop("timestamp").endswith("Z")
    info = record["KinesisBatchInfo"]
    assert info.pop("approximateArrivalOfFirstRecord") <= info.pop("approximateArrivalOfLastRecord")
    assert record == {
        "requestContext": {
            "requestId": bench.seen()[2]["request_id"],
            "functionArn": f"arn:aws:lambda:{bench.cloud.region}:{bench.cloud.account}:function:{function}",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[1],
            "batchSize": 2,
            "streamArn": stream,
        },
    }


def test_a_topic_gets_the_record_of_a_discarded_batch(bench: Bench) -> None:
    stream, (url, queue), sns = bench.stream(), bench.queue(), bench.client("sns")
    function = bench.function("fail", actions=("sns:Publish", *READS_STREAMS))
    topic = sns.create_topic(Name=bench.name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    bench.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    bench.put("bad")

    bench.map(function, stream, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}})

    assert bench.failure_record(url)["KinesisBatchInfo"]["batchSize"] == 1


def test_a_bucket_gets_the_discarded_records_too(bench: Bench) -> None:
    stream, s3 = bench.stream(), bench.client("s3")
    function = bench.function("fail", actions=("s3:PutObject", *READS_STREAMS))
    s3.create_bucket(Bucket=bench.name, CreateBucketConfiguration={"LocationConstraint": bench.cloud.region})
    bench.put("bad")
    on_failure = {"OnFailure": {"Destination": f"arn:aws:s3:::{bench.name}"}}

    uuid = bench.map(function, stream, MaximumRetryAttempts=0, DestinationConfig=on_failure)

    [found] = eventually(lambda: s3.list_objects_v2(Bucket=bench.name).get("Contents"))
    record = json.load(s3.get_object(Bucket=bench.name, Key=found["Key"])["Body"])
    assert found["Key"].startswith(f"aws/lambda/{uuid}/shardId-000000000000/")
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert json.loads(record["payload"])["Records"][0]["kinesis"]["data"] == "YmFk"


def test_a_destination_that_the_role_does_not_allow_gets_nothing_and_the_log_says_why(bench: Bench) -> None:
    stream, function, (url, queue) = bench.stream(), bench.function("fail", actions=READS_STREAMS), bench.queue()
    bench.put("bad", "2")

    bench.map(
        function,
        stream,
        BatchSize=1,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )

    bench.until_seen(["bad"], ["2"])
    assert "Messages" not in bench.client("sqs").receive_message(QueueUrl=url)
    assert f"{queue} did not get this record (role" in bench.cloud.log.read_text()


def test_a_bisected_batch_isolates_the_bad_record_and_costs_no_retry(bench: Bench) -> None:
    stream, function, (url, queue) = bench.stream(), bench.function("fail"), bench.queue()
    numbers = bench.put("1", "2", "bad 3", "4")
    on_failure = {"OnFailure": {"Destination": queue}}

    bench.map(function, stream, BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, DestinationConfig=on_failure)

    bench.until_seen(["1", "2", "bad 3", "4"], ["1", "2"], ["bad 3", "4"], ["bad 3"], ["bad 3"], ["4"])
    info = bench.failure_record(url)["KinesisBatchInfo"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"], info["batchSize"]) == (numbers[2], numbers[2], 1)


def test_with_both_the_batch_is_cut_at_the_reported_record(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("report")
    bench.put("1", "2", "bad 3")

    bench.map(
        function,
        stream,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=1,
    )

    bench.until_seen(["1", "2", "bad 3"], ["bad 3"], ["bad 3"])


def test_a_function_killed_in_the_middle_gets_its_batch_again(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("die_once")
    bench.put("1", "deadly")

    bench.map(function, stream)

    bench.until_seen(["1", "deadly"], ["1", "deadly"])


def test_a_throttled_function_gets_every_record_without_using_up_retries(bench: Bench) -> None:
    stream, function = bench.stream(shards=2), bench.function("succeed", TAKES_S="1.2")
    bench.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)
    for key in (LOWER_HALF[1], UPPER_HALF[1]):
        bench.put(key, key=key)

    bench.map(function, stream, MaximumRetryAttempts=0)

    eventually(lambda: len(bench.texts()) >= 2)
    assert sorted(bench.texts()) == [["a"], ["b"]]


def test_shards_and_mappings_do_not_wait_for_each_other(bench: Bench) -> None:
    stream = bench.stream(shards=2)
    slow, quick = bench.function("succeed", suffix="-slow", TAKES_S="4"), bench.function("succeed", suffix="-quick")
    for key in (LOWER_HALF[1], UPPER_HALF[1]):
        bench.put(key, key=key)

    bench.map(slow, stream)
    bench.map(quick, stream)

    eventually(lambda: len(bench.seen("-slow")) == 2 and len(bench.seen("-quick")) == 2)
    began = [line["at"] for line in bench.seen("-slow") + bench.seen("-quick")]
    assert max(began) - min(began) < 4.0


def test_children_of_a_split_shard_are_read_whole_and_only_after_their_parent(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed", TAKES_S="0.3")
    bench.map(function, stream, StartingPosition="LATEST", BatchSize=1)
    bench.put("parent 1", "parent 2")

    bench.client("kinesis").split_shard(
        StreamName=bench.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    for key in LOWER_HALF + UPPER_HALF:
        bench.put(f"child {key}", key=key)

    eventually(lambda: len(bench.texts()) == 6)
    texts = [texts[0] for texts in bench.texts()]
    assert texts[:2] == ["parent 1", "parent 2"]
    assert sorted(texts[2:]) == [f"child {key}" for key in sorted(LOWER_HALF + UPPER_HALF)]
    assert {line["shard"] for line in bench.seen()[2:]} == {"shardId-000000000001", "shardId-000000000002"}


def test_scaling_a_stream_loses_nothing_and_keeps_each_keys_order(bench: Bench) -> None:
    stream, function = bench.stream(shards=3), bench.function("succeed")
    kinesis = bench.client("kinesis")
    for target in (2, 5, 1):
        for key in ("a", "b", "c", "d", "e", "f"):
            bench.put(f"{key} before {target}", key=key)
        kinesis.update_shard_count(StreamName=bench.name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")

    bench.map(function, stream)

    eventually(lambda: sum(map(len, bench.texts())) == 18)
    texts = [text for line in bench.texts() for text in line]
    for key in "abcdef":
        assert [text for text in texts if text[0] == key] == [f"{key} before {target}" for target in (2, 5, 1)]
    assert kinesis.describe_stream_summary(StreamName=bench.name)["StreamDescriptionSummary"]["OpenShardCount"] == 1


def test_records_the_filter_drops_never_reach_the_function(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    bench.put('{"kind": "a"}', '{"kind": "b"}', '{"kind": "a", "n": 2}', '{"kind": "b"}')

    bench.map(function, stream, FilterCriteria={"Filters": [{"Pattern": '{"data": {"kind": ["a"]}}'}]})

    bench.until_seen(['{"kind": "a"}', '{"kind": "a", "n": 2}'])


def test_a_disabled_mapping_pauses_and_goes_on_where_it_was(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    uuid = bench.map(function, stream)
    bench.put("1")
    bench.until_seen(["1"])

    bench.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False)
    bench.put("2")
    time.sleep(1.2)
    assert bench.texts() == [["1"]]
    bench.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=True)

    bench.until_seen(["1"], ["2"])


TEMPLATE = {
    "Resources": {
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "StartingPosition": "AT_TIMESTAMP",
                "BatchSize": "2",
                "MaximumRetryAttempts": "0",
                "BisectBatchOnFunctionError": "true",
            },
        }
    }
}


def deploy(bench: Bench, **properties: Any) -> str:
    """The stack's status once it is settled."""
    template = json.loads(json.dumps(TEMPLATE))
    template["Resources"]["Mapping"]["Properties"] |= properties
    cloudformation = bench.client("cloudformation")
    cloudformation.create_stack(StackName=bench.name, TemplateBody=json.dumps(template))
    stack = partial(cloudformation.describe_stacks, StackName=bench.name)
    return eventually(lambda: settled_status(stack()["Stacks"][0]["StackStatus"]))


def settled_status(status: str) -> str:
    return "" if status.endswith("IN_PROGRESS") else status


def test_a_mapping_from_a_template_behaves_as_one_from_the_api(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("fail")
    bench.put("before")
    time.sleep(1.1)
    then = int(time.time())
    bench.put("1", "bad 2", "3")

    status = deploy(bench, FunctionName=function, EventSourceArn=stream, StartingPositionTimestamp=then)

    assert status == "CREATE_COMPLETE"
    bench.until_seen(["1", "bad 2"], ["1"], ["bad 2"], ["3"])
    bench.client("cloudformation").delete_stack(StackName=bench.name)


def test_what_the_local_cloud_cannot_do_fails_the_stack(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")

    status = deploy(
        bench, FunctionName=function, EventSourceArn=stream, StartingPosition="LATEST", TumblingWindowInSeconds=5
    )

    assert status in {"CREATE_FAILED", "ROLLBACK_COMPLETE"}
    events = bench.client("cloudformation").describe_stack_events(StackName=bench.name)["StackEvents"]
    assert any("no tumbling windows" in event.get("ResourceStatusReason", "") for event in events)


def test_a_restarted_cloud_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    with running_cloud(tmp_path, PERSIST_STATE="1") as cloud:
        bench = Bench(cloud, tmp_path)
        stream, function = bench.stream(), bench.function("report")
        bench.put("1", "bad 2", "3")
        bench.map(function, stream, FunctionResponseTypes=["ReportBatchItemFailures"])
        eventually(lambda: ["bad 2", "3"] in bench.texts())
    seen = len(bench.texts())

    with running_cloud(tmp_path, PERSIST_STATE="1"):
        eventually(lambda: len(bench.texts()) > seen)

    assert bench.texts()[seen] == ["bad 2", "3"]


def test_a_mapping_whose_role_may_not_read_the_stream_says_so_and_reads_nothing(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed", actions=("kinesis:GetRecords",))
    bench.put("1")

    uuid = bench.map(function, stream)

    look = partial(bench.client("lambda").get_event_source_mapping, UUID=uuid)
    eventually(lambda: look()["LastProcessingResult"].startswith("PROBLEM"))
    assert "kinesis:DescribeStream" in look()["LastProcessingResult"]
    assert bench.texts() == []


def in_process(script: str) -> str:
    """What a script prints that runs where the mends run, with this one in place."""
    prepared = "from local.cloud import event_source\nevent_source.install()\n" + textwrap.dedent(script)
    done = subprocess.run(
        [str(PYTHON), "-c", prepared], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_records_stand_in_the_order_of_their_numbers_whoever_writes() -> None:
    """A reader by sequence number would miss a record that is appended after a higher one."""
    order = in_process("""
        import sys, threading
        from ministack.services import kinesis

        sys.setswitchinterval(1e-6)
        kinesis._create_stream({"StreamName": "s"})
        stream = kinesis._streams["s"]
        put = lambda: [kinesis.put_record_internal(stream["StreamARN"], "k", b"-") for _ in range(2000)]
        threads = [threading.Thread(target=put) for _ in range(4)]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        [shard] = stream["shards"].values()
        numbers = [record["SequenceNumber"] for record in shard["records"]]
        print(len(numbers), numbers == sorted(numbers))
    """)

    assert order == "8000 True"


def test_records_past_their_age_are_reported_and_never_sent_to_the_function() -> None:
    """The shortest age is a minute: the record is backdated instead. The function has no code to run."""
    record = json.loads(
        in_process("""
        import time
        from ministack.services import kinesis, lambda_svc, sqs

        kinesis._create_stream({"StreamName": "s"})
        arn = kinesis._streams["s"]["StreamARN"]
        kinesis.put_record_internal(arn, "k", b"-")
        kinesis._streams["s"]["shards"]["shardId-000000000000"]["records"][0]["ApproximateArrivalTimestamp"] -= 61
        url = sqs._act_create_queue({"QueueName": "q"}, "")["QueueUrl"]
        queue = sqs._queues[url]
        lambda_svc._functions["f"] = {"config": {"FunctionName": "f", "Version": "$LATEST"}}
        lambda_svc._esms["m"] = {
            "UUID": "m", "EventSourceArn": arn, "FunctionName": "f", "FunctionArn": "arn:f", "BatchSize": 10,
            "StartingPosition": "TRIM_HORIZON", "MaximumRecordAgeInSeconds": 60,
            "DestinationConfig": {"OnFailure": {"Destination": queue["attributes"]["QueueArn"]}},
        }
        event_source.supervise()
        while not queue["messages"]:
            time.sleep(0.01)
        print(queue["messages"][0]["body"])
    """)
    )

    assert record["requestContext"]["condition"] == "MaximumRecordAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["KinesisBatchInfo"]["batchSize"] == 1


def test_the_iterator_age_grows_until_the_oldest_record_is_done() -> None:
    """`event_source.iterator_age_ms` is what the metric AWS/Lambda IteratorAge is made of."""
    at_first, later, done = in_process("""
        import time
        from ministack.services import kinesis, lambda_svc
        from local.cloud import event_source_mapping

        kinesis._create_stream({"StreamName": "s"})
        arn = kinesis._streams["s"]["StreamARN"]
        kinesis.put_record_internal(arn, "k", b"-")
        lambda_svc._esms["m"] = {"UUID": "m", "EventSourceArn": arn, "FunctionName": "f"}
        event_source_mapping.anchor("m", kinesis._streams["s"], "TRIM_HORIZON", 0.0)
        print(event_source.iterator_age_ms()["f", "s"])
        time.sleep(0.1)
        print(event_source.iterator_age_ms()["f", "s"])
        event_source_mapping.save_checkpoint("m", "shardId-000000000000", "9" * 30)
        print(event_source.iterator_age_ms()["f", "s"])
    """).split()

    assert 0 <= float(at_first) < float(later)
    assert float(done) == 0


def test_a_burst_keeps_its_order_and_arrives_whole(bench: Bench) -> None:
    stream, function = bench.stream(), bench.function("succeed")
    bench.map(function, stream, BatchSize=500)

    for hundred in range(0, 4000, 500):
        bench.put(*(str(number) for number in range(hundred, hundred + 500)))

    eventually(lambda: sum(map(len, bench.texts())) == 4000, 15)
    assert [int(text) for line in bench.texts() for text in line] == list(range(4000))
