"""Lambda: run effects. Trigger: SQS `EffectQueue`. Writes: what the actions of detector models ask for, most of all by
invoking `open_incident` and `recover_incident`; marks of what is done (DynamoDB).
"""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, sqs_client
from coldwatch.adapters.detector_store import DynamoDoneMarkers
from coldwatch.adapters.effect_queue import SqsRetries
from coldwatch.adapters.effect_targets import AwsEffectTargets, Clients
from coldwatch.detection.ports import DoneMarkers, EffectTargets
from coldwatch.settings import RunEffectsSettings
from run_effects.carrying import Carried, carry_out_all, queued_effect

logger = Logger()

SHOWN = 10
"""A line of the log names this many effects and failures, and says how many there are."""


@dataclass(frozen=True, slots=True)
class Ports:
    markers: DoneMarkers
    targets: EffectTargets
    retries: SqsRetries


@cache
def ports() -> Ports:
    own = RunEffectsSettings.from_env()
    functions = {"open_incident": own.open_incident_function, "recover_incident": own.recover_incident_function}
    targets = AwsEffectTargets(functions, own.topic_prefix, Clients())
    retries = SqsRetries(sqs_client(), own.effect_queue_url)
    return Ports(DynamoDoneMarkers(dynamodb_client(), own.detector_table), targets, retries)


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    messages = [queued_effect(record) for record in event["Records"]]
    now_ms = time.time_ns() // 1_000_000
    carried = carry_out_all(messages, ports().markers, ports().targets, now_ms=now_ms)
    for message_id, error in carried.failures.items():
        logger.error("effect failed", extra={"message_id": message_id, "error": f"{type(error).__name__}: {error}"})
    if carried.failures:
        failed = [message for message in messages if message.message_id in carried.failures]
        ports().retries.come_again({each.receipt_handle: each.again_after_s for each in failed})
    log = logger.warning if carried.failures else logger.info
    log("effects carried out", extra={"request_id": context.aws_request_id, **describe(carried)})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in carried.failed_ids]}


def describe(carried: Carried) -> dict[str, Any]:
    """The fields of the batch's one line in the log."""
    return {
        "done": len(carried.done),
        "known": len(carried.known),
        "failed": len(carried.failures),
        "kept_back": len(carried.kept_back),
        "effects": [
            {"effect_id": each.effect_id, "detector_id": each.detector_id, "event_name": each.event_name}
            for each in carried.done[:SHOWN]
        ],
    }
