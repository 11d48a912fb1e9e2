"""Effects to the queue that keeps the order of each detector's.

Limits (Amazon SQS API reference, SendMessageBatch): 10 messages and 256 KiB a request, of which it may take a part.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from botocore.exceptions import ClientError

from coldwatch.adapters.batches import Sleep, tries
from coldwatch.detection.effect import LARGEST_BYTES, encode_effect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

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
        """Ten at a time, in order, several of one detector in one request. What the queue refuses is sent again with
        all of its detector that came behind it: so if it takes a part of a request, and only then, a later effect may
        be there before an earlier one; it is known again by its id when it comes a second time.
        """
        unsent: dict[str, Effect] = {}
        for batch in _batches(effects):
            stuck = {each.detector_id for each in unsent.values()}
            refused = self._send_all([each for each in batch if each.detector_id not in stuck])
            unsent |= {each.effect_id: each for each in batch if each.detector_id in stuck or each in refused}
        return set(unsent)

    def _send_all(self, effects: list[Effect]) -> list[Effect]:
        """Those that the queue would not take, however often it was asked, and those behind them."""
        for _ in tries(self.sleep) if effects else ():
            entries = [_entry(str(n), each) for n, each in enumerate(effects)]
            answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            effects = _from_refused_on(effects, {int(each["Id"]) for each in answer.get("Failed", [])})
            if not effects:
                break
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


def _from_refused_on(effects: Sequence[Effect], refused: Collection[int]) -> list[Effect]:
    """Of each detector, the first that was refused and all behind it."""
    found: list[Effect] = []
    waiting: set[str] = set()
    for place, effect in enumerate(effects):
        if place in refused or effect.detector_id in waiting:
            waiting.add(effect.detector_id)
            found.append(effect)
    return found


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
