"""Wakes for detectors whose timers are due soon: messages that appear when they are to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from coldwatch.adapters.batches import BACKOFF_S, Sleep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from coldwatch.detection.ports import Wake

MESSAGES_PER_SEND: Final = 10
LONGEST_DELAY_S: Final = 900
"""Amazon SQS quotas: message delay."""


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
        for delay in (*BACKOFF_S[:2], None):
            entries = [_entry(str(n), each) for n, each in enumerate(wakes)]
            answer = self.client.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            wakes = [wakes[int(each["Id"])] for each in answer.get("Failed", [])]
            if not wakes:
                return
            if delay is not None:
                self.sleep(delay)


def _entry(entry_id: str, wake: Wake) -> SendMessageBatchRequestEntryTypeDef:
    body = msgspec.json.encode({"detector_id": wake.detector_id, "attempt": wake.attempt}).decode()
    return {"Id": entry_id, "MessageBody": body, "DelaySeconds": min(wake.delay_s, LONGEST_DELAY_S)}
