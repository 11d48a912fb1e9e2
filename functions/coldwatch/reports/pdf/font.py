"""A TrueType font: how wide its letters are, and a copy of it with only those that a document uses.

It reads what the two fonts that come with Coldwatch have, and no more: a character map of format 4, outlines, no hints.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
"""Stands, visibly, for a character that the font has no shape for."""

_LONG_OFFSETS = struct.pack(">h", 1)
_ARGUMENTS_ARE_WORDS, _HAS_SCALE, _MORE, _HAS_TWO_SCALES, _HAS_MATRIX = 0x01, 0x08, 0x20, 0x40, 0x80


@dataclass(frozen=True, slots=True)
class Font:
    """`glyphs` is by code point, `advances` by glyph; both in `units` to the em."""

    name: str
    tables: Mapping[str, bytes]
    units: int
    glyphs: Mapping[int, int]
    advances: Sequence[int]

    def glyph(self, character: str) -> int:
        return self.glyphs.get(ord(character), self.glyphs[ord(REPLACEMENT)])

    def has(self, character: str) -> bool:
        return ord(character) in self.glyphs

    def width(self, text: str, size: float) -> float:
        return sum(self.advances[self.glyph(each)] for each in text) * size / self.units

    def metric(self, table: str, place: int) -> int:
        """A signed 16-bit number of a table, in thousandths of the em."""
        (found,) = struct.unpack_from(">h", self.tables[table], place)
        return round(int(found) * 1000 / self.units)

    def advance(self, glyph: int) -> int:
        """In thousandths of the em."""
        return round(self.advances[glyph] * 1000 / self.units)


def read_font(name: str, content: bytes) -> Font:
    """A font from its file."""
    (count,) = struct.unpack_from(">H", content, 4)
    records = [struct.unpack_from(">4sIII", content, 12 + 16 * number) for number in range(count)]
    tables = {tag.decode(): content[offset : offset + length] for tag, _, offset, length in records}
    (units,) = struct.unpack_from(">H", tables["head"], 18)
    (metrics,) = struct.unpack_from(">H", tables["hhea"], 34)
    (glyph_count,) = struct.unpack_from(">H", tables["maxp"], 4)
    known = [struct.unpack_from(">H", tables["hmtx"], 4 * number)[0] for number in range(metrics)]
    advances = known + known[-1:] * (glyph_count - metrics)
    return Font(name, tables, units, dict(_characters(tables["cmap"])), advances)


def _characters(cmap: bytes) -> Iterator[tuple[int, int]]:
    """Code points and their glyphs, of the subtable of format 4."""
    (count,) = struct.unpack_from(">H", cmap, 2)
    offsets = (struct.unpack_from(">I", cmap, 8 + 8 * number)[0] for number in range(count))
    start = next(offset for offset in offsets if struct.unpack_from(">H", cmap, offset)[0] == 4)
    (doubled,) = struct.unpack_from(">H", cmap, start + 6)
    places = [start + 14 + part * doubled + 2 * (part > 0) for part in range(4)]
    for number in range(doubled // 2):
        last, first, shift, offset = (struct.unpack_from(">H", cmap, each + 2 * number)[0] for each in places)
        for point in range(first, min(last, 0xFFFE) + 1):
            glyph = point
            if offset:
                (glyph,) = struct.unpack_from(">H", cmap, places[3] + 2 * number + offset + 2 * (point - first))
            if glyph:
                yield point, (glyph + shift) % 65536


def subset(font: Font, used: Iterable[int]) -> bytes:
    """The font's file with the shapes of the glyphs that are used; the others keep their number and are empty."""
    offsets = _offsets(font)
    kept = _with_parts(font, offsets, {0, *used})
    shapes, places = bytearray(), [0]
    for glyph in range(len(offsets) - 1):
        if glyph in kept:
            shapes += font.tables["glyf"][offsets[glyph] : offsets[glyph + 1]]
            shapes += bytes(-len(shapes) % 4)
        places.append(len(shapes))
    head = font.tables["head"]
    own = {
        "glyf": bytes(shapes),
        "head": head[:50] + _LONG_OFFSETS + head[52:],
        "loca": struct.pack(f">{len(places)}I", *places),
    }
    return _file({name: own.get(name, font.tables[name]) for name in ("glyf", "head", "hhea", "hmtx", "loca", "maxp")})


def subset_name(font: Font, used: Iterable[int]) -> str:
    """With six letters before it that tell one subset of a font from another."""
    digest = hashlib.sha256(repr(sorted(used)).encode()).digest()
    return "".join(chr(ord("A") + each % 26) for each in digest[:6]) + f"+{font.name}"


def _offsets(font: Font) -> Sequence[int]:
    """Where each glyph's outline begins; one more for the end of the last."""
    is_long = font.tables["head"][50:52] == _LONG_OFFSETS
    count = len(font.advances) + 1
    if is_long:
        return struct.unpack_from(f">{count}I", font.tables["loca"])
    return [2 * each for each in struct.unpack_from(f">{count}H", font.tables["loca"])]


def _with_parts(font: Font, offsets: Sequence[int], used: set[int]) -> set[int]:
    """An accented letter may be made of two others."""
    kept, waiting = set[int](), list(used)
    while waiting:
        glyph = waiting.pop()
        if glyph not in kept:
            kept.add(glyph)
            waiting += _parts(font.tables["glyf"][offsets[glyph] : offsets[glyph + 1]])
    return kept


def _parts(shape: bytes) -> Iterator[int]:
    if not shape or struct.unpack_from(">h", shape)[0] >= 0:
        return
    place, flags = 10, _MORE
    while flags & _MORE:
        flags, part = struct.unpack_from(">HH", shape, place)
        yield part
        place += 8 if flags & _ARGUMENTS_ARE_WORDS else 6
        place += 2 * bool(flags & _HAS_SCALE) + 4 * bool(flags & _HAS_TWO_SCALES) + 8 * bool(flags & _HAS_MATRIX)


def _file(tables: Mapping[str, bytes]) -> bytes:
    power = len(tables).bit_length() - 1
    header = struct.pack(">IHHHH", 0x00010000, len(tables), 16 << power, power, 16 * len(tables) - (16 << power))
    records, body, place = b"", b"", len(header) + 16 * len(tables)
    for name, content in tables.items():
        padded = content + bytes(-len(content) % 4)
        checksum = sum(struct.unpack(f">{len(padded) // 4}I", padded)) % 2**32
        records += struct.pack(">4sIII", name.encode(), checksum, place + len(body), len(content))
        body += padded
    return header + records + body
