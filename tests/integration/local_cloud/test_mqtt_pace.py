"""Publishing fast loses, doubles and reorders nothing, and a policy still holds."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.local_cloud.devices import WITHIN_S, Device, Roles, Stream, client, eventually, topic_rule

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

SQL = "SELECT * FROM 'dt/{topic}'"


@pytest.fixture
def stream(mended_cloud: "MendedCloud") -> Stream:
    return Stream(mended_cloud)


def test_messages_published_without_waiting_are_each_acknowledged_and_each_in_the_stream_once_in_order(
    mended_cloud: "MendedCloud", tmp_path: Path, stream: Stream
) -> None:
    role = Roles(mended_cloud).create(("kinesis:PutRecord", stream.arn))
    action = {"kinesis": {"streamName": stream.name, "partitionKey": "k", "roleArn": role}}
    with Device(mended_cloud, tmp_path) as device, topic_rule(mended_cloud, SQL, action) as rule:
        sent = [device.mqtt.publish(f"dt/{rule}", json.dumps({"n": n}), qos=1) for n in range(2000)]
        for info in sent:
            info.wait_for_publish(WITHIN_S)
        records = stream.read(2000)

    assert all(info.is_published() for info in sent)
    assert [json.loads(record["Data"])["n"] for record in records] == list(range(2000))


def test_what_was_taken_before_a_refused_message_is_acknowledged_and_kept(
    mended_cloud: "MendedCloud", tmp_path: Path, stream: Stream
) -> None:
    role = Roles(mended_cloud).create(("kinesis:PutRecord", stream.arn))
    action = {"kinesis": {"streamName": stream.name, "partitionKey": "k", "roleArn": role}}
    with Device(mended_cloud, tmp_path) as device, topic_rule(mended_cloud, SQL, action) as rule:
        sent = [device.mqtt.publish(f"dt/{rule}", b"{}", qos=1) for _ in range(10)]
        refused = device.mqtt.publish(f"dt/{rule}", b"x" * 131_073, qos=1)

        assert device.closed.wait(WITHIN_S)
        assert [info.is_published() for info in (*sent, refused)] == [True] * 10 + [False]
        assert len(stream.read(10)) == 10


def test_a_policy_taken_away_stops_the_device_within_seconds(mended_cloud: "MendedCloud", tmp_path: Path) -> None:
    iot = client(mended_cloud, "iot")
    with Device(mended_cloud, tmp_path) as device:
        device.publish("any/topic", b"{}")
        (file,) = tmp_path.glob("*.pem")
        (target,) = iot.list_targets_for_policy(policyName=file.stem)["targets"]
        iot.detach_policy(policyName=file.stem, target=target)

        def publish_again() -> bool:
            device.send("any/topic", b"{}")
            return device.closed.wait(0.1)

        assert eventually(publish_again)
