"""The pre-provisioning hook with its real adapter: who gets an identity, and what is written for it."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from authorize_provisioning import handler as function
from coldwatch.adapters import clients
from coldwatch.adapters.device_store import DynamoAllowList
from coldwatch.adapters.items import to_item
from coldwatch.provisioning.claim import ALLOWED, Allowance, ClaimRequest, Grant, decide, read_request
from coldwatch.telemetry.topics import Application
from tests.integration.aws.stack import AwsStack, Calls, Killed, Watched

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[3] / "events/authorize_provisioning.json").read_text())
GRANTED = {
    "allowProvisioning": True,
    "parameterOverrides": {"ThingName": "acme-fridge-0001", "FleetId": "acme", "DeviceType": "fridge"},
}
REFUSED = {"allowProvisioning": False}


@pytest.fixture(autouse=True)
def cold_start(aws: AwsStack) -> None:
    function.allow_list.cache_clear()
    clients.dynamodb_client.cache_clear()
    allowance = {"serial": "0001", "application": "coldchain", "fleet_id": "acme", "device_type": "fridge"}
    aws.dynamodb.put_item(TableName="AllowedSerialTable", Item=to_item(allowance | {"status": ALLOWED}))


def ask(**changes: Any) -> dict[str, Any]:
    return function.handler(SAMPLE | changes, None)


def test_a_serial_on_the_allow_list_becomes_a_device(aws: AwsStack) -> None:
    assert ask() == GRANTED

    (serial,), (device,) = aws.items("AllowedSerialTable"), aws.items("DeviceTable")
    certificate = SAMPLE["certificateId"]
    assert serial | {"status": "CLAIMED", "certificate_id": certificate, "thing_name": "acme-fridge-0001"} == serial
    assert device.pop("registered_at") > 0
    assert device == {
        "device_id": "acme-fridge-0001",
        "thing_name": "acme-fridge-0001",
        "fleet_id": "acme",
        "device_type": "fridge",
        "application": "coldchain",
        "serial": "0001",
        "certificate_id": certificate,
    }


def test_the_same_certificate_may_ask_again(aws: AwsStack) -> None:
    first = ask()
    before = aws.items("DeviceTable")

    assert ask() == first == GRANTED
    assert aws.items("DeviceTable") == before


def test_a_claimed_serial_is_not_given_to_another_certificate(aws: AwsStack) -> None:
    ask()
    before = aws.items("DeviceTable"), aws.items("AllowedSerialTable")

    assert ask(certificateId="f00d" * 16) == REFUSED
    assert (aws.items("DeviceTable"), aws.items("AllowedSerialTable")) == before


def test_an_existing_device_is_not_taken_over_though_its_serial_is_free(aws: AwsStack) -> None:
    """The allow-list was reset, the device was not: both or neither."""
    aws.dynamodb.put_item(
        TableName="DeviceTable", Item=to_item({"device_id": "acme-fridge-0001", "certificate_id": "its own"})
    )

    assert ask() == REFUSED
    assert aws.items("AllowedSerialTable")[0]["status"] == ALLOWED
    assert aws.items("DeviceTable")[0]["certificate_id"] == "its own"


def test_of_two_claims_at_once_one_gets_the_device(aws: AwsStack) -> None:
    allowed = DynamoAllowList(aws.dynamodb, "AllowedSerialTable", "DeviceTable")
    allowance = allowed.find("0001")
    assert allowance == Allowance("0001", "coldchain", "acme", "fridge", ALLOWED)
    grants = [decide(read_request(SAMPLE | {"certificateId": each}), allowance) for each in ("a" * 64, "b" * 64)]  # type: ignore[arg-type] # both requests are well formed

    taken = [allowed.claim(grant, now_ms=1) for grant in grants if isinstance(grant, Grant)]

    assert taken == [True, False]
    assert aws.items("DeviceTable")[0]["certificate_id"] == "a" * 64


def test_a_serial_that_is_blocked_between_reading_and_claiming_stays_blocked(aws: AwsStack) -> None:
    allowed = DynamoAllowList(aws.dynamodb, "AllowedSerialTable", "DeviceTable")
    grant = decide(ClaimRequest("0001", Application.COLDCHAIN, "a" * 64), allowed.find("0001"))
    assert isinstance(grant, Grant)
    blocked = {"serial": "0001", "application": "coldchain", "status": "BLOCKED", "certificate_id": "a" * 64}
    aws.dynamodb.put_item(TableName="AllowedSerialTable", Item=to_item(blocked))

    assert not allowed.claim(grant, now_ms=1)

    assert aws.items("AllowedSerialTable") == [blocked]
    assert aws.items("DeviceTable") == []


@pytest.mark.parametrize("is_carried_out", [False, True])
@pytest.mark.parametrize("kill_at", [1, 2])
def test_a_device_whose_hook_was_killed_gets_its_identity_when_it_asks_again(
    aws: AwsStack, kill_at: int, *, is_carried_out: bool
) -> None:
    client: Any = Watched(aws.dynamodb, Calls(kill_at, is_carried_out))
    with pytest.raises(Killed):
        function.authorize(SAMPLE, DynamoAllowList(client, "AllowedSerialTable", "DeviceTable"), now_ms=1)

    assert ask() == GRANTED
    assert len(aws.items("DeviceTable")) == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"parameters": {"SerialNumber": "0002"}}, id="a serial nobody allowed"),
        pytest.param({"parameters": {}}, id="no serial"),
        pytest.param({"templateName": "coldwatch_factory"}, id="the other application"),
        pytest.param({"templateName": "somebody_elses"}, id="another template"),
    ],
)
def test_a_refusal_writes_nothing_and_never_logs_the_certificate(
    aws: AwsStack, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    caplog.set_level(logging.INFO)

    assert ask(**changes) == REFUSED

    assert aws.items("DeviceTable") == []
    (line,) = caplog.records
    assert line.message == "provisioning refused"
    assert "BEGIN CERTIFICATE" not in str(vars(line))
