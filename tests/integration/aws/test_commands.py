"""Commands with their real adapters: what is written, published and started, and what a second delivery changes."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iotdata.models import iotdata_backends

from coldwatch.adapters import clients
from coldwatch.adapters.command_store import DynamoCommandStore
from coldwatch.adapters.command_topic import IotCommandTopic
from coldwatch.adapters.command_workflow import StepFunctionsCommandWorkflow
from coldwatch.adapters.items import from_item, to_item
from coldwatch.commands.execution import CommandExecution, answered, created, dispatched, timed_out
from coldwatch.commands.identifiers import execution_id
from coldwatch.commands.response import Response, StatusReason
from coldwatch.commands.status import Status
from dispatch_command import handler as dispatching
from record_command_response import handler as recording
from send_command import handler as sending
from tests.contract.template import resources
from tests.integration.aws.stack import REGION
from tests.unit.commands.fakes import CHILD, DEVICE, GATEWAY, NOW, FakeStore, order
from time_out_command import handler as giving_up

EVENTS = Path(__file__).parents[3] / "events"
ID = execution_id("token-1", DEVICE)
MACHINE = f"arn:aws:states:{REGION}:{DEFAULT_ACCOUNT_ID}:stateMachine:command"
CONTEXT = SimpleNamespace(aws_request_id="request-1")


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


@dataclass
class Cloud:
    dynamodb: Any
    states: Any

    def items(self) -> dict[str, dict[str, Any]]:
        found = [from_item(item) for item in self.dynamodb.scan(TableName="CommandTable")["Items"]]
        return {item["execution_id"]: item for item in found}

    def published(self) -> list[tuple[str, dict[str, Any]]]:
        payloads = iotdata_backends[DEFAULT_ACCOUNT_ID][REGION].published_payloads
        return [(topic, json.loads(payload)) for topic, payload in payloads]

    def executions(self) -> list[str]:
        return [each["name"] for each in self.states.list_executions(stateMachineArn=MACHINE)["executions"]]


@pytest.fixture(scope="module", autouse=True)
def new_clients() -> None:
    """Made once for these tests: making them takes longer than the tests do."""
    for made in (clients.dynamodb_client, clients.iot_data_client, clients.step_functions_client):
        made.cache_clear()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    settings = {"COMMAND_TABLE": "CommandTable", "COMMAND_STATE_MACHINE_ARN": MACHINE, "TOPIC_PREFIX": "test/"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    caches = [each.ports for each in (sending, dispatching, recording)]
    for cached in (*caches, recording.settings, giving_up.store):
        cached.cache_clear()
    with mock_aws():
        found = Cloud(clients.dynamodb_client(), clients.step_functions_client())
        for table in ("CommandTable", "DeviceTable"):
            make_table(found.dynamodb, table)
        for entry in ({"device_id": DEVICE}, {"device_id": CHILD, "gateway": GATEWAY}):
            item = to_item({"application": "coldchain", "fleet_id": "acme", **entry})
            found.dynamodb.put_item(TableName="DeviceTable", Item=item)
        role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/command"
        found.states.create_state_machine(name="command", definition="{}", roleArn=role)
        yield found


def make_table(client: Any, name: str) -> None:
    properties = resources("AWS::DynamoDB::Table")[name]["Properties"]
    kept = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
    client.create_table(TableName=name, **{key: properties[key] for key in kept if key in properties})


def executions() -> list[CommandExecution]:
    """One of each kind that can be stored."""
    new = created(ID, order(incident_on_timeout="critical"), thing=DEVICE, application="coldchain", now_ms=NOW)
    sent = dispatched(new, 1, expires_at=NOW + 60_000, now_ms=NOW + 10)
    reason = StatusReason("DONE", "It is done: 4.5 °C.")
    response = Response(ID, Status.SUCCEEDED, reason, {"celsius": 4.5, "on": True, "n": 1, "text": ""}, NOW)
    given_up = timed_out(sent, now_ms=NOW + 60_000)
    return [
        new,
        replace(new, order=order()),
        sent,
        answered(sent, Response(ID, Status.IN_PROGRESS), received_at=NOW + 20),
        answered(sent, response, received_at=NOW + 30),
        given_up,
        answered(given_up, response, received_at=NOW + 70_000),
    ]


@pytest.mark.parametrize("execution", executions(), ids=lambda it: f"{it.status} {it.revision}")
def test_what_is_stored_is_read_back_the_same(cloud: Cloud, execution: CommandExecution) -> None:
    store = DynamoCommandStore(cloud.dynamodb, "CommandTable")

    assert store.create(execution)

    assert store.find(ID) == execution


@pytest.mark.parametrize("kind", ["real", "fake"])
def test_a_store_keeps_its_promises(cloud: Cloud, kind: str) -> None:
    store = DynamoCommandStore(cloud.dynamodb, "CommandTable") if kind == "real" else FakeStore()
    first, _, sent, *_ = executions()
    assert store.find(ID) is None
    assert store.token(ID) is None

    assert [store.create(first), store.create(first)] == [True, False]
    assert [store.replace(first, sent), store.replace(first, sent)] == [True, False]
    assert store.find(ID) == sent
    for attempt, token in [(1, "a"), (1, "b"), (2, "c"), (1, "d")]:
        store.keep_token(ID, attempt, token)

    assert store.token(ID) == "c"
    assert store.find(ID) == sent


def test_no_index_holds_a_token(cloud: Cloud) -> None:
    store = DynamoCommandStore(cloud.dynamodb, "CommandTable")
    store.create(executions()[0])
    store.keep_token(ID, 1, "secret")

    found = cloud.dynamodb.scan(TableName="CommandTable", IndexName="by_device")["Items"]

    assert [from_item(item)["execution_id"] for item in found] == [ID]
    assert "secret" not in json.dumps(found)


def test_a_command_is_taken_and_its_workflow_started_once(cloud: Cloud) -> None:
    event = sample("send_command")

    first, second = (sending.handler(event, CONTEXT) for _ in range(2))

    assert first == second == {"execution_id": first["execution_id"], "status": "CREATED"}
    assert cloud.executions() == [first["execution_id"]]
    (started,) = cloud.states.list_executions(stateMachineArn=MACHINE)["executions"]
    given = cloud.states.describe_execution(executionArn=started["executionArn"])["input"]
    assert json.loads(given) == {
        "execution_id": first["execution_id"],
        "device_id": DEVICE,
        "command": "set_point",
        "timeout_s": 30,
        "attempts": 2,
    }
    assert cloud.items()[first["execution_id"]]["requested_by"] == "operator@example.com"


def test_without_a_token_each_invocation_is_a_wish_of_its_own(cloud: Cloud) -> None:
    event = {name: value for name, value in sample("send_command").items() if name != "client_token"}

    answers = [sending.handler(event, SimpleNamespace(aws_request_id=each)) for each in ("a", "a", "b")]

    assert len({answer["execution_id"] for answer in answers}) == len(cloud.executions()) == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"device_id": "acme-fridge-9999"}, "There is no device acme-fridge-9999 in the registry."),
        ({"attempts": 9}, "attempts must be a whole number from 1 to 5."),
    ],
)
def test_what_cannot_be_sent_is_answered_with_a_sentence(cloud: Cloud, change: dict[str, Any], sentence: str) -> None:
    assert sending.handler(sample("send_command") | change, CONTEXT) == {"error": sentence}
    assert cloud.items() == {}


def send(cloud: Cloud, **changes: Any) -> str:
    sent: str = sending.handler(sample("send_command") | changes, CONTEXT)["execution_id"]
    return sent


def dispatch(execution_id: str, attempt: int = 1) -> dict[str, str]:
    event = {"execution_id": execution_id, "attempt": attempt, "begun_at": NOW, "task_token": f"token-{attempt}"}
    return dispatching.handler(event, None)


@pytest.mark.parametrize(("device", "thing"), [(DEVICE, DEVICE), (CHILD, GATEWAY)])
def test_a_request_goes_to_who_hears_it_under_the_stages_prefix(cloud: Cloud, device: str, thing: str) -> None:
    sent = send(cloud, device_id=device)

    assert dispatch(sent) == {"delivery": "published"}

    ((topic, request),) = cloud.published()
    assert topic == f"test/cmd/{thing}/request"
    assert (request["execution_id"], request["device_id"]) == (sent, device)
    assert (request["attempt"], request["expires_at"]) == (1, NOW + 60_000)
    assert cloud.items()[f"token#{sent}"] == {
        "execution_id": f"token#{sent}",
        "attempt": 1,
        "task_token": "token-1",
    }


def answer(execution_id: str, status: str = "SUCCEEDED", *, thing: str = DEVICE) -> dict[str, bool]:
    payload = json.dumps({"execution_id": execution_id, "status": status}).encode()
    event = sample("record_command_response") | {"payload": base64.b64encode(payload).decode(), "thing": thing}
    return recording.handler(event, None)


@pytest.fixture
def woken() -> Iterator[Stubber]:
    """Step Functions as far as `SendTaskSuccess` goes: each answer is queued by the test."""
    with Stubber(clients.step_functions_client()) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def expect_success(woken: Stubber, execution_id: str, token: str) -> None:
    output = json.dumps({"execution_id": execution_id, "status": "SUCCEEDED"})
    woken.add_response("send_task_success", {}, {"taskToken": token, "output": output})


def test_an_answer_is_written_and_wakes_the_workflow_at_each_delivery(
    cloud: Cloud, request: pytest.FixtureRequest
) -> None:
    sent = send(cloud)
    dispatch(sent)
    woken: Stubber = request.getfixturevalue("woken")
    expect_success(woken, sent, "token-1")
    woken.add_client_error("send_task_success", "TaskTimedOut")

    assert [answer(sent), answer(sent)] == [{"recorded": True}, {"recorded": False}]

    assert cloud.items()[sent]["status"] == "SUCCEEDED"
    assert [entry["type"] for entry in json.loads(cloud.items()[sent]["history"])] == [
        "created",
        "dispatched",
        "answered",
    ]


def test_an_attempt_that_finds_the_command_settled_publishes_nothing_and_wakes_at_once(
    cloud: Cloud, request: pytest.FixtureRequest
) -> None:
    sent = send(cloud)
    dispatch(sent)
    woken: Stubber = request.getfixturevalue("woken")
    woken.add_client_error("send_task_success", "TaskTimedOut")
    answer(sent)
    expect_success(woken, sent, "token-2")

    assert dispatch(sent, attempt=2) == {"delivery": "settled"}

    assert len(cloud.published()) == 1


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_nobody_waiting_any_more_is_no_error(code: str) -> None:
    client = boto3.client("stepfunctions", region_name=REGION)
    with Stubber(client) as stubber:
        stubber.add_client_error("send_task_success", code)

        assert StepFunctionsCommandWorkflow(client).complete("token", {}) is False


def test_an_execution_of_that_name_is_left_alone() -> None:
    client = boto3.client("stepfunctions", region_name=REGION)
    with Stubber(client) as stubber:
        stubber.add_client_error("start_execution", "ExecutionAlreadyExists")

        StepFunctionsCommandWorkflow(client, MACHINE).start(executions()[0])


def test_a_request_is_published_at_least_once_and_expires() -> None:
    client = boto3.client("iot-data", region_name=REGION)
    expected = {
        "topic": "cmd/t/request",
        "qos": 1,
        "payload": b'{"a":1}',
        "contentType": "application/json",
        "messageExpiry": 60,
    }
    with Stubber(client) as stubber:
        stubber.add_response("publish", {}, expected)

        IotCommandTopic(client, "").publish("t", {"a": 1}, lifetime_s=60)

        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "not_an_event"),
        ({"payload": "bm8="}, "not_json"),
        ({"payload": base64.b64encode(b"[]").decode()}, "does_not_fit"),
        (sample("record_command_response"), "unknown_execution"),
    ],
)
def test_a_rejected_response_is_counted_and_logged_with_its_reason(
    cloud: Cloud,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    event: dict[str, Any],
    reason: str,
) -> None:
    whole = sample("record_command_response") | event if event else event

    assert recording.handler(whole, None) == {"recorded": False}

    metric = json.loads(next(line for line in capsys.readouterr().out.splitlines() if "_aws" in line))
    (logged,) = (vars(record) for record in caplog.records)
    assert metric["CommandResponsesRejected"] == 1
    assert metric["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "Coldwatch",
            "Dimensions": [["stage"]],
            "Metrics": [{"Name": "CommandResponsesRejected", "Unit": "Count"}],
        }
    ]
    assert logged["reason"] == reason
    assert logged["payload"] == str(whole.get("payload"))


def test_another_things_answer_is_rejected_and_changes_nothing(cloud: Cloud) -> None:
    sent = send(cloud)
    before = cloud.items()

    assert answer(sent, thing="acme-fridge-0002") == {"recorded": False}
    assert cloud.items() == before


def test_giving_up_answers_what_it_stands_at_and_the_incident_that_was_asked_for(cloud: Cloud) -> None:
    sent = send(cloud, incident_on_timeout="warning")

    first, second = (giving_up.handler({"execution_id": sent}, None) for _ in range(2))

    assert first == second
    assert (first["status"], first["incident"]["coldwatch"]["severity"]) == ("TIMED_OUT", "warning")


def test_giving_up_respects_an_answer_that_was_first(cloud: Cloud) -> None:
    sent = send(cloud, incident_on_timeout="warning")
    answer(sent, "REJECTED")

    told = giving_up.handler({"execution_id": sent}, None)

    assert told == {"execution_id": sent, "status": "REJECTED", "incident": None}


def test_no_log_line_holds_a_task_token(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    sent = send(cloud)

    dispatch(sent)

    assert [record.message for record in caplog.records] == ["command taken", "command dispatched"]
    assert all("token-1" not in str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize("name", ["dispatch_command", "record_command_response", "time_out_command"])
def test_the_samples_are_about_the_command_of_the_first(name: str) -> None:
    first = sample("send_command")

    assert (
        execution_id(first["client_token"], first["device_id"])
        in json.dumps(sample(name)) + base64.b64decode(sample(name).get("payload", "")).decode()
    )
