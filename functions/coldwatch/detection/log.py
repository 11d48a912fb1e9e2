"""The log of a shard's small changes: pages that are written in one transaction with the checkpoint.

So what the checkpoint says is done is in the detectors or in the log, whoever dies. A page holds the small changes of
one batch, in one of 64 slots that are used over and over. When all are full a new *base* is written instead: every
small change of the shard that its stored detector does not hold. Base and pages tell a cold environment all that a warm
one remembers.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from coldwatch.detection.errors import DetectorContestedError
from coldwatch.detection.ports import Checkpoint, Checkpoints, LogReach, Page
from coldwatch.detection.small import Small, pack, unpack

SLOTS: Final = 64
PAGE_BYTES: Final = 350_000
"""A DynamoDB item may have 400 KB."""
BASE_BYTES: Final = 3_000_000
"""A transaction may have 4 MB. A base that would be larger is made smaller first: `oldest_beyond`."""
_TRIES: Final = 10


def next_pages(
    reach: LogReach, entries: Mapping[str, Small], gone: Collection[str], every: Mapping[str, Small]
) -> tuple[LogReach, list[Page]]:
    """The pages for the small changes of one batch, and how far the log reaches with them. `every` holds those of all
    batches up to this one.
    """
    if not entries and not gone:
        return reach, []
    number = reach.last + 1
    if not is_full(reach):
        return replace(reach, last=number), [Page(_slot(number), number, pack(entries, gone))]
    body = pack(every)
    chunks = [body[start : start + PAGE_BYTES] for start in range(0, len(body), PAGE_BYTES)]
    pages = [Page(slot, number, chunk) for slot, chunk in zip(_base_slots(number, len(chunks)), chunks, strict=True)]
    return LogReach(number, len(chunks), number), pages


def is_full(reach: LogReach) -> bool:
    """Whether the next pages are a base."""
    return reach.last - reach.base >= SLOTS


def oldest_beyond(every: Mapping[str, Small], limit: int = BASE_BYTES) -> list[str]:
    """The detectors that have not changed for longest, so many that the rest fits a base."""
    size = len(pack(every))
    if size <= limit:
        return []
    names = sorted(every, key=lambda name: every[name].changed_at)
    return names[: len(names) * (size - limit // 2) // size]


def _slot(number: int) -> str:
    return str(number % SLOTS)


def _base_slots(number: int, chunks: int) -> list[str]:
    """A base never overwrites the one before, which somebody may be reading: they come every 65 pages."""
    return [f"base-{number % 2}-{chunk}" for chunk in range(chunks)]


@dataclass(frozen=True, slots=True)
class Logged:
    """The small changes of a shard, all of them, as of a checkpoint."""

    checkpoint: Checkpoint
    entries: Mapping[str, Small]


@dataclass(slots=True)
class Logs:
    """Reads logs, and remembers them: what was read stays true, and only the pages behind it are asked for."""

    checkpoints: Checkpoints
    _known: dict[str, tuple[int, dict[str, Small]]] = field(default_factory=dict)

    def read(self, shard_ids: Collection[str], *, since_ms: int = 0) -> dict[str, Logged]:
        """As of now; a page that is overwritten in the moment between is looked for again. Those of shards of which
        nothing has been evaluated since then (epoch ms) are left out, and forgotten.
        """
        found: dict[str, Logged] = {}
        left = set(shard_ids)
        for _ in range(_TRIES):
            if not left:
                break
            for shard_id, checkpoint in self.checkpoints.read(left).items():
                if checkpoint.evaluated_until_ms < since_ms:
                    self._known.pop(shard_id, None)
                    left.discard(shard_id)
                elif (entries := self.entries(shard_id, checkpoint)) is not None:
                    found[shard_id] = Logged(checkpoint, entries)
                    left.discard(shard_id)
        if left:
            raise DetectorContestedError(f"the log of {min(left)} cannot be read: it moves on")
        return found

    def entries(self, shard_id: str, checkpoint: Checkpoint) -> dict[str, Small] | None:
        """As of a checkpoint; None if the log is further already."""
        reach = checkpoint.log
        number, entries = self._known.get(shard_id, (0, {}))
        if not max(reach.base, 1) <= number <= reach.last:
            number, entries = reach.base, {}
            base = self._bodies(shard_id, dict.fromkeys(_base_slots(reach.base, reach.chunks), reach.base))
            if base is None:
                return None
            entries = unpack([b"".join(base)]) if base else {}
        pages = self._bodies(shard_id, {_slot(each): each for each in range(number + 1, reach.last + 1)})
        if pages is None:
            return None
        entries = unpack(pages, entries)
        self._known[shard_id] = reach.last, entries
        return dict(entries)

    def _bodies(self, shard_id: str, numbers: Mapping[str, int]) -> list[bytes] | None:
        """Of the slots, in their order; None if one holds another page than the number says."""
        if not numbers:
            return []
        found = self.checkpoints.pages(shard_id, numbers)
        pages = [found.get(slot) for slot in numbers]
        if any(page is None or page.number != number for page, number in zip(pages, numbers.values(), strict=True)):
            return None
        return [page.body for page in pages if page]


def due_later(entries: Iterable[Logged]) -> dict[str, tuple[int, int]]:
    """Of the detectors that are due later than the index says: when it says so, and when they are.

    Not of those that were written from outside since: what the log knows of them counts no more.
    """
    return {
        name: (entry.stored_due_ms, entry.due_ms)
        for logged in entries
        if not logged.checkpoint.touched_all
        for name, entry in logged.entries.items()
        if entry.stored_due_ms is not None and entry.due_ms is not None and name not in logged.checkpoint.touched
    }
