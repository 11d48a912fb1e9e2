"""`coldwatch command` against moto: the table as the functions write it, and `send_command` without its Lambda."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import boto3
import pytest

from coldwatch.adapters.command_addresses import DynamoAddresses
from coldwatch.adapters.command_store import DynamoCommandStore
from coldwatch.commands.execution import CommandExecution, answered, dispatched
from coldwatch.commands.order import Refusal, read_order
from coldwatch.commands.response import Response, StatusReason
from coldwatch.commands.sending import send
from coldwatch.commands.settlement import change, found, time_out
from coldwatch.commands.status import Status
from coldwatch_ops.answer import Answer
from coldwatch_ops.errors import FailedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import NOW, REGION, Person, deployed, run
from tests.unit.commands.fakes import DEVICE, FakeWorkflow


@dataclass
class Functions:
    """What Lambda answers: `send_command` on the stack's tables, or that it failed."""

    stack: Stack
    store: DynamoCommandStore
    is_broken: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - as boto3 names them
        assert FunctionName == "send-command"
        event = json.loads(Payload)
        self.asked.append(event)
        if self.is_broken:
            told = {"errorMessage": "The table is not there."}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(told).encode())}
        return {"Payload": io.BytesIO(json.dumps(self._answer(event)).encode())}

    def _answer(self, event: dict[str, Any]) -> dict[str, Any]:
        order = read_order(event, fallback_token="none")
        if not isinstance(order, Refusal):
            devices = DynamoAddresses(self.store.client, self.stack.output("DeviceTableName"))
            sent = send(
                order, addresses=devices, store=self.store, workflow=FakeWorkflow(), now_ms=NOW + len(self.asked)
            )
            if isinstance(sent, CommandExecution):
                return sent.outcome()
            order = sent
        return {"error": order.sentence}

    def answer(self, execution_id: str, status: Status, reason: StatusReason | None = None, **result: Any) -> None:
        response = Response(execution_id, status, reason, result or None)
        execution = change(
            self.store,
            found(self.store, execution_id),
            lambda known: dispatched(known, 1, expires_at=NOW + 60_000, now_ms=NOW + 100),
        )
        change(self.store, execution, lambda known: answered(known, response, received_at=NOW + 350))


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    with deployed() as made:
        with_function = replace(made, outputs={**made.outputs, "SendCommandFunctionName": "send-command"})
        table = with_function.table("DeviceTableName")
        table.put_item(Item={"device_id": DEVICE, "fleet_id": "acme", "application": "coldchain"})
        store = DynamoCommandStore(low_level_client(), made.output("CommandTableName"))
        monkeypatch.setitem(vars(made.clients), "lambda_", Functions(with_function, store))
        yield with_function


@cache
def low_level_client() -> Any:
    """It takes items in DynamoDB's own form, where the command's resource takes plain values."""
    return boto3.client("dynamodb", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def functions(stack: Stack) -> Functions:
    found_: Any = stack.clients.lambda_
    assert isinstance(found_, Functions)
    return found_


def sent(stack: Stack, *more: str) -> str:
    document = run(stack, "command", "send", DEVICE, "set_point", "--parameter", "celsius=4.5", *more).document
    return str(document["execution_id"])


def as_text(answer: Answer) -> str:
    return "\n".join(part for part in answer.told if isinstance(part, str))


def test_a_command_is_sent_as_it_was_said(stack: Stack, functions: Functions) -> None:
    answer = run(
        stack,
        *("command", "send", DEVICE, "set_point", "--parameter", "celsius=4.5", "--parameter", "mode=eco"),
        *("--timeout", "60", "--attempts", "3", "--incident-on-timeout", "warning", "--token", "t-1"),
    )

    (event,) = functions.asked
    assert event == {
        "device_id": DEVICE,
        "command": "set_point",
        "parameters": {"celsius": 4.5, "mode": "eco"},
        "timeout_s": 60,
        "attempts": 3,
        "client_token": "t-1",
        "requested_by": event["requested_by"],
        "incident_on_timeout": "warning",
    }
    assert answer.exit_code is ExitCode.OK
    assert f"coldwatch command show {answer.document['execution_id']}" in as_text(answer)


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("n=4", 4),
        ("n=4.50", 4.5),
        ("n=true", True),
        ("n=eco", "eco"),
        ('n="4"', "4"),
        ("n=a=b", "a=b"),
        ("n=", ""),
        ("n=null", "null"),
        ("n=[1]", "[1]"),
        ("n=NaN", "NaN"),
    ],
)
def test_a_parameter_is_what_it_looks_like(stack: Stack, functions: Functions, said: str, value: object) -> None:
    run(stack, "command", "send", DEVICE, "defrost", "--parameter", said)

    (event,) = functions.asked
    assert event["parameters"] == {"n": value}
    assert type(event["parameters"]["n"]) is type(value)


@pytest.mark.parametrize("said", ["celsius", "=4", ""])
def test_a_parameter_without_name_or_value_is_a_wrong_call(stack: Stack, said: str) -> None:
    with pytest.raises(UsageError, match="give NAME=VALUE"):
        run(stack, "command", "send", DEVICE, "defrost", "--parameter", said)


def test_each_command_has_a_token_of_its_own_unless_one_is_given(stack: Stack) -> None:
    assert sent(stack) != sent(stack)
    assert sent(stack, "--token", "t-1") == sent(stack, "--token", "t-1")


def test_what_is_refused_is_told_in_its_own_words(stack: Stack) -> None:
    sent(stack, "--token", "t-1")

    with pytest.raises(RefusedError, match="was used for another command"):
        run(stack, "command", "send", DEVICE, "defrost", "--token", "t-1")
    with pytest.raises(RefusedError, match="no device nobody in the registry"):
        run(stack, "command", "send", "nobody", "defrost")


def test_a_function_that_failed_may_be_asked_again_with_the_same_token(stack: Stack, functions: Functions) -> None:
    functions.is_broken = True

    with pytest.raises(FailedError, match="The table is not there") as caught:
        sent(stack)

    assert f"--token {functions.asked[0]['client_token']}" in str(caught.value)


def test_a_settled_command_is_shown_with_its_answer_and_how_long_it_took(stack: Stack, functions: Functions) -> None:
    execution_id = sent(stack, "--token", "t-1")
    reason = StatusReason("DONE", "It is done.\x1b[2J")
    functions.answer(execution_id, Status.SUCCEEDED, reason, celsius=4.5)

    answer = run(stack, "command", "show", execution_id)

    document = answer.document
    assert (document["execution_id"], document["device_id"]) == (execution_id, DEVICE)
    assert (document["command"], document["parameters"]) == ("set_point", {"celsius": 4.5})
    assert (document["status"], document["round_trip_ms"]) == ("SUCCEEDED", 250)
    assert document["result"] == {"celsius": 4.5}
    assert [entry["type"] for entry in document["history"]] == ["created", "dispatched", "answered"]
    assert document["history"][0]["at"].startswith("2026-11-")
    assert "DONE: It is done.\\x1b[2J" in as_text(answer)
    assert "\x1b" not in as_text(answer)


def test_waiting_ends_well_only_when_the_device_carried_it_out(stack: Stack, functions: Functions) -> None:
    execution_id = sent(stack, "--token", "t-1")

    functions.answer(execution_id, Status.REJECTED, StatusReason("LOCAL_CONTROL"))
    again = run(stack, "command", "send", DEVICE, "set_point", "--parameter", "celsius=4.5", "--token", "t-1", "--wait")

    assert again.document["status"] == "REJECTED"
    assert again.exit_code is ExitCode.FAILED


def test_waiting_looks_again_until_it_is_settled(stack: Stack, functions: Functions) -> None:
    class Patient(Person):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            if self.waited_s >= 2:
                (execution_id,) = [each["execution_id"] for each in listed()]
                functions.answer(execution_id, Status.SUCCEEDED)

    def listed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = run(stack, "command", "list", DEVICE).document["executions"]
        return found

    person = Patient()

    answer = run(stack, "command", "send", DEVICE, "defrost", "--wait", person=person)

    assert (answer.exit_code, answer.document["status"]) == (ExitCode.OK, "SUCCEEDED")
    assert person.waited_s == 2


def test_waiting_ends_some_time_after_the_last_attempt(stack: Stack) -> None:
    person = Person()

    answer = run(
        stack, "command", "send", DEVICE, "defrost", "--timeout", "5", "--attempts", "1", "--wait", person=person
    )

    assert (answer.exit_code, answer.document["status"]) == (ExitCode.FAILED, "CREATED")
    assert person.waited_s == 65


def test_an_answer_that_came_too_late_is_shown_beside_the_end(stack: Stack, functions: Functions) -> None:
    execution_id = sent(stack)
    time_out(execution_id, store=functions.store, now_ms=NOW + 60_000)
    functions.answer(execution_id, Status.SUCCEEDED, celsius=4.5)

    answer = run(stack, "command", "show", execution_id)

    assert (answer.document["status"], answer.document["round_trip_ms"]) == ("TIMED_OUT", None)
    assert answer.document["late_response"]["status"] == "SUCCEEDED"
    assert "answered late" in as_text(answer)


def test_the_commands_of_a_device_are_listed_newest_first_up_to_the_limit(stack: Stack) -> None:
    oldest, middle, newest = (sent(stack) for _ in range(3))

    def ids(*more: str) -> list[str]:
        return [each["execution_id"] for each in run(stack, "command", "list", DEVICE, *more).document["executions"]]

    assert ids() == [newest, middle, oldest]
    assert ids("--limit", "2") == [newest, middle]
    assert run(stack, "command", "list", "acme-fridge-0002").document == {"executions": []}


@pytest.mark.parametrize("execution_id", ["0" * 26, "d9ezxgr1kfygfgtdd7hb1maqcw"])
def test_an_execution_that_is_not_there_is_said_to_be(stack: Stack, execution_id: str) -> None:
    with pytest.raises(NotFoundError, match="no command execution"):
        run(stack, "command", "show", execution_id)


def test_no_task_token_can_be_asked_for(stack: Stack, functions: Functions) -> None:
    execution_id = sent(stack)
    functions.store.keep_token(execution_id, 1, "secret")

    with pytest.raises(UsageError, match="is no command execution"):
        run(stack, "command", "show", f"token#{execution_id}")
    assert "secret" not in json.dumps(run(stack, "command", "list", DEVICE).document)
