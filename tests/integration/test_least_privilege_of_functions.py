"""Every statement of a function's role is needed: without it, the function cannot do its work.

The real function runs in the local cloud with IAM enforced; a statement is taken out of its role, and put back. What
a service does for a function under the same role (reading the stream, sending failed batches) is tried the same way.
Writing logs is not enforced locally and is held by tests/contract/test_roles.py.
"""

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from coldwatch_ops.devices.registry import enter
from tests.conftest import Cloud
from tests.contract.test_roles import ROLES

pytestmark = [pytest.mark.cloud, pytest.mark.long]

numbers = itertools.count(1)


def invoke(cloud: Cloud, function: str, event: dict[str, Any]) -> tuple[bool, Any]:
    """Whether the function raised an error, and what it answered."""
    answer = cloud.client("lambda").invoke(FunctionName=cloud.output(f"{function}Name"), Payload=json.dumps(event))
    return "FunctionError" in answer, json.loads(answer["Payload"].read())


def register(cloud: Cloud) -> str:
    device = f"test-fridge-role{next(numbers):04d}"
    who = {"device_id": device, "thing_name": device, "fleet_id": "test", "device_type": "fridge"}
    enter(cloud.stack, {**who, "application": "coldchain", "serial": device, "registered_at": 1})
    return device


def stream_record(device: str, payload: bytes) -> dict[str, Any]:
    now = time.time()
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "topic": f"dt/coldchain/{device}/telemetry",
        "thing": device,
        "application": "coldchain",
        "client_id": device,
        "received_at": int(now * 1000),
        "trace_id": "trace",
    }
    sequence = str(10**55 + next(numbers))
    return {
        "eventID": f"shardId-roles:{sequence}",
        "eventSourceARN": "arn:aws:kinesis:eu-west-1:000000000000:stream/roles",
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": device,
            "sequenceNumber": sequence,
            "data": base64.b64encode(json.dumps(envelope).encode()).decode(),
            "approximateArrivalTimestamp": now,
        },
    }


unfinished: list[dict[str, Any]] = []
"""Records of batches that failed: they come again, as a stream would bring them, so that the accounts balance."""


def store_telemetry_works(cloud: Cloud) -> bool:
    """One good reading and one bad message, of a device that no warm cache knows."""
    device = register(cloud)
    reading = {"device_id": device, "timestamp": int(time.time() * 1000), "seq": 1, "temp_c": 4.0}
    reading |= {"humidity_pct": 40.0, "shock_g": 0.0, "battery_pct": 90.0}
    records = [stream_record(device, json.dumps(reading).encode()), stream_record(device, b"no json")]
    failed, answer = invoke(cloud, "StoreTelemetryFunction", {"Records": [*unfinished, *records]})
    works = not failed and answer == {"batchItemFailures": []}
    unfinished[:] = [] if works else [*unfinished, *records]
    return works


def authorize_provisioning_works(cloud: Cloud) -> bool:
    serial = f"ROLE{next(numbers):04d}"
    cloud.allow(serial, application="coldchain")
    event = json.loads((cloud.root / "events/authorize_provisioning.json").read_text())
    event["parameters"]["SerialNumber"] = serial
    event["certificateId"] = f"{next(numbers):064x}"
    event["templateName"] = cloud.output("ColdchainProvisioningTemplateName")
    failed, answer = invoke(cloud, "AuthorizeProvisioningFunction", event)
    return not failed and answer["allowProvisioning"] is True


def record_presence_works(cloud: Cloud) -> bool:
    device = register(cloud)
    event = json.loads((cloud.root / "events/record_presence.json").read_text())
    failed, _ = invoke(cloud, "RecordPresenceFunction", event | {"clientId": device})
    entry = cloud.stack.table("DeviceTableName").get_item(Key={"device_id": device})["Item"]
    return not failed and "connected" in entry


def stream_is_read(cloud: Cloud) -> bool:
    """A record on the stream is judged, by way of the event source."""
    device = register(cloud)
    before = cloud.accounts_of_ledger()
    cloud.client("kinesis").put_record(
        StreamName=cloud.output("TelemetryStreamName"), PartitionKey=device, Data=b"no json"
    )
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        if cloud.accounts_of_ledger().quarantined > before.quarantined:
            return True
        time.sleep(0.2)
    return False


PROBES: dict[str, tuple[str, Callable[[Cloud], bool], tuple[str, ...]]] = {
    "store": ("StoreTelemetryRole", store_telemetry_works, (
        "ReadReadingsAndLatest", "WriteReadingsAndLatest", "ReadTheRegistry", "KeepTheAccounts",
        "KeepQuarantinedBytes", "KeepQuarantineEntries", "ArchiveReadings",
    )),
    "stream": ("StoreTelemetryRole", stream_is_read, ("ReadTheStream",)),
    "authorize": ("AuthorizeProvisioningRole", authorize_provisioning_works, (
        "ReadTheAllowList", "ClaimASerial", "RegisterADevice",
    )),
    "presence": ("RecordPresenceRole", record_presence_works, ("RecordConnections",)),
}  # fmt: skip

CASES = [(role, sid, probe) for role, probe, sids in PROBES.values() for sid in sids]

HELD_ELSEWHERE = {
    "WriteItsLog": "Lambda writes a function's log for it; the local cloud does not ask the role",
    "SendFailedBatches": "the event source's own contract tests",
    "SendFailedEvents": "the local cloud's asynchronous invocations do not ask the role",
}


def test_every_statement_of_every_function_has_its_probe() -> None:
    functions = ("StoreTelemetryRole", "AuthorizeProvisioningRole", "RecordPresenceRole")
    probed = {(role, sid) for role, sid, _ in CASES}
    assert probed == {(role, sid) for role in functions for sid in ROLES[role] if sid not in HELD_ELSEWHERE}


@pytest.mark.parametrize("probe", [probe for _, probe, _ in PROBES.values()])
def test_with_its_whole_role_a_function_does_its_work(cloud: Cloud, probe: Callable[[Cloud], bool]) -> None:
    assert probe(cloud)


@pytest.mark.parametrize(("role", "sid", "probe"), CASES)
def test_without_a_statement_of_its_role_a_function_cannot_do_its_work(
    cloud: Cloud, role: str, sid: str, probe: Callable[[Cloud], bool]
) -> None:
    with without(cloud, role, sid):
        assert not probe(cloud)
    cloud.wait_for(f"{role} whole again", lambda: probe(cloud), within_s=30)


@contextmanager
def without(cloud: Cloud, role: str, sid: str) -> Iterator[None]:
    """Take one statement out of a role for a while."""
    iam = cloud.client("iam")
    found = cloud.client("cloudformation").describe_stack_resource(StackName=cloud.stack_name, LogicalResourceId=role)
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    (policy,) = iam.list_role_policies(RoleName=name)["PolicyNames"]
    whole = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    rest = [statement for statement in whole["Statement"] if statement["Sid"] != sid]
    assert len(rest) == len(whole["Statement"]) - 1
    put = {"RoleName": name, "PolicyName": policy}
    iam.put_role_policy(**put, PolicyDocument=json.dumps(whole | {"Statement": rest}))
    time.sleep(1.2)  # allowances of services are remembered for a second
    try:
        yield
    finally:
        iam.put_role_policy(**put, PolicyDocument=json.dumps(whole))


def test_a_presence_event_that_cannot_be_recorded_is_kept(cloud: Cloud) -> None:
    sqs, queue = cloud.client("sqs"), cloud.output("PresenceDeadLetterQueueUrl")
    cloud.client("lambda").invoke(
        FunctionName=cloud.output("RecordPresenceFunctionName"), InvocationType="Event", Payload=b'"not an event"'
    )
    found = cloud.wait_for(
        "a dead letter", lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"), within_s=30
    )
    assert json.loads(found[0]["Body"])["requestPayload"] == "not an event"
