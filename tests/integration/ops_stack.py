"""A Coldwatch stack in moto for the command's tests: the real template's tables, queues and buckets, and a stream."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from moto import mock_aws

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Context
from coldwatch_ops.commands import COMMANDS, NOUNS
from coldwatch_ops.connection import Target, open_clients
from coldwatch_ops.parser import build_parser
from coldwatch_ops.stack import Account, Clients, Stack
from tests.contract.template import resources, template

NAME = "coldwatch-test"
REGION = "eu-west-1"
NOW = 1_795_000_000_000
CLAIM_POLICIES = ("coldwatch_coldchain_claim", "coldwatch_factory_claim")


@cache
def _clients() -> Clients:
    """Made once: loading AWS's models takes most of a test's time, and moto empties itself between tests."""
    with mock_aws():
        return open_clients(Target(NAME, REGION))


@contextmanager
def deployed() -> Iterator[Stack]:
    with mock_aws():
        clients = _clients()
        made = _make_all(clients)
        outputs = {
            name: made[output["Value"]["Ref"]]
            for name, output in template()["Outputs"].items()
            if isinstance(output["Value"], dict) and output["Value"].get("Ref") in made
        }
        yield Stack(NAME, f"arn:aws:cloudformation:{REGION}:1:stack/{NAME}/1", "CREATE_COMPLETE", outputs, clients)


def _make_all(clients: Clients) -> dict[str, str]:
    """Physical ids by logical id."""
    made = {name: _make_table(clients, name, found["Properties"]) for name, found in tables().items()}
    for name in resources("AWS::S3::Bucket"):
        made[name] = f"{NAME}-{name.lower()}"
        place: Any = {"LocationConstraint": REGION}
        clients.s3.create_bucket(Bucket=made[name], CreateBucketConfiguration=place)
        clients.s3.put_bucket_versioning(Bucket=made[name], VersioningConfiguration={"Status": "Enabled"})
    for name, queue in resources("AWS::SQS::Queue").items():
        made[name] = _make_queue(clients, name, is_fifo=queue["Properties"].get("FifoQueue", False))
    made["TelemetryStream"] = f"{NAME}-stream"
    clients.kinesis.create_stream(StreamName=made["TelemetryStream"], ShardCount=1)
    for policy in CLAIM_POLICIES:
        clients.iot.create_policy(policyName=policy, policyDocument="{}")
    return made | {"ColdchainClaimPolicy": CLAIM_POLICIES[0], "FactoryClaimPolicy": CLAIM_POLICIES[1]}


def _make_queue(clients: Clients, name: str, *, is_fifo: bool) -> str:
    if is_fifo:
        return clients.sqs.create_queue(QueueName=f"{NAME}-{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    return clients.sqs.create_queue(QueueName=f"{NAME}-{name}")["QueueUrl"]


def tables() -> dict[str, Any]:
    return resources("AWS::DynamoDB::Table")


def _make_table(clients: Clients, name: str, properties: dict[str, Any], **more: Any) -> str:
    kept = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
    definition: Any = {key: properties[key] for key in kept if key in properties}
    clients.dynamodb.create_table(TableName=f"{NAME}-{name}", **definition, **more)
    return f"{NAME}-{name}"


@dataclass
class Person:
    """Somebody at the terminal: what they answer, and what they were asked and told."""

    answer: str | None = None
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    waited_s: float = 0

    def ask(self, question: str) -> str | None:
        self.asked.append(question)
        return self.answer

    def wait(self, seconds: float) -> None:
        self.waited_s += seconds


def run(stack: Stack, *words: str, person: Person | None = None) -> Answer:
    """As `main` runs a command, without the terminal."""
    someone = person or Person()
    options = build_parser(COMMANDS, NOUNS).parse_args(words)
    context = Context(
        open_stack=lambda: stack,
        open_account=lambda: Account(stack.name, stack.clients),
        ask=someone.ask,
        say=someone.told.append,
        now_ms=lambda: NOW,
        pause=someone.wait,
    )
    answer: Answer = options.command.run(options, context)
    json.dumps(answer.document)
    return answer


def quarantined(stack: Stack, number: int, payload: bytes = b"not json", **more: Any) -> str:
    """A message set aside by the store; its id."""
    quarantine_id = f"shardId-000000000000-{number}"
    key = f"quarantine/2026-11-20/not_json/{quarantine_id}"
    item: dict[str, Any] = {
        "quarantine_id": quarantine_id,
        "origin": f"shardId-000000000000:{number}",
        "status": "OPEN",
        "reason": "not_json",
        "detail": "The payload is not JSON.",
        "thing": "acme-fridge-1",
        "application": "coldchain",
        "topic": "dt/coldchain/acme-fridge-1/telemetry",
        "client_id": "acme-fridge-1",
        "trace_id": "",
        "received_at": NOW - 10_000 + number,
        "size_bytes": len(payload),
        "s3_key": key,
        "shard_id": "shardId-000000000000",
        "sequence": str(number),
        "attempts": 1,
    }
    stack.table("QuarantineTableName").put_item(Item=item | more)
    stack.clients.s3.put_object(Bucket=stack.output("QuarantineBucketName"), Key=key, Body=payload)
    return quarantine_id


def on_the_stream(stack: Stack) -> list[dict[str, Any]]:
    """The records of the one shard, in order: partition key, and the data decoded."""
    iterator = stack.clients.kinesis.get_shard_iterator(
        StreamName=stack.output("TelemetryStreamName"),
        ShardId="shardId-000000000000",
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]
    records = stack.clients.kinesis.get_records(ShardIterator=iterator)["Records"]
    return [json.loads(record["Data"]) | {"partition_key": record["PartitionKey"]} for record in records]


def payload_of(document: dict[str, Any]) -> bytes:
    return base64.b64decode(document["payload"])
