"""Effects to the queue that keeps the order of each detector's.

Limits (Amazon SQS API reference, SendMessageBatch): 10 messages and 256 KiB a request, of which it may take a part.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from botocore.exceptions import ClientError

from coldwatch.adapters.batches import BACKOFF_S, Sleep
from coldwatch.detection.effect import LARGEST_BYTES, encode_effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from coldwatch.detection.effect import Effect

MESSAGES_PER_SEND: Final = 10
_LONGEST_REASON: Final = 1_000


class QueuedMessage(Protocol):
    @property
    def message_id(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def body(self) -> str: ...


@dataclass(frozen=True, slots=True)
class SqsEffectQueue:
    """`ports.EffectQueue`. Messages of one group are in the order in which they were taken, and one that is taken twice
    within five minutes is there once.
    """

    client: SQSClient
    queue_url: str
    sleep: Sleep

    def send(self, effects: Sequence[Effect]) -> set[str]:
        unsent: set[str] = set()
        stuck: set[str] = set()
        for wave in _waves(effects):
            unsent |= {each.effect_id for each in wave if each.detector_id in stuck}
            for batch in _batches([each for each in wave if each.detector_id not in stuck]):
                refused = self._send_all(batch)
                unsent |= {each.effect_id for each in refused}
                stuck |= {each.detector_id for each in refused}
        return unsent

    def _send_all(self, effects: list[Effect]) -> list[Effect]:
        """Those that the queue would not take, however often it was asked."""
        for delay in (*BACKOFF_S, None):
            entries = [_entry(str(n), each) for n, each in enumerate(effects)]
            answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            effects = [effects[int(each["Id"])] for each in answer.get("Failed", [])]
            if not effects:
                break
            if delay is not None:
                self.sleep(delay)
        return effects


@dataclass(frozen=True, slots=True)
class SqsRetries:
    """Has failed messages come again sooner than after the queue's visibility time-out, which a crash would cost."""

    client: SQSClient
    queue_url: str

    def come_again(self, after_s: Mapping[str, int]) -> None:
        """Seconds by receipt handle. One that SQS does not take comes at its usual time."""
        for receipt_handle, seconds in after_s.items():
            with suppress(ClientError):
                self.client.change_message_visibility(
                    QueueUrl=self.queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
                )


@dataclass(frozen=True, slots=True)
class SqsParkedEffects:
    """Onto the dead-letter queue, with the reason, which SQS itself cannot give."""

    client: SQSClient
    queue_url: str

    def park(self, message: QueuedMessage, reason: str) -> None:
        self.client.send_message(
            QueueUrl=self.queue_url,
            MessageBody=message.body,
            MessageGroupId=message.group,
            MessageDeduplicationId=message.message_id,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": _printable(reason)[:_LONGEST_REASON]}},
        )


def _printable(text: str) -> str:
    """SQS takes no control characters in an attribute, and a reason may repeat what a device sent."""
    return "".join(each if each.isprintable() else " " for each in text) or "unknown"


def message_group(detector_id: str) -> str:
    """A group's name has at most 128 characters, and not all that a key may have.

    >>> message_group("shock/acme-fridge-0042")
    'a467945ab8cdf7e3c575c5df82d8d6e5'
    """
    return hashlib.sha256(detector_id.encode()).hexdigest()[:32]


def _waves(effects: Sequence[Effect]) -> Iterator[list[Effect]]:
    """The first effect of each detector, then the second of each, and so on.

    A request that is taken in part may take a later message and not an earlier one, so it never holds two of a group.
    """
    queues: dict[str, list[Effect]] = defaultdict(list)
    for effect in effects:
        queues[effect.detector_id].append(effect)
    for turn in range(max((len(queue) for queue in queues.values()), default=0)):
        yield [queue[turn] for queue in queues.values() if len(queue) > turn]


def _batches(effects: Sequence[Effect]) -> Iterator[list[Effect]]:
    batch: list[Effect] = []
    size = 0
    for effect in effects:
        weight = len(encode_effect(effect).encode())
        if batch and (len(batch) == MESSAGES_PER_SEND or size + weight > LARGEST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(effect)
        size += weight
    if batch:
        yield batch


def _entry(entry_id: str, effect: Effect) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": entry_id,
        "MessageBody": encode_effect(effect),
        "MessageGroupId": message_group(effect.detector_id),
        "MessageDeduplicationId": effect.effect_id,
    }
