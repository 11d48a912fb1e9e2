"""What a device sent must not command the terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch_ops.text import cell_text, count, escape, fields, hexdump, preview


@given(st.text())
def test_nothing_escaped_can_command_a_terminal_or_turn_text_around(text: str) -> None:
    shown = escape(text)

    assert not [character for character in shown if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@given(st.binary(max_size=5_000))
def test_a_preview_of_any_bytes_is_one_safe_line(raw: bytes) -> None:
    shown = preview(raw)

    assert shown == escape(shown)
    assert "\n" not in shown


def test_a_preview_says_how_much_there_is_when_it_leaves_some_out() -> None:
    assert preview(b"a" * 3_000).endswith("... (3,000 bytes in all)")


def test_a_hexdump_reads_as_hexdumps_do() -> None:
    assert hexdump(b"GET /\x00\xff") == ["00000000  47 45 54 20 2f 00 ff                             |GET /..|"]


@given(st.binary(max_size=256))
def test_a_hexdump_holds_every_byte(raw: bytes) -> None:
    hexes = "".join(line[10:57] for line in hexdump(raw))

    assert bytes.fromhex(hexes) == raw


def test_a_long_hexdump_says_what_it_left_out() -> None:
    assert hexdump(bytes(300))[-1] == "... 44 more bytes; --raw FILE saves them all"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "yes"), (False, "no"), (1234567, "1,234,567"), (4.50, "4.5"), ("a\x1bb", r"a\x1bb")],
)
def test_a_cell_is_written_for_a_person(value: object, shown: str) -> None:
    assert cell_text(value) == shown


def test_fields_leave_out_what_is_absent_and_line_up() -> None:
    assert fields({"a": 1, "long": "x", "none": None, "empty": ""}) == ["a     1", "long  x"]


def test_one_is_not_a_plural() -> None:
    assert (count(1, "entry", "entries"), count(2, "entry", "entries")) == ("1 entry", "2 entries")
