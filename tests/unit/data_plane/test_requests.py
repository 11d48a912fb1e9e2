"""What a request must look like: every fault of it is told at once, in the words of the service."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_plane.errors import ApiError
from data_plane.operations import OPERATIONS
from data_plane.requests import MOST_BYTES, read
from tests.unit.data_plane.builders import ask, message, pump
from tests.unit.detection.fakes import World


def refusal(method: str, path: str, **more: Any) -> str:
    answered = ask(World(), method, path, **more)
    assert (answered.status, answered.body["code"]) == (400, "InvalidRequestException")
    told: str = answered.body["message"]
    return told


def test_every_fault_is_told_with_its_place() -> None:
    bad = [{"messageId": "a b", "payload": "e30="}, {"inputName": "_", "payload": 1, "messageId": ""}]

    told = refusal("POST", "/inputs/messages", body={"messages": bad})

    assert told == (
        "6 validation errors detected: "
        "Value 'a b' at 'messages.1.member.messageId' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9_-]+$; "
        "Value null at 'messages.1.member.inputName' failed to satisfy constraint: Member must not be null; "
        "Value '' at 'messages.2.member.messageId' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value '' at 'messages.2.member.messageId' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9_-]+$; "
        "Value '_' at 'messages.2.member.inputName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$; "
        "Value '1' at 'messages.2.member.payload' failed to satisfy constraint: Member must be a string"
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "Value null at 'messages'"),
        ({"messages": []}, "length greater than or equal to 1"),
        ({"messages": {}}, "must be a list"),
        ({"messages": [1]}, "must be an object"),
        ({"messages": [pump(f"m{n}") for n in range(11)]}, "length less than or equal to 10"),
        ({"messages": [pump("m1"), pump("m1")]}, "Member must have unique messageId"),
        ({"messages": [{**pump("m1"), "timestamp": {"timeInMillis": 0}}]}, "greater than or equal to 1"),
        ({"messages": [{**pump("m1"), "timestamp": {"timeInMillis": "1"}}]}, "must be an integer"),
    ],
)
def test_a_batch_of_messages_that_is_none_is_refused_whole(body: dict[str, Any], told: str) -> None:
    assert told in refusal("POST", "/inputs/messages", body=body)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"maxResults": "0"}, "greater than or equal to 1"),
        ({"maxResults": "251"}, "less than or equal to 250"),
        ({"maxResults": "many"}, "must be an integer"),
        ({"stateName": ""}, "length greater than or equal to 1"),
    ],
)
def test_a_list_that_cannot_be_is_refused(query: dict[str, str], told: str) -> None:
    assert told in refusal("GET", "/detectors/pump_pressure", query=query)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/inputs/messages"),
        ("POST", "/alarms/forget"),
        ("DELETE", "/detectors/x"),
        ("GET", "/x/y/z"),
    ],
)
def test_a_path_that_is_none_of_the_api_is_told(method: str, path: str) -> None:
    answered = ask(World(), method, path, body={})

    assert (answered.status, answered.body["code"]) == (404, "UnknownOperationException")


def test_a_model_called_delete_can_be_listed_and_detectors_be_deleted() -> None:
    assert ask(World(), "GET", "/detectors/delete").body["message"] == "Detector model of name: delete not found"
    assert "'detectors'" in refusal("POST", "/detectors/delete", body={})


def event(body: str | None, *, is_base64: bool = False, path: str = "/inputs/messages") -> dict[str, Any]:
    context = {"http": {"method": "POST"}, "authorizer": {"iam": {"userArn": "arn:aws:iam::1:user/u"}}}
    return {
        "rawPath": path,
        "rawQueryString": "keyValue=a%3Ab&x=",
        "requestContext": context,
        "body": body,
        "isBase64Encoded": is_base64,
    }


def test_a_body_may_come_in_base64() -> None:
    body = json.dumps({"messages": [message("m", {"é": 1})]})

    plain, coded = read(event(body)), read(event(base64.b64encode(body.encode()).decode(), is_base64=True))

    assert plain == coded
    assert (plain.query, plain.caller) == ({"keyValue": "a:b", "x": ""}, "arn:aws:iam::1:user/u")
    assert plain.document() == json.loads(body)


@pytest.mark.parametrize("body", ["{", "[]", "[" * 3_000, '"' + "x" * MOST_BYTES + '"'])
def test_a_body_that_is_no_object_is_refused(body: str) -> None:
    with pytest.raises(ApiError):
        read(event(body)).document()


def test_a_body_that_is_not_the_base64_it_says_is_refused() -> None:
    with pytest.raises(ApiError, match="not base64"):
        read(event("%", is_base64=True))


json_things = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["messages", "detectors", "x"]), inner),
    max_leaves=8,
)
entries = st.dictionaries(
    st.sampled_from(
        ["messageId", "inputName", "payload", "timestamp", "requestId", "alarmModelName", "keyValue", "state"]
    ),
    json_things,
)


@given(
    st.sampled_from([each for each in OPERATIONS.values() if each.entries]), st.lists(entries, max_size=3) | json_things
)
def test_whatever_is_sent_gets_an_answer_that_says_what_is_wrong(operation: Any, given_: Any) -> None:
    path = "/" + "/".join(operation.path)

    answered = ask(World(), "POST", path, body={operation.entries: given_})

    assert answered.status == 400
    assert "validation error" in answered.body["message"]
