"""Two stages in one account: a topic prefix keeps their topics, names and accounts apart."""

import json
import time

import pytest

from local import deployment, process
from simulator.api import Fleet
from simulator.connection import Publication
from simulator.message import Kind
from tests.conftest import Cloud

pytestmark = [pytest.mark.cloud, pytest.mark.long]


@pytest.fixture(scope="module")
def staging(cloud: Cloud) -> Cloud:
    running = process.running(cloud.places)
    assert running
    deployment.deploy(cloud.places, running, {"TopicPrefix": "staging/"}, stack_name="coldwatch-prefixed")
    return Cloud(cloud.places, cloud.address, "coldwatch-prefixed")


def publish(fleet: Fleet, topic: str) -> None:
    device = next(iter(fleet.devices.values()))
    body = {"device_id": device.identity.thing, "timestamp": time.time_ns() // 1_000_000, "temp_c": 4.0}
    body |= {"humidity_pct": 40.0, "shock_g": 0.0, "battery_pct": 90.0, "seq": len(topic)}
    fleet.open()
    device.connection.publish(Publication(topic, json.dumps(body).encode(), Kind.LIVE))
    device.connection.drain()


def test_messages_of_a_prefixed_stage_arrive_there_and_nowhere_else(cloud: Cloud, staging: Cloud) -> None:
    before = cloud.accounts_of_ledger()
    with staging.provision("PFX1") as fleet:
        identity = next(iter(fleet.devices.values())).identity
        assert identity.telemetry_topic == "staging/dt/coldchain/test-fridge-PFX1/telemetry"
        assert identity.basic_ingest_rule == "staging_coldwatch_coldchain_telemetry"
        publish(fleet, identity.telemetry_topic)
        publish(fleet, identity.basic_ingest_topic)
        staging.wait_for("both readings", lambda: staging.accounts_of_ledger().accepted == 2)

    staging.wait_for("their archive", lambda: staging.accounts().archived == 2, within_s=30)
    assert staging.accounts().stored == 2
    assert cloud.accounts_of_ledger() == before
