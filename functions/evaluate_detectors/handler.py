"""Lambda: evaluate detectors. Trigger: Kinesis `TelemetryStream`. Writes: detectors and the shard's checkpoint
(DynamoDB), effects and wake-ups (SQS).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.batches import DynamoBatches
from coldwatch.adapters.clients import dynamodb_client, sqs_client
from coldwatch.adapters.detector_files import load_detectors
from coldwatch.adapters.detector_store import DynamoCheckpoints, DynamoDetectorStore
from coldwatch.adapters.effect_queue import SqsEffectQueue
from coldwatch.adapters.mapping_files import load_mappings
from coldwatch.adapters.timer_queue import SqsTimerQueue
from coldwatch.adapters.watched_devices import DynamoWatchedDevices
from coldwatch.detection.batch import Outcome, advance, evaluate
from coldwatch.detection.commit import Ports
from coldwatch.detection.watches import Watches
from coldwatch.settings import EvaluateDetectorsSettings
from coldwatch.telemetry.envelope import StreamRecord, stream_record
from coldwatch.telemetry.judgement import Rules
from evaluate_detectors.arrivals import Judged, judge_all

SHOWN = 10
logger = Logger()


class FirstRecordFailedError(Exception):
    """A batch got nowhere, not even past its first record: raised, so that the stream halves it and the record is left
    alone in the end ("Configuring partial batch response with Kinesis"; store_telemetry does the same).
    """


@dataclass(frozen=True, slots=True)
class Tools:
    devices: DynamoWatchedDevices
    checkpoints: DynamoCheckpoints
    ports: Ports
    rules: Rules
    watches: Watches


@cache
def tools() -> Tools:
    own, dynamodb, sqs = EvaluateDetectorsSettings.from_env(), dynamodb_client(), sqs_client()
    batches = DynamoBatches(dynamodb, time.sleep)
    return Tools(
        DynamoWatchedDevices(batches, own.device_table),
        DynamoCheckpoints(dynamodb, own.detector_table),
        Ports(
            DynamoDetectorStore(dynamodb, batches, own.detector_table),
            SqsEffectQueue(sqs, own.effect_queue_url, time.sleep),
            SqsTimerQueue(sqs, own.timer_queue_url, time.sleep),
        ),
        Rules(load_mappings(), own.max_clock_lead_minutes * 60_000),
        Watches.of(load_detectors()),
    )


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """Records are of one shard and in its order."""
    records = [stream_record(record) for record in event["Records"]]
    if not records:
        return {"batchItemFailures": []}
    use, now_ms = tools(), time.time_ns() // 1_000_000
    shard_id = records[0].shard_id
    previous = use.checkpoints.read(shard_id)
    fresh = [each for each in records if previous is None or each.sequence > previous.last_sequence]
    judged = judge_all(fresh, use.devices, use.rules, load_detectors().catalog)
    outcome = evaluate(judged.arrivals, use.watches, use.ports, now_ms=now_ms)
    failures = {**outcome.failures, **judged.failures}
    done = [(each.sequence, each.arrived_at) for each in fresh]
    advance(use.checkpoints, shard_id, done, previous=previous, lowest_failed=min(failures, default=None))
    tell(shard_id, fresh, judged, outcome)
    return _answer(records, failures)


def _answer(records: Sequence[StreamRecord], failures: dict[int, str]) -> dict[str, list[dict[str, str]]]:
    lowest = min(failures, default=None)
    if lowest is None:
        return {"batchItemFailures": []}
    failed = next(record for record in records if record.sequence == lowest)
    if failed is records[0]:
        raise FirstRecordFailedError(f"{failed.event_id}: {failures[lowest]}")
    # Its own text, not the number's: the event source looks it up as it sent it.
    return {"batchItemFailures": [{"itemIdentifier": failed.sequence_number}]}


def tell(shard_id: str, fresh: Sequence[StreamRecord], judged: Judged, outcome: Outcome) -> None:
    """One line of the log per batch, and what was wrong in it."""
    failures = {**outcome.failures, **judged.failures}
    about = {
        "shard_id": shard_id,
        "records": len(fresh),
        "rejected": judged.rejected,
        "unwatched": judged.unwatched,
        **{fate.value: number for fate, number in outcome.fates.items()},
        "changed": outcome.changed,
        "effects": outcome.effects,
        "profile_faults": judged.faults[:SHOWN],
        "notes": [f"{note.level}: {note.message}" for note in outcome.notes[:SHOWN]],
        "failures": {str(sequence): failures[sequence] for sequence in sorted(failures)[:SHOWN]},
    }
    log = logger.warning if failures or judged.faults else logger.info
    log("batch evaluated", extra=about)
