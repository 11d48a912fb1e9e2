"""Every statement of a device policy is needed, and none lets a device act for another."""

import json
import queue
import time
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager, suppress

import pytest

from simulator.api import BrokerError, Claim, Fleet, FleetError, Identity, ProvisioningError
from simulator.connection import Connection, Publication
from simulator.endpoint import tls_context
from simulator.message import Kind
from tests.conftest import Cloud
from tests.contract.template import resources

pytestmark = pytest.mark.cloud

ANSWER_S = 3.0


class Device:
    """One connection of a device, asked one thing at a time."""

    def __init__(self, fleet: Fleet, identity: Identity, cloud: Cloud) -> None:
        self.identity = identity
        self._cloud = cloud
        self._settled: queue.Queue[str | None] = queue.Queue()
        self._connection = Connection(
            fleet.network,
            fleet.endpoint,
            client_id=identity.thing,
            tls=tls_context(fleet.endpoint, identity.certificate, identity.key),
            settled=lambda _publication, why: self._settled.put(why),
            comes_back=False,
        )

    def connects(self) -> bool:
        self._connection.open()
        try:
            self._connection.wait_open(timeout_s=ANSWER_S)
        except BrokerError:
            return False
        return True

    def publishes(self, topic: str) -> bool:
        if not self.connects():
            return False
        self._connection.publish(Publication(topic, b"{}", Kind.LIVE))
        try:
            return self._settled.get(timeout=ANSWER_S) is None
        except queue.Empty:
            return False

    def subscribes(self, topic: str) -> bool:
        return self._subscribe(topic, lambda _topic, _payload: None)

    def receives(self, topic: str, cause: Callable[[], None]) -> bool:
        heard: queue.Queue[bytes] = queue.Queue()
        assert self._subscribe(topic, lambda _topic, payload: heard.put(payload))
        cause()
        with suppress(queue.Empty):
            return bool(heard.get(timeout=ANSWER_S))
        return False

    def close(self) -> None:
        self._connection.close()

    def _subscribe(self, topic: str, handler: Callable[[str, bytes], None]) -> bool:
        if not self.connects():
            return False
        try:
            self._connection.subscribe(topic, handler).result(ANSWER_S)
        except (BrokerError, FutureTimeoutError):
            return False
        return True


def shadow(device: Device, verb: str) -> str:
    return f"$aws/things/{device.identity.thing}/shadow/{verb}"


def hears_a_command(device: Device, cloud: Cloud) -> bool:
    topic = f"cmd/{device.identity.thing}/request"
    return device.receives(topic, lambda: cloud.client("iot-data").publish(topic=topic, qos=1, payload=b"{}"))


def hears_its_shadow(device: Device, cloud: Cloud) -> bool:
    update = {"state": {"desired": {"setpoint_c": time.time()}}}
    return device.receives(
        shadow(device, "update/accepted"),
        lambda: cloud.client("iot-data").update_thing_shadow(
            thingName=device.identity.thing, payload=json.dumps(update)
        ),
    )


PROBES: dict[str, Callable[[Device, Cloud], bool]] = {
    "ConnectAsItself": lambda device, _: device.connects(),
    "PublishItsTelemetry": lambda device, _: device.publishes(device.identity.telemetry_topic),
    "PublishItsTelemetryByBasicIngest": lambda device, _: device.publishes(device.identity.basic_ingest_topic),
    "AnswerItsCommands": lambda device, _: device.publishes(f"cmd/{device.identity.thing}/response"),
    "SubscribeToItsCommands": lambda device, _: device.subscribes(f"cmd/{device.identity.thing}/request"),
    "ReceiveItsCommands": hears_a_command,
    "ExchangeItsShadowAndJobs": lambda device, cloud: (
        device.publishes(shadow(device, "get"))
        and device.publishes(f"$aws/things/{device.identity.thing}/jobs/get")
        and hears_its_shadow(device, cloud)
    ),
    "SubscribeToItsShadowAndJobs": lambda device, _: (
        device.subscribes(shadow(device, "update/delta"))
        and device.subscribes(f"$aws/things/{device.identity.thing}/jobs/notify")
    ),
}

APPLICATIONS = {"coldchain": "fridge", "factory": "machine"}
CASES = [(application, sid) for application in APPLICATIONS for sid in PROBES]


@pytest.fixture(scope="module", params=APPLICATIONS)
def fleet(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    application = request.param
    with cloud.provision(
        f"POL{application}1", f"POL{application}2", application=application, device_type=APPLICATIONS[application]
    ) as fleet:
        yield fleet


def test_every_statement_of_the_device_policies_has_its_probe() -> None:
    for application in APPLICATIONS:
        policy = resources("AWS::IoT::Policy")[f"{application.capitalize()}DevicePolicy"]["Properties"]
        assert [statement["Sid"] for statement in policy["PolicyDocument"]["Statement"]] == list(PROBES)


@pytest.mark.parametrize("sid", PROBES)
def test_a_device_can_do_all_that_its_policy_names_and_nothing_of_it_without_the_statement(
    cloud: Cloud, fleet: Fleet, sid: str
) -> None:
    identity = next(iter(fleet.devices.values())).identity
    assert asked(fleet, identity, cloud, sid)
    with without(cloud, identity.application, "Device", sid):
        assert not asked(fleet, identity, cloud, sid)


def asked(fleet: Fleet, identity: Identity, cloud: Cloud, sid: str) -> bool:
    device = Device(fleet, identity, cloud)
    try:
        return PROBES[sid](device, cloud)
    finally:
        device.close()


def test_a_device_reaches_nothing_of_another(cloud: Cloud, fleet: Fleet) -> None:
    own, other = (device.identity for device in fleet.devices.values())

    def refused(ask: Callable[[Device, str], bool], topic: str) -> bool:
        device = Device(fleet, own, cloud)
        try:
            return not ask(device, topic)
        finally:
            device.close()

    for topic in (
        other.telemetry_topic,
        other.basic_ingest_topic,
        own.telemetry_topic.replace(own.application, "bakery"),
        f"cmd/{other.thing}/response",
        f"cmd/{own.thing}/request",
        f"$aws/things/{other.thing}/shadow/update",
        "alerts/fridge/high",
    ):
        assert refused(Device.publishes, topic), topic
    for topic in (other.telemetry_topic, "#", "dt/#", "cmd/+/request", f"cmd/{other.thing}/request"):
        assert refused(Device.subscribes, topic), topic


CLAIM_SIDS = [
    statement["Sid"]
    for statement in resources("AWS::IoT::Policy")["ColdchainClaimPolicy"]["Properties"]["PolicyDocument"]["Statement"]
]


@pytest.mark.parametrize("sid", CLAIM_SIDS)
def test_a_claim_certificate_needs_every_statement_of_its_policy(
    cloud: Cloud, sid: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.claim._REPLY_S", ANSWER_S)
    serial = f"CLAIM{CLAIM_SIDS.index(sid)}"
    cloud.allow(serial, application="coldchain")
    claim = cloud.claim("coldchain", serial)
    with without(cloud, "coldchain", "Claim", sid), pytest.raises((FleetError, ProvisioningError, BrokerError)):
        provision(cloud, claim, tmp_path_factory)
    provision(cloud, claim, tmp_path_factory)


def provision(cloud: Cloud, claim: Claim, folders: pytest.TempPathFactory) -> None:
    Fleet.provision(endpoint=cloud.broker, ca=cloud.ca, claims=[claim], state_dir=folders.mktemp("keys")).close()


@contextmanager
def without(cloud: Cloud, application: str, kind: str, sid: str) -> Iterator[None]:
    """Make a version of the policy without one statement the one in force, for a while."""
    iot = cloud.client("iot")
    name = cloud.output(f"{application.capitalize()}{kind}PolicyName")
    current = iot.get_policy(policyName=name)
    whole = json.loads(current["policyDocument"])
    rest = [statement for statement in whole["Statement"] if statement["Sid"] != sid]
    assert len(rest) == len(whole["Statement"]) - 1
    made = iot.create_policy_version(
        policyName=name, policyDocument=json.dumps(whole | {"Statement": rest}), setAsDefault=True
    )
    try:
        yield
    finally:
        iot.set_default_policy_version(policyName=name, policyVersionId=current["defaultVersionId"])
        iot.delete_policy_version(policyName=name, policyVersionId=made["policyVersionId"])
