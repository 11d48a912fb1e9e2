"""A device with a certificate, and a topic rule with its targets, for tests against the running local cloud."""

import json
import secrets
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import boto3
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

WITHIN_S = 20.0
ANYTHING_IN_IOT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}],
}


def client(cloud: "MendedCloud", service: str) -> Any:
    """A boto3 client of the cloud's root account."""
    session: Any = boto3.Session("test", "test", region_name=cloud.region)
    return session.client(service, endpoint_url=cloud.endpoint)


def unique(name: str) -> str:
    return f"{name}_{secrets.token_hex(4)}"


def eventually[T](look: Callable[[], T], within_s: float = WITHIN_S) -> T:
    """The first truthy answer of `look`; the last answer when the time is over."""
    deadline = time.monotonic() + within_s
    while not (answer := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def tls_context(cloud: "MendedCloud", folder: Path) -> ssl.SSLContext:
    """Trusts the cloud's own CA and presents a fresh active certificate that may do anything in IoT."""
    iot = client(cloud, "iot")
    made = iot.create_keys_and_certificate(setAsActive=True)
    policy = unique("any")
    iot.create_policy(policyName=policy, policyDocument=json.dumps(ANYTHING_IN_IOT))
    iot.attach_policy(policyName=policy, target=made["certificateArn"])
    pair = folder / f"{policy}.pem"
    pair.write_text(made["certificatePem"] + made["keyPair"]["PrivateKey"])
    with urllib.request.urlopen(f"{cloud.endpoint}/_ministack/iot/ca.pem", timeout=10) as answer:
        context = ssl.create_default_context(cadata=answer.read().decode())
    context.load_cert_chain(pair)
    return context


class Device:
    """An MQTT client over mutual TLS, connected while its `with` block runs."""

    def __init__(
        self,
        cloud: "MendedCloud",
        folder: Path,
        *,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
        client_id: str = "",
    ) -> None:
        self.client_id = client_id or unique("device")
        self.received: list[tuple[str, bytes]] = []
        self.closed = threading.Event()
        self.reason: Any = None
        """Why the connection ended, as paho names it."""
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        self._port = cloud.mqtt_port
        self.mqtt = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.client_id, protocol=protocol)
        self.mqtt.max_inflight_messages_set(100)  # as many as AWS IoT Core takes before an acknowledgement
        self.mqtt.tls_set_context(tls_context(cloud, folder))
        self.mqtt.on_connect = lambda *_: self._connected.set()
        self.mqtt.on_subscribe = lambda *_: self._subscribed.set()
        self.mqtt.on_message = lambda _client, _data, message: self.received.append(
            (message.topic, bytes(message.payload))
        )
        self.mqtt.on_disconnect = self._on_disconnect

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.reason = reason
        self.closed.set()
        self.mqtt.disconnect()  # or paho would connect again

    def __enter__(self) -> Self:
        self.mqtt.connect("localhost", self._port)
        self.mqtt.loop_start()
        assert self._connected.wait(WITHIN_S), "the device could not connect"
        return self

    def __exit__(self, *_: object) -> None:
        self.mqtt.disconnect()
        self.mqtt.loop_stop()

    def publish(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """Publish and wait for the acknowledgement."""
        info = self.mqtt.publish(topic, payload, qos=qos)
        info.wait_for_publish(WITHIN_S)
        assert info.is_published(), f"no acknowledgement for {len(payload)} bytes on {topic}"

    def send(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """Publish without waiting."""
        self.mqtt.publish(topic, payload, qos=qos)

    def subscribe(self, topic_filter: str) -> None:
        self._subscribed.clear()
        self.mqtt.subscribe(topic_filter, qos=1)
        assert self._subscribed.wait(WITHIN_S), f"no answer to subscribing to {topic_filter}"


class Roles:
    """IAM roles for services."""

    def __init__(self, cloud: "MendedCloud") -> None:
        self._iam = client(cloud, "iam")

    def create(self, *allowed: tuple[str, str], service: str = "iot.amazonaws.com") -> str:
        """The ARN of a role that `service` may assume and that may do each (action, resource)."""
        name = unique("role")
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        role = self._iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]
        for number, (action, resource) in enumerate(allowed):
            statement = {"Effect": "Allow", "Action": action, "Resource": resource}
            self._iam.put_role_policy(RoleName=name, PolicyName=f"policy{number}", PolicyDocument=_document(statement))
        return str(role["Arn"])


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Stream:
    """A Kinesis stream read from its start, by an iterator that goes on."""

    def __init__(self, cloud: "MendedCloud") -> None:
        self._kinesis = client(cloud, "kinesis")
        self.name = unique("stream")
        self._kinesis.create_stream(StreamName=self.name, ShardCount=1)
        self._kinesis.get_waiter("stream_exists").wait(StreamName=self.name, WaiterConfig={"Delay": 1})
        self.arn = str(self._kinesis.describe_stream(StreamName=self.name)["StreamDescription"]["StreamARN"])
        shard = self._kinesis.list_shards(StreamName=self.name)["Shards"][0]["ShardId"]
        self._iterator = self._kinesis.get_shard_iterator(
            StreamName=self.name, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        self.records: list[dict[str, Any]] = []

    def read(self, count: int, within_s: float = WITHIN_S) -> list[dict[str, Any]]:
        """All records so far, once there are `count` of them or the time is over."""
        eventually(lambda: self._pull() >= count, within_s)
        return self.records

    def _pull(self) -> int:
        answer = self._kinesis.get_records(ShardIterator=self._iterator, Limit=10_000)
        self._iterator = answer["NextShardIterator"]
        self.records += answer["Records"]
        return len(self.records)


class Queue:
    """An SQS queue, read and emptied."""

    def __init__(self, cloud: "MendedCloud") -> None:
        self._sqs = client(cloud, "sqs")
        self.name = unique("queue")
        self.url = str(self._sqs.create_queue(QueueName=self.name)["QueueUrl"])
        self.arn = f"arn:aws:sqs:{cloud.region}:{cloud.account}:{self.name}"
        self.bodies: list[str] = []

    def read(self, count: int, within_s: float = WITHIN_S) -> list[str]:
        """All message bodies so far, once there are `count` of them or the time is over."""
        eventually(lambda: self._pull() >= count, within_s)
        return self.bodies

    def _pull(self) -> int:
        answer = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self.bodies.append(message["Body"])
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return len(self.bodies)


@contextmanager
def topic_rule(
    cloud: "MendedCloud", sql: str, *actions: dict[str, Any], error: dict[str, Any] | None = None
) -> Iterator[str]:
    """A rule that stands while the block runs; its name. `{topic}` in the SQL becomes a topic level of its own."""
    iot, name = client(cloud, "iot"), unique("rule")
    payload: dict[str, Any] = {"sql": sql.replace("{topic}", name), "actions": list(actions)}
    payload |= {"awsIotSqlVersion": "2016-03-23"} | ({"errorAction": error} if error else {})
    iot.create_topic_rule(ruleName=name, topicRulePayload=payload)
    try:
        yield name
    finally:
        iot.delete_topic_rule(ruleName=name)
