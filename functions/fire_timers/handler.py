"""Lambda: fire timers. Trigger: EventBridge Scheduler, each minute, and SQS `TimerQueue`. Writes: detectors (DynamoDB),
effects and timers that are due soon (SQS), metrics (log).
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.checkpoint_store import DynamoCheckpoints
from coldwatch.adapters.clients import dynamodb_client, kinesis_client, sqs_client
from coldwatch.adapters.detector_files import load_detectors
from coldwatch.adapters.detector_store import DynamoDetectorStore, DynamoDueIndex
from coldwatch.adapters.effect_queue import SqsEffectQueue
from coldwatch.adapters.metric_lines import write_metrics
from coldwatch.adapters.stream_frontier import KinesisTails
from coldwatch.adapters.timer_queue import SqsTimerQueue, read_wake
from coldwatch.adapters.watched_registry import DynamoWatchedRegistry
from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import watches
from coldwatch.detection.frontier import Frontier
from coldwatch.detection.log import Logs
from coldwatch.detection.ports import Wake
from coldwatch.settings import FireTimersSettings
from coldwatch.telemetry.metrics import metric_document
from fire_timers.firing import Fired, Outcome, Ports, fire, sweep

logger = Logger()

SHOWN = 10
"""A line of the log names this many notes."""


@cache
def settings() -> FireTimersSettings:
    return FireTimersSettings.from_env()


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
    files = load_detectors()
    return Ports(
        commit,
        DynamoDueIndex(dynamodb, own.detector_table),
        Frontier(checkpoints, KinesisTails(kinesis_client(), own.telemetry_stream_arn)),
        watches(files.models, files.versions, files.deployment, files.previous),
        DynamoWatchedRegistry(batches, own.device_table),
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    """An event without records is the schedule's: it asks for a sweep."""
    now_ms = time.time_ns() // 1_000_000
    if "Records" not in event:
        found = sweep(ports(), now_ms=now_ms)
        logger.info("timers swept", extra={"request_id": context.aws_request_id, "due": found})
        return {"batchItemFailures": []}
    wakes = {record["messageId"]: _wake(record) for record in event["Records"]}
    fired = _fire([wake for wake in wakes.values() if wake], now_ms)
    done = {name for each in fired for name in each.outcomes}
    failed = [message_id for message_id, wake in wakes.items() if wake is None or wake.detector_id not in done]
    publish(fired, len(failed), now_ms, context.aws_request_id)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def publish(fired: Sequence[Fired], failed: int, now_ms: int, request_id: str) -> None:
    """Say what happened, now that it is stored: metrics where there are any, and one line of the log."""
    outcomes = {name: outcome for each in fired for name, outcome in each.outcomes.items()}
    effects = sum(each.effects for each in fired)
    omitted = [note.message for each in fired for note in each.omitted]
    if effects or omitted:
        values: dict[str, float] = {"EffectsSent": effects, "EffectsOmitted": len(omitted)}
        document = metric_document({"stage": settings().stage}, values, "Count", now_ms)
        write_metrics(document)
    notes = [f"{note.level}: {note.message}" for each in fired for note in each.notes]
    retired = [name for name, outcome in outcomes.items() if outcome is Outcome.RETIRED]
    if retired:
        logger.warning("timers retired", extra={"retired": len(retired), "detector_ids": retired[:SHOWN]})
    log = logger.error if omitted else logger.warning if failed else logger.info
    about: Counter[str] = Counter(outcomes.values())
    extra = {"request_id": request_id, "failed": failed, "effects": effects, **about}
    log("timers looked at", extra={**extra, "notes": notes[:SHOWN], "omitted": omitted[:SHOWN]})


def _wake(record: Mapping[str, Any]) -> Wake | None:
    try:
        return read_wake(record["body"])
    except Exception:
        logger.exception("timer failed", extra={"message_id": record["messageId"], "body": record["body"]})
        return None


def _fire(wakes: Sequence[Wake], now_ms: int) -> list[Fired]:
    """All together; if that fails, one by one: what is wrong with one must not hold up the others. Those that fail come
    again, and so does the sweep.
    """
    if not wakes:
        return []
    try:
        return [fire(wakes, ports(), now_ms=now_ms)]
    except Exception:
        if len(wakes) == 1:
            logger.exception("timer failed", extra={"detector_id": wakes[0].detector_id})
            return []
    return [fired for wake in wakes for fired in _fire([wake], now_ms)]
