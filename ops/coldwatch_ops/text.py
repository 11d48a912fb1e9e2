"""Text for a terminal. Whatever a device sent passes through `escape` before a person sees it."""

from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table


def escape(text: object) -> str:
    r"""What a terminal would obey, hide or turn around (control, format, bidirectional characters) as an escape.

    >>> escape("a\x1b[2Jb\u202ec")
    'a\\x1b[2Jb\\u202ec'
    """
    return "".join(character if character.isprintable() else _escaped(character) for character in str(text))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def preview(raw: bytes, *, limit: int = 2_000) -> str:
    """The bytes as one line of escaped text: UTF-8 where it is, an escape for every byte that is not."""
    shown = escape(raw[:limit].decode("utf-8", "backslashreplace"))
    return shown if len(raw) <= limit else f"{shown} ... ({len(raw):,} bytes in all)"


def hexdump(raw: bytes, *, limit: int = 256) -> list[str]:
    """Lines of offset, sixteen bytes and their ASCII, as `hexdump -C` writes them; says what it left out."""
    lines = [_hexdump_line(offset, raw[offset : offset + 16]) for offset in range(0, min(len(raw), limit), 16)]
    return lines if len(raw) <= limit else [*lines, f"... {len(raw) - limit:,} more bytes; --raw FILE saves them all"]


def _hexdump_line(offset: int, chunk: bytes) -> str:
    ascii_column = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in chunk)
    return f"{offset:08x}  {chunk.hex(' '):<47}  |{ascii_column}|"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, numeric: Sequence[str] = ()) -> Table:
    """Cells are escaped here, and folded rather than cut."""
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        drawn.add_column(heading, overflow="fold", justify="right" if heading in numeric else "left")
    for row in rows:
        drawn.add_row(*(cell_text(value) for value in row))
    return drawn


def cell_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:g}"
    return escape(value)


def fields(values: Mapping[str, object]) -> list[str]:
    """One line per value that is there, the names lined up."""
    present = {name: value for name, value in values.items() if value not in (None, "")}
    width = max((len(name) for name in present), default=0)
    return [f"{name:<{width}}  {cell_text(value)}" for name, value in present.items()]


def count(number: int, thing: str, plural: str | None = None) -> str:
    """`1 entry`, `2 entries`."""
    return f"{number:,} {thing if number == 1 else plural or thing + 's'}"
