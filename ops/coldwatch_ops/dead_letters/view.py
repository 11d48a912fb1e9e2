"""Dead letters told to people and to machines. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import to_builtins

from coldwatch_ops.answer import Answer
from coldwatch_ops.dead_letters.contents import (
    FailedBatch,
    FailedEffect,
    FailedEvent,
    FailedWake,
    MissedStart,
    RuleError,
    Unreadable,
    read_contents,
)
from coldwatch_ops.dead_letters.letters import Letter
from coldwatch_ops.dead_letters.queues import COMMAND_RESPONSES
from coldwatch_ops.dead_letters.redrive import RedrivenLetter
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.text import count, escape, preview, table
from coldwatch_ops.times import rfc3339


def listed(letters: Mapping[str, Sequence[Letter]]) -> Answer:
    """`letters` of each queue that was looked at."""
    document = {queue: [document_of(letter) for letter in found] for queue, found in letters.items()}
    rows = [
        (queue, rfc3339(letter.sent_at), what, why, letter.message_id)
        for queue, found in letters.items()
        for letter in found
        for what, why in [_told_of(queue, letter)]
    ]
    if not rows:
        return Answer(document, ("No dead letters.",))
    drawn = table(("queue", "sent", "what", "why", "message id"), rows)
    return Answer(document, (drawn, count(len(rows), "letter") + "."))


def document_of(letter: Letter) -> dict[str, Any]:  # noqa: PLR0911 - one for each kind of letter
    base = {"message_id": letter.message_id, "sent_at": rfc3339(letter.sent_at)}
    match read_contents(letter.body, letter.attributes):
        case RuleError() as error:
            return base | {"kind": "rule_error"} | _rule_error(error)
        case FailedBatch() as batch:
            return base | {"kind": "failed_batch"} | _failed_batch(batch)
        case FailedEvent(payload=payload, condition=condition):
            return base | {"kind": "failed_event", "event": payload, "condition": condition}
        case FailedEffect(effect=effect, reason=reason):
            return base | {"kind": "failed_effect", "effect": to_builtins(effect), "reason": reason}
        case FailedWake(detector_id=detector_id, due_ms=due_ms):
            return base | {"kind": "failed_wake", "detector_id": detector_id, "due_at": rfc3339(due_ms)}
        case MissedStart(schedule=schedule, condition=condition):
            return base | {"kind": "missed_start", "schedule": schedule, "condition": condition}
        case Unreadable(why=why):
            return base | {"kind": "unreadable", "why": why, "preview": preview(letter.body.encode(), limit=200)}


def _rule_error(error: RuleError) -> dict[str, Any]:
    return {
        "rule": error.rule,
        "topic": error.topic,
        "client_id": error.client_id,
        "size_bytes": len(error.payload),
        "preview": preview(error.payload, limit=200),
        "failures": list(error.failures),
    }


def _failed_batch(batch: FailedBatch) -> dict[str, Any]:
    return {
        "shard_id": batch.shard_id,
        "first": batch.first,
        "last": batch.last,
        "records": batch.size,
        "condition": batch.condition,
    }


def _told_of(queue: str, letter: Letter) -> tuple[str, str]:  # noqa: PLR0911 - one for each kind of letter
    """What is meant, and why it came here."""
    match read_contents(letter.body, letter.attributes):
        case RuleError() as error:
            return f"{error.topic} ({len(error.payload):,} B)", "; ".join(error.failures) or "no reason given"
        case FailedBatch() as batch:
            return f"{count(batch.size, 'record')} of {batch.shard_id} from {batch.first}", batch.condition
        case FailedEvent(condition=condition):
            return "a command's response" if queue == COMMAND_RESPONSES else "a presence event", condition
        case FailedEffect(effect=effect, reason=reason):
            what = f"{effect.event_name} of {effect.detector_id}, {rfc3339(effect.occurred_at)}"
            return what, escape(reason) or "could not be carried out: the log of run_effects says why"
        case FailedWake(detector_id=detector_id, due_ms=due_ms):
            return f"a timer of {detector_id}, due {rfc3339(due_ms)}", "the log of fire_timers says why"
        case MissedStart(schedule=schedule, condition=condition):
            return f"a start by {schedule.rpartition('/')[2]}", condition
        case Unreadable(why=why):
            return "unreadable", why


def redriven(results: Sequence[RedrivenLetter]) -> Answer:
    left = {result.message_id: result.reason for result in results if result.reason is not None}
    sent = [result.message_id for result in results if result.reason is None]
    messages = sum(result.messages for result in results)
    document = {"redriven": sent, "messages": messages, "left": left}
    told = [f"{count(len(sent), 'letter')} redriven, {count(messages, 'message')} in them."]
    told += [f"{remark}." for remark in dict.fromkeys(result.remark for result in results if result.remark)]
    told += [f"Left on the queue: {escape(name)}: {escape(reason)}." for name, reason in left.items()]
    return Answer(document, tuple(told), ExitCode.FAILED if left else ExitCode.OK)
