"""What a shard of the telemetry stream holds behind a position, asked of Kinesis itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from coldwatch.detection.ports import Child, Tail

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

_LOOKS: Final = 5
"""An answer may hold nothing though there is more to come; then its next iterator leads on."""
_BUSY: Final = frozenset({"ProvisionedThroughputExceededException", "LimitExceededException"})


@dataclass(frozen=True, slots=True)
class KinesisTails:
    """`ports.StreamTails`. A shard that is read too often counts as holding something: whoever asks comes again."""

    client: KinesisClient
    stream_arn: str

    def tail(self, shard_id: str, after: int | None) -> Tail:
        try:
            return self._look(self._iterator(shard_id, after))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                # Closed, and all that it held is older than the stream keeps records.
                return Tail(is_empty=True)
            if code in _BUSY:
                return Tail(is_empty=False)
            raise

    def _iterator(self, shard_id: str, after: int | None) -> str:
        place: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(after)}
        return self.client.get_shard_iterator(StreamARN=self.stream_arn, ShardId=shard_id, **place)["ShardIterator"]

    def _look(self, iterator: str) -> Tail:
        for _ in range(_LOOKS):
            answer: Any = self.client.get_records(StreamARN=self.stream_arn, ShardIterator=iterator, Limit=1)
            if answer["Records"]:
                break
            iterator = answer.get("NextShardIterator")
            if not iterator:
                return Tail(is_empty=True, children=tuple(_child(each) for each in answer.get("ChildShards") or ()))
            if not answer.get("MillisBehindLatest"):
                return Tail(is_empty=True)
        return Tail(is_empty=False)


def _child(described: dict[str, Any]) -> Child:
    hashes = described["HashKeyRange"]
    return Child(described["ShardId"], int(hashes["StartingHashKey"]), int(hashes["EndingHashKey"]))
