"""A site goes wrong all at once, in the local cloud: sixty devices, six functions at a time, one incident to tell.

The five hundred are in `tests/unit/incidents/storms/test_storm_of_500.py`, on virtual time.
"""

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

pytestmark = [pytest.mark.cloud, pytest.mark.long]

DEVICES = 60
AT_ONCE = 6
FLEET = "storm"


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
    found = duty.run("incidents", "list", "--since", "1h")["incidents"]
    return [each for each in found if each["fleet_id"] == FLEET]


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
        cloud.wait_for(
            f"the incident of {device_id}",
            lambda: "FunctionError" not in client.invoke(FunctionName=name, Payload=what) or None,
            within_s=300,
        )

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
