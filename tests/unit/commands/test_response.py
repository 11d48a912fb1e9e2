import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coldwatch.commands.identifiers import execution_id
from coldwatch.commands.order import Command
from coldwatch.commands.request import request
from coldwatch.commands.response import (
    RESPONSE_LIMIT,
    RejectedResponse,
    Response,
    ResponseFault,
    ResponseMessage,
    StatusReason,
    open_message,
    read_response,
)
from coldwatch.commands.settlement import Recorded, record_response
from coldwatch.commands.status import Status
from tests.unit.commands.fakes import CHILD, DEVICE, GATEWAY, NOW, FakeStore, FakeWorkflow, order, response
from tests.unit.commands.test_execution import ID, execution

SCHEMAS = Path(__file__).parents[3] / "schemas"
FITS: dict[str, Any] = {"execution_id": ID, "status": "SUCCEEDED"}


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))


def faults(payload: bytes) -> ResponseFault | None:
    read = read_response(payload)
    return read.fault if isinstance(read, RejectedResponse) else None


def test_a_whole_response_is_read() -> None:
    document = FITS | {
        "status_reason": {"reason_code": "DONE", "reason_description": "It is done."},
        "result": {"celsius": 4.5, "on": True, "text": "x", "n": 3},
        "timestamp": NOW,
        "more": [],
    }

    assert read_response(json.dumps(document).encode()) == Response(
        ID, Status.SUCCEEDED, StatusReason("DONE", "It is done."), document["result"], NOW
    )


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"", ResponseFault.NOT_JSON),
        (b"\xff\xfe", ResponseFault.NOT_JSON),
        (b"{", ResponseFault.NOT_JSON),
        (b"[" * 16_000, ResponseFault.DOES_NOT_FIT),
        (b'{"x":' * 3_000, ResponseFault.NOT_JSON),
        (b" " * (RESPONSE_LIMIT + 1), ResponseFault.TOO_LARGE),
        (b"null", ResponseFault.DOES_NOT_FIT),
        (response(ID, "TIMED_OUT"), ResponseFault.DOES_NOT_FIT),
        (response(ID, "CREATED"), ResponseFault.DOES_NOT_FIT),
        (response(ID, "succeeded"), ResponseFault.DOES_NOT_FIT),
        (response("u" * 26), ResponseFault.DOES_NOT_FIT),
        (response(f"token#{ID}"), ResponseFault.DOES_NOT_FIT),
        (response(ID, result=[]), ResponseFault.DOES_NOT_FIT),
        (response(ID, result={"a": {}}), ResponseFault.DOES_NOT_FIT),
        (response(ID, result={"a": None}), ResponseFault.DOES_NOT_FIT),
        (response(ID, result={"a": "x" * 1025}), ResponseFault.DOES_NOT_FIT),
        (response(ID, result={str(n): 1 for n in range(33)}), ResponseFault.DOES_NOT_FIT),
        (response(ID)[:-1] + b',"result":{"a":' + b"9" * 5_000 + b"}}", ResponseFault.DOES_NOT_FIT),
        (response(ID)[:-1] + b',"result":{"a":1e999}}', ResponseFault.DOES_NOT_FIT),
        (response(ID, status_reason={"reason_code": "not ok"}), ResponseFault.DOES_NOT_FIT),
        (response(ID, status_reason={}), ResponseFault.DOES_NOT_FIT),
        (response(ID, timestamp="now"), ResponseFault.DOES_NOT_FIT),
        (response(ID, timestamp=-1), ResponseFault.DOES_NOT_FIT),
    ],
)
def test_what_does_not_fit_is_rejected_with_a_reason(payload: bytes, fault: ResponseFault) -> None:
    assert faults(payload) is fault


@given(st.binary(max_size=200) | st.from_type(dict[str, int | str | None]).map(lambda it: json.dumps(it).encode()))
def test_no_bytes_make_the_reader_fail(payload: bytes) -> None:
    assert isinstance(read_response(payload), Response | RejectedResponse)


scalars = st.text(max_size=3) | st.integers(-5, 5) | st.floats(-1e9, 1e9) | st.booleans() | st.none()
values = scalars | st.dictionaries(st.sampled_from(["reason_code", "a b", "a"]), scalars | st.just("OK"), max_size=2)
members = st.sampled_from(["execution_id", "status", "status_reason", "result", "timestamp", "other"])


@given(st.dictionaries(members, values, max_size=3))
def test_schema_and_reader_agree(changes: dict[str, Any]) -> None:
    document = FITS | changes

    assert (faults(json.dumps(document).encode()) is None) == schema("command_response").is_valid(document)


def test_a_request_fits_its_schema() -> None:
    asked = execution(device_id=CHILD, command=Command("identify", {"long": "x" * 1024, "on": True}))

    schema("command_request").validate(request(asked, 1, expires_at=NOW + 1, now_ms=NOW))


@pytest.mark.parametrize(
    "event",
    [{}, [], {"payload": "!", "thing": DEVICE, "received_at": 1}, {"payload": "", "thing": "", "received_at": 1}],
)
def test_an_event_that_no_rule_has_made_is_rejected(event: object) -> None:
    opened = open_message(event)

    assert isinstance(opened, RejectedResponse)
    assert opened.fault is ResponseFault.NOT_AN_EVENT


def test_the_event_of_the_rule_is_opened() -> None:
    event = {"payload": base64.b64encode(b"{}").decode(), "thing": DEVICE, "received_at": NOW, "topic": "t"}

    assert open_message(event) == ResponseMessage(DEVICE, b"{}", NOW)


def recorded(payload: bytes, *, thing: str = DEVICE, workflow: FakeWorkflow | None = None, **stored: Any) -> Any:
    known = execution(**stored)
    store = FakeStore()
    store.create(known)
    store.keep_token(ID, 1, "token-1")
    message = ResponseMessage(thing, payload, NOW + 5)
    return record_response(message, store=store, workflow=workflow or FakeWorkflow())


def test_only_the_addressee_may_answer() -> None:
    stranger = recorded(response(ID), thing="acme-fridge-0002")

    assert isinstance(stranger, RejectedResponse)
    assert stranger.fault is ResponseFault.WRONG_DEVICE
    assert isinstance(recorded(response(ID), thing=GATEWAY), RejectedResponse)
    assert isinstance(recorded(response(ID)), Recorded)


def test_an_execution_that_nobody_sent_cannot_be_answered() -> None:
    nobody = recorded(response(execution_id("another", DEVICE)))

    assert isinstance(nobody, RejectedResponse)
    assert nobody.fault is ResponseFault.UNKNOWN_EXECUTION


def test_progress_wakes_nobody() -> None:
    workflow = FakeWorkflow(waiting="token-1")

    result = recorded(response(ID, "IN_PROGRESS"), workflow=workflow)

    assert result.after.status is Status.IN_PROGRESS
    assert workflow.waiting == "token-1"


def test_an_answer_wakes_the_workflow_with_the_outcome() -> None:
    workflow = FakeWorkflow(waiting="token-1")

    recorded(response(ID, "REJECTED"), workflow=workflow)

    assert workflow.outcomes == [{"execution_id": ID, "status": "REJECTED"}]


def test_a_rejection_repeats_little_of_what_the_device_said() -> None:
    rejected = read_response(response(ID, "x" * 9_000))

    assert isinstance(rejected, RejectedResponse)
    assert len(rejected.detail) <= 200


def test_the_stored_order_is_untouched_by_an_answer() -> None:
    result = recorded(response(ID))

    assert result.after.order == order()
