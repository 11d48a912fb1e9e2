"""Tables on paper: cells are wrapped, rows go on whole to the next sheet, and the headings with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from coldwatch.reports.pdf.paper import INK, INNER, MARGIN, MUTED, RULE, Color, Paper

_SIZE = 8.0
_LEAD = 10.4
_PAD = 3.2
_MOST_LINES = 14
"""Of a cell; a note of a thousand words is in the report's document."""


@dataclass(frozen=True, slots=True)
class Column:
    """`share` of the paper's width."""

    heading: str
    share: float
    size: float = _SIZE
    color: Color = INK
    bold: bool = False


def draw_table(paper: Paper, columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
    paper.need(3 * _LEAD + 2 * _PAD)
    if any(each.heading for each in columns):
        _headings(paper, columns)
    for row in rows:
        cells = [_cell(paper, column, value) for column, value in zip(columns, row, strict=True)]
        height = max(len(lines) for lines in cells) * _LEAD + 2 * _PAD
        if paper.need(height) and any(each.heading for each in columns):
            _headings(paper, columns)
        _row(paper, columns, cells)
        paper.y += height
        paper.line([(MARGIN, paper.y), (MARGIN + INNER, paper.y)], RULE, width=0.4)
    paper.y += 4


def _cell(paper: Paper, column: Column, value: object) -> list[str]:
    lines = paper.wrapped(value, column.size, INNER * column.share - 8, bold=column.bold)
    return lines if len(lines) <= _MOST_LINES else [*lines[: _MOST_LINES - 1], "… (whole in report.json)"]


def _headings(paper: Paper, columns: Sequence[Column]) -> None:
    x = MARGIN
    for column in columns:
        paper.text(x, paper.y + 9, column.heading, 7, color=MUTED)
        x += INNER * column.share
    paper.y += 13
    paper.line([(MARGIN, paper.y), (MARGIN + INNER, paper.y)], MUTED, width=0.6)


def _row(paper: Paper, columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> None:
    x = MARGIN
    for column, lines in zip(columns, cells, strict=True):
        for number, line in enumerate(lines):
            y = paper.y + _PAD + 7.6 + number * _LEAD
            paper.text(x, y, line, column.size, color=column.color, bold=column.bold)
        x += INNER * column.share
