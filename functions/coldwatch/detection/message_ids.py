"""Which messages of the data plane API a detector has had: for five minutes a second one with the same id is dropped.

An id is kept as 72 bits of its hash, by the second in which it came. So those of a detector that takes ten messages a
second for five minutes, the most that the service took, weigh 40 KB.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Final

KEPT_S: Final = 300
MOST: Final = 3_000
"""Ten a second for so long. A detector takes no more of them: it could not tell a repetition."""
_LENGTH: Final = 12

type MessageIds = Mapping[str, int]
"""Hash of the id -> the second (epoch) by whose end it had come."""


def has_come(ids: MessageIds, message_id: str, *, now_ms: int) -> bool:
    """Whether it came within the last five minutes, and up to a second more."""
    came = ids.get(_hash(message_id))
    return came is not None and came > _oldest(now_ms)


def remembering(ids: MessageIds, message_id: str, *, now_ms: int) -> dict[str, int]:
    """With the id, and without those that are older than five minutes."""
    kept = {name: came for name, came in ids.items() if came > _oldest(now_ms)}
    return kept | {_hash(message_id): -(-now_ms // 1000)}


def is_full(ids: MessageIds, *, now_ms: int) -> bool:
    """Whether no more can be taken in for now."""
    return len(ids) >= MOST and sum(came > _oldest(now_ms) for came in ids.values()) >= MOST


def grouped(ids: MessageIds) -> dict[str, str]:
    """As it is stored: the hashes of a second, one after the other."""
    found: dict[str, str] = {}
    for name, came in ids.items():
        found[str(came)] = found.get(str(came), "") + name
    return found


def ungrouped(stored: Mapping[str, str]) -> dict[str, int]:
    """Raises ValueError for what `grouped` did not write."""
    found: dict[str, int] = {}
    for came, names in stored.items():
        if len(names) % _LENGTH:
            raise ValueError("message ids are stored in parts of twelve characters")
        found |= {names[at : at + _LENGTH]: int(came) for at in range(0, len(names), _LENGTH)}
    return found


def _hash(message_id: str) -> str:
    return urlsafe_b64encode(hashlib.blake2b(message_id.encode(), digest_size=9).digest()).decode()


def _oldest(now_ms: int) -> int:
    """The second up to which all are forgotten. Ids came by the end of theirs, so five minutes are never less."""
    return now_ms // 1000 - KEPT_S
