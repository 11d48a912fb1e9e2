"""Sending dead letters again. A letter is deleted only after what it stands for has been put, so a crash loses none."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass

from coldwatch.detection.effect import encode_effect
from coldwatch.telemetry.topics import parse_telemetry_topic, telemetry_topic
from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.dead_letters.batch_records import BatchRecord, message_of, read_records
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
from coldwatch_ops.dead_letters.evaluation import evaluate
from coldwatch_ops.dead_letters.letters import Letter, delete, held
from coldwatch_ops.dead_letters.queues import COMMAND_RESPONSES, EVALUATE_DETECTORS, INVOKED, PRESENCE, QUEUES
from coldwatch_ops.publishers import Publishers
from coldwatch_ops.stack import Stack
from coldwatch_ops.stream import StreamMessage, envelope, put_messages


@dataclass(frozen=True)
class RedrivenLetter:
    """`messages` were sent; or `reason` says why the letter is still on its queue. `remark`: what else to say."""

    message_id: str
    messages: int
    reason: str | None = None
    remark: str | None = None


@dataclass(frozen=True)
class Redriver:
    stack: Stack
    queue: str
    """As people say it."""
    pause: Callable[[float], None]
    accept_missing: bool = False
    """Send what is left of a batch when retention has taken records from it."""

    def redrive(self, limit: int) -> list[RedrivenLetter]:
        queue_url = self.stack.output(QUEUES[self.queue])
        with held(self.stack.clients.sqs, queue_url, limit) as letters:
            return [self._redrive_letter(letter, queue_url) for letter in letters]

    def _redrive_letter(self, letter: Letter, queue_url: str) -> RedrivenLetter:
        result = self._send(letter)
        if result.reason is None:
            delete(self.stack.clients.sqs, queue_url, letter)
        return result

    def _send(self, letter: Letter) -> RedrivenLetter:  # noqa: PLR0911 - one for each kind of letter
        match read_contents(letter.body, letter.attributes):
            case RuleError() as error:
                return self._send_rule_error(letter, error)
            case FailedBatch() as batch:
                return self._send_batch(letter, batch)
            case FailedEvent(payload=event) if self.queue in INVOKED:
                return self._invoke(letter, self.queue, json.dumps(event).encode())
            case FailedEffect() as failed:
                return self._send_effect(letter, failed)
            case FailedWake():
                self.stack.clients.sqs.send_message(
                    QueueUrl=self.stack.output("TimerQueueUrl"), MessageBody=letter.body
                )
                return RedrivenLetter(letter.message_id, 1)
            case MissedStart():
                remark = "A missed start needs no redrive: its schedule makes the next one by itself"
                return RedrivenLetter(letter.message_id, 0, remark=remark)
            case Unreadable(why=why):
                return RedrivenLetter(letter.message_id, 0, why)
            case _:
                return RedrivenLetter(letter.message_id, 0, f"it does not belong on the queue {self.queue}")

    def _invoke(self, letter: Letter, queue: str, event: bytes) -> RedrivenLetter:
        """Asynchronously, as the rule does; what is older than what is known changes nothing there."""
        function = self.stack.output(INVOKED[queue])
        self.stack.clients.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=event)
        return RedrivenLetter(letter.message_id, 1)

    def _send_rule_error(self, letter: Letter, error: RuleError) -> RedrivenLetter:
        if error.is_presence:
            return self._invoke(letter, PRESENCE, error.payload)
        thing = answering_thing(error.topic, prefix=self.stack.topic_prefix)
        if thing is not None:
            return self._invoke(letter, COMMAND_RESPONSES, response_event(error, thing, received_at=letter.sent_at))
        return self._put_rule_error(letter, error)

    def _put_rule_error(self, letter: Letter, error: RuleError) -> RedrivenLetter:
        said = parse_telemetry_topic(error.topic, prefix=self.stack.topic_prefix)
        if said is None:
            return RedrivenLetter(letter.message_id, 0, f"its topic {error.topic} is not one of telemetry")
        message = envelope(
            payload=error.payload,
            topic=telemetry_topic(said.application, said.thing, prefix=self.stack.topic_prefix),
            thing=said.thing,
            application=said.application,
            client_id=error.client_id,
            received_at=letter.sent_at,
            trace_id=error.trace_id,
        )
        return self._put(letter, [message])

    def _send_effect(self, letter: Letter, failed: FailedEffect) -> RedrivenLetter:
        """In the order of its detector. Who carries it out knows what is done, so sending it twice does no harm."""
        from coldwatch.adapters.effect_queue import message_group  # noqa: PLC0415 - functions' boto3 is optional here

        self.stack.clients.sqs.send_message(
            QueueUrl=self.stack.output("EffectQueueUrl"),
            MessageBody=encode_effect(failed.effect),
            MessageGroupId=message_group(failed.effect.detector_id),
            # Not the effect's id: within five minutes of its first message, the queue would take this one and drop it.
            MessageDeduplicationId=letter.message_id,
        )
        return RedrivenLetter(letter.message_id, 1)

    def _send_batch(self, letter: Letter, batch: FailedBatch) -> RedrivenLetter:
        records = self._records(batch)
        if len(records) < batch.size and not self.accept_missing:
            found = f"only {len(records):,} of its {batch.size:,} records are still on the stream"
            return RedrivenLetter(letter.message_id, 0, f"{found}; --accept-missing sends those")
        publishers = Publishers(self.stack)
        messages = [message_of(batch.shard_id, record, publishers) for record in records]
        if self.queue == EVALUATE_DETECTORS:
            fault = evaluate(self.stack, letter.message_id, list(zip(records, messages, strict=True)))
            return RedrivenLetter(letter.message_id, len(messages), fault)
        return self._put(letter, messages)

    def _records(self, batch: FailedBatch) -> list[BatchRecord]:
        try:
            return read_records(self.stack.clients.kinesis, self.stack.output("TelemetryStreamName"), batch)
        except aws_exceptions() as error:
            if error_code(error) not in {"ResourceNotFoundException", "InvalidArgumentException"}:
                raise
            return []  # the shard, or its records, have gone from the stream

    def _put(self, letter: Letter, messages: list[StreamMessage]) -> RedrivenLetter:
        stream_name = self.stack.output("TelemetryStreamName")
        reasons = put_messages(self.stack.clients.kinesis, stream_name, messages, self.pause)
        failed = [reason for reason in reasons if reason is not None]
        if failed:
            text = f"{len(failed):,} of {len(messages):,} messages could not be put on the stream ({failed[0]})"
            return RedrivenLetter(letter.message_id, len(messages) - len(failed), text)
        return RedrivenLetter(letter.message_id, len(messages))


def answering_thing(topic: str, *, prefix: str) -> str | None:
    """Whose response to a command came on this topic; None for any other topic.

    >>> answering_thing("x/cmd/acme-fridge-1/response", prefix="x/")
    'acme-fridge-1'
    """
    match topic.removeprefix(prefix).split("/"):
        case ["cmd", thing, "response"] if topic.startswith(prefix):
            return thing
    return None


def response_event(error: RuleError, thing: str, *, received_at: int) -> bytes:
    """As the topic rule of responses makes it."""
    payload = base64.b64encode(error.payload).decode()
    event = {"payload": payload, "topic": error.topic, "thing": thing, "received_at": received_at}
    return json.dumps(event | {"trace_id": error.trace_id}).encode()
