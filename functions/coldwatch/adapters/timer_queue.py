"""Wakes for detectors whose timers are due soon: messages that appear when they are to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from coldwatch.adapters.batches import BACKOFF_S, Sleep, tries
from coldwatch.detection.ports import Wake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

MESSAGES_PER_SEND: Final = 10
LONGEST_DELAY_S: Final = 900
"""Amazon SQS quotas: message delay."""


class _Body(msgspec.Struct, frozen=True):
    detector_id: str
    due_ms: int
    attempt: int = 0


_decoder = msgspec.json.Decoder(_Body)


def read_wake(body: str) -> Wake:
    """The wake that a message carries, now that its delay is over; raises msgspec.MsgspecError if it carries none."""
    read = _decoder.decode(body)
    return Wake(read.detector_id, read.due_ms, 0, read.attempt)


@dataclass(frozen=True, slots=True)
class SqsTimerQueue:
    """`ports.TimerQueue`."""

    client: SQSClient
    queue_url: str
    sleep: Sleep

    def send(self, wakes: Sequence[Wake]) -> None:
        for start in range(0, len(wakes), MESSAGES_PER_SEND):
            self._send_all(list(wakes[start : start + MESSAGES_PER_SEND]))

    def _send_all(self, wakes: list[Wake]) -> None:
        for _ in tries(self.sleep, BACKOFF_S[:2]):
            entries = [_entry(str(n), each) for n, each in enumerate(wakes)]
            answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            wakes = [wakes[int(each["Id"])] for each in answer.get("Failed", [])]
            if not wakes:
                return


def _entry(entry_id: str, wake: Wake) -> SendMessageBatchRequestEntryTypeDef:
    body = msgspec.json.encode(_Body(wake.detector_id, wake.due_ms, wake.attempt)).decode()
    return {"Id": entry_id, "MessageBody": body, "DelaySeconds": min(wake.delay_s, LONGEST_DELAY_S)}
