"""The tables, buckets and the delivery stream that the functions use, in moto; and clients that count, or fail."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
from moto import mock_aws

from coldwatch.adapters.archive import FirehoseArchive
from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.epochs import EPOCH_ID
from coldwatch.adapters.items import from_item, to_item
from coldwatch.adapters.ledger import DynamoLedger
from coldwatch.adapters.quarantine_store import AwsQuarantineStore
from coldwatch.adapters.reading_store import DynamoReadingStore
from coldwatch.adapters.registry import DynamoRegistry
from coldwatch.telemetry.identity import Device
from store_telemetry.ingest import Ports

REGION = "eu-west-1"
IN_TIME = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
"""The context of a function that has all its time left."""
TABLES = {
    "ReadingTable": ("device_id", "reading_key"),
    "LatestTable": ("device_id", "sensor"),
    "DeviceTable": ("device_id",),
    "AllowedSerialTable": ("serial",),
    "QuarantineTable": ("quarantine_id",),
    "IngestLedgerTable": ("shard_id",),
}
ENVIRONMENT = {
    "STAGE": "test",
    "READING_TABLE": "ReadingTable",
    "LATEST_TABLE": "LatestTable",
    "DEVICE_TABLE": "DeviceTable",
    "ALLOWED_SERIAL_TABLE": "AllowedSerialTable",
    "QUARANTINE_TABLE": "QuarantineTable",
    "LEDGER_TABLE": "IngestLedgerTable",
    "QUARANTINE_BUCKET": "quarantine",
    "ARCHIVE_DELIVERY_STREAM": "archive",
    "READING_RETENTION_DAYS": "90",
    "MAX_CLOCK_LEAD_MINUTES": "60",
    "PER_DEVICE_METRICS": "true",
}


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


_EPOCH = {"S": EPOCH_ID}


@dataclass
class Calls:
    """Every call of a client, in order. Kills before the call whose number is `kill_at`, or once it is carried out."""

    kill_at: int | None = None
    is_carried_out: bool = False
    names: list[str] = field(default_factory=list)

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(**arguments: Any) -> Any:
            self.names.append(call.__name__)
            is_last = len(self.names) == self.kill_at
            if is_last and not self.is_carried_out:
                raise Killed
            answer = call(**arguments)
            if is_last:
                raise Killed
            return answer

        return counted


class Watched:
    """A client whose calls are told to `calls` first."""

    def __init__(self, client: Any, calls: Calls) -> None:
        self._client = client
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        return self._calls.wrap(getattr(self._client, name))


@dataclass
class AwsStack:
    dynamodb: Any
    s3: Any
    firehose: Any

    def ports(self, calls: Calls | None = None) -> Ports:
        """The real adapters, as a cold environment has them; one worker, so that calls come in one order."""
        watch = calls or Calls()
        dynamodb, s3, firehose = (self._watched(client, watch) for client in (self.dynamodb, self.s3, self.firehose))
        batches = DynamoBatches(dynamodb, sleep)
        return Ports(
            DynamoRegistry(batches, "DeviceTable", lambda: 0.0),
            DynamoReadingStore(batches, "ReadingTable", "LatestTable", 90),
            AwsQuarantineStore(dynamodb, s3, "QuarantineTable", "quarantine", workers=1),
            FirehoseArchive(firehose, "archive", sleep),
            DynamoLedger(dynamodb, "IngestLedgerTable"),
        )

    def _watched(self, client: Any, calls: Calls) -> Any:
        """Any, because it stands in for three kinds of client."""
        return Watched(client, calls)

    def register(self, *devices: Device) -> None:
        for each in devices:
            entry = {name: getattr(each, name) for name in ("device_id", "fleet_id", "application", "gateway")}
            self.dynamodb.put_item(TableName="DeviceTable", Item=to_item(entry))

    def items(self, table: str) -> list[dict[str, Any]]:
        """Without the registry's epoch."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table)
        found = [from_item(item) for page in pages for item in page["Items"] if item.get("device_id") != _EPOCH]
        return sorted(found, key=lambda item: [item[name] for name in TABLES[table]])

    def objects(self, bucket: str) -> dict[str, bytes]:
        keys = [each["Key"] for each in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return {key: self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def archived(self) -> list[dict[str, Any]]:
        return [json.loads(line) for each in self.objects("archive").values() for line in each.splitlines()]

    def final(self) -> dict[str, Any]:
        """What must not depend on what went wrong on the way."""
        return {
            **{table: self.items(table) for table in TABLES},
            "quarantine": self.objects("quarantine"),
            "archive": {(each["device_id"], each["reading_key"]) for each in self.archived()},
        }


def sleep(_seconds: float) -> None:
    """Back-off takes no time here."""


@contextmanager
def aws_stack() -> Iterator[AwsStack]:
    with mock_aws():
        stack = AwsStack(*(boto3.client(name, region_name=REGION) for name in ("dynamodb", "s3", "firehose")))
        for table, keys in TABLES.items():
            _create_table(stack.dynamodb, table, keys)
        for bucket in ("quarantine", "archive"):
            stack.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        destination = {"RoleARN": "arn:aws:iam::123456789012:role/archive", "BucketARN": "arn:aws:s3:::archive"}
        stack.firehose.create_delivery_stream(
            DeliveryStreamName="archive", ExtendedS3DestinationConfiguration=destination
        )
        yield stack


def _create_table(client: Any, table: str, keys: tuple[str, ...]) -> None:
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        KeySchema=[
            {"AttributeName": name, "KeyType": kind} for name, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
    )
