"""The store of incidents keeps what its port promises: the fake of the unit tests and the real one."""

import io
import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from coldwatch.adapters.command_sender import LambdaCommands
from coldwatch.adapters.incident_store import LOOKED_BACK_MS, DynamoIncidentStore
from coldwatch.incidents import lifecycle
from coldwatch.incidents.incident import (
    REPORT_MISSED_MS,
    Cause,
    Disposition,
    EventType,
    Incident,
    Page,
    Status,
    TimelineEvent,
)
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.ports import CommandRefusedError
from tests.integration.aws.incident_world import MADE, OPENED
from tests.integration.aws.incident_world import dynamodb as _dynamodb
from tests.integration.aws.stack import REGION
from tests.unit.incidents.builders import FRIDGE, HIGH, NOW
from tests.unit.incidents.fakes import FakeIncidents

dynamodb = _dynamodb


type Store = FakeIncidents | DynamoIncidentStore


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeIncidents()
    return DynamoIncidentStore(request.getfixturevalue("dynamodb"), "IncidentTable")


def changed(before: Incident, effect_id: str | None = None, **changes: Any) -> Change:
    after = replace(before, revision=before.revision + 1, **changes)
    event = TimelineEvent(NOW + after.revision, f"e{after.revision}", EventType.REPEATED, "x", "again")
    return Change(before, after, event, effect_id)


def test_what_is_opened_is_found_by_id_and_by_its_lock(store: Store) -> None:
    assert (store.find(MADE.incident_id), store.find_open(HIGH, FRIDGE)) == (None, None)

    assert store.open(MADE, OPENED)

    assert store.find(MADE.incident_id) == store.find_open(HIGH, FRIDGE) == MADE
    assert store.find_open(HIGH, "other") is None
    assert list(store.timeline(MADE.incident_id)) == [OPENED]


def test_neither_the_same_incident_nor_another_of_its_detector_opens_twice(store: Store) -> None:
    store.open(MADE, OPENED)
    other = replace(MADE, incident_id="another")

    assert not store.open(MADE, OPENED)
    assert not store.open(other, lifecycle.opened(other, "x"))
    assert not store.open(replace(MADE, key="elsewhere"), OPENED)

    assert store.find("another") is None
    assert store.find_open(HIGH, "elsewhere") is None
    assert store.open(replace(other, key="elsewhere"), lifecycle.opened(other, "x"))


def test_of_two_changes_of_one_incident_one_is_written_whole_and_the_other_not_at_all(store: Store) -> None:
    store.open(MADE, OPENED)
    first, second = changed(MADE, "a", tier=1), changed(MADE, "b", tier=2)

    assert [store.apply(first), store.apply(second)] == [True, False]

    assert store.find(MADE.incident_id) == first.after
    assert (store.taken_into("a"), store.taken_into("b")) == (MADE.incident_id, None)
    assert len(store.timeline(MADE.incident_id)) == 2


def test_an_effect_is_taken_once(store: Store) -> None:
    store.open(MADE, OPENED)
    first = changed(MADE, "a")
    store.apply(first)

    assert not store.apply(changed(first.after, "a", tier=9))
    assert store.find(MADE.incident_id) == first.after


def test_resolving_gives_back_the_lock(store: Store) -> None:
    store.open(MADE, OPENED)
    over = lifecycle.resolve(MADE, who="op", resolution="by op", note=None, now_ms=NOW)
    assert over

    assert store.apply(over)

    assert store.find_open(HIGH, FRIDGE) is None
    next_one = replace(MADE, incident_id="next")
    assert store.open(next_one, lifecycle.opened(next_one, "x"))


def test_a_change_without_an_event_adds_none(store: Store) -> None:
    store.open(MADE, OPENED)
    begun = lifecycle.begin_round(MADE, round_=1, number=1, now_ms=NOW)
    assert begun

    assert store.apply(begun)

    assert list(store.timeline(MADE.incident_id)) == [OPENED]


def test_a_page_is_kept_with_its_event_and_stays_sent(store: Store) -> None:
    store.open(MADE, OPENED)
    failed = Page(MADE.incident_id, 2, 1, "ana", NOW, False, None, "no address")  # noqa: FBT003 - is_sent
    sent = Page(MADE.incident_id, 2, 1, "ana", NOW, True, "m-1")  # noqa: FBT003 - is_sent
    events = [TimelineEvent(NOW + n, f"p{n}", EventType.PAGED, "coldwatch", "x") for n in range(3)]

    written = [store.keep_page(page, event) for page, event in zip((failed, sent, failed), events, strict=True)]

    assert written == [True, True, False]
    assert list(store.pages_of(MADE.incident_id, 2, "ana")) == [sent]
    assert list(store.pages_of(MADE.incident_id, 3, "ana")) == []
    assert list(store.pages(MADE.incident_id)) == [sent]
    assert [event.event_id for event in store.timeline(MADE.incident_id)][1:] == ["p0", "p1"]


def test_the_token_for_what_became_of_it_is_the_one_that_waits(store: Store) -> None:
    second = replace(MADE, round=2, revision=2)
    assert store.token(MADE.incident_id) is None

    store.keep_token(second, "b")
    store.keep_token(replace(MADE, round=1), "a")
    assert store.token(MADE.incident_id) == ("b", second.standing, 2)

    taken = replace(second, status=Status.ACKNOWLEDGED, revision=3)
    store.keep_token(taken, "c")
    assert store.token(MADE.incident_id) == ("c", taken.standing, 3)


def test_the_latest_recovery_of_nothing_is_remembered(store: Store) -> None:
    assert store.last_recovery(HIGH, FRIDGE) is None

    for at in (5, 9, 7):
        store.note_recovery(HIGH, FRIDGE, at)

    assert store.last_recovery(HIGH, FRIDGE) == 9


def test_incidents_are_listed_by_status_and_by_device_newest_first(dynamodb: Any) -> None:
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    made = [replace(MADE, incident_id=f"i{n}", key=str(n), opened_at=NOW + n) for n in range(3)]
    for each in made:
        real.open(each, lifecycle.opened(each, "x"))
        real.keep_token(each, "t")

    assert list(real.listed(Status.OPEN)) == list(real.of_device(FRIDGE)) == made[::-1]
    assert list(real.listed(Status.RESOLVED)) == []


def test_what_is_said_when_it_is_resolved_is_kept(dynamodb: Any) -> None:
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    said = replace(MADE, cause=Cause.DEFROST, disposition=Disposition.RELEASED, useful=False, useful_by="ana")

    real.open(said, OPENED)

    assert real.find(MADE.incident_id) == said


def test_what_is_not_over_is_listed_in_every_status_and_what_has_no_record(dynamodb: Any) -> None:
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    for status in Status:
        each = replace(MADE, incident_id=status.value, key=status.value, status=status)
        real.open(each, lifecycle.opened(each, "x"))
    over = replace(MADE, status=Status.RESOLVED)
    changed: dict[str, dict[str, Any]] = {
        "without a report": {"recorded_at": NOW - REPORT_MISSED_MS + 1},
        "from before there were reports": {"recorded_at": NOW - REPORT_MISSED_MS},
        "complete": {"recorded_at": NOW, "reported_at": NOW},
        "of long ago": {"opened_at": NOW - LOOKED_BACK_MS - 1},
    }
    for name, changes in changed.items():
        each = replace(over, incident_id=name, key=name, **changes)
        real.open(each, lifecycle.opened(each, "x"))

    assert set(real.unfinished()) == {"OPEN", "ACKNOWLEDGED", "SNOOZED"}
    assert set(real.unrecorded(now_ms=NOW)) == {"RESOLVED", "without a report"}


def test_a_command_from_the_page_goes_the_way_of_every_command() -> None:
    functions = boto3.client("lambda", region_name=REGION)
    answers = [{"execution_id": "x1", "status": "CREATED"}, {"error": "There is no device."}]
    with Stubber(functions) as stub:
        for answer in answers:
            order = {"device_id": FRIDGE, "command": "start_defrost", "client_token": "t", "requested_by": "ana"}
            payload = StreamingBody(io.BytesIO(text := json.dumps(answer).encode()), len(text))
            asked = {"FunctionName": "send_command", "Payload": json.dumps(order).encode()}
            stub.add_response("invoke", {"Payload": payload}, asked)
        commands = LambdaCommands(functions, "send_command")

        assert commands.send(FRIDGE, "start_defrost", token="t", requested_by="ana") == "x1"
        with pytest.raises(CommandRefusedError, match="no device"):
            commands.send(FRIDGE, "start_defrost", token="t", requested_by="ana")
