"""How long readings were out of range: each spell for itself, and all of them together.

Standards ask for both: a *single event* is over once a reading is in range again, *cumulative* time never is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from coldwatch.reports.spans import LONGEST_BRIDGED_MS, Sample, spans


class Side(StrEnum):
    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True)
class Range:
    """`low` and `high` are in range themselves unless they are inclusive limits of what is out of range."""

    low: float | None = None
    high: float | None = None
    low_is_inclusive: bool = True
    high_is_inclusive: bool = True

    def side(self, value: float) -> Side | None:
        """Where the value lies; None in range.

        >>> Range(high=30.0).side(30.0), Range(high=30.0).side(29.9)
        (<Side.ABOVE: 'above'>, None)
        """
        if self.high is not None and (value > self.high or (value == self.high and self.high_is_inclusive)):
            return Side.ABOVE
        if self.low is not None and (value < self.low or (value == self.low and self.low_is_inclusive)):
            return Side.BELOW
        return None


@dataclass(frozen=True, slots=True)
class Spell:
    """From its first reading out of range to the first one that is in range again, or to the last one there is.

    `known_ms` leaves out the gaps in it: no reading ended it there, and none says that it went on.
    """

    side: Side
    since: int
    until: int
    known_ms: int
    worst: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class TimeOutOfRange:
    """`spells` in order. `known_ms` is all time with readings, `unknown_ms` that of the gaps."""

    spells: Sequence[Spell]
    known_ms: int
    unknown_ms: int

    def cumulative_ms(self, side: Side | None = None) -> int:
        """On one side, or on both."""
        return sum(each.known_ms for each in self._on(side))

    def longest_ms(self, side: Side | None = None) -> int:
        """The longest single spell."""
        return max((each.known_ms for each in self._on(side)), default=0)

    def _on(self, side: Side | None) -> Sequence[Spell]:
        return [each for each in self.spells if side in (None, each.side)]


def time_out_of_range(
    samples: Iterable[Sample], within: Range, *, longest_gap_ms: int = LONGEST_BRIDGED_MS
) -> TimeOutOfRange:
    """Samples are (epoch ms, value), in any order: those that came late count like all others.

    A reading stands until the next one; a gap longer than `longest_gap_ms` is neither good nor bad.
    """
    ordered = sorted(samples)
    bridged = list(spans(ordered, longest_gap_ms=longest_gap_ms))
    known = sum(each.length_ms for each in bridged if each.value is not None)
    unknown = sum(each.length_ms for each in bridged if each.value is None)
    return TimeOutOfRange(tuple(_spells(ordered, within, longest_gap_ms)), known, unknown)


def _spells(ordered: Sequence[Sample], within: Range, longest_gap_ms: int) -> Iterable[Spell]:
    begun: Spell | None = None
    for place, (at, value) in enumerate(ordered):
        side = within.side(value)
        if begun is not None and side is not begun.side:
            yield _ended(begun, at)
            begun = None
        if side is None:
            continue
        begun = begun or Spell(side, at, at, 0, value, is_over=False)
        until = ordered[place + 1][0] if place + 1 < len(ordered) else at
        begun = _extended(begun, at, value, until, longest_gap_ms)
    if begun is not None:
        yield begun


def _ended(spell: Spell, at: int) -> Spell:
    return Spell(spell.side, spell.since, at, spell.known_ms, spell.worst, is_over=True)


def _extended(spell: Spell, at: int, value: float, until: int, longest_gap_ms: int) -> Spell:
    stands_ms = until - at if until - at <= longest_gap_ms else 0
    worst = max(spell.worst, value) if spell.side is Side.ABOVE else min(spell.worst, value)
    return Spell(spell.side, spell.since, at + stands_ms, spell.known_ms + stands_ms, worst, is_over=False)
