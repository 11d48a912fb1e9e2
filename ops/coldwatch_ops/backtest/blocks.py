"""Pieces of files that can be read apart: lines of text with the number of the first, or row groups of Parquet."""

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from coldwatch.engine.documents import json_fault
from coldwatch_ops.backtest.rows import FaultyRowError, Form, Row, cell, read_canonical, read_row
from coldwatch_ops.backtest.sources import Source
from coldwatch_ops.errors import FailedError, MissingPartError

BLOCK_BYTES: Final = 4_000_000
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    """`first` is the number of its first line (or, of Parquet, of its first row), counted from 1. `weight` is its part
    of the file's bytes, for the progress bar.
    """

    source: Source
    weight: int
    first: int
    text: bytes = b""
    header: tuple[str, ...] = ()
    path: Path | None = None
    row_group: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not be read, or of which no detector could make anything."""

    file: int
    line: int
    reason: str


def read_blocks(source: Source, path: Path, form: Form) -> Iterator[Block]:
    try:
        if source.kind == "parquet":
            yield from _row_groups(source, path)
            return
        with _opened(source, path) as file:
            yield from _texts(source, file, form)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FailedError(f"{source.name} cannot be read to its end: {reason}.") from None


def _opened(source: Source, path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if source.is_packed else path.open("rb")


def _texts(source: Source, file: IO[bytes], form: Form) -> Iterator[Block]:
    first = 1
    header: tuple[str, ...] = ()
    if source.kind == "csv":
        header = _header(source, file.readline(), form)
        first = 2
    while text := file.read(BLOCK_BYTES):
        text += file.readline()
        # What a packed file weighs on the disk is not known by piece; about a sixth is usual.
        yield Block(source, len(text) // 6 if source.is_packed else len(text), first, text, header)
        first += text.count(b"\n")


def _header(source: Source, line: bytes, form: Form) -> tuple[str, ...]:
    try:
        text = line.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        raise FailedError(f"{source.name} is no CSV in UTF-8.") from None
    names = tuple(name.strip() for name in next(csv.reader([text]), []))
    if not any(names):
        raise FailedError(f"{source.name} has no first line that names its columns.")
    told = f"its columns are {', '.join(names)}"
    if form.time is not None and form.time not in names:
        raise FailedError(f"{source.name} has no column {form.time}, which --time names; {told}.")
    for column in form.names:
        if column not in names:
            raise FailedError(f"{source.name} has no column {column}, which --map or --key names; {told}.")
    return names


def _row_groups(source: Source, path: Path) -> Iterator[Block]:
    parquet = import_parquet()
    try:
        described = parquet.ParquetFile(path).metadata
    except (ValueError, OSError) as error:  # pyarrow's own errors are kinds of both
        raise FailedError(f"{source.name} is no Parquet: {error}.") from None
    first = 1
    for group in range(described.num_row_groups):
        yield Block(source, source.size // described.num_row_groups, first, path=path, row_group=group)
        first += described.row_group(group).num_rows


def import_parquet() -> Any:
    try:
        import pyarrow.parquet  # noqa: PLC0415 - an optional dependency, forty times as large as the rest
    except ImportError:
        raise MissingPartError(
            "Parquet needs pyarrow: install Coldwatch with `pip install '.[parquet]'` in its folder."
        ) from None
    return pyarrow.parquet


def rows_of(block: Block, form: Form) -> Iterator[Row | Fault]:
    """Every line of a block that is not blank: a row of it, or why not."""
    if block.source.kind == "json" and form.is_canonical and not block.source.partition:
        yield from _canonical_rows(block, form)
    else:
        yield from _rows(block, form, _members(block))


def _canonical_rows(block: Block, form: Form) -> Iterator[Row | Fault]:
    for number, line in _lines(block):
        row = read_canonical(line, (block.source.number, number))
        if row is None:
            yield from _rows(block, form, [(number, _read_json(line, ()))])
        else:
            yield row


def _rows(block: Block, form: Form, found: Iterable[tuple[int, dict[str, Any] | str]]) -> Iterator[Row | Fault]:
    given = _given(block, form)
    for line, members in found:
        if isinstance(members, str):
            yield Fault(block.source.number, line, members)
            continue
        try:
            yield read_row({**given, **members}, form, (block.source.number, line))
        except FaultyRowError as error:
            yield Fault(block.source.number, line, str(error))


def _given(block: Block, form: Form) -> dict[str, Any]:
    """What the folders say; and where no column says whose readings they are, each file is a device."""
    given: dict[str, Any] = dict(block.source.partition)
    names = {form.attribute(name) for name in block.header}
    if block.source.kind == "csv" and form.key_path and ".".join(form.key_path) not in {*names, *form.given}:
        given[".".join(form.key_path)] = block.source.stem
    return given


def _members(block: Block) -> Iterator[tuple[int, dict[str, Any] | str]]:
    if block.source.kind == "parquet":
        table = import_parquet().ParquetFile(block.path).read_row_group(block.row_group)
        for number, row in enumerate(table.to_pylist(), start=block.first):
            yield number, {name: _plain(value) for name, value in row.items()}
        return
    read = _read_csv if block.source.kind == "csv" else _read_json
    for number, line in _lines(block):
        yield number, read(line, block.header)


def _lines(block: Block) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(block.text.split(b"\n"), start=block.first):
        if line.strip():
            yield number, line.removeprefix(_BOM) if number == 1 else line


def _read_json(line: bytes, _header: tuple[str, ...]) -> dict[str, Any] | str:
    try:
        document = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        return f"not JSON: {json_fault(error)}"
    return document if isinstance(document, dict) else "not a JSON object"


def _read_csv(line: bytes, header: tuple[str, ...]) -> dict[str, Any] | str:
    """A row is a line: telemetry holds no text of several."""
    try:
        cells = next(csv.reader([line.decode().rstrip("\r")], strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        return f"not CSV: {error}"
    if len(cells) != len(header):
        return f"{len(cells)} cells, where the first line names {len(header)} columns"
    return {name: cell(name, text.strip()) for name, text in zip(header, cells, strict=True) if name}


def _plain(value: Any) -> Any:
    """A time stays a time, whole bytes become text; the rest is JSON already."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return value.isoformat() if isinstance(value, datetime) else value
