"""The excursion as a drawing: readings, limits as dashed lines, the time out of range shaded. SVG without script."""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from html import escape
from typing import Final

from coldwatch.incidents.pages.times import lasting
from coldwatch.incidents.wording import figure, moment, short_moment
from coldwatch.reports import thinning

type Point = tuple[int, float]
"""When (epoch ms) and how much."""
type Band = tuple[int, int]
"""From when to when."""

WIDTH: Final = 400
HEIGHT: Final = 220
"""Little wider than a telephone, so that its letters are not shrunk there."""
_STRIP: Final = 4
_NEAR: Final = 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 10, 26
POINTS: Final = 300
"""More would not be seen on a telephone, and would be bytes."""


@dataclass(frozen=True, slots=True)
class Curve:
    """`points` are oldest first; `out_of_range` is when it began and ended, if it has; in `gaps` nothing is known, and
    readings within `late` came late.
    """

    label: str
    unit: str
    points: Sequence[Point]
    limits: Sequence[float]
    out_of_range: Band | None
    gaps: Sequence[Band] = ()
    late: Sequence[Band] = ()
    zone: tzinfo = UTC

    @property
    def until(self) -> int:
        """The last point, or the end of the gap after it."""
        return max([self.points[-1][0], *(until for _, until in self.gaps)])

    def drawn(self, bands: Sequence[Band]) -> list[Band]:
        """What of them lies within the drawing."""
        first = self.points[0][0]
        cut = [(max(since, first), min(until, self.until)) for since, until in bands]
        return [(since, until) for since, until in cut if since < until]


def thin(points: Sequence[Point]) -> list[Point]:
    """No more than POINTS of them, and the peaks among those."""
    return thinning.thin(points, POINTS)


def draw(curve: Curve) -> str:
    """The drawing, or a sentence where there is nothing to draw."""
    if len(curve.points) < 2:
        return "<p>There are too few readings for a chart.</p>"
    scale = _Scale.of(curve)
    traces = "".join(_path(part, scale) for part in parts(curve.points, curve.gaps))
    highest = max(curve.points, key=_value)
    lowest = min(curve.points, key=_value)
    between = f"between {figure(lowest[1])} and {figure(highest[1])} {curve.unit}".strip()
    span = f"from {moment(curve.points[0][0], curve.zone)} to {moment(curve.points[-1][0], curve.zone)}"
    told = " ".join([f"{curve.label} {span}: {between}.", *unsure(curve)])
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told, quote=True)}">'
        f"{_shade(curve, scale)}{_gaps(curve, scale)}{_grid(curve, scale)}{_times(scale, curve.zone)}"
        f'<path class="trace" d="{traces}"/>'
        f"{_limits(curve, scale)}{_late(curve, scale)}{_newest(curve, scale)}</svg>"
    )


def unsure(curve: Curve) -> list[str]:
    """In words what the drawing shows of gaps and of late readings."""
    if len(curve.points) < 2:
        return []
    gaps, late = (sum(until - since for since, until in curve.drawn(each)) for each in (curve.gaps, curve.late))
    told = []
    if gaps:
        told.append(f"Tinted, without a line: no readings for {lasting(gaps // 1000)}.")
    if late:
        told.append(f"Strip at the foot: {lasting(late // 1000)} of readings that came late.")
    return told


def parts(points: Sequence[Point], gaps: Sequence[Band]) -> list[Sequence[Point]]:
    """The points between gaps: no line is drawn where nobody knows what it would be."""
    places = {bisect_right(points, since, key=_time) for since, _ in gaps}
    ends = sorted(places - {0, len(points)})
    return [points[start:end] for start, end in zip([0, *ends], [*ends, len(points)], strict=True)]


@dataclass(frozen=True, slots=True)
class _Scale:
    since: int
    until: int
    low: float
    high: float

    @classmethod
    def of(cls, curve: Curve) -> "_Scale":
        values = [value for _, value in curve.points] + list(curve.limits)
        low, high = min(values), max(values)
        room = max((high - low) * 0.08, 0.5)
        return cls(curve.points[0][0], max(curve.until, curve.points[0][0] + 1), low - room, high + room)

    def x(self, at: int) -> float:
        share = (min(max(at, self.since), self.until) - self.since) / (self.until - self.since)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - _TOP - _BOTTOM)


def round_values(low: float, high: float) -> Iterator[float]:
    """Three to eight values between both that are multiples of 1, 2 or 5 times a power of ten.

    >>> list(round_values(-0.5, 11.9))
    [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    power = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = next(each for each in (5 * power, 2 * power, power) if each <= (high - low) / 3)
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield round(number * step, 6)


def _grid(curve: Curve, scale: _Scale) -> str:
    """Lines at round values, but none where a limit's own line is."""
    near = (scale.high - scale.low) * 0.04
    return "".join(
        f"{_line('axis', scale.y(row))}{_number(scale.y(row), figure(row))}"
        for row in round_values(scale.low, scale.high)
        if all(abs(row - limit) > near for limit in curve.limits)
    )


def _limits(curve: Curve, scale: _Scale) -> str:
    return "".join(
        f"{_line('limit', scale.y(limit))}"
        f'<text class="limit-name" x="{_LEFT + 4}" y="{scale.y(limit) - 5:.1f}">limit {figure(limit)}</text>'
        for limit in curve.limits
    )


def _path(points: Sequence[Point], scale: _Scale) -> str:
    """A reading that stands alone is a dot: a line of no length."""
    places = [f"{scale.x(at):.1f},{scale.y(value):.1f}" for at, value in points]
    return f"M{'L'.join(places)}" if len(places) > 1 else f"M{places[0]}h0"


def _newest(curve: Curve, scale: _Scale) -> str:
    """A dot at the last reading, which is where everybody looks first."""
    at, value = curve.points[-1]
    return f'<circle class="newest" cx="{scale.x(at):.1f}" cy="{scale.y(value):.1f}" r="4"/>'


def _line(kind: str, y: float) -> str:
    return f'<line class="{kind}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _number(y: float, said: str) -> str:
    return f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{said}</text>'


def _times(scale: _Scale, zone: tzinfo) -> str:
    y = HEIGHT - 7
    return (
        f'<text x="{_LEFT}" y="{y}">{short_moment(scale.since, zone)}</text>'
        f'<text x="{WIDTH - _RIGHT}" y="{y}" text-anchor="end">{short_moment(scale.until, zone)}</text>'
    )


def _shade(curve: Curve, scale: _Scale) -> str:
    if curve.out_of_range is None:
        return ""
    start, end = (scale.x(at) for at in curve.out_of_range)
    return (
        f'<rect class="shade" x="{start:.1f}" y="{_TOP}" width="{max(end - start, 2):.1f}" '
        f'height="{HEIGHT - _TOP - _BOTTOM}"/>'
    )


def _gaps(curve: Curve, scale: _Scale) -> str:
    return "".join(
        f'<rect class="gap" x="{start:.1f}" y="{_TOP}" width="{end - start:.1f}" height="{HEIGHT - _TOP - _BOTTOM}"/>'
        for start, end in _merged(curve.drawn(curve.gaps), scale)
    )


def _late(curve: Curve, scale: _Scale) -> str:
    return "".join(
        f'<rect class="late" x="{start:.1f}" y="{HEIGHT - _BOTTOM - _STRIP}" width="{max(end - start, 2):.1f}" '
        f'height="{_STRIP}"/>'
        for start, end in _merged(curve.drawn(curve.late), scale)
    )


def _merged(bands: Sequence[Band], scale: _Scale) -> list[tuple[float, float]]:
    """Where to draw them; what is too near to be told apart is one, so that a thousand bands are few bytes."""
    merged: list[tuple[float, float]] = []
    for start, end in ((scale.x(since), scale.x(until)) for since, until in bands):
        if merged and start - merged[-1][1] < _NEAR:
            merged[-1] = merged[-1][0], end
        else:
            merged.append((start, end))
    return merged


def _time(point: Point) -> int:
    return point[0]


def _value(point: Point) -> float:
    return point[1]
