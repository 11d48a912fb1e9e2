"""`make invoke`: the built artefacts under AWS's own runtime interface client, with their sample events."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coldwatch_ops.devices.registry import enter, remove
from local import invoke
from local.errors import LocalCloudError
from local.places import ROOT, Places
from tests.conftest import Cloud

pytestmark = pytest.mark.cloud


def sample(name: str) -> Path:
    return ROOT / "events" / f"{name}.json"


ANSWERS: dict[str, dict[str, Any]] = {
    "store_telemetry": {"batchItemFailures": []},
    "authorize_provisioning": {"allowProvisioning": False},
    "record_presence": {},
    "evaluate_detectors": {"batchItemFailures": []},
    "fire_timers": {"batchItemFailures": []},
    "run_effects": {"batchItemFailures": []},
    "data_plane": {"statusCode": 404},
    "send_test_pages": {},
    "open_incident": {"outcome": "opened"},
    "keep_evidence": {},
    "enrich_incident": {},
    "notify_tier": {"status": "OPEN"},
    "await_resolution": {"status": "OPEN"},
    "recover_incident": {"outcome": "recorded"},
    "hand_over_incident": {"errorType": "StateMachineDoesNotExist"},
    "reconcile_incidents": {},
    "record_incident": {"errorType": "NotResolvedError"},
    "incident_page": {"statusCode": 404},
    "send_command": {"status": "CREATED"},
    "dispatch_command": {"delivery": "published"},
    "record_command_response": {"recorded": True},
    "time_out_command": {"status": "SUCCEEDED"},
    "manage_contacts": {},
    "record_delivery": {"delivery": None},
}
"""What each function says to its sample, in this order: the incident that one opens, the command that one sends, the
others go on with.
"""
DEVICE = "acme-fridge-0001"


@pytest.fixture(scope="module")
def device(cloud: Cloud) -> Iterator[None]:
    """The one that the samples are about, for as long as it is not there anyway."""
    table = cloud.stack.table("DeviceTableName")
    if "Item" in table.get_item(Key={"device_id": DEVICE}):
        yield
        return
    enter(cloud.stack, {"device_id": DEVICE, "thing_name": DEVICE, "fleet_id": "acme", "application": "coldchain"})
    yield
    remove(cloud.stack, DEVICE)


def test_every_function_has_its_answer() -> None:
    assert set(ANSWERS) == {path.stem for path in (ROOT / "events").glob("*.json")}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_built_function_answers_its_sample_event(cloud: Cloud, device: None, name: str) -> None:
    answered = invoke.invoke(cloud.places, name, sample(name))

    assert answered.is_error == ("errorType" in ANSWERS[name])
    assert answered.body | ANSWERS[name] == answered.body


def test_a_sample_batch_leaves_the_real_shards_accounts_alone(cloud: Cloud) -> None:
    with cloud.provision("INV1") as fleet:
        before = cloud.accounts_of_ledger()
        invoke.invoke(cloud.places, "store_telemetry", sample("store_telemetry"))
        invoked = cloud.accounts_of_ledger()

        fleet.burst(10)

        cloud.wait_for("ten more", lambda: cloud.accounts_of_ledger().accepted == invoked.accepted + 10)
    assert invoked.accepted == before.accepted


def test_an_error_of_the_function_is_its_answer(cloud: Cloud, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"Records": "none"}))

    answered = invoke.invoke(cloud.places, "store_telemetry", event)

    assert answered.is_error
    assert answered.body["errorType"]


def test_an_unknown_function_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match=r"no function nope.*store_telemetry"):
        invoke.invoke(Places(tmp_path), "nope", sample("store_telemetry"))


def test_without_a_cloud_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(LocalCloudError, match="make up"):
        invoke.invoke(Places(tmp_path), "store_telemetry", sample("store_telemetry"))
