"""`coldwatch devices` against moto: registry, allow-list, gateways, certificates."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from coldwatch.adapters.device_store import DynamoAllowList
from coldwatch.provisioning.claim import ClaimRequest, Grant, decide
from coldwatch.telemetry.topics import Application
from coldwatch_ops.errors import DeclinedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import CLAIM_POLICIES, Person, deployed, run

DEVICE: dict[str, Any] = {"application": "coldchain", "fleet_id": "acme", "device_type": "fridge"}
GATEWAY: dict[str, Any] = {"device_id": "acme-gateway-1", **DEVICE, "device_type": "gateway"}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def register(stack: Stack, device: dict[str, Any]) -> None:
    stack.table("DeviceTableName").put_item(Item=device)


def registered(stack: Stack, device_id: str) -> dict[str, Any] | None:
    return stack.table("DeviceTableName").get_item(Key={"device_id": device_id}).get("Item")


def allowed(stack: Stack, serial: str) -> dict[str, Any]:
    return dict(stack.table("AllowedSerialTableName").get_item(Key={"serial": serial})["Item"])


def claim(stack: Stack, serial: str, certificate_id: str) -> bool:
    """As the pre-provisioning hook claims; whether it may."""
    tables = stack.output("AllowedSerialTableName"), stack.output("DeviceTableName")
    hook = DynamoAllowList(_low_level(), *tables)
    grant = decide(ClaimRequest(serial, Application.COLDCHAIN, certificate_id), hook.find(serial))
    return isinstance(grant, Grant) and hook.claim(grant, now_ms=1)


def _low_level() -> Any:
    """A client that takes typed values, as the functions use; the command's takes plain ones."""
    return boto3.client("dynamodb", region_name="eu-west-1")


def provisioned(stack: Stack, serial: str = "S1") -> tuple[str, str, str]:
    """Thing, certificate id and ARN of a device that claimed."""
    run(
        stack,
        "devices",
        "allow",
        "--serial",
        serial,
        "--application",
        "coldchain",
        "--fleet",
        "acme",
        "--type",
        "fridge",
    )
    made = stack.clients.iot.create_keys_and_certificate(setAsActive=True)
    assert claim(stack, serial, made["certificateId"])
    thing = f"acme-fridge-{serial}"
    stack.clients.iot.create_thing(thingName=thing)
    stack.clients.iot.attach_thing_principal(thingName=thing, principal=made["certificateArn"])
    return thing, made["certificateId"], made["certificateArn"]


def certificate_status(stack: Stack, certificate_id: str) -> str:
    found = stack.clients.iot.describe_certificate(certificateId=certificate_id)
    return found["certificateDescription"]["status"]


def test_devices_are_listed_by_fleet(stack: Stack) -> None:
    register(stack, {"device_id": "b", **DEVICE})
    register(stack, {"device_id": "a", **DEVICE})
    register(stack, {"device_id": "c", **DEVICE, "fleet_id": "other"})

    everything = run(stack, "devices", "list").document["devices"]
    acme = run(stack, "devices", "list", "--fleet", "acme").document["devices"]

    assert [device["device_id"] for device in everything] == ["a", "b", "c"]
    assert [device["device_id"] for device in acme] == ["a", "b"]


def test_a_device_is_shown_with_its_latest_readings_and_children(stack: Stack) -> None:
    register(stack, GATEWAY)
    register(stack, {"device_id": "child", **DEVICE, "gateway": "acme-gateway-1"})
    latest: dict[str, Any] = {"device_id": "acme-gateway-1", "sensor": "-", "timestamp": 1_000, "battery_pct": 40}
    stack.table("LatestTableName").put_item(Item=latest)

    document = run(stack, "devices", "show", "acme-gateway-1").document

    assert document["children"] == ["child"]
    assert document["latest"][0]["battery_pct"] == 40
    assert document["latest"][0]["timestamp"] == "1970-01-01T00:00:01.000Z"


def test_an_unknown_device_is_said_to_be_unknown(stack: Stack) -> None:
    with pytest.raises(NotFoundError, match="no device nobody"):
        run(stack, "devices", "show", "nobody")


def test_serials_of_a_file_are_allowed_and_a_second_time_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("serial,application,fleet,type\nS1,coldchain,acme,fridge\nS2,factory,acme,machine\n")

    first = run(stack, "devices", "allow", str(path)).document
    second = run(stack, "devices", "allow", str(path)).document

    assert first["added"] == ("S1", "S2")
    assert second["unchanged"] == ("S1", "S2")
    assert allowed(stack, "S2") == {
        "serial": "S2",
        "application": "factory",
        "fleet_id": "acme",
        "device_type": "machine",
        "status": "ALLOWED",
    }


def test_one_fault_in_a_file_allows_none_of_it(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text("serial,application,fleet_id,device_type\nS1,coldchain,acme,fridge\nS2,coldchain,ac-me,fridge\n")

    with pytest.raises(UsageError, match="Nothing was allowed") as refused:
        run(stack, "devices", "allow", str(path))

    assert [fault.partition(":")[0] for fault in refused.value.details] == ["line 3"]
    assert stack.table("AllowedSerialTableName").scan()["Count"] == 0


def test_a_claimed_serial_is_not_changed(stack: Stack) -> None:
    provisioned(stack)

    answer = run(
        stack, "devices", "allow", "--serial", "S1", "--application", "coldchain", "--fleet", "evil", "--type", "reefer"
    )

    assert answer.document["refused"] == ("S1",)
    assert answer.exit_code is ExitCode.FAILED
    assert allowed(stack, "S1")["fleet_id"] == "acme"


def test_a_released_serial_locks_the_old_device_out_and_lets_the_new_one_in(stack: Stack) -> None:
    thing, old, arn = provisioned(stack)

    answer = run(stack, "devices", "release", "S1", "--yes")

    assert answer.document["certificates"] == (old,)
    assert certificate_status(stack, old) == "INACTIVE"
    assert stack.clients.iot.list_thing_principals(thingName=thing)["principals"] == []
    assert stack.clients.iot.describe_certificate(certificateId=old)["certificateDescription"]["certificateArn"] == arn
    assert registered(stack, thing) is None
    assert not claim(stack, "S9", "new")
    assert claim(stack, "S1", "new")
    registry_entry = registered(stack, thing)
    assert registry_entry is not None
    assert registry_entry["certificate_id"] == "new"


def test_only_a_claimed_serial_can_be_released(stack: Stack) -> None:
    run(stack, "devices", "allow", "--serial", "S2", "--application", "coldchain", "--fleet", "a", "--type", "fridge")

    with pytest.raises(RefusedError, match="not been claimed"):
        run(stack, "devices", "release", "S2", "--yes")
    with pytest.raises(NotFoundError, match="not on the allow-list"):
        run(stack, "devices", "release", "S3", "--yes")


def test_a_release_is_asked_about(stack: Stack) -> None:
    _, certificate_id, _ = provisioned(stack)

    with pytest.raises(DeclinedError):
        run(stack, "devices", "release", "S1", person=Person("no"))

    assert certificate_status(stack, certificate_id) == "ACTIVE"


def test_a_release_works_after_the_thing_itself_is_gone(stack: Stack) -> None:
    thing, certificate_id, arn = provisioned(stack)
    stack.clients.iot.detach_thing_principal(thingName=thing, principal=arn)
    stack.clients.iot.delete_thing(thingName=thing)

    run(stack, "devices", "release", "S1", "--yes")

    assert certificate_status(stack, certificate_id) == "INACTIVE"
    assert allowed(stack, "S1")["status"] == "ALLOWED"


def test_a_new_child_is_entered_in_its_gateways_fleet(stack: Stack) -> None:
    register(stack, GATEWAY)

    run(stack, "devices", "adopt", "probe-7", "--gateway", "acme-gateway-1", "--type", "fridge")

    child = registered(stack, "probe-7")
    assert child is not None
    assert (child["gateway"], child["fleet_id"], child["application"]) == ("acme-gateway-1", "acme", "coldchain")
    assert child["device_type"] == "fridge"


def test_adopting_a_known_device_changes_nothing_else_of_it(stack: Stack) -> None:
    register(stack, GATEWAY)
    register(stack, {"device_id": "probe-7", **DEVICE, "connected": True, "connection_version": 5})

    run(stack, "devices", "adopt", "probe-7", "--gateway", "acme-gateway-1")

    child = registered(stack, "probe-7")
    assert child == {
        "device_id": "probe-7",
        **DEVICE,
        "connected": True,
        "connection_version": 5,
        "gateway": "acme-gateway-1",
    }


@pytest.mark.parametrize(
    ("child", "gateway", "why"),
    [
        ("probe-7", "acme-fridge-1", "is a fridge, not a gateway"),
        ("probe-7", "nobody", "no device nobody"),
        ("acme-gateway-2", "acme-gateway-1", "is a gateway itself"),
        ("taken", "acme-gateway-1", "belongs to other-gateway-1"),
        ("new", "acme-gateway-1", "say what it is with --type"),
    ],
)
def test_an_adoption_that_would_be_wrong_is_refused(stack: Stack, child: str, gateway: str, why: str) -> None:
    register(stack, GATEWAY)
    register(stack, GATEWAY | {"device_id": "acme-gateway-2"})
    register(stack, {"device_id": "acme-fridge-1"} | DEVICE)
    register(stack, {"device_id": "taken", **DEVICE, "gateway": "other-gateway-1"})

    with pytest.raises((RefusedError, NotFoundError, UsageError), match=why):
        run(stack, "devices", "adopt", child, "--gateway", gateway)


def test_an_orphan_stays_registered_without_a_gateway(stack: Stack) -> None:
    register(stack, {"device_id": "probe-7", **DEVICE, "gateway": "acme-gateway-1"})

    run(stack, "devices", "orphan", "probe-7")

    assert registered(stack, "probe-7") == {"device_id": "probe-7", **DEVICE}
    with pytest.raises(RefusedError, match="no gateway"):
        run(stack, "devices", "orphan", "probe-7")


def test_a_claim_certificate_may_only_claim_and_its_key_is_for_its_owner_alone(stack: Stack, tmp_path: Path) -> None:
    folder = tmp_path / "line" / "1"

    answer = run(stack, "devices", "claim-certificate", "--application", "factory", "--out", str(folder))

    certificate_id = answer.document["certificate_id"]
    arn = stack.clients.iot.describe_certificate(certificateId=certificate_id)["certificateDescription"][
        "certificateArn"
    ]
    policies = stack.clients.iot.list_attached_policies(target=arn)["policies"]
    assert [policy["policyName"] for policy in policies] == [CLAIM_POLICIES[1]]
    assert stat.S_IMODE((folder / "private.key").stat().st_mode) == 0o600
    assert "PRIVATE KEY" in (folder / "private.key").read_text()
    assert "BEGIN CERTIFICATE" in (folder / "certificate.pem").read_text()
    assert "PRIVATE" not in "".join(map(str, answer.told))


def test_no_certificate_is_made_over_files_that_are_there(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "private.key").write_text("precious")

    with pytest.raises(RefusedError, match="not overwritten"):
        run(stack, "devices", "claim-certificate", "--application", "factory", "--out", str(tmp_path))

    assert stack.clients.iot.list_certificates()["certificates"] == []
    assert (tmp_path / "private.key").read_text() == "precious"


def test_a_certificate_whose_policy_is_missing_is_taken_back(stack: Stack, tmp_path: Path) -> None:
    stack.clients.iot.delete_policy(policyName=CLAIM_POLICIES[1])

    with pytest.raises(stack.clients.iot.exceptions.ResourceNotFoundException):
        run(stack, "devices", "claim-certificate", "--application", "factory", "--out", str(tmp_path))

    assert stack.clients.iot.list_certificates()["certificates"] == []
    assert list(tmp_path.iterdir()) == []
