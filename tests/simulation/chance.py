"""The one source of randomness of a run, and how much goes wrong in it.

What a run does wrong is drawn anew for each seed: some kinds of fault and not others, some of them often. A seed on
which everything goes wrong all the time finds little, as nothing ever gets anywhere.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

KINDS: Final = (
    "crash",
    "duplicate",
    "reorder",
    "throttle",
    "lost_answer",
    "partial_failure",
    "stale_cache",
    "reshard",
    "clock_skew",
    "zombie",
    "profile_change",
)
OF_THE_WORKLOAD: Final = frozenset({"reshard", "profile_change"})
"""They happen in the run without faults as well: another shard gives a message another id."""
RATES: Final = {
    "crash": 0.005,
    "duplicate": 0.1,
    "reorder": 0.1,
    "throttle": 0.006,
    "lost_answer": 0.006,
    "partial_failure": 0.03,
    "stale_cache": 0.3,
    "clock_skew": 1.0,
    "zombie": 0.006,
}
"""How often each kind strikes where it can, before a seed makes it more or less."""


@dataclass(slots=True)
class Chance:
    random: Random
    rates: dict[str, float] = field(default_factory=dict)
    is_stormy: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    def strikes(self, kind: str, odds: float = 1.0) -> bool:
        """Whether this goes wrong here and now."""
        if not self.is_stormy or self.random.random() >= self.rates.get(kind, 0.0) * odds:
            return False
        self.counts[kind] += 1
        return True

    def between(self, low: int, high: int) -> int:
        """A choice that nothing but a fault makes interesting: the calm run takes the lowest."""
        return self.random.randint(low, high) if self.is_stormy else low

    def shuffled[T](self, things: Sequence[T]) -> list[T]:
        found = list(things)
        if self.is_stormy:
            self.random.shuffle(found)
        return found


def calm(random: Random) -> Chance:
    return Chance(random)


def storm(random: Random, kinds: Collection[str] = KINDS) -> Chance:
    """`kinds` are those that may strike at all; leaving some out changes nothing about the draws."""
    rates = {}
    for kind, usual in RATES.items():
        is_on, factor = random.random() < 0.7, random.choice((0.3, 1.0, 1.0, 3.0))
        rates[kind] = min(1.0, usual * factor) if is_on and kind in kinds else 0.0
    return Chance(random, rates, is_stormy=True)
