"""How much one source may ask of this process: a bucket of tokens each, which fills again by itself.

It bounds what looking costs without writing anything, since to look must change nothing. Each process has buckets of
its own, and `PageConcurrency` bounds how many processes there are.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

CAPACITY = 300.0
PER_SECOND = 5.0
A_LOOK = 1.0
A_MISS = 10.0
"""Whoever tries links that are none pays for ten."""
SOURCES = 1024
"""Of more, the one that has been quiet for longest is forgotten."""


@dataclass(slots=True)
class Flood:
    """Tokens by source, and when they were counted last (epoch ms)."""

    buckets: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict)

    def is_over(self, source: str, *, now_ms: int) -> bool:
        """Whether this source has used up what it may ask for."""
        return self._tokens(source, now_ms) < A_LOOK

    def take(self, source: str, cost: float, *, now_ms: int) -> None:
        self.buckets[source] = max(self._tokens(source, now_ms) - cost, 0.0), now_ms
        self.buckets.move_to_end(source)
        if len(self.buckets) > SOURCES:
            self.buckets.popitem(last=False)

    def _tokens(self, source: str, now_ms: int) -> float:
        tokens, at = self.buckets.get(source, (CAPACITY, now_ms))
        return min(CAPACITY, tokens + max(now_ms - at, 0) / 1000 * PER_SECOND)
