from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.commands.execution import (
    PROGRESS_KEPT,
    CommandExecution,
    EntryType,
    LateResponse,
    answered,
    created,
    dispatched,
    timed_out,
)
from coldwatch.commands.identifiers import execution_id, is_execution_id
from coldwatch.commands.request import expires_at, request
from coldwatch.commands.response import Response, StatusReason
from coldwatch.commands.status import Status
from tests.unit.commands.fakes import CHILD, GATEWAY, NOW, order

ID = execution_id("token-1", "acme-fridge-0001")


def execution(**changes: Any) -> CommandExecution:
    return created(ID, order(**changes), thing="acme-fridge-0001", application="coldchain", now_ms=NOW)


def says(status: Status, **more: Any) -> Response:
    return Response(ID, status, **more)


def final(status: Status) -> CommandExecution:
    if status is Status.TIMED_OUT:
        return timed_out(execution(), now_ms=NOW + 60_000)
    return answered(execution(), says(status), received_at=NOW + 1)


FINAL = [status for status in Status if status.is_final]


def test_the_statuses_are_those_of_aws_iot_commands() -> None:
    assert list(Status) == ["CREATED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"]
    assert FINAL == ["SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT"]


def test_an_answer_settles_with_its_reason_and_result() -> None:
    reason = StatusReason("DONE", "It is done.")

    settled = answered(
        execution(), says(Status.SUCCEEDED, status_reason=reason, result={"celsius": 4.5}), received_at=NOW + 5
    )

    assert (settled.status, settled.settled_at, settled.updated_at) == (Status.SUCCEEDED, NOW + 5, NOW + 5)
    assert (settled.status_reason, settled.result) == (reason, {"celsius": 4.5})
    assert settled.history[-1].detail == {"status": "SUCCEEDED", "reason_code": "DONE"}


@pytest.mark.parametrize("status", FINAL)
@pytest.mark.parametrize("later", [Status.IN_PROGRESS, Status.SUCCEEDED, Status.FAILED, Status.REJECTED])
def test_a_final_status_never_changes(status: Status, later: Status) -> None:
    settled = final(status)

    assert answered(settled, says(later), received_at=NOW + 90_000).status is status
    assert timed_out(settled, now_ms=NOW + 90_000) is settled
    assert dispatched(settled, 2, expires_at=NOW, now_ms=NOW) is settled


def test_an_answer_that_contradicts_the_first_changes_nothing() -> None:
    settled = final(Status.SUCCEEDED)

    assert answered(settled, says(Status.FAILED), received_at=NOW + 2) is settled


def test_the_first_answer_after_the_end_is_kept_beside_the_status() -> None:
    given_up = final(Status.TIMED_OUT)

    late = answered(given_up, says(Status.SUCCEEDED, result={"a": 1}), received_at=NOW + 70_000)
    later = answered(late, says(Status.FAILED), received_at=NOW + 80_000)

    assert late.late_response == LateResponse(NOW + 70_000, Status.SUCCEEDED, None, {"a": 1})
    assert (late.status, late.settled_at, late.result) == (Status.TIMED_OUT, NOW + 60_000, None)
    assert later is late
    assert answered(given_up, says(Status.IN_PROGRESS), received_at=NOW + 70_000) is given_up


def test_progress_is_noted_once_while_the_device_says_the_same() -> None:
    begun = answered(execution(), says(Status.IN_PROGRESS), received_at=NOW + 1)

    again = answered(begun, says(Status.IN_PROGRESS), received_at=NOW + 2)
    further = answered(begun, says(Status.IN_PROGRESS, result={"percent": 50}), received_at=NOW + 3)

    assert again is begun
    assert begun.settled_at is None
    assert (further.result, len(further.history)) == ({"percent": 50}, 3)


def test_a_device_that_never_stops_telling_its_progress_fills_no_item() -> None:
    chatting = execution()

    for number in range(3 * PROGRESS_KEPT):
        chatting = answered(chatting, says(Status.IN_PROGRESS, result={"n": number}), received_at=NOW + number)
    settled = answered(chatting, says(Status.SUCCEEDED), received_at=NOW + 999)

    assert chatting.result == {"n": 3 * PROGRESS_KEPT - 1}
    assert sum(entry.type is EntryType.PROGRESSED for entry in settled.history) == PROGRESS_KEPT
    assert settled.history[-1].type is EntryType.ANSWERED
    assert settled.revision == 3 * PROGRESS_KEPT + 1


def test_an_attempt_begins_once() -> None:
    first = dispatched(execution(), 1, expires_at=NOW + 60_000, now_ms=NOW)

    assert dispatched(first, 1, expires_at=NOW + 70_000, now_ms=NOW + 9) is first
    assert dispatched(dispatched(first, 2, expires_at=NOW, now_ms=NOW), 1, expires_at=NOW, now_ms=NOW).attempt == 2


def test_giving_up_says_how_often_it_was_tried() -> None:
    given_up = timed_out(dispatched(execution(), 1, expires_at=NOW, now_ms=NOW), now_ms=NOW + 60_000)

    assert given_up.status_reason == StatusReason("NO_RESPONSE_FROM_DEVICE", "No answer to 1 of 2 attempts.")
    assert given_up.settled_at == NOW + 60_000


def test_a_request_counts_until_the_last_attempt_ends() -> None:
    asked = execution(timeout_s=30, attempts=3)

    assert expires_at(asked, 1, begun_at=NOW) == NOW + 90_000
    assert expires_at(asked, 2, begun_at=NOW + 30_000) == NOW + 90_000
    assert expires_at(asked, 3, begun_at=NOW + 60_500) == NOW + 90_500


def test_a_gateway_is_told_which_of_its_devices_is_meant() -> None:
    asked = created(ID, order(device_id=CHILD), thing=GATEWAY, application="coldchain", now_ms=NOW)

    told = request(asked, 2, expires_at=NOW + 30_000, now_ms=NOW + 1)

    assert told == {
        "execution_id": ID,
        "device_id": CHILD,
        "command": "set_point",
        "parameters": {"celsius": 4.5},
        "attempt": 2,
        "issued_at": NOW + 1,
        "expires_at": NOW + 30_000,
    }


@given(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64))
def test_an_execution_id_is_the_same_for_the_same_wish_and_fits_where_it_has_to(token: str, device: str) -> None:
    made = execution_id(token, device)

    assert is_execution_id(made)
    assert made == execution_id(token, device)
    assert made != execution_id(token + "x", device)
    assert made != execution_id(device, token) or token == device


def test_token_and_device_cannot_be_mistaken_for_each_other() -> None:
    assert execution_id("a", "b-c") != execution_id("a-b", "c")
    assert not is_execution_id("i" * 26)
