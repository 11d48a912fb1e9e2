import json
from typing import Any

import pytest

from coldwatch.commands.execution import CommandExecution
from coldwatch.commands.incident import incident_event
from coldwatch.commands.order import Command, Order, Refusal, read_order
from coldwatch.commands.ports import Addressee
from coldwatch.commands.sending import send
from coldwatch.commands.settlement import time_out
from coldwatch.incidents.effects import read_effect
from tests.unit.commands.fakes import CHILD, DEVICE, GATEWAY, NOW, FakeAddresses, FakeStore, FakeWorkflow, order

EVENT: dict[str, Any] = {"device_id": DEVICE, "command": "defrost", "requested_by": "somebody"}


def taken(asked: Order, store: FakeStore, workflow: FakeWorkflow) -> CommandExecution | Refusal:
    return send(asked, addresses=FakeAddresses(), store=store, workflow=workflow, now_ms=NOW)


def test_what_is_not_said_is_usual() -> None:
    assert read_order(EVENT, fallback_token="request-1") == Order(
        DEVICE, Command("defrost", {}), 30, 2, "request-1", "somebody"
    )


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"device_id": "a/+"}, "device_id must be 1 to 128 letters, digits, ':', '_' and '-'."),
        ({"device_id": None}, "device_id must be 1 to 128 letters, digits, ':', '_' and '-'."),
        ({"command": "reboot now"}, "command must be 1 to 64 letters, digits, '_' and '-'."),
        ({"timeout_s": 4}, "timeout_s must be a whole number of seconds from 5 to 3600."),
        ({"timeout_s": 3601}, "timeout_s must be a whole number of seconds from 5 to 3600."),
        ({"timeout_s": 7.5}, "timeout_s must be a whole number of seconds from 5 to 3600."),
        ({"attempts": 0}, "attempts must be a whole number from 1 to 5."),
        ({"attempts": 6}, "attempts must be a whole number from 1 to 5."),
        ({"client_token": "a b"}, "client_token must be 1 to 64 printable ASCII characters without spaces."),
        ({"requested_by": ""}, "requested_by must be text of 1 to 128 characters: who asks."),
        ({"incident_on_timeout": "loud"}, "incident_on_timeout must be critical or warning."),
        ({"parameters": {"a": None}}, "parameters must be at most 32 names"),
        ({"parameters": {"a": float("nan")}}, "parameters must be at most 32 names"),
        ({"parameters": {"a": 2**60}}, "parameters must be at most 32 names"),
        ({"parameters": {"a b": 1}}, "parameters must be at most 32 names"),
        ({"parameters": {str(n): 1 for n in range(33)}}, "parameters must be at most 32 names"),
        ({"parameters": {str(n): "x" * 1024 for n in range(9)}}, "The parameters are more than 8,192 bytes of JSON."),
        ({"timeout": 5}, "This is no command: Object contains unknown field `timeout`."),
    ],
)
def test_a_fault_is_told_by_the_member_that_has_it(fault: dict[str, Any], sentence: str) -> None:
    refusal = read_order(EVENT | fault, fallback_token="t")

    assert isinstance(refusal, Refusal)
    assert refusal.sentence.startswith(sentence)


@pytest.mark.parametrize("event", [{}, [], None, "defrost", {"device_id": DEVICE, "requested_by": "x"}])
def test_what_is_no_command_at_all_is_refused_with_a_sentence(event: object) -> None:
    refusal = read_order(event, fallback_token="t")

    assert isinstance(refusal, Refusal)
    assert refusal.sentence.endswith(".")


def test_a_command_is_written_down_and_its_workflow_started() -> None:
    store, workflow = FakeStore(), FakeWorkflow()

    execution = taken(order(), store, workflow)

    assert isinstance(execution, CommandExecution)
    assert execution.outcome() == {"execution_id": execution.execution_id, "status": "CREATED"}
    assert workflow.started == [execution.execution_id]
    assert store.executions == {execution.execution_id: execution}
    assert [(entry.type, entry.detail) for entry in execution.history] == [("created", {"requested_by": "somebody"})]


def test_a_childs_command_goes_to_its_gateway() -> None:
    execution = taken(order(device_id=CHILD), FakeStore(), FakeWorkflow())

    assert isinstance(execution, CommandExecution)
    assert (execution.order.device_id, execution.thing) == (CHILD, GATEWAY)


def test_a_device_that_is_not_registered_gets_no_command() -> None:
    store, workflow = FakeStore(), FakeWorkflow()

    refused = taken(order(device_id="nobody"), store, workflow)

    assert refused == Refusal("There is no device nobody in the registry.")
    assert (store.executions, workflow.started) == ({}, [])


def test_asking_again_with_the_same_token_is_the_same_command_whoever_asks() -> None:
    store, workflow = FakeStore(), FakeWorkflow()
    first = taken(order(), store, workflow)

    again = taken(order(requested_by="somebody else"), store, workflow)

    assert again == first
    assert len(store.executions) == len(workflow.started) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"command": Command("set_point", {"celsius": 5})},
        {"command": Command("defrost", {"celsius": 4.5})},
        {"timeout_s": 31},
        {"attempts": 3},
        {"incident_on_timeout": "warning"},
    ],
)
def test_the_same_token_for_something_else_is_refused(other: dict[str, Any]) -> None:
    store, workflow = FakeStore(), FakeWorkflow()
    taken(order(), store, workflow)

    refused = taken(order(**other), store, workflow)

    assert isinstance(refused, Refusal)
    assert "The token token-1 was used for another command" in refused.sentence
    assert len(store.executions) == len(workflow.started) == 1


def test_one_and_true_are_not_the_same() -> None:
    one, true = (order(command=Command("x", {"on": value})) for value in (1, True))

    assert not one.asks_the_same_as(true)


def test_what_a_crash_left_undone_is_done_when_asked_again() -> None:
    store, broken, workflow = FakeStore(), FakeWorkflow(), FakeWorkflow()
    execution = taken(order(), store, broken)

    taken(order(), store, workflow)

    assert isinstance(execution, CommandExecution)
    assert workflow.started == [execution.execution_id]


def test_a_settled_command_is_not_started_again() -> None:
    store, workflow = FakeStore(), FakeWorkflow()
    execution = taken(order(), store, workflow)
    assert isinstance(execution, CommandExecution)
    settled = time_out(execution.execution_id, store=store, now_ms=NOW + 1)
    workflow.started.clear()

    assert taken(order(), store, workflow) == settled
    assert workflow.started == []


def test_the_incident_of_a_command_that_nobody_answered_has_the_form_of_a_detectors_action() -> None:
    store = FakeStore()
    execution = taken(order(incident_on_timeout="critical"), store, FakeWorkflow())
    assert isinstance(execution, CommandExecution)

    assert incident_event(execution) is None
    given_up = time_out(execution.execution_id, store=store, now_ms=NOW + 60_000)
    event = incident_event(given_up)

    assert event is not None
    assert event == incident_event(time_out(execution.execution_id, store=store, now_ms=NOW + 99_000))
    assert event["eventTime"] == NOW + 60_000
    assert event["payload"]["detector"]["keyValue"] == DEVICE
    assert event["coldwatch"] == {
        "effect_id": event["payload"]["actionExecutionId"],
        "detector_model": "command_timeout",
        "key": DEVICE,
        "device_id": DEVICE,
        "application": "coldchain",
        "occurred_at": NOW + 60_000,
        "clock": "wall",
        "event_name": "command_timed_out",
        "profile": {},
        "kind": "command_timed_out",
        "severity": "critical",
        "title": "No answer to set_point",
    }
    effect = read_effect(json.loads(json.dumps(event)))
    assert (effect.kind, effect.severity, effect.began_at) == ("command_timed_out", "critical", NOW)


def test_nobody_is_woken_for_a_command_that_asked_for_no_incident() -> None:
    store = FakeStore()
    execution = taken(order(), store, FakeWorkflow())
    assert isinstance(execution, CommandExecution)

    assert incident_event(time_out(execution.execution_id, store=store, now_ms=NOW + 1)) is None


def test_addresses_are_kept_with_the_execution() -> None:
    addresses = FakeAddresses({DEVICE: Addressee(DEVICE, "factory")})

    execution = send(order(), addresses=addresses, store=FakeStore(), workflow=FakeWorkflow(), now_ms=NOW)

    assert isinstance(execution, CommandExecution)
    assert execution.application == "factory"
