"""The report on paper: what stands on it, that it is the same each time, and that no text is anything but text."""

import hashlib
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from coldwatch.adapters.report_fonts import load_fonts
from coldwatch.reports.pdf import chart
from coldwatch.reports.pdf.font import REPLACEMENT, read_font, subset
from coldwatch.reports.pdf.paper import HEIGHT, MARGIN, WIDTH, Paper
from coldwatch.reports.pdf.printing import print_report
from coldwatch.reports.report import STATEMENT, encode, report
from coldwatch.reports.thinning import thin
from tests.unit.reports.examples import HOSTILE, all_cases

CASES = all_cases()
FONTS = load_fonts()


def printed(name: str) -> bytes:
    content = encode(report(CASES[name]))
    return print_report(content, FONTS, sha256=hashlib.sha256(content).hexdigest())


def text_of(pdf: bytes) -> str:
    """All of it, with every run of spaces as one: a line's end is a matter of layout."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_a_pdf_of_a_few_sheets_of_a4_with_numbers_and_the_statement(name: str) -> None:
    reader = PdfReader(BytesIO(printed(name)), strict=True)

    assert 1 <= len(reader.pages) <= 3
    for number, page in enumerate(reader.pages, start=1):
        assert (float(page.mediabox.width), float(page.mediabox.height)) == (WIDTH, HEIGHT)
        assert f"page {number} of {len(reader.pages)}" in page.extract_text()
    assert STATEMENT in text_of(printed(name))


def test_its_dates_are_those_of_the_incident() -> None:
    information = PdfReader(BytesIO(printed("heat"))).metadata

    assert information
    assert [str(information[each]) for each in ("/CreationDate", "/ModDate")] == ["D:20260101023000Z"] * 2
    assert information.title == "Incident report: Too warm, acme-fridge-0001"


def test_what_an_auditor_asks_stands_on_it() -> None:
    said = text_of(printed("heat"))

    for part in (
        "Too warm: acme-fridge-0001",
        "14.89 °C",
        "1 h 39 min",
        "usp_controlled_cold, version 2; out of range: below 2 °C and above 8 °C",
        "8.61 °C over the worst 24 h that contain the excursion",
        "1 gap of more than 10 min, 25 min in all; 16 came more than 5 min late",
        "failed: no confirmed address",
        "door left open",
        "quarantined",
        "location Dock 4, site Basel",
        "default, version 1",
        "report.json",
        "no readings",
        "came late (16)",
    ):
        assert part in said, part


def test_too_warm_for_too_long_is_told_with_its_limit_its_time_and_its_mean() -> None:
    said = text_of(printed("cumulative_high"))

    for part in (
        "out of range: above or at 30 °C",
        "1 h 30 min above (longest 1 h)",
        "2 h 30 min from first to last, 1 h 30 min of it out of range",
        "that contain the excursion",
    ):
        assert part in said, part
    assert "none of them shows an excursion" not in said


def test_it_names_the_document_that_it_is_a_print_of() -> None:
    content = encode(report(CASES["heat"]))

    assert hashlib.sha256(content).hexdigest() in text_of(printed("heat"))


def test_a_freeze_has_its_lowest_value_and_no_mean_kinetic_temperature() -> None:
    said = text_of(printed("freeze"))

    assert "Lowest -4.9 °C" in said
    assert "Not meaningful: it says nothing about freezing." in said


def test_without_readings_nothing_is_said_to_be_in_range() -> None:
    said = text_of(printed("silent_without_readings"))

    assert "Time out of range not known no readings to tell" in said


def test_hostile_text_is_text() -> None:
    pdf = printed("hostile")
    said = text_of(pdf)

    assert "<script>alert('x')</script> & \"quotes\"" in said
    assert "%PDF-1.7 endstream endobj" in said
    assert pdf.count(b"%PDF-") == 1
    assert "\u202e" in HOSTILE
    assert "\u202e" not in said
    reader = PdfReader(BytesIO(pdf))
    assert set(reader.root_object) == {"/Type", "/Pages", "/Lang"}
    assert not any("/Annots" in page for page in reader.pages)


def test_letters_of_europe_are_printed_and_others_are_visibly_replaced() -> None:
    said = text_of(printed("hostile"))

    assert "Łódź, Αθήνα" in said
    assert f"{REPLACEMENT * 3} 7" in said
    assert "stands for a character that this print has no letter for" in said
    assert "stands for a character" not in text_of(printed("heat"))


def test_a_long_table_says_how_much_of_it_is_left_out() -> None:
    said = text_of(printed("long"))

    assert "171 more in report.json" in said
    assert "contact-1 " in said
    assert "contact-199 " in said


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_written_beyond_the_margins(name: str) -> None:
    places: list[tuple[float, float]] = []

    def see(text: str, _cm: Any, matrix: Any, _font: Any, _size: float) -> None:
        if text.strip():
            places.append((matrix[4], matrix[5]))

    for page in PdfReader(BytesIO(printed(name))).pages:
        page.extract_text(visitor_text=see)

    assert places
    assert all(MARGIN - 8 <= x <= WIDTH - MARGIN and 0 < y < HEIGHT for x, y in places)


def test_a_line_is_never_longer_than_its_room_whatever_the_words() -> None:
    paper = Paper(FONTS)

    for said in ("x" * 500, "a bc " * 99, "W" * 3 + " " + "i" * 900, "", "  ", "\u00ad\u200b" * 40):
        lines = paper.wrapped(said, 8, 90)
        assert all(FONTS.regular.width(line, 8) <= 90 for line in lines)
        assert "".join(lines).replace(" ", "") == "".join(said.split()).translate(
            {0xAD: REPLACEMENT, 0x200B: REPLACEMENT}
        )


def test_a_subset_has_the_shapes_that_are_used_and_no_others() -> None:
    """An accented letter is made of two others, which come with it."""
    font = FONTS.regular
    used = {font.glyph(each) for each in "Aéł"}

    whole, cut = font.tables["glyf"], subset(font, used)

    assert len(cut) < len(whole) / 5
    again = {cut[12 + 16 * n : 16 + 16 * n] for n in range(6)}
    assert again == {b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp"}


def test_a_font_knows_its_letters_and_says_which_it_has_not() -> None:
    font = read_font("x", _file_of(FONTS.regular.name))

    assert font.glyphs == FONTS.regular.glyphs
    assert font.has("ß")
    assert not font.has("冷")
    assert font.glyph("冷") == font.glyph(REPLACEMENT) != 0
    assert font.width("ii", 10) < font.width("WW", 10)


def test_thinning_keeps_the_peaks_and_both_ends() -> None:
    samples = [(at, 20.0 if at == 7_777 else -3.0 if at == 3_333 else 5.0) for at in range(20_000)]

    kept = thin(samples, chart.POINTS)

    assert len(kept) <= chart.POINTS
    assert {samples[0], samples[-1], (7_777, 20.0), (3_333, -3.0)} <= set(kept)
    assert thin(samples[:10], chart.POINTS) == samples[:10]


def test_no_line_is_drawn_through_a_gap() -> None:
    samples = [(0, 1.0), (10, 2.0), (500, 3.0), (510, 3.0)]

    assert list(chart._runs(samples, 100)) == [samples[:2], samples[2:]]


def _file_of(name: str) -> bytes:
    from coldwatch.adapters import report_fonts  # noqa: PLC0415 - the folder is the adapter's own business

    return (report_fonts._FONTS / f"{name}.ttf").read_bytes()
