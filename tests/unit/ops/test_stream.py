"""Putting on the stream: each message once, unless it was refused, and never more than the API takes."""

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from coldwatch_ops.stream import StreamMessage, put_messages


class FakeKinesis:
    """Refuses the messages whose data it is told to, as often as it is told to; keeps the API's limits."""

    def __init__(self, refusals: dict[bytes, int] | None = None) -> None:
        self.refusals = refusals or {}
        self.taken: list[bytes] = []

    def put_records(self, *, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's
        assert StreamName == "telemetry"
        assert 1 <= len(Records) <= 500
        assert sum(len(record["Data"]) + len(record["PartitionKey"]) for record in Records) <= 5 * 1024 * 1024
        return {"Records": [self._take(record["Data"]) for record in Records]}

    def _take(self, data: bytes) -> dict[str, str]:
        if self.refusals.get(data, 0) > 0:
            self.refusals[data] -= 1
            return {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"}
        self.taken.append(data)
        return {"SequenceNumber": "1"}


def put(kinesis: FakeKinesis, messages: list[bytes]) -> tuple[list[str | None], float]:
    """The reasons, and how long was waited."""
    waits: list[float] = []
    prepared = [StreamMessage("k", data) for data in messages]
    reasons = put_messages(cast("Any", kinesis), "telemetry", prepared, waits.append)
    return reasons, sum(waits)


@given(st.lists(st.integers(0, 8), max_size=30))
def test_every_message_is_taken_once_or_its_refusal_is_told(refused: list[int]) -> None:
    messages = [str(number).encode() for number in range(len(refused))]
    kinesis = FakeKinesis(dict(zip(messages, refused, strict=True)))

    reasons, _ = put(kinesis, messages)

    assert sorted(kinesis.taken) == sorted(m for m, reason in zip(messages, reasons, strict=True) if reason is None)
    assert [reason is None for reason in reasons] == [times < 6 for times in refused]


def test_messages_go_in_order_when_none_is_refused() -> None:
    messages = [str(number).encode() for number in range(1_200)]
    kinesis = FakeKinesis()

    _, waited_s = put(kinesis, messages)

    assert kinesis.taken == messages
    assert waited_s == 0


def test_large_messages_are_split_by_size() -> None:
    kinesis = FakeKinesis()

    put(kinesis, [bytes([number]) * 900_000 for number in range(12)])

    assert len(kinesis.taken) == 12


def test_a_refusal_is_waited_out_longer_each_time() -> None:
    reasons, waited_s = put(FakeKinesis({b"a": 9}), [b"a"])

    assert reasons == ["ProvisionedThroughputExceededException: slow down"]
    assert 10 < waited_s < 15


def test_nothing_is_asked_of_the_stream_for_no_messages() -> None:
    assert put(FakeKinesis(), []) == ([], 0)
