"""The tables, the workflow and the account that the stores and functions of incidents use, in moto."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from await_resolution import handler as await_resolution
from coldwatch.adapters import clients
from coldwatch.adapters.items import to_item
from coldwatch.adapters.policy_store import DynamoPolicyStore
from coldwatch.adapters.waiting import StepFunctionsExecutions
from coldwatch.incidents import lifecycle
from enrich_incident import handler as enrich_incident
from hand_over_incident import handler as hand_over_incident
from keep_evidence import handler as keep_evidence
from notify_tier import handler as notify_tier
from open_incident import handler as open_incident
from reconcile_incidents import handler as reconcile_incidents
from record_incident import handler as record_incident
from recover_incident import handler as recover_incident
from tests.integration.aws.stack import REGION, AwsStack
from tests.unit.incidents.builders import FRIDGE, incident

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
    record_incident.family.cache_clear()
    for with_settings in (open_incident, notify_tier, record_incident):
        with_settings.settings.cache_clear()
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
