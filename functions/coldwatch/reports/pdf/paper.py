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

from coldwatch.reports.pdf.font import REPLACEMENT, Font, subset, subset_name

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

    def paragraph(self, said: str, size: float, *, color: Color = INK, bold: bool = False, gap: float = 4) -> None:
        for line in self.wrapped(said, size, INNER, bold=bold):
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
    fonts = pydyf.Dictionary({"F": _embed(pdf, paper, "F"), "B": _embed(pdf, paper, "B")})
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


def _embed(pdf: pydyf.PDF, paper: Paper, name: str) -> bytes:
    """The letters that were used, and what each of them means, for whoever searches or copies the text."""
    font, used = paper.font(bold=name == "B"), dict(sorted(paper.used[name].items()))
    base = subset_name(font, used)
    file = pydyf.Stream([subset(font, used)], compress=True)
    meanings = pydyf.Stream([_meanings(used)], compress=True)
    pdf.add_object(file)
    pdf.add_object(meanings)
    descriptor = pydyf.Dictionary(
        {
            "Type": "/FontDescriptor",
            "FontName": f"/{base}",
            "Flags": 4,
            "FontBBox": pydyf.Array([font.metric("head", place) for place in (36, 38, 40, 42)]),
            "ItalicAngle": 0,
            "Ascent": font.metric("hhea", 4),
            "Descent": font.metric("hhea", 6),
            "CapHeight": 729,
            "StemV": 80,
            "FontFile2": file.reference,
        }
    )
    pdf.add_object(descriptor)
    letters = _letters(font, used, base, descriptor)
    pdf.add_object(letters)
    whole = {"Type": "/Font", "Subtype": "/Type0", "BaseFont": f"/{base}", "Encoding": "/Identity-H"}
    composed = pydyf.Dictionary(
        whole | {"DescendantFonts": pydyf.Array([letters.reference]), "ToUnicode": meanings.reference}
    )
    pdf.add_object(composed)
    return composed.reference


def _letters(font: Font, used: dict[int, str], base: str, descriptor: pydyf.Dictionary) -> pydyf.Dictionary:
    widths = [part for glyph in used for part in (glyph, pydyf.Array([font.advance(glyph)]))]
    system = {"Registry": pydyf.String("Adobe"), "Ordering": pydyf.String("Identity"), "Supplement": 0}
    return pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/CIDFontType2",
            "BaseFont": f"/{base}",
            "CIDSystemInfo": pydyf.Dictionary(system),
            "FontDescriptor": descriptor.reference,
            "W": pydyf.Array(widths),
            "CIDToGIDMap": "/Identity",
        }
    )


def _meanings(used: dict[int, str]) -> bytes:
    """A character map from glyphs to Unicode; PDF allows a hundred entries at a time."""
    entries = [b"<%04x> <%s>" % (glyph, each.encode("utf-16-be").hex().encode()) for glyph, each in used.items()]
    blocks = [entries[start : start + 100] for start in range(0, len(entries), 100)]
    listed = b"\n".join(b"%d beginbfchar\n%s\nendbfchar" % (len(each), b"\n".join(each)) for each in blocks)
    return (
        b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
        b"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        b"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n"
        + listed
        + b"\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
    )
