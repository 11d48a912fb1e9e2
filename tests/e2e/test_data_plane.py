"""A program with the old client, and a function URL that lets signed requests in: from a message to an incident."""

import json
import time
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.e2e.duty import Duty, fetch
from tests.integration.old_boto3 import OldClient

pytestmark = pytest.mark.cloud


@pytest.fixture(scope="module")
def duty(cloud: Cloud) -> Duty:
    duty = Duty(cloud, "api")
    duty.policy((duty.responder("ana"), 600))
    return duty


@pytest.fixture(scope="module")
def client(cloud: Cloud) -> OldClient:
    return OldClient(cloud.output("DataPlaneUrl"), cloud.address["region"])


def message(message_id: str, device_id: str, *, shock_g: float) -> dict[str, Any]:
    reading = {"device_id": device_id, "timestamp": time.time_ns() // 1_000_000, "shock_g": shock_g}
    return {"messageId": message_id, "inputName": "telemetry", "payload": json.dumps(reading)}


def test_a_message_of_an_old_client_opens_an_incident(cloud: Cloud, duty: Duty, client: OldClient) -> None:
    with cloud.provision("API1", fleet="api", is_watched=True):
        thing = "api-fridge-API1"
        one = {"detectorModelName": "shock", "keyValue": thing}
        shaken = message("m1", thing, shock_g=50.0)
        answers, scopes = client.calls(
            ("batch_put_message", {"messages": [shaken]}),
            ("batch_put_message", {"messages": [shaken]}),
            ("describe_detector", one),
        )

        duty.incident(thing, "OPEN")
        assert [each["BatchPutMessageErrorEntries"] for each in answers[:2]] == [[], []]
        assert answers[2]["detector"]["state"]["stateName"] == "shaken"
        assert all(scope.endswith("/lambda/aws4_request") for scope in scopes)
        listed = cloud.wait_for(
            "it is listed",
            lambda: client.call("list_detectors", detectorModelName="shock", stateName="shaken")["detectorSummaries"],
        )
        assert thing in [each["keyValue"] for each in listed]

        (deleted, gone), _ = client.calls(
            ("batch_delete_detector", {"detectors": [{"messageId": "d1", **one}]}), ("describe_detector", one)
        )
        assert deleted["batchDeleteDetectorErrorEntries"] == []
        assert (gone["Code"], gone["status"], gone["is_modelled"]) == ("ResourceNotFoundException", 404, True)


def test_nobody_gets_in_without_a_signature(cloud: Cloud) -> None:
    status, _ = fetch(f"{cloud.output('DataPlaneUrl')}detectors/shock")

    assert status == 403
