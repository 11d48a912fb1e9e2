"""A Kinesis stream in memory: shards with ranges of hash keys, split and merged while records arrive."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any, Final

from coldwatch.telemetry.envelope import StreamRecord
from tests.simulation.wire import Wire
from tests.unit.telemetry.builders import sequence_number

HASHES: Final = 1 << 128


@dataclass(slots=True)
class Shard:
    """`arrivals` are the times of its records, which never run backwards."""

    shard_id: str
    first_hash: int
    last_hash: int
    parents: tuple[str, ...] = ()
    opened_at: int = 0
    closed_at: int | None = None
    records: list[StreamRecord] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)

    def there_at(self, now_ms: int) -> int:
        """How many of its records have arrived."""
        return bisect_right(self.arrivals, now_ms)

    def is_closed(self, now_ms: int) -> bool:
        return self.closed_at is not None and self.closed_at <= now_ms


@dataclass(slots=True)
class Stream:
    """All that a run will ever put on it, made beforehand: records are there from their arrival on."""

    shards: dict[str, Shard] = field(default_factory=dict)
    made: int = 0

    def open(self, first_hash: int, last_hash: int, now_ms: int, parents: tuple[str, ...] = ()) -> Shard:
        name = f"shardId-{len(self.shards):012d}"
        shard = self.shards[name] = Shard(name, first_hash, last_hash, parents, now_ms)
        return shard

    @property
    def open_shards(self) -> list[Shard]:
        return sorted((each for each in self.shards.values() if each.closed_at is None), key=lambda s: s.first_hash)

    def put(self, partition_key: str, data: bytes, arrived_at: int) -> StreamRecord:
        self.made += 1
        shard = next(each for each in self.open_shards if each.first_hash <= hash_of(partition_key) <= each.last_hash)
        number = sequence_number(self.made)
        record = StreamRecord(f"{shard.shard_id}:{number}", shard.shard_id, number, partition_key, data, arrived_at)
        shard.records.append(record)
        shard.arrivals.append(arrived_at)
        return record

    def split(self, shard: Shard, at_hash: int, now_ms: int) -> None:
        shard.closed_at = now_ms
        self.open(shard.first_hash, at_hash - 1, now_ms, (shard.shard_id,))
        self.open(at_hash, shard.last_hash, now_ms, (shard.shard_id,))

    def merge(self, left: Shard, right: Shard, now_ms: int) -> None:
        left.closed_at = right.closed_at = now_ms
        self.open(left.first_hash, right.last_hash, now_ms, (left.shard_id, right.shard_id))

    def children(self, shard: Shard) -> list[Shard]:
        return [each for each in self.shards.values() if shard.shard_id in each.parents]


def hash_of(partition_key: str) -> int:
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest())


class KinesisClient:
    """What an environment holds of the stream; boto3's names and answers."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def get_shard_iterator(self, *, ShardId: str, **place: Any) -> dict[str, str]:  # noqa: N803 - boto3's
        after = int(place["StartingSequenceNumber"]) if "StartingSequenceNumber" in place else -1
        return {"ShardIterator": f"{ShardId}|{after}"}

    def get_records(self, *, ShardIterator: str, Limit: int, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's
        name, __, after = ShardIterator.partition("|")
        shard = self.wire.world.stream.shards[name]
        return self.wire.call("GetRecords", name, lambda: self._read(shard, int(after), Limit), is_read=True)

    def _read(self, shard: Shard, after: int, limit: int) -> dict[str, Any]:
        now_ms = self.wire.now_ms
        there = [each for each in shard.records[: shard.there_at(now_ms)] if each.sequence > after]
        answer: dict[str, Any] = {"Records": [{"Data": each.data} for each in there[:limit]], "MillisBehindLatest": 0}
        if len(there) > limit or not shard.is_closed(now_ms):
            answer["NextShardIterator"] = f"{shard.shard_id}|{there[:limit][-1].sequence if there else after}"
            answer["MillisBehindLatest"] = 1000 if len(there) > limit else 0
        elif not there:
            answer["ChildShards"] = [_described(each) for each in self.wire.world.stream.children(shard)]
        else:
            answer["NextShardIterator"] = f"{shard.shard_id}|{there[-1].sequence}"
        return answer


def _described(shard: Shard) -> dict[str, Any]:
    hashes = {"StartingHashKey": str(shard.first_hash), "EndingHashKey": str(shard.last_hash)}
    return {"ShardId": shard.shard_id, "ParentShards": list(shard.parents), "HashKeyRange": hashes}
