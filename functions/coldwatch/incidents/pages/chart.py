"""The excursion as a drawing: readings, limits as dashed lines, the time out of range shaded. SVG without script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from coldwatch.incidents.wording import figure, moment

WIDTH: Final = 640
HEIGHT: Final = 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 30
POINTS: Final = 300
"""More would not be seen on a telephone, and would be bytes."""


@dataclass(frozen=True, slots=True)
class Curve:
    """`points` are (epoch ms, value), oldest first; `out_of_range` is when it began and ended, if it has."""

    label: str
    unit: str
    points: Sequence[tuple[int, float]]
    limits: Sequence[float]
    out_of_range: tuple[int, int] | None


def points_of(readings: Sequence[Mapping[str, Any]], measure: str) -> list[tuple[int, float]]:
    """The readings that have the measure, thinned so that peaks stay: of each slice its lowest and its highest."""
    found = [
        (int(each["timestamp"]), float(each[measure]))
        for each in readings
        if isinstance(each.get(measure), int | float) and not isinstance(each.get(measure), bool)
    ]
    if len(found) <= POINTS:
        return found
    size = -(-2 * len(found) // POINTS)
    slices = [found[start : start + size] for start in range(0, len(found), size)]
    kept = {point for part in slices for point in (min(part, key=_value), max(part, key=_value))}
    return sorted(kept)


def draw(curve: Curve) -> str:
    """The drawing, or a sentence where there is nothing to draw."""
    if len(curve.points) < 2:
        return "<p>There are too few readings for a chart.</p>"
    scale = _Scale.of(curve)
    path = " ".join(f"{scale.x(at):.1f},{scale.y(value):.1f}" for at, value in curve.points)
    highest = max(curve.points, key=_value)
    lowest = min(curve.points, key=_value)
    told = (
        f"{curve.label} from {moment(curve.points[0][0])} to {moment(curve.points[-1][0])}: "
        f"between {figure(lowest[1])} and {figure(highest[1])} {curve.unit}."
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(told, quote=True)}">'
        f"{_shade(curve, scale)}{_grid(scale)}{_limits(curve, scale)}"
        f'<polyline class="trace" points="{path}"/></svg>'
    )


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
        return cls(curve.points[0][0], max(curve.points[-1][0], curve.points[0][0] + 1), low - room, high + room)

    def x(self, at: int) -> float:
        share = (min(max(at, self.since), self.until) - self.since) / (self.until - self.since)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - _TOP - _BOTTOM)


def _grid(scale: _Scale) -> str:
    rows = [scale.low + (scale.high - scale.low) * share for share in (0.1, 0.5, 0.9)]
    lines = "".join(
        f'<line class="axis" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{scale.y(row):.1f}" y2="{scale.y(row):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{scale.y(row) + 4:.1f}" text-anchor="end">{row:.1f}</text>'
        for row in rows
    )
    since, until = (moment(at)[11:16] for at in (scale.since, scale.until))
    return (
        f'{lines}<text x="{_LEFT}" y="{HEIGHT - 8}">{since} UTC</text>'
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{until} UTC</text>'
    )


def _limits(curve: Curve, scale: _Scale) -> str:
    return "".join(
        f'<line class="limit" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{scale.y(limit):.1f}" y2="{scale.y(limit):.1f}"/>'
        f'<text x="{WIDTH - _RIGHT - 4}" y="{scale.y(limit) - 5:.1f}" text-anchor="end">limit {figure(limit)}</text>'
        for limit in curve.limits
    )


def _shade(curve: Curve, scale: _Scale) -> str:
    if curve.out_of_range is None:
        return ""
    start, end = (scale.x(at) for at in curve.out_of_range)
    return (
        f'<rect class="shade" x="{start:.1f}" y="{_TOP}" width="{max(end - start, 2):.1f}" '
        f'height="{HEIGHT - _TOP - _BOTTOM}"/>'
    )


def _value(point: tuple[int, float]) -> float:
    return point[1]
