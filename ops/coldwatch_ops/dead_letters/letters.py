"""Letters on a dead-letter queue. SQS has no way to look without taking, so what is taken is given back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_HELD_S = 900
"""How long a taken letter is hidden from others; longer than working through one hold takes."""
_MOST_AT_ONCE = 10
"""SQS: ReceiveMessage and the batch requests take ten."""


@dataclass(frozen=True)
class Letter:
    message_id: str
    receipt: str
    sent_at: int
    """Epoch ms, by the queue's clock."""
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What its sender said of it."""


@contextmanager
def held(sqs: "SQSClient", queue_url: str, limit: int) -> Iterator[list[Letter]]:
    """Up to `limit` letters, hidden from others meanwhile and visible again afterwards, unless deleted."""
    taken: list[Letter] = []
    try:
        for letters in _received(sqs, queue_url, limit):
            taken += letters
        yield taken
    finally:
        _give_back(sqs, queue_url, taken)


def _received(sqs: "SQSClient", queue_url: str, limit: int) -> Iterator[list[Letter]]:
    remaining = limit
    while remaining > 0:
        response = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=min(_MOST_AT_ONCE, remaining),
            VisibilityTimeout=_HELD_S,
            WaitTimeSeconds=1,  # asks every server of the queue; a short poll asks some
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        messages = response.get("Messages", [])
        if not messages:
            return
        yield [_letter_of(message) for message in messages]
        remaining -= len(messages)


def _letter_of(message: "MessageTypeDef") -> Letter:
    sent_at = int(message["Attributes"]["SentTimestamp"])
    said = {name: each.get("StringValue", "") for name, each in message.get("MessageAttributes", {}).items()}
    return Letter(message["MessageId"], message["ReceiptHandle"], sent_at, message["Body"], said)


def _give_back(sqs: "SQSClient", queue_url: str, letters: Sequence[Letter]) -> None:
    """Letters deleted meanwhile are refused one by one, which is as it should be."""
    for group in batched(letters, _MOST_AT_ONCE, strict=False):
        entries = [
            {"Id": str(index), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
            for index, letter in enumerate(group)
        ]
        sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)  # type: ignore[arg-type]  # a TypedDict


def delete(sqs: "SQSClient", queue_url: str, letter: Letter) -> None:
    sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=letter.receipt)


def depth(sqs: "SQSClient", queue_url: str) -> int:
    """About how many letters wait: SQS does not count exactly."""
    names = ["ApproximateNumberOfMessages"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)  # type: ignore[arg-type]  # literals
    return int(attributes["Attributes"]["ApproximateNumberOfMessages"])
