"""The real old client, over HTTP, against the real handler and adapters: what its users see."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from coldwatch.adapters import clients
from coldwatch.adapters.batches import ThrottledError
from coldwatch.adapters.items import to_item
from coldwatch.adapters.throttling import is_throttling
from coldwatch.detection.effect import decode_effect
from data_plane import handler
from data_plane.answering import Use
from tests.contract.test_events import sample
from tests.integration.aws.stack import REGION
from tests.integration.old_boto3 import OldClient
from tests.unit.data_plane.builders import sample_files
from tests.unit.detection.builders import NOW

STREAM_ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry"


class Clock:
    """What time the function takes it to be."""

    now_ms = NOW


class FunctionUrl(BaseHTTPRequestHandler):
    """As Lambda turns requests into events, and answers into responses."""

    protocol_version = "HTTP/1.1"
    use: Use
    clock: Clock

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        """Nothing."""

    def _answer(self, body: bytes) -> None:
        address = urlsplit(self.path)
        event = {
            "version": "2.0",
            "rawPath": address.path,
            "rawQueryString": address.query,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "requestContext": {"http": {"method": self.command}, "authorizer": {"iam": {"userArn": "arn:u"}}},
            "body": body.decode(),
            "isBase64Encoded": False,
        }
        given = handler.handle(event, self.use, now_ms=self.clock.now_ms, request_id="r-1")
        raw = given["body"].encode()
        self.send_response(given["statusCode"])
        for name, value in given["headers"].items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


class Cloud:
    """The tables and queues of detection, in moto."""

    def __init__(self) -> None:
        self.dynamodb: Any = boto3.client("dynamodb", region_name=REGION)
        self.sqs: Any = boto3.client("sqs", region_name=REGION)
        ordered: Any = {"FifoQueue": "true"}
        self.effects: str = self.sqs.create_queue(QueueName="effects.fifo", Attributes=ordered)["QueueUrl"]
        self.timers: str = self.sqs.create_queue(QueueName="timers")["QueueUrl"]
        key: Any = [{"AttributeName": "detector_id", "KeyType": "HASH"}]
        self.dynamodb.create_table(
            TableName="DetectorTable",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("detector_id", "model")],
            KeySchema=key,
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_model",
                    "KeySchema": [
                        {"AttributeName": "model", "KeyType": "HASH"},
                        {"AttributeName": "detector_id", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
        self.dynamodb.create_table(
            TableName="DeviceTable",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "device_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "device_id", "KeyType": "HASH"}],
        )

    def sent(self) -> list[tuple[str, str]]:
        answer = self.sqs.receive_message(QueueUrl=self.effects, MaxNumberOfMessages=10)
        effects = [decode_effect(each["Body"]) for each in answer.get("Messages", [])]
        return [(each.detector_id, each.event_name) for each in effects]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with mock_aws():
        made = Cloud()
        environment = {
            "DETECTOR_TABLE": "DetectorTable",
            "DEVICE_TABLE": "DeviceTable",
            "TELEMETRY_STREAM_ARN": STREAM_ARN,
            "EFFECT_QUEUE_URL": made.effects,
            "TIMER_QUEUE_URL": made.timers,
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        cached: tuple[Any, ...] = (clients.dynamodb_client, clients.sqs_client, clients.kinesis_client)
        for each in (*cached, handler.settings, handler.ports, handler.environment):
            each.cache_clear()
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(cloud: Cloud, clock: Clock) -> Iterator[OldClient]:
    served = type("Served", (FunctionUrl,), {"use": handler.use(sample_files()), "clock": clock})
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield OldClient(f"http://127.0.0.1:{server.server_port}/")
    server.shutdown()
    thread.join()
    server.server_close()


def pump(message_id: str, name: str = "p1", **values: Any) -> dict[str, Any]:
    return {"messageId": message_id, "inputName": "PumpInput", "payload": json.dumps({"pump": name, **values})}


def test_each_request_is_signed_for_lambda(client: OldClient) -> None:
    _, scopes = client.calls(
        ("batch_put_message", {"messages": [pump("m1")]}),
        ("list_detectors", {"detectorModelName": "plant"}),
        ("batch_reset_alarm", {"resetActionRequests": [{"requestId": "r", "alarmModelName": "x"}]}),
    )

    assert len(scopes) == 3
    assert all(scope.endswith("/eu-west-1/lambda/aws4_request") for scope in scopes)


def test_messages_detectors_and_what_is_wrong_with_them(cloud: Cloud, client: OldClient) -> None:
    messages = [pump("m1", pressure=80), pump("m2", "p2", pressure=1), {**pump("m3"), "inputName": "Nope"}]
    state = {"stateName": "Dangerous", "variables": [{"name": "breached", "value": "7"}], "timers": []}
    one = {"detectorModelName": "pump_pressure", "keyValue": "p1"}
    answers, _ = client.calls(
        ("batch_put_message", {"messages": messages}),
        ("describe_detector", one),
        ("list_detectors", {"detectorModelName": "pump_pressure", "maxResults": 1}),
        ("list_detectors", {"detectorModelName": "pump_pressure", "stateName": "Normal"}),
        ("batch_update_detector", {"detectors": [{"messageId": "u", **one, "state": state}]}),
        ("describe_detector", one),
        ("batch_delete_detector", {"detectors": [{"messageId": "d", **one}, {"messageId": "e", **one}]}),
        ("describe_detector", one),
        ("describe_detector", {"detectorModelName": "pump_pressure"}),
    )
    put, described, page, normal, updated, described_again, deleted, gone, keyless = answers

    refused = {"errorCode": "ResourceNotFoundException", "errorMessage": "Input of name: Nope not found"}
    assert put == {"status": 200, "BatchPutMessageErrorEntries": [{"messageId": "m3", **refused}]}
    assert described["detector"]["state"]["variables"] == [{"name": "breached", "value": "1"}]
    assert described["detector"]["state"]["timers"] == [{"name": "calm", "timestamp": NOW / 1000 + 60}]
    assert described["detector"]["creationTime"] == NOW / 1000
    assert [each["keyValue"] for each in page["detectorSummaries"]] == ["p1"]
    assert page["nextToken"]
    assert [each["keyValue"] for each in normal["detectorSummaries"]] == ["p2"]
    assert updated == {"status": 200, "batchUpdateDetectorErrorEntries": []}
    assert described_again["detector"]["state"]["variables"] == [{"name": "breached", "value": "7"}]
    (twice,) = deleted["batchDeleteDetectorErrorEntries"]
    assert (twice["messageId"], twice["errorCode"]) == ("e", "ResourceNotFoundException")
    assert (gone["Code"], gone["status"], gone["is_modelled"]) == ("ResourceNotFoundException", 404, True)
    assert (keyless["Code"], keyless["status"], keyless["is_modelled"]) == ("InvalidRequestException", 400, True)
    assert ("pump_pressure/p1", "Overpressure") in cloud.sent()


def test_alarms(cloud: Cloud, client: OldClient) -> None:
    one = {"alarmModelName": "pump_heat", "keyValue": "p1"}
    asked = [{"requestId": "r", **one, "note": "seen"}]
    answers, _ = client.calls(
        ("batch_put_message", {"messages": [pump("m1", temperature=90)]}),
        ("describe_alarm", one),
        ("batch_acknowledge_alarm", {"acknowledgeActionRequests": asked}),
        ("batch_acknowledge_alarm", {"acknowledgeActionRequests": asked}),
        ("batch_snooze_alarm", {"snoozeActionRequests": [{**asked[0], "snoozeDuration": 90}]}),
        ("describe_alarm", one),
        ("batch_disable_alarm", {"disableActionRequests": asked}),
        ("batch_enable_alarm", {"enableActionRequests": asked}),
        ("batch_reset_alarm", {"resetActionRequests": asked}),
        ("list_alarms", {"alarmModelName": "pump_heat"}),
    )
    hot, acknowledged, twice, snoozed = answers[1]["alarm"], answers[2], answers[3], answers[5]["alarm"]

    compared = {"inputPropertyValue": "90", "operator": "GREATER", "thresholdValue": "80"}
    assert hot["alarmState"] == {"stateName": "ACTIVE", "ruleEvaluation": {"simpleRuleEvaluation": compared}}
    assert hot["severity"] == 3
    assert acknowledged == {"status": 202, "errorEntries": []}
    assert [each["errorCode"] for each in twice["errorEntries"]] == ["InvalidRequestException"]
    assert snoozed["alarmState"]["customerAction"] == {
        "actionName": "SNOOZE",
        "snoozeActionConfiguration": {"snoozeDuration": 90, "note": "seen"},
    }
    assert [each["status"] for each in answers[6:9]] == [202, 202, 202]
    (listed,) = answers[9]["alarmSummaries"]
    assert (listed["keyValue"], listed["stateName"]) == ("p1", "NORMAL")
    events = [event for name, event in cloud.sent() if name == "pump_heat/p1"]
    assert events == ["ACTIVE", "ACKNOWLEDGED", "SNOOZE_DISABLED", "DISABLED", "NORMAL"]


def test_a_message_id_is_remembered_where_the_detector_is_kept(client: OldClient, clock: Clock) -> None:
    for later, expected in ((0, "1"), (299_000, "1"), (300_000, "2")):
        clock.now_ms = NOW + later
        (_, described), _ = client.calls(
            ("batch_put_message", {"messages": [pump("m1")]}), ("describe_detector", {"detectorModelName": "plant"})
        )
        variables = {each["name"]: each["value"] for each in described["detector"]["state"]["variables"]}
        assert variables["messages"] == expected


def test_a_device_is_joined_with_its_profile(cloud: Cloud, client: OldClient) -> None:
    entry = {"device_id": "d1", "fleet_id": "acme", "application": "coldchain", "profile": "frozen_18"}
    cloud.dynamodb.put_item(TableName="DeviceTable", Item=to_item(entry))
    reading = {"device_id": "d1", "timestamp": NOW, "shock_g": 50.0}
    message = {"messageId": "m", "inputName": "telemetry", "payload": json.dumps(reading)}

    client.call("batch_put_message", messages=[message])

    (body,) = (each["Body"] for each in cloud.sqs.receive_message(QueueUrl=cloud.effects)["Messages"])
    profile = decode_effect(body).profile
    assert profile is not None
    assert profile["name"] == "frozen_18"


def test_the_pages_of_a_list_come_from_the_index(client: OldClient) -> None:
    batches = [[pump(f"m{n}", f"p{n:02d}") for n in range(start, start + 10)] for start in (0, 10, 20)]
    client.calls(*(("batch_put_message", {"messages": batch}) for batch in batches))

    found: list[str] = []
    token: dict[str, str] = {}
    for _ in range(5):
        page = client.call("list_detectors", detectorModelName="pump_pressure", maxResults=13, **token)
        found += [each["keyValue"] for each in page["detectorSummaries"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}

    assert found == [f"p{n:02d}" for n in range(30)]


def test_what_fails_here_is_told_as_a_failure_of_ours(cloud: Cloud, client: OldClient) -> None:
    cloud.dynamodb.delete_table(TableName="DetectorTable")

    (answer,), _ = client.calls(("list_detectors", {"detectorModelName": "plant"}))

    assert (answer["Code"], answer["status"], answer["is_modelled"]) == ("InternalFailureException", 500, True)
    assert "ResourceNotFound" not in answer["Message"], "what fails here is our own affair"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem"), "ThrottlingException"),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutItem"), "InternalFailureException"),
        (ThrottledError(), "ThrottlingException"),
        (KeyError(), "InternalFailureException"),
    ],
)
def test_throttling_is_told_from_faults(error: Exception, code: str) -> None:
    assert handler.fault_of(error).code == code
    assert is_throttling(error) == (code == "ThrottlingException")


def test_the_sample_event_is_answered_by_the_function_as_it_is_deployed(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    answered = handler.handler(sample("data_plane"), SimpleNamespace(aws_request_id="r-7"))

    assert answered["statusCode"] == 404
    assert answered["headers"]["x-amzn-errortype"] == "ResourceNotFoundException"
    assert answered["headers"]["x-amzn-requestid"] == "r-7"
    assert json.loads(answered["body"])["message"] == "Alarm model of name: freezer_too_warm not found"
    (line,) = [vars(each) for each in caplog.records if each.msg == "request answered"]
    assert line["caller"] == "arn:aws:iam::123456789012:user/operator"
