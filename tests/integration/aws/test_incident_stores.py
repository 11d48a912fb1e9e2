"""The stores of incidents keep what `coldwatch.incidents.ports` promises: the fake of the unit tests and the real one.

And the functions of the workflow, with their real adapters, from the sample event to the record.
"""

import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from await_resolution import handler as await_resolution
from coldwatch.adapters import clients
from coldwatch.adapters.command_sender import LambdaCommands
from coldwatch.adapters.incident_store import LOOKED_BACK_MS, DynamoIncidentStore
from coldwatch.adapters.items import to_item
from coldwatch.adapters.link_store import DynamoLinkStore
from coldwatch.adapters.policy_store import DynamoPolicyStore
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.adapters.waiting import StepFunctionsExecutions, StepFunctionsWaiting
from coldwatch.incidents import lifecycle
from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.incident import (
    REPORT_MISSED_MS,
    Cause,
    Disposition,
    EventType,
    Incident,
    Page,
    Severity,
    Status,
    TimelineEvent,
)
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.links import Link
from coldwatch.incidents.policy import PolicyError
from coldwatch.incidents.ports import CommandRefusedError
from coldwatch.incidents.reconciling import GRACE_MS, reconcile
from coldwatch.incidents.workflow import answer_of, continuation_of
from enrich_incident import handler as enrich_incident
from hand_over_incident import handler as hand_over_incident
from keep_evidence import handler as keep_evidence
from notify_tier import handler as notify_tier
from open_incident import handler as open_incident
from reconcile_incidents import handler as reconcile_incidents
from record_incident import handler as record_incident
from recover_incident import handler as recover_incident
from tests.integration.aws.stack import IN_TIME, REGION, AwsStack
from tests.unit.incidents.builders import FRIDGE, HIGH, NOW, incident
from tests.unit.incidents.fakes import FakeIncidents

ROOT = Path(__file__).parents[3]
ACCOUNT = "123456789012"
SIMPLE = {
    "LinkTable": "link_hash",
    "ContactTable": "contact_id",
    "PolicyTable": "policy_id",
    "DetectorTable": "detector_id",
}
MADE = incident(details={"place": {"site": "Basel"}}, peak=9.5)
OPENED = lifecycle.opened(MADE, "Too warm.")

type Store = FakeIncidents | DynamoIncidentStore


def create_tables(client: Any) -> None:
    for table, key in SIMPLE.items():
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        )
    client.create_table(
        TableName="StormTable",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("subject", "part")],
        KeySchema=keys("subject", "part"),
    )
    kinds = {"incident_id": "S", "part": "S", "status": "S", "device_id": "S", "opened_at": "N"}
    client.create_table(
        TableName="IncidentTable",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
        KeySchema=keys("incident_id", "part"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": keys(name, "opened_at"),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, name in (("by_status", "status"), ("by_device", "device_id"))
        ],
    )


def keys(hash_: str, range_: str) -> list[dict[str, str]]:
    return [{"AttributeName": hash_, "KeyType": "HASH"}, {"AttributeName": range_, "KeyType": "RANGE"}]


@pytest.fixture
def dynamodb(aws: AwsStack) -> Any:
    create_tables(aws.dynamodb)
    return aws.dynamodb


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


def test_a_link_is_found_by_its_hash_and_forgotten_long_after_it_has_expired(dynamodb: Any) -> None:
    links = DynamoLinkStore(dynamodb, "LinkTable")
    link = Link("f" * 64, MADE.incident_id, "ana", 1, 1, NOW, NOW + 5000)

    links.put(link)

    assert links.find("f" * 64) == link
    assert links.find("0" * 64) is None
    item = dynamodb.get_item(TableName="LinkTable", Key={"link_hash": {"S": "f" * 64}})["Item"]
    assert item["forget_at"] == {"N": str(NOW // 1000 + 5 + 90 * 86_400)}


def test_a_policy_is_kept_only_if_it_is_one(dynamodb: Any) -> None:
    policies = DynamoPolicyStore(dynamodb, "PolicyTable")
    document = json.loads((ROOT / "local/demo/policy.json").read_text())

    is_kept = policies.put(document)
    with pytest.raises(PolicyError):
        policies.put({"policy_id": "bad"})

    assert is_kept
    assert policies.find("default") == read_policy(document)
    assert list(policies.documents()) == [document | {"version": "1"}]
    assert policies.find("bad") is None
    policies.remove("default")
    assert policies.find("default") is None


@pytest.mark.parametrize("stored", [{}, {"document": "[]"}, {"document": "{}"}])
def test_a_stored_policy_that_is_none_is_said_to_be_none(dynamodb: Any, stored: dict[str, str]) -> None:
    dynamodb.put_item(TableName="PolicyTable", Item=to_item({"policy_id": "x", **stored}))

    with pytest.raises(PolicyError):
        DynamoPolicyStore(dynamodb, "PolicyTable").find("x")


def test_readings_are_found_by_device_time_however_late_they_came(aws: AwsStack) -> None:
    for at in (NOW - 1, NOW, NOW + 5, NOW + 6):
        item: dict[str, Any] = {"device_id": FRIDGE, "reading_key": f"{at:013d}#-#1", "timestamp": at, "temp_c": 9.5}
        aws.dynamodb.put_item(TableName="ReadingTable", Item=to_item(item))
    history = DynamoReadingHistory(aws.dynamodb, "ReadingTable")

    found = history.between(FRIDGE, NOW, NOW + 5, at_most=10)

    assert [each["timestamp"] for each in found] == [NOW, NOW + 5]


def test_of_too_many_readings_the_newest_are_found_in_order(aws: AwsStack) -> None:
    for second in range(10):
        at = NOW + second * 1000
        item: dict[str, Any] = {"device_id": FRIDGE, "reading_key": f"{at:013d}#-#1", "timestamp": at}
        aws.dynamodb.put_item(TableName="ReadingTable", Item=to_item(item))
    history = DynamoReadingHistory(aws.dynamodb, "ReadingTable")

    found = history.between(FRIDGE, NOW, NOW + 8000, at_most=3)

    assert [each["timestamp"] for each in found] == [NOW + 6000, NOW + 7000, NOW + 8000]


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_token_that_waits_no_longer_takes_no_harm(dynamodb: Any, code: str) -> None:
    states = boto3.client("stepfunctions", region_name=REGION)
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    real.keep_token(MADE, "t")
    with Stubber(states) as stub:
        stub.add_client_error("send_task_success", code)

        StepFunctionsWaiting(states, real).wake(replace(MADE, status=Status.ACKNOWLEDGED, revision=2), now_ms=NOW)

        stub.assert_no_pending_responses()


OPEN = replace(MADE, round=1, deadline_at=NOW)
TAKEN = replace(OPEN, status=Status.ACKNOWLEDGED, acknowledged_by="ana", deadline_at=NOW + 9)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (OPEN, TAKEN, "acknowledged"),
        (OPEN, replace(OPEN, status=Status.RESOLVED, deadline_at=None), "resolved"),
        (OPEN, replace(OPEN, escalated_round=1), "escalate"),
        (TAKEN, replace(OPEN, status=Status.SNOOZED, deadline_at=NOW + 500), "snoozed"),
        (OPEN, replace(OPEN, peak=9.0), None),
        (TAKEN, replace(TAKEN, recovered_at=NOW), None),
    ],
)
def test_a_workflow_is_woken_by_what_changes_how_the_incident_stands(
    dynamodb: Any, before: Incident, after: Incident, says: str | None
) -> None:
    states = boto3.client("stepfunctions", region_name=REGION)
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    real.keep_token(before, "t")
    later = replace(after, revision=before.revision + 1)
    with Stubber(states) as stub:
        output = json.dumps(answer_of(later, now_ms=NOW))
        stub.add_response("send_task_success", {}, {"taskToken": "t", "output": output})

        StepFunctionsWaiting(states, real).wake(later, now_ms=NOW)

        if says:
            assert json.loads(output)["outcome"] == says
            stub.assert_no_pending_responses()
        else:
            with pytest.raises(AssertionError, match="remaining"):
                stub.assert_no_pending_responses()


def test_a_wake_up_call_that_comes_late_does_not_end_a_later_wait(dynamodb: Any) -> None:
    states = boto3.client("stepfunctions", region_name=REGION)
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    real.keep_token(replace(OPEN, round=2, revision=7), "t")
    with Stubber(states) as stub:  # which answers nothing
        StepFunctionsWaiting(states, real).wake(replace(TAKEN, revision=5), now_ms=NOW)

        stub.assert_no_pending_responses()


def running(states: Any) -> dict[str, str]:
    """Name of each execution of the one machine -> its status."""
    (machine,) = states.list_state_machines()["stateMachines"]
    found = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    return {each["name"]: each["status"] for each in found}


@pytest.fixture
def states(aws: AwsStack) -> Any:
    assert aws, "moto stands in for AWS"
    return boto3.client("stepfunctions", region_name=REGION)


@pytest.fixture
def executions(states: Any) -> StepFunctionsExecutions:
    return StepFunctionsExecutions(states, make_machine(states))


def make_machine(states: Any) -> str:
    made = states.create_state_machine(
        name="incident",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
    )
    return str(made["stateMachineArn"])


def stop(states: Any, name: str) -> None:
    (machine,) = states.list_state_machines()["stateMachines"]
    for each in states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
        if each["name"] == name:
            states.stop_execution(executionArn=each["executionArn"])


def test_a_workflow_that_runs_is_as_good_as_one_that_is_started(states: Any, executions: Any) -> None:
    executions.start(MADE, now_ms=NOW)
    executions.start(replace(MADE, round=1, step=1), now_ms=NOW)

    assert running(states) == {MADE.incident_id: "RUNNING"}


def test_a_workflow_that_ended_before_its_incident_is_replaced_by_one_however_often_it_is_asked(
    states: Any, executions: Any
) -> None:
    executions.start(MADE, now_ms=NOW)
    stop(states, MADE.incident_id)

    for round_ in (1, 1, 2):
        executions.start(replace(MADE, round=round_, step=round_), now_ms=NOW)
    assert running(states) == {MADE.incident_id: "ABORTED", f"{MADE.incident_id}-2": "RUNNING"}

    stop(states, f"{MADE.incident_id}-2")
    executions.start(replace(MADE, status=Status.ACKNOWLEDGED), now_ms=NOW)
    assert running(states)[f"{MADE.incident_id}-3"] == "RUNNING"


@pytest.mark.parametrize("described", ["ExecutionDoesNotExist", "PENDING_REDRIVE"])
def test_a_workflow_that_is_not_seen_yet_or_will_be_redriven_is_not_replaced(states: Any, described: str) -> None:
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:incident"
    execution = {"executionArn": arn.replace("stateMachine", "execution") + f":{MADE.incident_id}"}
    with Stubber(states) as stub:
        stub.add_client_error("start_execution", "ExecutionAlreadyExists")
        if described == "PENDING_REDRIVE":
            told = {"status": described, "stateMachineArn": arn, "startDate": 0, **execution}
            stub.add_response("describe_execution", told, execution)
        else:
            stub.add_client_error("describe_execution", described, expected_params=execution)

        StepFunctionsExecutions(states, arn).start(MADE, now_ms=NOW)

        stub.assert_no_pending_responses()


def test_a_workflow_that_ended_with_the_report_is_not_replaced(states: Any, executions: Any) -> None:
    executions.start(MADE, now_ms=NOW)
    stop(states, MADE.incident_id)

    over = replace(MADE, status=Status.RESOLVED, recorded_at=NOW, reported_at=NOW)
    executions.start(over, now_ms=NOW)

    assert running(states) == {MADE.incident_id: "ABORTED"}


def test_a_workflow_that_ended_before_the_report_is_replaced_while_the_report_is_missed(
    states: Any, executions: Any
) -> None:
    over = replace(MADE, status=Status.RESOLVED, recorded_at=NOW)
    executions.start(over, now_ms=NOW)
    stop(states, MADE.incident_id)

    assert executions.start(over, now_ms=NOW + REPORT_MISSED_MS) == 1
    assert executions.start(over, now_ms=NOW) == 2


def test_an_execution_is_looked_for_from_the_last_that_is_known_of(states: Any, executions: Any) -> None:
    assert executions.running(MADE) is None
    executions.start(MADE, now_ms=NOW)
    assert executions.running(MADE) == 1

    stop(states, MADE.incident_id)
    assert executions.running(MADE) is None
    assert executions.start(replace(MADE, executions=4), now_ms=NOW) == 4
    assert executions.running(MADE) is None, "what comes before is forgotten in time"
    assert executions.running(replace(MADE, executions=4)) == 4


def test_an_execution_is_succeeded_by_one_however_often_it_is_asked(states: Any, executions: Any) -> None:
    executions.start(MADE, now_ms=NOW)
    given = continuation_of(MADE, 7, 3, number=2)

    numbers = [executions.succeed(MADE, after=1, given=given) for _ in range(2)]
    stop(states, f"{MADE.incident_id}-2")
    numbers.append(executions.succeed(MADE, after=1, given=given))

    assert numbers == [2, 2, 3]
    assert set(running(states)) == {MADE.incident_id, f"{MADE.incident_id}-2", f"{MADE.incident_id}-3"}


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


def test_one_incident_that_cannot_be_read_keeps_nobody_from_the_others(
    dynamodb: Any, states: Any, executions: Any
) -> None:
    real = DynamoIncidentStore(dynamodb, "IncidentTable")
    for name, status in (("broken", Status.OPEN), ("well", Status.OPEN), ("over", Status.RESOLVED)):
        each = replace(MADE, incident_id=name, key=name, status=status)
        real.open(each, lifecycle.opened(each, "x"))
    dynamodb.update_item(
        TableName="IncidentTable",
        Key={"incident_id": {"S": "broken"}, "part": {"S": "incident"}},
        UpdateExpression="SET #plan = :none",
        ExpressionAttributeNames={"#plan": "plan"},
        ExpressionAttributeValues={":none": {"S": "{"}},
    )

    done = reconcile(real, executions, with_unrecorded=True, now_ms=NOW + GRACE_MS)

    assert sorted(done.reattached) == ["over", "well"]
    assert list(done.faults) == ["broken"]
    assert set(running(states)) == {"over", "well"}


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


FUNCTIONS = (
    open_incident,
    keep_evidence,
    enrich_incident,
    notify_tier,
    await_resolution,
    recover_incident,
    record_incident,
)


@pytest.fixture
def account(aws: AwsStack, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsStack]:
    """Everything that the functions of the workflow use."""
    aws.s3.create_bucket(Bucket="evidence", CreateBucketConfiguration={"LocationConstraint": REGION})
    topic = boto3.client("sns", region_name=REGION).create_topic(Name="notifications")["TopicArn"]
    machine_arn = make_machine(boto3.client("stepfunctions", region_name=REGION))
    named = {
        table.removesuffix("Table").upper() + "_TABLE": table for table in (*SIMPLE, "IncidentTable", "StormTable")
    }
    own = {
        "TOPIC_PREFIX": "x/",
        "EVIDENCE_BUCKET": "evidence",
        "NOTIFICATION_TOPIC_ARN": topic,
        "INCIDENT_STATE_MACHINE_ARN": machine_arn,
        "PAGE_BASE_URL": "https://page.example/",
        "MAIL_SENDER": "",
        "MAIL_CONFIGURATION_SET": "",
        "CODE_KEY_SECRET": "coldwatch/test/code-key",
        "EVENT_BUS_NAME": "incidents",
    }
    for name, value in (named | own).items():
        monkeypatch.setenv(name, value)
    boto3.client("events", region_name=REGION).create_event_bus(Name="incidents")
    record_incident.filing_ports.cache_clear()
    record_incident.announced.cache_clear()
    clients.events_client.cache_clear()
    clients.secrets_client.cache_clear()
    for function in (*FUNCTIONS, reconcile_incidents):
        function.ports.cache_clear()
    hand_over_incident.store.cache_clear()
    for made in (clients.dynamodb_client, clients.s3_client, clients.sns_client, clients.step_functions_client):
        made.cache_clear()
    clients.iot_data_client.cache_clear()
    device = {"device_id": FRIDGE, "fleet_id": "acme", "device_type": "fridge", "application": "coldchain"}
    aws.dynamodb.put_item(TableName="DeviceTable", Item=to_item(device))
    DynamoPolicyStore(dynamodb, "PolicyTable").put(json.loads((ROOT / "local/demo/policy.json").read_text()))
    for contact_id in ("ana", "ben"):
        entry = {
            "contact_id": contact_id,
            "name": contact_id.title(),
            "addresses": '[{"protocol": "email", "endpoint": "a@b.c"}]',
        }
        dynamodb.put_item(TableName="ContactTable", Item=to_item(entry))
    yield aws
    record_incident.filing_ports.cache_clear()


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return event


def test_from_the_sample_event_to_the_record(account: AwsStack, dynamodb: Any) -> None:
    made = open_incident.handler(sample("open_incident"), None)
    incident_id = made["incident_id"]
    assert made == {"incident_id": sample("keep_evidence")["incident_id"], "outcome": "opened"}
    assert open_incident.handler(sample("open_incident"), None)["outcome"] == "known"

    assert keep_evidence.handler(sample("keep_evidence"), None)["outcome"] == "not_stored_yet"
    at = sample("open_incident")["coldwatch"]["occurred_at"]
    stored: dict[str, Any] = {"device_id": FRIDGE, "reading_key": f"{at:013d}#-#1", "timestamp": at, "temp_c": 9.5}
    account.dynamodb.put_item(TableName="ReadingTable", Item=to_item(stored))
    assert keep_evidence.handler(sample("keep_evidence"), None)["outcome"] == "kept"
    assert enrich_incident.handler(sample("enrich_incident"), None)["incident_id"] == incident_id
    assert notify_tier.handler(sample("notify_tier"), IN_TIME) == {"status": "OPEN", "fates": {"ana": "sent"}}
    assert recover_incident.handler(sample("recover_incident"), None)["outcome"] == "recorded"
    store = DynamoIncidentStore(dynamodb, "IncidentTable")
    known = store.find(incident_id)
    assert known
    taken = lifecycle.acknowledge(known, who="ana", note=None, now_ms=time.time_ns() // 1_000_000)
    assert taken
    assert store.apply(taken)
    with Stubber(clients.step_functions_client()) as stub:
        for _ in range(2):  # it is resolved here, and answers for itself
            stub.add_client_error("send_task_success", "TaskDoesNotExist")
        asked = sample("await_resolution") | {"standing": taken.after.standing}
        assert await_resolution.handler(asked, None)["status"] == "RESOLVED"
    final = {"incident_id": incident_id, "is_final": True}
    recovered: dict[str, Any] = stored | {"reading_key": f"{at + 1:013d}#-#2", "timestamp": at + 3_600_000}
    account.dynamodb.put_item(TableName="ReadingTable", Item=to_item(recovered))
    assert keep_evidence.handler(final, None)["outcome"] == "kept"
    assert record_incident.handler(sample("record_incident"), None)["resolution"] == "recovered"
    assert record_incident.handler({"incident_id": incident_id, "part": "report"}, None)["manifest_sha256"]

    folder = f"incidents/{incident_id}"
    kept = ("evidence.json", "evidence-final.json", "record.json", "window.json", "report.json", "report.pdf")
    assert set(account.objects("evidence")) == {f"{folder}/{name}" for name in (*kept, "manifest.json")}
    record = json.loads(account.objects("evidence")[f"{folder}/record.json"])
    assert [event["type"] for event in record["timeline"]] == [
        "opened",
        "evidence_kept",
        "enriched",
        "paged",
        "recovered",
        "acknowledged",
        "resolved",
        "evidence_kept",
    ]
    over = store.find(incident_id)
    assert over
    assert (over.severity, over.began_at, over.status) == (Severity.CRITICAL, 1767225600000, Status.RESOLVED)


def test_a_workflow_that_is_missing_is_started_and_said_once(
    account: AwsStack, dynamodb: Any, states: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account
    incident_id = open_incident.handler(sample("open_incident"), None)["incident_id"]
    store = DynamoIncidentStore(dynamodb, "IncidentTable")
    stop(states, incident_id)

    early = reconcile_incidents.handler(sample("reconcile_incidents"), None)
    known = store.find(incident_id)
    assert known
    older = replace(known, opened_at=known.opened_at - 600_000, revision=known.revision + 1)
    assert store.apply(Change(known, older, None))
    later = [reconcile_incidents.handler(sample("reconcile_incidents"), None) for _ in range(2)]

    assert early["reattached"] == []
    assert [each["reattached"] for each in later] == [[incident_id], []]
    assert running(states)[f"{incident_id}-2"] == "RUNNING"
    assert [each.type for each in store.timeline(incident_id)][1:] == [EventType.REATTACHED]
    assert '"UnattendedIncidents": 1' in capsys.readouterr().out


def test_a_workflow_hands_over_once_however_often_it_asks(account: AwsStack, dynamodb: Any, states: Any) -> None:
    assert account
    incident_id = open_incident.handler(sample("open_incident"), None)["incident_id"]
    (machine,) = states.list_state_machines()["stateMachines"]
    asked = sample("hand_over_incident") | {"state_machine_arn": machine["stateMachineArn"]}

    answers = [hand_over_incident.handler(asked, None) for _ in range(2)]

    assert answers == [{"incident_id": incident_id, "number": 2}] * 2
    store = DynamoIncidentStore(dynamodb, "IncidentTable")
    assert [each.type for each in store.timeline(incident_id)][1:] == [EventType.HANDED_OVER]
    arn = machine["stateMachineArn"].replace(":stateMachine:", ":execution:")
    given = json.loads(states.describe_execution(executionArn=f"{arn}:{incident_id}-2")["input"])
    assert (given["round"], given["step"], given["number"]) == (300, 300, 2)


def test_a_recovery_of_nothing_is_no_fault(account: AwsStack) -> None:
    assert account

    assert recover_incident.handler(sample("recover_incident"), None) == {"incident_id": None, "outcome": "noted"}
