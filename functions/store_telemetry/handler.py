"""Lambda: store telemetry. Trigger: Kinesis `TelemetryStream`. Writes: readings and latest readings (DynamoDB),
quarantine (S3, DynamoDB), archive (Firehose), the shard's accounts (DynamoDB), metrics (log).
"""

import time
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.archive import FirehoseArchive
from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.clients import dynamodb_client, firehose_client, s3_client
from coldwatch.adapters.ledger import DynamoLedger
from coldwatch.adapters.mapping_files import load_mappings
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.adapters.quarantine_store import AwsQuarantineStore
from coldwatch.adapters.reading_store import DynamoReadingStore
from coldwatch.adapters.registry import DynamoRegistry
from coldwatch.settings import StoreTelemetrySettings
from coldwatch.telemetry.envelope import stream_record
from coldwatch.telemetry.judgement import Rules
from store_telemetry.ingest import BatchReport, Ports, ingest
from store_telemetry.report import describe, metrics

logger = Logger()


class FirstRecordFailedError(Exception):
    """A batch got nowhere, not even past its first record.

    AWS says that a batch is cut at the record that is reported failed, and not what happens when nothing can be cut
    off; that a batch whose function fails is halved, it does say. So this, and not a report, keeps a record that will
    never do from being given up together with its neighbours ("Configuring partial batch response with Kinesis").
    """


@cache
def settings() -> StoreTelemetrySettings:
    return StoreTelemetrySettings.from_env()


@cache
def rules() -> Rules:
    return Rules(load_mappings(), settings().max_clock_lead_minutes * 60_000)


@cache
def ports() -> Ports:
    own = settings()
    batches = DynamoBatches(dynamodb_client(), time.sleep)
    return Ports(
        registry=DynamoRegistry(batches, own.device_table, time.monotonic),
        readings=DynamoReadingStore(batches, own.reading_table, own.latest_table, own.reading_retention_days),
        quarantine=AwsQuarantineStore(dynamodb_client(), s3_client(), own.quarantine_table, own.quarantine_bucket),
        archive=FirehoseArchive(firehose_client(), own.archive_delivery_stream, time.sleep),
        ledger=DynamoLedger(dynamodb_client(), own.ledger_table),
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    records = [stream_record(record) for record in event["Records"]]
    if not records:
        return {"batchItemFailures": []}
    now_ms = time.time_ns() // 1_000_000
    report = ingest(records, ports(), rules(), now_ms=now_ms)
    publish(report, now_ms=now_ms, request_id=context.aws_request_id)
    lowest = report.lowest_failed
    if lowest is None:
        return {"batchItemFailures": []}
    failed = next(record for record in records if record.sequence == lowest)
    if failed is records[0]:
        raise FirstRecordFailedError(f"{failed.event_id}: {report.failures[lowest]}")
    # Its own text, not the number's: the event source looks it up as it sent it.
    return {"batchItemFailures": [{"itemIdentifier": failed.sequence_number}]}


def publish(report: BatchReport, *, now_ms: int, request_id: str) -> None:
    """Say what happened, now that it is in the accounts: metrics, and one line of the log."""
    write_metrics(*metrics(report, settings().stage, now_ms=now_ms, per_device=settings().per_device_metrics))
    log = logger.warning if report.failures else logger.info
    log("batch stored", extra={"request_id": request_id, **describe(report)})
