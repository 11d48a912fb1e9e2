"""The course of an incident as a drawing: readings, limits, what was out of range, gaps and late data; times in UTC."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from coldwatch.incidents.pages.chart import round_values
from coldwatch.incidents.wording import figure
from coldwatch.reports.pdf.paper import INK, INNER, MARGIN, MUTED, RULE, Color, Paper
from coldwatch.reports.spans import Sample
from coldwatch.reports.thinning import thin

HEIGHT: Final = 226.0
POINTS: Final = 1_500
"""More could not be told apart on paper."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 34.0, 10.0, 24.0, 44.0
TRACE: Final = (0.07, 0.30, 0.56)
LIMIT: Final = (0.71, 0.14, 0.09)
OUT: Final = (0.99, 0.87, 0.85)
GAP: Final = (0.91, 0.92, 0.94)
LATE: Final = (0.95, 0.74, 0.24)
_STEPS_S = (60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000)
_LATE_STRIP = 4.0


@dataclass(frozen=True, slots=True)
class _Frame:
    top: float
    since: int
    until: int
    low: float
    high: float

    @property
    def bottom(self) -> float:
        return self.top + HEIGHT - _TOP - _BOTTOM

    @property
    def right(self) -> float:
        return MARGIN + INNER - _RIGHT

    def x(self, at: int) -> float:
        share = (min(max(at, self.since), self.until) - self.since) / max(self.until - self.since, 1)
        return MARGIN + _LEFT + share * (INNER - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return self.top + (self.high - value) / (self.high - self.low) * (self.bottom - self.top)


def draw(paper: Paper, report: Mapping[str, Any]) -> None:
    """The chart at the paper's `y`, with its legend; without readings, the gap is all there is to see."""
    course, thresholds = report["course"], report["thresholds"]
    limits = [each for each in (thresholds["low"], thresholds["high"]) if each is not None]
    samples = [(at, value) for at, value in course["readings"]]
    paper.need(HEIGHT)
    frame = _frame(paper.y + _TOP, course, [value for _, value in samples] + limits)
    title = f"{course['label']}{' in ' + course['unit'] if course['unit'] else ''}, times in UTC"
    paper.text(MARGIN, paper.y + 6, title, 8, bold=True)
    _bands(paper, frame, course)
    _grid(paper, frame, limits)
    _times(paper, frame)
    for run in _runs(samples, course["longest_gap_ms"]):
        _trace(paper, frame, run)
    for limit, name in ((thresholds["high"], "high limit"), (thresholds["low"], "low limit")):
        if limit is not None:
            _limit(paper, frame, limit, f"{name} {figure(limit)}")
    _marks(paper, frame, report["outcome"])
    _legend(paper, frame.bottom + 33, course, has_limits=bool(limits))
    paper.y += HEIGHT + 6


def _frame(top: float, course: Mapping[str, Any], values: Sequence[float]) -> _Frame:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = max((high - low) * 0.08, 0.5)
    return _Frame(top, course["since"], course["until"], low - room, high + room)


def _bands(paper: Paper, frame: _Frame, course: Mapping[str, Any]) -> None:
    for spell in course["spells"]:
        _band(paper, frame, spell["since"], spell["until"], OUT)
    for since, until in course["gaps"]:
        _band(paper, frame, since, until, GAP)
        _hatch(paper, frame, since, until)
    for since, until in course["late"]:
        start, width = frame.x(since), max(frame.x(until) - frame.x(since), 1.5)
        paper.box(start, frame.bottom - _LATE_STRIP, width, _LATE_STRIP, LATE)


def _band(paper: Paper, frame: _Frame, since: int, until: int, color: Color) -> None:
    start = frame.x(since)
    paper.box(start, frame.top, max(frame.x(until) - start, 1.0), frame.bottom - frame.top, color)


def _hatch(paper: Paper, frame: _Frame, since: int, until: int) -> None:
    """So that a gap is told from other bands in black and white, too."""
    left, right, height = frame.x(since), frame.x(until), frame.bottom - frame.top
    begin = left - height
    for number in range(int((right - begin) // 9) + 1):
        start = begin + 9 * number
        low, high = max(left, start), min(right, start + height)
        if low < high:
            paper.line([(low, frame.bottom - (low - start)), (high, frame.bottom - (high - start))], RULE, width=0.5)


def _grid(paper: Paper, frame: _Frame, limits: Sequence[float]) -> None:
    near = (frame.high - frame.low) * 0.03
    for row in round_values(frame.low, frame.high):
        y = frame.y(row)
        paper.line([(frame.x(frame.since), y), (frame.right, y)], RULE, width=0.4)
        if all(abs(row - limit) > near for limit in limits):
            paper.text(MARGIN + _LEFT - 5, y + 2.5, figure(row), 7, color=MUTED, align="right")
    corners = [(frame.x(frame.since), frame.top), (frame.x(frame.since), frame.bottom), (frame.right, frame.bottom)]
    paper.line(corners, MUTED, width=0.6)


def _times(paper: Paper, frame: _Frame) -> None:
    """Round times; the date where the day is another than at the time before."""
    day = ""
    for at in _ticks(frame.since, frame.until):
        moment, x = datetime.fromtimestamp(at / 1000, UTC), frame.x(at)
        paper.line([(x, frame.bottom), (x, frame.bottom + 3)], MUTED)
        paper.text(x, frame.bottom + 11, f"{moment:%H:%M}", 7, color=MUTED, align="center")
        if f"{moment:%d %b}" != day:
            day = f"{moment:%d %b}"
            inside = min(x, MARGIN + INNER - 22)
            paper.text(inside, frame.bottom + 19.5, f"{moment.day} {moment:%b %Y}", 7, color=MUTED, align="center")


def _ticks(since: int, until: int) -> Iterator[int]:
    step = next((each for each in _STEPS_S if (until - since) / 1000 / each <= 9), _STEPS_S[-1]) * 1000
    yield from range(math.ceil(since / step) * step, until + 1, step)


def _runs(samples: Sequence[Sample], longest_gap_ms: int) -> Iterator[Sequence[Sample]]:
    """The readings between two gaps: a line through a gap would say what nobody measured."""
    begin = 0
    for place in range(1, len(samples)):
        if samples[place][0] - samples[place - 1][0] > longest_gap_ms:
            yield samples[begin:place]
            begin = place
    if samples:
        yield samples[begin:]


def _trace(paper: Paper, frame: _Frame, run: Sequence[Sample]) -> None:
    points = [(frame.x(at), frame.y(value)) for at, value in thin(run, POINTS)]
    if len(points) == 1:
        paper.box(points[0][0] - 1.2, points[0][1] - 1.2, 2.4, 2.4, TRACE)
    else:
        paper.line(points, TRACE, width=1.0)


def _limit(paper: Paper, frame: _Frame, limit: float, said: str) -> None:
    y = frame.y(limit)
    paper.line([(frame.x(frame.since), y), (frame.right, y)], LIMIT, width=0.9, dash=(4, 3))
    paper.text(MARGIN + _LEFT - 5, y + 2.5, figure(limit), 7, color=LIMIT, bold=True, align="right")
    paper.text(frame.x(frame.since) + 4, y - 3, said, 7, color=LIMIT)


def _marks(paper: Paper, frame: _Frame, outcome: Mapping[str, Any]) -> None:
    """When somebody had it, and when it was over; named above the drawing, where no curve is."""
    places = {"acknowledged": outcome["acknowledged_at"], "resolved": outcome["resolved_at"]}
    shown = {name: frame.x(at) for name, at in places.items() if at is not None and frame.since <= at <= frame.until}
    for x in shown.values():
        paper.line([(x, frame.top), (x, frame.bottom)], INK, width=0.6, dash=(1, 2))
    if len(shown) == 2 and shown["resolved"] - shown["acknowledged"] < 64:
        shown = {"acknowledged, resolved": shown["resolved"]}
    for name, x in shown.items():
        half = paper.fonts.regular.width(name, 7) / 2
        paper.text(min(x, MARGIN + INNER - half), frame.top - 3, name, 7, align="center")


def _legend(paper: Paper, y: float, course: Mapping[str, Any], *, has_limits: bool) -> None:
    entries = [
        ("reading", TRACE, True),
        ("limit", LIMIT, has_limits),
        ("out of range", OUT, bool(course["spells"])),
        ("no readings", GAP, bool(course["gaps"])),
        (f"came late ({course['late_count']})", LATE, bool(course["late"])),
    ]
    x = MARGIN + _LEFT
    for said, color, is_there in entries:
        if is_there:
            paper.box(x, y - 5, 10, 5, color)
            paper.text(x + 14, y, said, 7, color=MUTED)
            x += 30 + paper.fonts.regular.width(said, 7)
