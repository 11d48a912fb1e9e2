"""How far the stream has been evaluated: a timer on the wall clock must not overtake it.

A device is silent only if nothing of it waits on the stream. So its timer fires once every message that arrived up to
the timer's due time has been evaluated: up to the shard's checkpoint or, when the shard holds nothing behind that, up
to now but for what may still be on its way. Where a shard was split or merged its children are asked as well.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coldwatch.detection.commit import SETTLE_MS
from coldwatch.detection.detector import Position
from coldwatch.detection.ports import Checkpoints, Child, StreamTails

GIVEN_UP_AFTER_MS: Final = 6 * 3_600_000 + 900_000
"""The event source gives up a record after 6 h (`MaximumRecordAgeInSeconds`): what has waited longer will never be
evaluated, and holds no timer back.
"""


@dataclass(slots=True)
class Frontier:
    """Remembers how far each shard was found evaluated, and which have ended: neither becomes untrue."""

    checkpoints: Checkpoints
    stream: StreamTails
    _reached: dict[str, int] = field(default_factory=dict)
    _ended: dict[str, tuple[Child, ...]] = field(default_factory=dict)

    def reaches(self, due_ms: int, positions: Mapping[str, Position], *, now_ms: int) -> bool:
        """Whether everything that arrived up to `due_ms` has been evaluated, of all shards that feed the detector."""
        if due_ms <= now_ms - GIVEN_UP_AFTER_MS:
            return True
        return due_ms <= now_ms - SETTLE_MS and all(
            self._is_evaluated(shard_id, each.thing, due_ms, now_ms) for shard_id, each in positions.items()
        )

    def _is_evaluated(self, shard_id: str, thing: str, due_ms: int, now_ms: int) -> bool:
        if shard_id not in self._ended and self._reach(shard_id, due_ms, now_ms) < due_ms:
            return False
        children = (child for child in self._ended.get(shard_id, ()) if _holds(child, thing))
        return all(self._is_evaluated(child.shard_id, thing, due_ms, now_ms) for child in children)

    def _reach(self, shard_id: str, due_ms: int, now_ms: int) -> int:
        reached = self._reached.get(shard_id, 0)
        if reached >= due_ms:
            return reached
        checkpoint = self.checkpoints.read([shard_id])[shard_id]
        reached = checkpoint.evaluated_until_ms - SETTLE_MS
        if reached < due_ms:
            tail = self.stream.tail(shard_id, checkpoint.last_sequence)
            if tail.is_empty:
                reached = now_ms - SETTLE_MS
            if tail.is_empty and tail.children:
                self._ended[shard_id] = tail.children
        self._reached[shard_id] = reached
        return reached


def _holds(child: Child, thing: str) -> bool:
    """Kinesis places a record by the MD5 hash of its partition key (Kinesis Data Streams, "Partition key")."""
    digest = hashlib.md5(thing.encode(), usedforsecurity=False).digest()
    return child.first_hash <= int.from_bytes(digest) <= child.last_hash
