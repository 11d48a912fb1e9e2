"""Lambda: run effects. Trigger: SQS `EffectQueue`. Writes: what the actions of detector models ask for, most of all by
invoking `open_incident` and `recover_incident`; marks of what is done (DynamoDB); what cannot be done to
`EffectDeadLetterQueue`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, sqs_client
from coldwatch.adapters.detector_store import DynamoDoneMarkers
from coldwatch.adapters.effect_queue import SqsParkedEffects, SqsRetries
from coldwatch.adapters.effect_targets import AwsEffectTargets, Clients
from coldwatch.settings import RunEffectsSettings
from run_effects.carrying import Carried, Ports, QueuedEffect, carry_out_all, queued_effect

logger = Logger()

SHOWN = 10
"""A line of the log names this many effects and failures, and says how many there are."""


ENOUGH_MS = 11_000
"""What one effect may take: the longest wait for a target, which is then given up, and the mark."""


@dataclass(frozen=True, slots=True)
class Tools:
    ports: Ports
    retries: SqsRetries


@cache
def tools() -> Tools:
    own = RunEffectsSettings.from_env()
    functions = {"open_incident": own.open_incident_function, "recover_incident": own.recover_incident_function}
    targets = AwsEffectTargets(functions, own.topic_prefix, Clients())
    markers = DynamoDoneMarkers(dynamodb_client(), own.detector_table)
    parked = SqsParkedEffects(sqs_client(), own.effect_dead_letter_queue_url)
    return Tools(Ports(markers, targets, parked), SqsRetries(sqs_client(), own.effect_queue_url))


def handler(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
    messages = [queued_effect(record) for record in event["Records"]]
    now_ms = time.time_ns() // 1_000_000
    carried = carry_out_all(
        messages, tools().ports, now_ms=now_ms, has_time=lambda: context.get_remaining_time_in_millis() >= ENOUGH_MS
    )
    for message_id, error in carried.failures.items():
        logger.error("effect failed", extra={"message_id": message_id, "error": f"{type(error).__name__}: {error}"})
    for message_id, reason in carried.parked.items():
        logger.error("effect parked", extra={"message_id": message_id, "error": reason})
    tools().retries.come_again(_delays(messages, carried))
    log = logger.warning if carried.failures else logger.info
    log("effects carried out", extra={"request_id": context.aws_request_id, **describe(carried)})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in carried.unfinished_ids]}


def _delays(messages: Sequence[QueuedEffect], carried: Carried) -> dict[str, int]:
    """By receipt handle. The last of a group first: nothing of a group comes while something of it is still hidden."""
    delays = carried.kept_back | {
        each.message_id: each.again_after_s for each in messages if each.message_id in carried.failures
    }
    return {each.receipt_handle: delays[each.message_id] for each in reversed(messages) if each.message_id in delays}


def describe(carried: Carried) -> dict[str, Any]:
    """The fields of the batch's one line in the log."""
    return {
        "done": len(carried.done),
        "known": len(carried.known),
        "failed": len(carried.failures),
        "parked": len(carried.parked),
        "kept_back": len(carried.kept_back),
        "effects": [
            {"effect_id": each.effect_id, "detector_id": each.detector_id, "event_name": each.event_name}
            for each in carried.done[:SHOWN]
        ],
    }
