"""Lambda: evaluate detectors. Trigger: Kinesis `TelemetryStream`. Writes: detectors and the shard's checkpoint
(DynamoDB), effects and timers that are due soon (SQS), metrics (log).
"""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.checkpoint_store import DynamoCheckpoints
from coldwatch.adapters.clients import dynamodb_client, sqs_client
from coldwatch.adapters.detector_files import load_detectors
from coldwatch.adapters.detector_store import DynamoDetectorStore
from coldwatch.adapters.effect_queue import SqsEffectQueue
from coldwatch.adapters.mapping_files import load_mappings
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.adapters.request_count import RequestCount
from coldwatch.adapters.timer_queue import SqsTimerQueue
from coldwatch.adapters.watched_registry import DynamoWatchedRegistry
from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import Watch, watches
from coldwatch.detection.log import Logs
from coldwatch.detection.memory import KnownDevices, Memory
from coldwatch.settings import EvaluateDetectorsSettings
from coldwatch.telemetry.delivery import Delivery
from coldwatch.telemetry.judgement import Rules
from evaluate_detectors.evaluation import BatchReport, Ports, evaluate_batch
from evaluate_detectors.intake import Knowledge
from evaluate_detectors.report import describe, metrics

logger = Logger()


class FirstRecordFailedError(Exception):
    """A batch got nowhere, not even past its first record: it fails as a whole, so that the event source halves it
    until the record that will never do is given up alone. What is its fault is the cause.
    """


@dataclass(frozen=True, slots=True)
class Environment:
    ports: Ports
    knowledge: Knowledge
    requests: RequestCount


@cache
def settings() -> EvaluateDetectorsSettings:
    return EvaluateDetectorsSettings.from_env()


@cache
def environment() -> Environment:
    own, dynamodb, sqs = settings(), dynamodb_client(), sqs_client()
    batches = DynamoBatches(dynamodb, time.sleep)
    checkpoints = DynamoCheckpoints(dynamodb, batches, own.detector_table, own.device_table)
    commit = CommitPorts(
        detectors=DynamoDetectorStore(dynamodb, batches, own.detector_table),
        logs=Logs(checkpoints),
        effects=SqsEffectQueue(sqs, own.effect_queue_url, time.sleep),
        timers=SqsTimerQueue(sqs, own.timer_queue_url, time.sleep),
    )
    registry = KnownDevices(DynamoWatchedRegistry(batches, own.device_table))
    ports = Ports(registry, Memory(owner=uuid4().hex), checkpoints, commit)
    files = load_detectors()
    rules = Rules(load_mappings(), own.max_clock_lead_minutes * 60_000)
    found = watches(files.models, files.versions, files.deployment, files.previous)
    return Environment(ports, Knowledge(rules, by_input(found), files.catalog), RequestCount(dynamodb, sqs))


def by_input(found: Mapping[str, Watch]) -> dict[str, list[Watch]]:
    """The models that look at each input."""
    looking: dict[str, list[Watch]] = defaultdict(list)
    for watch in found.values():
        for input_name in watch.inputs:
            looking[input_name].append(watch)
    return dict(looking)


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    records = Delivery(event["Records"])
    if not records:
        return {"batchItemFailures": []}
    now_ms = time.time_ns() // 1_000_000
    report = evaluate_batch(records, environment().ports, environment().knowledge, now_ms=now_ms)
    publish(report, now_ms=now_ms, request_id=context.aws_request_id)
    return {"batchItemFailures": failed_items(report)}


def failed_items(report: BatchReport) -> list[dict[str, str]]:
    lowest = report.lowest_failed
    if lowest is None:
        return []
    failed = next(record for record in report.records if record.sequence == lowest)
    if failed.event_id == report.records[0].event_id:
        raise FirstRecordFailedError(failed.event_id) from report.failures[lowest]
    # Its own text, not the number's: the event source looks it up as it sent it.
    return [{"itemIdentifier": failed.sequence_number}]


def publish(report: BatchReport, *, now_ms: int, request_id: str) -> None:
    """Say what happened, now that it is stored: metrics, and one line of the log."""
    document = metrics(report, settings().stage, now_ms=now_ms)
    write_metrics(document)
    log = logger.warning if report.failures or report.faults or report.lane_faults else logger.info
    if report.omitted:
        log = logger.error
    requests = environment().requests.taken()
    log("batch evaluated", extra={"request_id": request_id, "requests": requests, **describe(report)})
