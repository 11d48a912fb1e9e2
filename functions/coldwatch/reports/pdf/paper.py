"""Sheets of A4 to write and draw on, from the top down; what does not fit goes on the next one.

Positions are in points from the upper left corner. Text is written with the fonts' own letters; whatever a font has no
shape for is a visible replacement, and no text is ever taken for anything else.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import pydyf

from coldwatch.reports.pdf.embedding import embed
from coldwatch.reports.pdf.font import REPLACEMENT, Font

WIDTH: Final = 595.0
HEIGHT: Final = 842.0
MARGIN: Final = 42.0
INNER: Final = WIDTH - 2 * MARGIN
FOOT: Final = 58.0
"""Kept free at the bottom of each sheet."""

type Color = tuple[float, float, float]

INK: Final = (0.10, 0.13, 0.18)
MUTED: Final = (0.34, 0.39, 0.46)
RULE: Final = (0.84, 0.86, 0.89)


def plain(text: object) -> str:
    """As it can be printed on a line: composed letters, no control characters."""
    composed = unicodedata.normalize("NFC", str(text))
    return "".join(" " if each in "\t\r\n" else REPLACEMENT if _is_control(each) else each for each in composed)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"}


@dataclass(frozen=True, slots=True)
class Fonts:
    regular: Font
    bold: Font


@dataclass
class Paper:
    """`y` is where the next thing goes. `replaced` counts the characters that no font had a shape for."""

    fonts: Fonts
    y: float = MARGIN
    sheets: list[pydyf.Stream] = field(default_factory=list)
    used: dict[str, dict[int, str]] = field(default_factory=lambda: {"F": {}, "B": {}})
    replaced: int = 0
    at: int = -1
    """The sheet that is written on."""

    def __post_init__(self) -> None:
        self.turn()

    @property
    def sheet(self) -> pydyf.Stream:
        return self.sheets[self.at]

    @property
    def room(self) -> float:
        return HEIGHT - FOOT - self.y

    def turn(self) -> None:
        self.sheets.append(pydyf.Stream(compress=True))
        self.at, self.y = len(self.sheets) - 1, MARGIN

    def need(self, height: float) -> bool:
        """Turn the page if so much does not fit any more; whether it was turned."""
        if self.room >= height:
            return False
        self.turn()
        return True

    def font(self, *, bold: bool) -> Font:
        return self.fonts.bold if bold else self.fonts.regular

    def text(
        self, x: float, y: float, said: str, size: float, *, bold: bool = False, color: Color = INK, align: str = "left"
    ) -> None:
        """One line, with its letters standing on `y`."""
        font, name = self.font(bold=bold), "B" if bold else "F"
        said = plain(said)
        glyphs = [(font.glyph(each), each if font.has(each) else REPLACEMENT) for each in said]
        self.used[name].update(glyphs)
        self.replaced += sum(each == REPLACEMENT for _, each in glyphs)
        x -= {"left": 0.0, "right": 1.0, "center": 0.5}[align] * font.width(said, size)
        stream = self.sheet
        stream.set_color_rgb(*color)
        stream.begin_text()
        stream.set_font_size(name, size)
        stream.set_text_matrix(1, 0, 0, 1, round(x, 2), round(HEIGHT - y, 2))
        stream.show_text(b"<" + b"".join(b"%04x" % glyph for glyph, _ in glyphs) + b">")
        stream.end_text()

    def wrapped(self, said: object, size: float, width: float, *, bold: bool = False) -> list[str]:
        """In lines that fit; a word that is longer than a line is broken."""
        font, lines, line = self.font(bold=bold), list[str](), ""
        for word in _words(plain(said), lambda part: font.width(part, size) <= width):
            longer = f"{line} {word}" if line else word
            if line and font.width(longer, size) > width:
                lines.append(line)
                line = word
            else:
                line = longer
        return [*lines, line]

    def paragraph(
        self, said: str, size: float, *, color: Color = INK, bold: bool = False, gap: float = 4, most_lines: int = 20
    ) -> None:
        lines = self.wrapped(said, size, INNER, bold=bold)
        if len(lines) > most_lines:
            lines = [*lines[: most_lines - 1], lines[most_lines - 1][:-2] + "…"]
        for line in lines:
            self.need(size * 1.35)
            self.y += size * 1.35
            self.text(MARGIN, self.y, line, size, color=color, bold=bold)
        self.y += gap

    def box(self, x: float, y: float, width: float, height: float, color: Color) -> None:
        self.sheet.set_color_rgb(*color)
        self.sheet.rectangle(round(x, 2), round(HEIGHT - y - height, 2), round(width, 2), round(height, 2))
        self.sheet.fill()

    def line(
        self, points: Sequence[tuple[float, float]], color: Color, *, width: float = 0.6, dash: Sequence[int] = ()
    ) -> None:
        """Through all points."""
        stream = self.sheet
        stream.push_state()
        stream.set_color_rgb(*color, stroke=True)
        stream.set_line_width(width)
        stream.set_line_join(1)
        stream.set_dash(dash, 0)
        for number, (x, y) in enumerate(points):
            (stream.line_to if number else stream.move_to)(round(x, 2), round(HEIGHT - y, 2))
        stream.stroke()
        stream.pop_state()


def _words(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    for each in text.split():
        word = each
        while not fits(word):
            length = max(1, next(size for size in range(len(word) - 1, -1, -1) if fits(word[:size])))
            yield word[:length]
            word = word[length:]
            if not word:
                break
        if word:
            yield word


def bind(paper: Paper, *, title: str, at_ms: int, foot: Callable[[int, int], str]) -> bytes:
    """The document. Its dates are `at_ms`, its identifier comes from its content: nothing in it is of the moment."""
    pdf = pydyf.PDF()
    for number in range(len(paper.sheets)):
        paper.at = number
        _foot(paper, foot(number + 1, len(paper.sheets)))
    fonts = pydyf.Dictionary({name: embed(pdf, paper.font(bold=name == "B"), paper.used[name]) for name in "FB"})
    for sheet in paper.sheets:
        pdf.add_object(sheet)
        page = {
            "Type": "/Page",
            "Parent": pdf.pages.reference,
            "MediaBox": pydyf.Array([0, 0, int(WIDTH), int(HEIGHT)]),
            "Contents": sheet.reference,
            "Resources": pydyf.Dictionary({"ProcSet": pydyf.Array(["/PDF", "/Text"]), "Font": fonts}),
        }
        pdf.add_page(pydyf.Dictionary(page))
    date = f"{datetime.fromtimestamp(at_ms / 1000, UTC):D:%Y%m%d%H%M%SZ}"
    named = {"Title": plain(title), "Producer": "Coldwatch", "CreationDate": date, "ModDate": date}
    pdf.info.update({name: pydyf.String(value) for name, value in named.items()})
    pdf.catalog["Lang"] = pydyf.String("en")
    output = _Output()
    pdf.write(output, version=b"1.7", identifier=True)
    return b"".join(output.parts)


class _Output:
    """What pydyf writes to."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, part: bytes) -> None:
        self.parts.append(part)


def _foot(paper: Paper, said: str) -> None:
    y = HEIGHT - FOOT + 18
    paper.line([(MARGIN, y), (WIDTH - MARGIN, y)], RULE)
    left, _, right = said.partition("|")
    paper.text(MARGIN, y + 13, left, 7.5, color=MUTED)
    paper.text(WIDTH - MARGIN, y + 13, right, 7.5, color=MUTED, align="right")
