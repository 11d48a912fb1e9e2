"""Mean kinetic temperature: the constant temperature that would have harmed a product as much as the readings did.

USP <1079.2> judges high excursions by it. It says nothing about freezing, and justifies no uncontrolled storage.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from coldwatch.reports.spans import LONGEST_BRIDGED_MS, Sample, Span, known_ms, spans

ACTIVATION_K: Final = 10_000.0
"""Activation energy over the gas constant: 83.144 kJ/mol, the value of USP <1079.2> for products whose own is not
known, over 8.3144e-3 kJ/(mol K).
"""
ZERO_C_IN_K: Final = 273.15

REFRIGERATED_WINDOW_MS: Final = 24 * 3_600_000
"""USP <659>, controlled cold: over 24 consecutive hours that contain the excursion."""
CONTROLLED_ROOM_WINDOW_MS: Final = 30 * 24 * 3_600_000
"""USP <659>, controlled room temperature: over 30 consecutive days that contain the excursion."""


@dataclass(frozen=True, slots=True)
class Window:
    """`known_ms` of it have readings; what is missing counts neither way."""

    since: int
    until: int
    celsius: float
    known_ms: int


def mean_kinetic_temperature(
    samples: Iterable[Sample], *, longest_gap_ms: int = LONGEST_BRIDGED_MS, activation_k: float = ACTIVATION_K
) -> float | None:
    """In degrees Celsius, each reading weighted by the time until the next; None where no time has a reading.

    Samples are (epoch ms, °C), in any order. Raises ValueError for one that is no temperature.
    """
    return _mean(
        [each for each in spans(samples, longest_gap_ms=longest_gap_ms) if each.value is not None], activation_k
    )


def worst_window(
    samples: Iterable[Sample],
    excursion: tuple[int, int],
    *,
    window_ms: int,
    longest_gap_ms: int = LONGEST_BRIDGED_MS,
    activation_k: float = ACTIVATION_K,
) -> Window | None:
    """Of all windows of that length that contain the excursion, the one with the highest mean kinetic temperature.

    Windows lie within the readings. Where those are shorter than a window all of them are the window, and where the
    excursion is longer than a window, windows lie within the excursion. None where no time has a reading.
    """
    bridged = list(spans(samples, longest_gap_ms=longest_gap_ms))
    if not known_ms(bridged):
        return None
    sums = _Sums.of(bridged, activation_k)
    starts = _starts(bridged, excursion, window_ms)
    since = max(starts, key=lambda start: sums.damage_per_time(start, start + window_ms))
    within = _clip(bridged, since, since + window_ms)
    celsius = _mean(within, activation_k)
    if celsius is None:
        return None
    return Window(max(since, bridged[0].since), min(since + window_ms, bridged[-1].until), celsius, known_ms(within))


def _starts(bridged: Sequence[Span], excursion: tuple[int, int], window_ms: int) -> list[int]:
    """Where the worst window may begin: only at a reading, or where it then ends at one.

    Between two of those the mean moves one way alone.
    """
    first, last = bridged[0].since, bridged[-1].until
    began, ended = (min(max(each, first), last) for each in excursion)
    allowed = sorted((ended - window_ms, began))
    lowest, highest = max(allowed[0], first), min(allowed[1], last - window_ms)
    if lowest > highest:
        return [first]
    edges = [each.since for each in bridged] + [last]
    moved = [*edges, *(each - window_ms for each in edges)]
    return [lowest, highest, *(each for each in moved if lowest < each < highest)]


@dataclass(frozen=True, slots=True)
class _Sums:
    """Damage and known time up to the beginning of each span, so that a window costs two looks."""

    bridged: Sequence[Span]
    rates: Sequence[float]
    begins: Sequence[int]
    damage: Sequence[float]
    known: Sequence[int]

    @classmethod
    def of(cls, bridged: Sequence[Span], activation_k: float) -> "_Sums":
        exponents = [None if each.value is None else _exponent(each.value, activation_k) for each in bridged]
        highest = max(each for each in exponents if each is not None)
        rates = [0.0 if each is None else math.exp(each - highest) for each in exponents]
        damage, known = [0.0], [0]
        for span, rate in zip(bridged, rates, strict=True):
            damage.append(damage[-1] + rate * span.length_ms)
            known.append(known[-1] + (span.length_ms if span.value is not None else 0))
        return cls(bridged, rates, [each.since for each in bridged], damage, known)

    def damage_per_time(self, since: int, until: int) -> float:
        damage_before, known_before = self._up_to(since)
        damage_after, known_after = self._up_to(until)
        return (damage_after - damage_before) / max(known_after - known_before, 1)

    def _up_to(self, at: int) -> tuple[float, int]:
        place = bisect_right(self.begins, at) - 1
        if place < 0:
            return 0.0, 0
        span = self.bridged[place]
        part = min(at, span.until) - span.since
        return self.damage[place] + self.rates[place] * part, self.known[place] + (0 if span.value is None else part)


def _mean(weighted: Sequence[Span], activation_k: float) -> float | None:
    """Exponents are taken off the highest one, so that neither heat nor deep cold is lost in rounding."""
    total = known_ms(weighted)
    if not total:
        return None
    exponents = [(_exponent(each.value, activation_k), each.length_ms) for each in weighted if each.value is not None]
    highest = max(exponent for exponent, _ in exponents)
    share = math.fsum(math.exp(exponent - highest) * length for exponent, length in exponents) / total
    return activation_k / -(highest + math.log(share)) - ZERO_C_IN_K


def _exponent(celsius: float, activation_k: float) -> float:
    if celsius <= -ZERO_C_IN_K:
        raise ValueError(f"{celsius} °C is below absolute zero")
    return -activation_k / (celsius + ZERO_C_IN_K)


def _clip(bridged: Sequence[Span], since: int, until: int) -> list[Span]:
    """The spans with a value, cut to the window."""
    return [
        Span(max(each.since, since), min(each.until, until), each.value)
        for each in bridged
        if each.value is not None and each.since < until and each.until > since
    ]
