"""Lambda: data plane API. Trigger: its function URL, for signed requests. Writes: detectors and alarms (DynamoDB),
effects and timers that are due soon (SQS), metrics (log).
"""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.checkpoint_store import DynamoCheckpoints
from coldwatch.adapters.clients import dynamodb_client, kinesis_client, sqs_client
from coldwatch.adapters.detector_files import DetectorFiles, load_detectors
from coldwatch.adapters.detector_store import DynamoDetectorStore, DynamoModelIndex
from coldwatch.adapters.effect_queue import SqsEffectQueue
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.adapters.stream_frontier import KinesisTails
from coldwatch.adapters.throttling import is_throttling
from coldwatch.adapters.timer_queue import SqsTimerQueue
from coldwatch.adapters.watched_registry import DynamoWatchedRegistry
from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import watches
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.log import Logs
from coldwatch.settings import DataPlaneSettings
from coldwatch.telemetry.metrics import metric_document
from data_plane.answering import Answer, Use, answer, failure
from data_plane.errors import ApiError, ErrorCode
from data_plane.knowledge import Knowledge, Ports
from data_plane.operations import operation_of
from data_plane.requests import read

logger = Logger()


@cache
def settings() -> DataPlaneSettings:
    return DataPlaneSettings.from_env()


@cache
def ports() -> Ports:
    own, dynamodb, sqs = settings(), dynamodb_client(), sqs_client()
    batches = DynamoBatches(dynamodb, time.sleep)
    checkpoints = DynamoCheckpoints(dynamodb, batches, own.detector_table, own.device_table)
    commit = CommitPorts(
        detectors=DynamoDetectorStore(dynamodb, batches, own.detector_table),
        logs=Logs(checkpoints),
        effects=SqsEffectQueue(sqs, own.effect_queue_url, time.sleep),
        timers=SqsTimerQueue(sqs, own.timer_queue_url, time.sleep),
    )

    def frontier() -> Frontier:
        return Frontier(checkpoints, KinesisTails(kinesis_client(), own.telemetry_stream_arn))

    registry = DynamoWatchedRegistry(batches, own.device_table)
    return Ports(commit, registry, DynamoModelIndex(dynamodb, own.detector_table), frontier)


def use(files: DetectorFiles) -> Use:
    deployed = watches(files.models, files.versions, files.deployment, files.previous)
    return Use(ports(), Knowledge(frozenset(files.inputs), deployed, files.catalog), fault_of)


@cache
def environment() -> Use:
    return use(load_detectors())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return handle(event, environment(), now_ms=time.time_ns() // 1_000_000, request_id=context.aws_request_id)


def handle(event: Mapping[str, Any], use: Use, *, now_ms: int, request_id: str) -> dict[str, Any]:
    """No payload, note or variable goes to the log: what they hold is the customer's."""
    given = _answer(event, use, now_ms)
    logger.info("request answered", extra={"request_id": request_id, **given.told})
    publish(given, now_ms)
    headers = {"content-type": "application/json", "x-amzn-requestid": request_id, **given.headers}
    return {"statusCode": given.status, "headers": headers, "body": msgspec.json.encode(given.body).decode()}


def _answer(event: Mapping[str, Any], use: Use, now_ms: int) -> Answer:
    caller = ""
    try:
        request = read(event)
        caller = request.caller
        operation, document = operation_of(request)
        return answer(operation, document, use, caller=caller, now_ms=now_ms)
    except ApiError as error:
        return failure(error, caller=caller)
    except Exception as error:  # noqa: BLE001 - the edge: whoever asks gets an answer in the words of the API
        return failure(fault_of(error), caller=caller)


def fault_of(error: Exception) -> ApiError:
    """What is told of an error of ours, or of what we stand on. The log has the rest."""
    if is_throttling(error):
        return ApiError(ErrorCode.THROTTLING, "Too many requests; send it again.")
    logger.error("request failed", exc_info=error)
    return ApiError(ErrorCode.INTERNAL_FAILURE, "Something went wrong here; the log says what.")


def publish(given: Answer, now_ms: int) -> None:
    """Metrics, where detectors have evaluated something."""
    if given.metrics:
        document = metric_document({"stage": settings().stage}, given.metrics, "Count", now_ms)
        write_metrics(document)
