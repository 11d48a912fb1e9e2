"""For how long a reading stands: until the next one, unless that is too long in coming."""

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

type Sample = tuple[int, float]
"""When by the device's clock (epoch ms), and how much."""

LONGEST_BRIDGED_MS: Final = 1_800_000
"""Half an hour: the longest recording interval that the CDC's toolkit for vaccine storage allows. Where the profile
says after how long a device counts as silent, its readings are bridged for as long as that.
"""


class Span(NamedTuple):
    """From one reading to the next. `value` is the first one's; None where too much time lies between both."""

    since: int
    until: int
    value: float | None

    @property
    def length_ms(self) -> int:
        return self.until - self.since


def spans(samples: Iterable[Sample], *, longest_gap_ms: int = LONGEST_BRIDGED_MS) -> Iterator[Span]:
    """The time between each reading and the next, in order, however late a reading came and wherever it stands.

    A gap longer than `longest_gap_ms` is neither good nor bad: it has no value. The last reading stands for no time. Of
    two readings of one instant the higher one holds. Raises ValueError for a value that is no number.

    >>> list(spans([(0, 5.0), (60_000, 6.0), (7_200_000, 5.0)]))
    [Span(since=0, until=60000, value=5.0), Span(since=60000, until=7200000, value=None)]
    """
    ordered = sorted(samples)
    for at, value in ordered:
        if not math.isfinite(value):
            raise ValueError(f"the reading of {at} is {value}: that is no number")
    for (since, value), (until, _) in pairwise(ordered):
        if until > since:
            yield Span(since, until, value if until - since <= longest_gap_ms else None)


def known_ms(of: Iterable[Span]) -> int:
    """How much of the time has a value."""
    return sum(each.length_ms for each in of if each.value is not None)
