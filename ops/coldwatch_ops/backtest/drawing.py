"""Panels as SVG: readings, thresholds as dashed lines, firings shaded. One file, without script or fonts of its own."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import pairwise
from statistics import median
from typing import Final

from coldwatch.incidents.pages.chart import round_values
from coldwatch.incidents.wording import figure
from coldwatch_ops.backtest.readings import Panel, Point, Threshold
from coldwatch_ops.text import count
from coldwatch_ops.text import escape as printable

WIDTH: Final = 960
_LEFT, _RIGHT = 64, 20
_HEAD, _PLOT, _FOOT, _LANE, _LEGEND = 34, 190, 30, 12, 28
COLOURS: Final = ("#b3261e", "#7a4fbf", "#0b6b3a", "#a15c00", "#00697a", "#8a1253")
"""Of the candidates: thresholds, shades and lanes."""
_STYLE: Final = (
    "text{font:12px system-ui,sans-serif;fill:#4d5761}.title{font-weight:600;font-size:14px;fill:#14181d}"
    ".grid{stroke:#e3e7eb}.trace{fill:none;stroke:#0b57a4;stroke-width:1.2;stroke-linejoin:round}"
    ".threshold{stroke-dasharray:6 4;stroke-width:1.3}.derived{stroke-dasharray:2 4;stroke-width:1}"
    ".name{paint-order:stroke;stroke:#fff;stroke-width:3px}"
)
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_STEPS: Final = (
    1_000, 10_000, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR,
    _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY, 28 * _DAY, 91 * _DAY, 364 * _DAY,
)  # fmt: skip
_TICKS: Final = 9
_NEAR, _CLOSE = 5, 18


@dataclass(frozen=True, slots=True)
class Frame:
    """From times and values to places on the paper."""

    top: float
    since: int
    until: int
    low: float
    high: float

    def x(self, at_ms: int) -> float:
        share = (min(max(at_ms, self.since), self.until) - self.since) / (self.until - self.since)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return self.top + (self.high - value) / (self.high - self.low) * _PLOT


def draw(panels: Sequence[Panel], labels: Sequence[str], until_ms: int) -> str:
    """All panels below each other; `labels` are the candidates'."""
    is_compared = len(labels) > 1
    lanes = _LANE * len(labels) + 6 if is_compared else 0
    height = _HEAD + _PLOT + _FOOT + lanes
    top = _LEGEND if is_compared else 0
    drawn = [_panel(panel, top + number * height, until_ms, len(labels)) for number, panel in enumerate(panels)]
    total = top + len(panels) * height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total}" viewBox="0 0 {WIDTH} {total}">'
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{_legend(labels) if is_compared else ''}{''.join(drawn)}</svg>\n"
    )


def _legend(labels: Sequence[str]) -> str:
    x = _LEFT
    said = ""
    for number, label in enumerate(labels):
        said += f'<rect x="{x}" y="10" width="12" height="12" fill="{colour(number)}"/>{_text(x + 18, 20, label)}'
        x += 36 + 7 * len(label)
    return said


def colour(candidate: int) -> str:
    return COLOURS[candidate % len(COLOURS)]


def frame_of(panel: Panel, top: float, until_ms: int) -> Frame:
    """All readings and firings, and every threshold, with some room."""
    values = [value for _, value in panel.points] + [each.value for each in panel.thresholds] or [0.0]
    low, high = min(values), max(values)
    room = max((high - low) * 0.06, 0.5)
    since = panel.points[0][0]
    ends = [until_ms if firing.ended_at is None else firing.ended_at for firing in panel.firings]
    return Frame(top, since, max(panel.points[-1][0], *ends, since + 1), low - room, high + room)


def _panel(panel: Panel, top: float, until_ms: int, candidates: int) -> str:
    said = f"{panel.key or 'the detector'} · {panel.attribute} · {_fired(panel, candidates)}"
    title = _text(_LEFT, top + 22, said, "title")
    if len(panel.points) < 2:
        return title + _text(_LEFT, top + 60, "There are too few readings for a picture.")
    frame = frame_of(panel, top + _HEAD, until_ms)
    parts = [
        title,
        *_shades(panel, frame, until_ms, candidates),
        *_grid(frame),
        *_times(frame, frame.top + _PLOT + (_LANE * candidates + 6 if candidates > 1 else 0)),
        *(f'<polyline class="trace" points="{_path(part, frame)}"/>' for part in unbroken(panel.points)),
        *_thresholds(panel.thresholds, frame),
    ]
    return "".join(parts)


def _fired(panel: Panel, candidates: int) -> str:
    if not panel.firings:
        return "never fired"
    fired = Counter(firing.candidate for firing in panel.firings)
    *others, last = (fired[number] for number in range(candidates))
    before = f"{', '.join(map(str, others))} and " if others else ""
    return f"fired {before}{count(last, 'time')}"


def _path(points: Sequence[Point], frame: Frame) -> str:
    return " ".join(f"{frame.x(at):.1f},{frame.y(value):.1f}" for at, value in points)


def unbroken(points: Sequence[Point]) -> Iterator[list[Point]]:
    """The stretches between gaps: no line is drawn where nothing was measured."""
    usual = median(later[0] - earlier[0] for earlier, later in pairwise(points))
    part = [points[0]]
    for earlier, later in pairwise(points):
        if later[0] - earlier[0] > 12 * max(usual, 1):
            yield part
            part = []
        part.append(later)
    yield part


def _shades(panel: Panel, frame: Frame, until_ms: int, candidates: int) -> Iterator[str]:
    """Where several are compared, each has a lane of its own below, too: shades may lie upon each other."""
    for firing in panel.firings:
        left = frame.x(firing.fired_at)
        right = frame.x(until_ms if firing.ended_at is None else firing.ended_at)
        place = f'x="{left:.1f}" width="{max(right - left, 2):.1f}" fill="{colour(firing.candidate)}"'
        yield f'<rect {place} y="{frame.top}" height="{_PLOT}" fill-opacity="0.18"/>'
        if candidates > 1:
            lane = frame.top + _PLOT + 6 + firing.candidate * _LANE
            yield f'<rect {place} y="{lane}" height="{_LANE - 4}"/>'


def _grid(frame: Frame) -> Iterator[str]:
    for value in round_values(frame.low, frame.high):
        y = frame.y(value)
        yield f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(_LEFT - 8, y + 4, figure(value), anchor="end")


def _thresholds(thresholds: Sequence[Threshold], frame: Frame) -> Iterator[str]:
    """Names stand above their lines, or below where another one is close above, and beside each other. A derived one
    that can hardly be told from its origin is left out.
    """
    taken: list[tuple[float, float]] = []
    for each in sorted(thresholds, key=lambda each: each.is_derived):
        y = frame.y(each.value)
        if each.is_derived and any(abs(at - y) < _NEAR for at, _ in taken):
            continue
        kind = "threshold derived" if each.is_derived else "threshold"
        yield (
            f'<line class="{kind}" stroke="{colour(each.candidate)}" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        name = f"{each.label} {figure(each.value)}".strip()
        x = max((right for at, right in taken if abs(at - y) < 15), default=_LEFT + 6.0)
        is_below = any(0 < y - at < _CLOSE for at, _ in taken)
        taken.append((y, x + 7 * len(name) + 12))
        yield _text(x, y + (13 if is_below else -4), name, "name", fill=colour(each.candidate))


def _times(frame: Frame, bottom: float) -> Iterator[str]:
    span = frame.until - frame.since
    step = next((each for each in _STEPS if span / each <= _TICKS), _STEPS[-1])
    for number in range(math.ceil(frame.since / step), frame.until // step + 1):
        at_ms = number * step
        x = frame.x(at_ms)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.top}" y2="{frame.top + _PLOT}"/>'
        is_first = at_ms - step < frame.since
        yield _text(x, bottom + 16, _tick(at_ms, step, is_first=is_first), anchor="middle")


def _tick(at_ms: int, step: int, *, is_first: bool) -> str:
    """The day where one begins, else the time; the first says both."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    if at_ms % _DAY == 0:
        return f"{at:%Y-%m-%d}"
    clock = f"{at:%H:%M:%S}" if step < _MINUTE else f"{at:%H:%M}"
    return f"{at:%Y-%m-%d} {clock}" if is_first else clock


def _text(x: float, y: float, said: str, kind: str = "", *, fill: str = "", anchor: str = "") -> str:
    given = {"class": kind, "style": f"fill:{fill}" if fill else "", "text-anchor": anchor}
    attributes = "".join(f' {name}="{value}"' for name, value in given.items() if value)
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(printable(said))}</text>'
