"""The message broker's size limit on the local cloud. docs/local-cloud/iot.md has the AWS pages."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from paho.mqtt.enums import MQTTProtocolVersion

from tests.integration.local_cloud.devices import WITHIN_S, Device, client, eventually

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

LIMIT = 131_072
VERSIONS = (MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_payload_of_128_kb_passes_whole(
    mended_cloud: "MendedCloud", tmp_path: Path, version: MQTTProtocolVersion
) -> None:
    with Device(mended_cloud, tmp_path, protocol=version) as device:
        device.subscribe("big/#")
        device.publish("big/" + "t" * 250, b"x" * LIMIT)

        assert [len(payload) for _topic, payload in eventually(lambda: device.received)] == [LIMIT]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("size", [LIMIT + 1, 1_000_000, 20_000_000])
def test_a_larger_payload_closes_the_connection_and_reaches_nobody(
    mended_cloud: "MendedCloud", tmp_path: Path, version: MQTTProtocolVersion, size: int
) -> None:
    with Device(mended_cloud, tmp_path) as listener, Device(mended_cloud, tmp_path, protocol=version) as device:
        listener.subscribe("big/size")
        listener.subscribe(f"$aws/events/presence/disconnected/{device.client_id}")
        device.send("big/size", b"x" * size)

        assert device.closed.wait(WITHIN_S)
        ((topic, event),) = eventually(lambda: listener.received)
    assert topic == f"$aws/events/presence/disconnected/{device.client_id}"
    assert json.loads(event)["disconnectReason"] == "CLIENT_ERROR"


def test_an_mqtt_5_client_is_told_that_the_packet_is_too_large(mended_cloud: "MendedCloud", tmp_path: Path) -> None:
    with Device(mended_cloud, tmp_path, protocol=MQTTProtocolVersion.MQTTv5) as device:
        device.send("big/reason", b"x" * (LIMIT + 1))

        assert device.closed.wait(WITHIN_S)
    assert device.reason.value == 0x95


def test_over_http_the_answer_is_413(mended_cloud: "MendedCloud") -> None:
    data = client(mended_cloud, "iot-data")
    data.publish(topic="big/http", payload=b"x" * LIMIT)

    with pytest.raises(ClientError) as refused:
        data.publish(topic="big/http", payload=b"x" * (LIMIT + 1))

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
