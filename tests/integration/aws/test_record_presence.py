"""Presence with its real adapter: one conditional request that agrees with the rule it carries out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldwatch.adapters import clients
from coldwatch.adapters.device_store import DynamoPresenceStore
from coldwatch.adapters.items import to_item
from coldwatch.provisioning.presence import CLEARLY_APART_MS, Presence, supersedes
from record_presence import handler as function
from tests.integration.aws.stack import AwsStack

SAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[3] / "events/record_presence.json").read_text())
THING = SAMPLE["clientId"]


@pytest.fixture(autouse=True)
def cold_start() -> None:
    function.store.cache_clear()
    clients.dynamodb_client.cache_clear()


def register(aws: AwsStack, **more: Any) -> None:
    aws.dynamodb.put_item(TableName="DeviceTable", Item=to_item({"device_id": THING, "fleet_id": "acme", **more}))


def test_a_disconnection_is_recorded_with_its_reason(aws: AwsStack) -> None:
    register(aws)

    assert function.handler(SAMPLE, None) == {"recorded": True}

    assert aws.items("DeviceTable") == [
        {
            "device_id": THING,
            "fleet_id": "acme",
            "connected": False,
            "connection_changed_at": SAMPLE["timestamp"],
            "connection_version": 3,
            "disconnect_reason": "CONNECTION_LOST",
        }
    ]


def test_a_connection_takes_the_old_reason_away(aws: AwsStack) -> None:
    register(aws)
    function.handler(SAMPLE, None)

    function.handler(SAMPLE | {"eventType": "connected", "versionNumber": 4, "disconnectReason": None}, None)

    (device,) = aws.items("DeviceTable")
    assert device["connected"] is True
    assert "disconnect_reason" not in device


@pytest.mark.parametrize("entry", [{}, {"gateway": "acme-gateway-1"}], ids=["nobody", "a child behind a gateway"])
def test_clients_that_are_no_devices_are_ignored(aws: AwsStack, entry: dict[str, str]) -> None:
    if entry:
        register(aws, **entry)
    before = aws.items("DeviceTable")

    assert function.handler(SAMPLE, None) == {"recorded": False}
    assert aws.items("DeviceTable") == before


def test_other_lifecycle_events_are_ignored(aws: AwsStack) -> None:
    register(aws)

    assert function.handler(SAMPLE | {"eventType": "connect_failed"}, None) == {"recorded": False}
    assert "connected" not in aws.items("DeviceTable")[0]


times = st.sampled_from([0, 1, CLEARLY_APART_MS, CLEARLY_APART_MS + 1, 4_000_000])
presences = st.builds(Presence, st.just(THING), st.booleans(), times, st.integers(0, 3))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(presences, min_size=2, max_size=6))
def test_the_condition_says_what_the_rule_says(aws: AwsStack, events: list[Presence]) -> None:
    register(aws)
    store = DynamoPresenceStore(aws.dynamodb, "DeviceTable")
    known: Presence | None = None

    for event in events:
        expected = known is None or supersedes(event, known)

        assert store.record(event) is expected
        known = event if expected else known
