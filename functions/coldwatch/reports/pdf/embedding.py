"""A font in a PDF: the letters that were used, how wide they are, and what each means to whoever searches or copies."""

from collections.abc import Mapping

import pydyf

from coldwatch.reports.pdf.font import Font, subset, subset_name


def embed(pdf: pydyf.PDF, font: Font, used: Mapping[int, str]) -> bytes:
    """Put the font in; how pages refer to it. `used` are glyphs, and the characters that they stand for."""
    used = dict(sorted(used.items()))
    base = f"/{subset_name(font, used)}"
    meanings = pydyf.Stream([_meanings(used)], compress=True)
    pdf.add_object(meanings)
    letters = _letters(font, used, base, _descriptor(pdf, font, used, base))
    pdf.add_object(letters)
    whole = pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/Type0",
            "BaseFont": base,
            "Encoding": "/Identity-H",
            "DescendantFonts": pydyf.Array([letters.reference]),
            "ToUnicode": meanings.reference,
        }
    )
    pdf.add_object(whole)
    return bytes(whole.reference)


def _descriptor(pdf: pydyf.PDF, font: Font, used: Mapping[int, str], base: str) -> bytes:
    file = pydyf.Stream([subset(font, used)], compress=True)
    pdf.add_object(file)
    descriptor = pydyf.Dictionary(
        {
            "Type": "/FontDescriptor",
            "FontName": base,
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
    return bytes(descriptor.reference)


def _letters(font: Font, used: Mapping[int, str], base: str, descriptor: bytes) -> pydyf.Dictionary:
    widths = [part for glyph in used for part in (glyph, pydyf.Array([font.advance(glyph)]))]
    system = {"Registry": pydyf.String("Adobe"), "Ordering": pydyf.String("Identity"), "Supplement": 0}
    return pydyf.Dictionary(
        {
            "Type": "/Font",
            "Subtype": "/CIDFontType2",
            "BaseFont": base,
            "CIDSystemInfo": pydyf.Dictionary(system),
            "FontDescriptor": descriptor,
            "W": pydyf.Array(widths),
            "CIDToGIDMap": "/Identity",
        }
    )


def _meanings(used: Mapping[int, str]) -> bytes:
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
