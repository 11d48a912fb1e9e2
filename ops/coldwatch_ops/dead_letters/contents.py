"""What a dead letter says. Pure: the text and attributes of a letter in, its meaning out.

RuleError     the document that a topic rule's error action sends (developer guide, "Error handling (error action)")
FailedBatch   the record that Lambda sends when it gives a batch of a stream up (Lambda guide, "Retain discarded batch
              records for a Kinesis Data Streams event source")
FailedEvent   the record that Lambda sends when it gives an asynchronous invocation up ("Retain records of
              asynchronous invocations")
FailedEffect  what a detector asked for, as the effect queue had it
FailedWake    a detector's timer that is due, as the timer queue had it
MissedStart   what EventBridge Scheduler could not start: the function's event, and attributes that say why (Scheduler
              guide, "Configuring a dead-letter queue")
Unreadable    none of these
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coldwatch.detection.effect import Effect, decode_effect
from coldwatch.detection.errors import EffectError

_PRESENCE = "$aws/events/presence/"


@dataclass(frozen=True)
class RuleError:
    rule: str
    topic: str
    client_id: str
    trace_id: str
    payload: bytes
    failures: tuple[str, ...]

    @property
    def is_presence(self) -> bool:
        return self.topic.startswith(_PRESENCE)


@dataclass(frozen=True)
class FailedBatch:
    shard_id: str
    first: str
    last: str
    """Sequence numbers of the batch's first and last record."""
    size: int
    condition: str


@dataclass(frozen=True)
class FailedEvent:
    payload: Any
    condition: str


@dataclass(frozen=True)
class FailedEffect:
    effect: Effect
    reason: str
    """As run_effects gave it; empty where its function died of it."""


@dataclass(frozen=True)
class FailedWake:
    detector_id: str
    due_ms: int


@dataclass(frozen=True)
class MissedStart:
    schedule: str
    """Its ARN."""
    condition: str


@dataclass(frozen=True)
class Unreadable:
    why: str


type Contents = RuleError | FailedBatch | FailedEvent | FailedEffect | FailedWake | MissedStart | Unreadable


def read_contents(body: str, attributes: Mapping[str, str] | None = None) -> Contents:
    said = attributes or {}
    if "SCHEDULE_ARN" in said:
        return MissedStart(said["SCHEDULE_ARN"], said.get("ERROR_MESSAGE") or said.get("ERROR_CODE", ""))
    try:
        document = json.loads(body)
        if isinstance(document, dict) and "effect_id" in document:
            return FailedEffect(decode_effect(body), said.get("reason", ""))
        return _contents_of(document)
    except (ValueError, EffectError) as error:
        return Unreadable(f"not a document this queue should hold ({error})")
    except (KeyError, TypeError, AttributeError):
        return Unreadable("not a document this queue should hold (a member is missing or of another type)")


def _contents_of(document: dict[str, Any]) -> Contents:
    if "base64OriginalPayload" in document:
        return _rule_error(document)
    if "KinesisBatchInfo" in document:
        return _failed_batch(document)
    if "requestPayload" in document:
        return FailedEvent(document["requestPayload"], document.get("requestContext", {}).get("condition", ""))
    if "due_ms" in document:
        return FailedWake(str(document["detector_id"]), int(document["due_ms"]))
    return Unreadable("neither a rule's error nor a failed invocation, no effect and no timer")


def _rule_error(document: dict[str, Any]) -> RuleError:
    try:
        payload = base64.b64decode(document["base64OriginalPayload"], validate=True)
    except binascii.Error:
        raise ValueError("its payload is not base64") from None
    return RuleError(
        rule=document["ruleName"],
        topic=document["topic"],
        client_id=document.get("clientId") or "",
        trace_id=document.get("cloudwatchTraceId") or "",
        payload=payload,
        failures=tuple(
            f"{failure.get('failedAction', '?')}: {failure.get('errorMessage', '?')}"
            for failure in document.get("failures", [])
        ),
    )


def _failed_batch(document: dict[str, Any]) -> FailedBatch:
    batch = document["KinesisBatchInfo"]
    return FailedBatch(
        shard_id=batch["shardId"],
        first=batch["startSequenceNumber"],
        last=batch["endSequenceNumber"],
        size=int(batch["batchSize"]),
        condition=document.get("requestContext", {}).get("condition", ""),
    )
