"""The report as a PDF: head, chart, facts, who was told, what was done, timeline, hashes, and what it is not."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from coldwatch.reports.pdf import chart
from coldwatch.reports.pdf.paper import INNER, MARGIN, MUTED, RULE, Color, Fonts, Paper, bind
from coldwatch.reports.pdf.tables import Column, draw_table
from coldwatch.reports.sentences import delivered, facts, outcome, tiles, when, words

MOST_ROWS: Final = 30
"""Of a table; all of it is in report.json. The first third and the last two are printed: how it began, how it ended."""

_COLORS: Mapping[str, Color] = {"critical": (0.71, 0.14, 0.09), "warning": (0.71, 0.33, 0.03)}
_PANEL: Color = (0.96, 0.97, 0.98)
_NAMED = (Column("", 0.21, color=MUTED), Column("", 0.79))


def print_report(content: bytes, fonts: Fonts, *, sha256: str) -> bytes:
    """`content` is report.json, `sha256` its hash: the paper says of which document it is a print."""
    report: dict[str, Any] = msgspec.json.decode(content)
    paper = Paper(fonts)
    _head(paper, report)
    _tiles(paper, report)
    chart.draw(paper, report)
    _table(paper, "Facts", _NAMED, list(facts(report)))
    _told(paper, report)
    _table(paper, "What was done", _NAMED, list(outcome(report)))
    _timeline(paper, report)
    _objects(paper, report, sha256)
    _close(paper, report)
    incident = report["incident"]
    title = f"Incident report: {incident['title']}, {report['device']['device_id']}"
    foot = f"Coldwatch incident report, {incident['incident_id']}"
    at_ms = report["outcome"]["resolved_at"] or incident["opened_at"]
    return bind(paper, title=title, at_ms=at_ms, foot=lambda page, pages: f"{foot}|page {page} of {pages}")


def _head(paper: Paper, report: Mapping[str, Any]) -> None:
    incident, known = report["incident"], report["outcome"]
    color = _COLORS.get(incident["severity"], MUTED)
    paper.box(MARGIN, paper.y, INNER, 3, color)
    paper.y += 11
    ended = f", resolved {when(known['resolved_at'])}" if known["resolved_at"] is not None else ""
    said = f"Incident report, {incident['severity']}. Began {when(incident['began_at'])}{ended}."
    paper.paragraph(said, 8.5, color=MUTED, gap=1)
    paper.paragraph(f"{incident['title']}: {report['device']['device_id']}", 17, bold=True, gap=3, most_lines=3)
    place = report["device"].get("place") or {}
    where = ", ".join(f"{words(name)} {value}" for name, value in place.items())
    paper.paragraph(where or f"fleet {report['device']['fleet_id'] or 'none'}", 9.5, gap=9, most_lines=2)


def _tiles(paper: Paper, report: Mapping[str, Any]) -> None:
    width, gap, height = (INNER - 3 * 8) / 4, 8, 50
    for number, (name, said, below) in enumerate(tiles(report)):
        x = MARGIN + number * (width + gap)
        paper.box(x, paper.y, width, height, _PANEL)
        paper.text(x + 8, paper.y + 13, name, 7, color=MUTED)
        size = next((each for each in (14, 12, 10) if _fits(paper, said, each, width - 14, bold=True)), 8)
        paper.text(x + 8, paper.y + 30, _cut(paper, said, size, width - 14, bold=True), size, bold=True)
        paper.text(x + 8, paper.y + 42, _cut(paper, below, 7, width - 14, bold=False), 7, color=MUTED)
    paper.y += height + 16


def _fits(paper: Paper, said: str, size: float, width: float, *, bold: bool) -> bool:
    return paper.font(bold=bold).width(said, size) <= width


def _cut(paper: Paper, said: str, size: float, width: float, *, bold: bool) -> str:
    if _fits(paper, said, size, width, bold=bold):
        return said
    length = next(
        (each for each in range(len(said), 0, -1) if _fits(paper, said[:each] + "…", size, width, bold=bold)), 0
    )
    return said[:length] + "…"


def _table(paper: Paper, title: str, columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
    paper.need(64)
    paper.y += 17
    paper.text(MARGIN, paper.y, title, 10.5, bold=True)
    paper.y += 5
    if not any(column.heading for column in columns):
        paper.line([(MARGIN, paper.y), (MARGIN + INNER, paper.y)], RULE, width=0.4)
    draw_table(paper, columns, rows)


def _told(paper: Paper, report: Mapping[str, Any]) -> None:
    columns = (
        Column("when", 0.19),
        Column("round, tier", 0.11),
        Column("who", 0.22),
        Column("channel", 0.16),
        Column("delivery", 0.32),
    )
    rows = [
        (
            when(each["at"]),
            f"{each['round']}, {each['tier']}",
            each["contact_id"],
            words(each["channel"]) or "SNS topic",
            delivered(each),
        )
        for each in report["told"]
    ]
    if rows:
        _limited(paper, "Who was told", columns, rows)
    else:
        _table(paper, "Who was told", (Column("", 1.0),), [("Nobody: the policy in force named nobody to tell.",)])


def _timeline(paper: Paper, report: Mapping[str, Any]) -> None:
    columns = (Column("when", 0.19), Column("event", 0.17), Column("who", 0.14), Column("what", 0.50))
    rows = [(when(each["at"]), words(each["type"]), each["who"], each["what"]) for each in report["timeline"]]
    _limited(paper, "Timeline", columns, rows)


def _limited(paper: Paper, title: str, columns: Sequence[Column], rows: Sequence[Sequence[object]]) -> None:
    left_out = len(rows) - MOST_ROWS
    if left_out <= 0:
        _table(paper, title, columns, rows)
        return
    first = MOST_ROWS // 3
    told = ["", *(f"{left_out} more in report.json" if number == 0 else "" for number in range(len(columns) - 1))]
    _table(paper, title, columns, [*rows[:first], told, *rows[first + left_out :]])


def _objects(paper: Paper, report: Mapping[str, Any], sha256: str) -> None:
    columns = (Column("object", 0.22), Column("SHA-256", 0.58, size=6.6), Column("version", 0.20, size=6.6))
    rows = [(_name(each["key"]), _hash(each), each["version_id"] or "") for each in report["objects"]]
    own = ("report.json", sha256, "in manifest.json")
    _table(paper, "Objects of this incident", columns, [*rows, own])


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _hash(each: Mapping[str, Any]) -> str:
    return (
        f"{each['sha256']}{'' if each.get('is_as_noted', True) else ' (not the one that was noted when it was kept)'}"
    )


def _close(paper: Paper, report: Mapping[str, Any]) -> None:
    paper.y += 8
    paper.need(40)
    paper.paragraph(report["statement"], 7.5, color=MUTED, gap=3)
    if paper.replaced:
        said = "� stands for a character that this print has no letter for; report.json has the text as it was given."
        paper.paragraph(said, 7.5, color=MUTED)
