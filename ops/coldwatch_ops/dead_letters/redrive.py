"""Sending dead letters again. A letter is deleted only after what it stands for has been put, so a crash loses none."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from coldwatch.telemetry.topics import parse_telemetry_topic, telemetry_topic
from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.dead_letters.batch_records import message_of, read_records
from coldwatch_ops.dead_letters.contents import (
    FailedBatch,
    FailedEvent,
    RuleError,
    Unreadable,
    read_contents,
)
from coldwatch_ops.dead_letters.letters import Letter, delete, held
from coldwatch_ops.publishers import Publishers
from coldwatch_ops.stack import Stack
from coldwatch_ops.stream import StreamMessage, envelope, put_messages


@dataclass(frozen=True)
class RedrivenLetter:
    """`messages` were sent; or `reason` says why the letter is still on its queue."""

    message_id: str
    messages: int
    reason: str | None = None


@dataclass(frozen=True)
class Redriver:
    stack: Stack
    queue_url: str
    pause: Callable[[float], None]
    accept_missing: bool = False
    """Send what is left of a batch when retention has taken records from it."""

    def redrive(self, limit: int) -> list[RedrivenLetter]:
        with held(self.stack.clients.sqs, self.queue_url, limit) as letters:
            return [self._redrive_letter(letter) for letter in letters]

    def _redrive_letter(self, letter: Letter) -> RedrivenLetter:
        result = self._send(letter)
        if result.reason is None:
            delete(self.stack.clients.sqs, self.queue_url, letter)
        return result

    def _send(self, letter: Letter) -> RedrivenLetter:
        match read_contents(letter.body):
            case RuleError(is_presence=True, payload=payload):
                return self._invoke_record_presence(letter, payload)
            case RuleError() as error:
                return self._put_rule_error(letter, error)
            case FailedBatch() as batch:
                return self._put_batch(letter, batch)
            case FailedEvent(payload=event):
                return self._invoke_record_presence(letter, json.dumps(event).encode())
            case Unreadable(why=why):
                return RedrivenLetter(letter.message_id, 0, why)

    def _invoke_record_presence(self, letter: Letter, event: bytes) -> RedrivenLetter:
        """Asynchronously, as the rule does; an event older than what is known changes nothing there."""
        function = self.stack.output("RecordPresenceFunctionName")
        self.stack.clients.lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=event)
        return RedrivenLetter(letter.message_id, 1)

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

    def _put_batch(self, letter: Letter, batch: FailedBatch) -> RedrivenLetter:
        stream_name = self.stack.output("TelemetryStreamName")
        try:
            records = read_records(self.stack.clients.kinesis, stream_name, batch)
        except aws_exceptions() as error:
            if error_code(error) not in {"ResourceNotFoundException", "InvalidArgumentException"}:
                raise
            records = []  # the shard, or its records, have gone from the stream
        if len(records) < batch.size and not self.accept_missing:
            found = f"only {len(records):,} of its {batch.size:,} records are still on the stream"
            return RedrivenLetter(letter.message_id, 0, f"{found}; --accept-missing sends those")
        publishers = Publishers(self.stack)
        return self._put(letter, [message_of(batch.shard_id, record, publishers) for record in records])

    def _put(self, letter: Letter, messages: list[StreamMessage]) -> RedrivenLetter:
        stream_name = self.stack.output("TelemetryStreamName")
        reasons = put_messages(self.stack.clients.kinesis, stream_name, messages, self.pause)
        failed = [reason for reason in reasons if reason is not None]
        if failed:
            text = f"{len(failed):,} of {len(messages):,} messages could not be put on the stream ({failed[0]})"
            return RedrivenLetter(letter.message_id, len(messages) - len(failed), text)
        return RedrivenLetter(letter.message_id, len(messages))
