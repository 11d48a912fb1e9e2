"""A site goes wrong all at once, in the local cloud: sixty devices, six functions at a time, one incident to tell.

The five hundred are in `tests/unit/incidents/storms/test_storm_of_500.py`, on virtual time.
"""

import hashlib
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from coldwatch.adapters.family_store import DynamoFamilyStore
from coldwatch.adapters.items import to_item
from coldwatch.adapters.storm_rules import load_storm_rules
from local.demo.responders import read_messages
from tests.conftest import Cloud
from tests.e2e.duty import Duty

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(1_500)]

DEVICES = 60
AT_ONCE = 6
FLEET = "storm"
OF_A_CHILD = {"opened", "evidence_kept", "enriched", "joined", "acknowledged", "resolved"}
"""What was kept or known too late for those who were told is there once it is over."""
RECORDED_WITHIN_S = 400


def function_name(cloud: Cloud, logical_id: str) -> str:
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=cloud.stack_name)
    found = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
    }
    return str(found[logical_id])


def register(cloud: Cloud, device_id: str) -> None:
    entry = {
        "device_id": device_id,
        "fleet_id": FLEET,
        "device_type": "fridge",
        "application": "coldchain",
        "site": "Basel",
    }
    cloud.client("dynamodb").put_item(TableName=cloud.output("DeviceTableName"), Item=to_item(entry))


def wrong(device_id: str, at: int) -> bytes:
    said = {
        "effect_id": f"storm-{device_id}-{at}",
        "detector_model": "shock",
        "key": device_id,
        "device_id": device_id,
        "application": "coldchain",
        "occurred_at": at,
        "clock": "event",
        "event_name": "shock",
    }
    return json.dumps({"coldwatch": said}).encode()


def unresolved(duty: Duty) -> list[dict[str, Any]]:
    found = duty.run("incidents", "list", "--since", "2h")["incidents"]
    return [each for each in found if each["fleet_id"] == FLEET]


def resolve_all(duty: Duty, incident_ids: list[str]) -> None:
    for each in incident_ids:
        duty.run("incidents", "resolve", each, "--as", "ana", "--note", "the power is back", "--cause", "power_loss")


def records(cloud: Cloud, incident_ids: set[str]) -> dict[str, Any] | None:
    """The record of each, once all are there."""
    s3, bucket = cloud.client("s3"), cloud.output("EvidenceBucketName")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="incidents/")
    kept = {each["Key"] for page in pages for each in page.get("Contents", [])}
    keys = {each: f"incidents/{each}/record.json" for each in incident_ids}
    if not kept.issuperset(keys.values()):
        return None
    return {each: json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for each, key in keys.items()}


def lacks(cloud: Cloud, record: dict[str, Any], storm_id: str) -> list[str]:
    """What is not in the record of a storm's child that ought to be, or is not as it was kept."""
    incident, seen = record["incident"], {event["type"] for event in record["timeline"]}
    found = sorted(OF_A_CHILD - seen)
    if (incident["status"], incident["resolved_by"], incident["cause"]) != ("RESOLVED", "ana", "power_loss"):
        found.append("how it ended")
    if incident["parent_id"] != storm_id:
        found.append("its storm")
    key, sha256 = record["final_evidence"]["key"], record["final_evidence"]["sha256"]
    content = cloud.client("s3").get_object(Bucket=cloud.output("EvidenceBucketName"), Key=key)["Body"].read()
    if hashlib.sha256(content).hexdigest() != sha256:
        found.append("the readings of its whole course")
    return found


def test_sixty_devices_of_a_site_are_one_incident_to_whoever_is_told(cloud: Cloud) -> None:
    duty, now = Duty(cloud, FLEET), time.time_ns() // 1_000_000
    ana = duty.responder("ana")
    duty.policy((ana, 300))
    name, client = function_name(cloud, "OpenIncidentFunction"), cloud.client("lambda")
    devices = [f"storm-fridge-{number:03d}" for number in range(DEVICES)]
    for device_id in devices:
        register(cloud, device_id)

    def deliver(device_id: str) -> None:
        """Until it is taken in, as `run_effects` does: where the machine is busy, the function is out of time."""
        what = wrong(device_id, now)

        def is_taken_in() -> bool | None:
            answer = client.invoke(FunctionName=name, Payload=what)
            answer["Payload"].read()
            return "FunctionError" not in answer or None

        cloud.wait_for(f"the incident of {device_id}", is_taken_in, within_s=300)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(deliver, devices + devices[:10]))

    storms = [each for each in unresolved(duty) if each["kind"] == "storm"]
    assert [each["key"] for each in storms] == [f"site:{FLEET}/Basel"]
    families = DynamoFamilyStore(cloud.client("dynamodb"), cloud.output("IncidentTableName"))
    cloud.wait_for(
        "every device's incident in the storm",
        lambda: families.count_children(storms[0]["incident_id"]) == DEVICES or None,
        within_s=120,
    )
    time.sleep(30)  # whoever would be told too much would be told by now
    messages = Counter(each["to"] for each in read_messages(duty.inbox) if "Incident" in each["text"])
    assert messages[f"{ana}@example.com"] <= load_storm_rules().budget.messages
    duty.run("incidents", "ack", storms[0]["incident_id"], "--as", "ana")
    cloud.wait_for(
        "the storm's children to be in the same hands",
        lambda: {each["acknowledged_by"] for each in unresolved(duty)} == {"ana"} or None,
        within_s=400,
    )

    storm_id = storms[0]["incident_id"]
    children = {each["incident_id"]: each["device_id"] for each in unresolved(duty) if each["kind"] != "storm"}
    resolve_all(duty, list(children))
    found = cloud.wait_for(
        "the record of every device and of the storm",
        lambda: records(cloud, {*children, storm_id}),
        within_s=RECORDED_WITHIN_S,
    )
    assert sorted(children.values()) == devices
    assert {each: missing for each in children if (missing := lacks(cloud, found[each], storm_id))} == {}
    assert {found[each]["incident"]["device_id"] for each in children} == set(devices)
    assert found[storm_id]["incident"]["status"] == "RESOLVED", "it is over when all of it is"
    assert sum(event["type"] == "joined" for event in found[storm_id]["timeline"]) == DEVICES
