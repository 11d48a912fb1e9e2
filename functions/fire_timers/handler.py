"""Lambda: fire timers. Trigger: a schedule each minute (the sweep), and SQS `TimerQueue` (a detector's timer is due).
Writes: detectors (DynamoDB), effects and wake-ups (SQS).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.clients import dynamodb_client, kinesis_client, sqs_client
from coldwatch.adapters.detector_files import load_detectors
from coldwatch.adapters.detector_store import DynamoCheckpoints, DynamoDetectorStore, DynamoDueIndex
from coldwatch.adapters.effect_queue import SqsEffectQueue
from coldwatch.adapters.stream_frontier import KinesisTails
from coldwatch.adapters.timer_queue import SqsTimerQueue
from coldwatch.detection.commit import Ports
from coldwatch.detection.detector import Watch
from coldwatch.detection.firing import fire_all, sweep
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.ports import Wake
from coldwatch.detection.watches import Watches
from coldwatch.settings import FireTimersSettings

logger = Logger()


@dataclass(frozen=True, slots=True)
class Tools:
    index: DynamoDueIndex
    checkpoints: DynamoCheckpoints
    stream: KinesisTails
    ports: Ports
    watches: Mapping[str, Watch]


@cache
def tools() -> Tools:
    own, dynamodb, sqs = FireTimersSettings.from_env(), dynamodb_client(), sqs_client()
    return Tools(
        DynamoDueIndex(dynamodb, own.detector_table),
        DynamoCheckpoints(dynamodb, own.detector_table),
        KinesisTails(kinesis_client(), own.telemetry_stream),
        Ports(
            DynamoDetectorStore(dynamodb, DynamoBatches(dynamodb, time.sleep), own.detector_table),
            SqsEffectQueue(sqs, own.effect_queue_url, time.sleep),
            SqsTimerQueue(sqs, own.timer_queue_url, time.sleep),
        ),
        Watches.of(load_detectors()).by_model,
    )


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Messages of the queue are in `Records`; what the schedule sends has none."""
    use, now_ms = tools(), time.time_ns() // 1_000_000
    if "Records" not in event:
        woken = sweep(use.index, use.ports.timers, now_ms=now_ms)
        logger.info("timers swept", extra={"woken": woken})
        return {"woken": woken}
    wakes = [_wake(record) for record in event["Records"]]
    results = fire_all(wakes, use.watches, Frontier(use.checkpoints, use.stream), use.ports, now_ms=now_ms)
    failures = []
    for record, wake, result in zip(event["Records"], wakes, results, strict=True):
        if isinstance(result, Exception):
            logger.error("timer not fired", extra={"detector_id": wake.detector_id, "fault": repr(result)[:200]})
            failures.append({"itemIdentifier": record["messageId"]})
        else:
            about = {"detector_id": wake.detector_id, "firing": result.firing.value, "effects": result.effects}
            logger.info("detector woken", extra=about)
    return {"batchItemFailures": failures}


def _wake(record: Mapping[str, Any]) -> Wake:
    body = msgspec.json.decode(record["body"])
    return Wake(body["detector_id"], 0, int(body.get("attempt", 0)))
