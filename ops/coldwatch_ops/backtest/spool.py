"""Readings on their way to their detectors: in files of a temporary folder, so that memory stays bounded however many
there are; put in the order in which they arrived, or where that is not known in the order of their own times.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched, count
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from coldwatch_ops.backtest.rows import Row

_CHUNK: Final = 500
_MOST_OPEN: Final = 200
"""Files that are read at a time: a process may have 1,024, and 256 on a Mac."""
_decoder = msgspec.msgpack.Decoder(list[Row])


def order_of(row: Row) -> tuple[int, int, int]:
    """By arrival, then by place: the same however the work is split."""
    return row.order, row.file, row.line


def spool(rows: Iterable[Row], folder: Path, name: str, parts: int) -> list[tuple[int, Path]]:
    """Write the rows of a block in order, a file for each part that has any."""
    by_part: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_part[crc32(row.owner.encode()) % parts].append(row)
    return [
        (part, _write(sorted(found, key=order_of), folder / f"{name}-{part}"))
        for part, found in sorted(by_part.items())
    ]


def _write(rows: Iterable[Row], path: Path) -> Path:
    with path.open("wb") as file:
        for chunk in batched(rows, _CHUNK, strict=False):
            encoded = msgspec.msgpack.encode(chunk)
            file.write(len(encoded).to_bytes(4) + encoded)
    return path


def _read(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        while size := file.read(4):
            yield from _decoder.decode(file.read(int.from_bytes(size)))


def merged(paths: Sequence[Path]) -> Iterator[Row]:
    """The rows of all files in order."""
    left = list(paths)
    for number in count():
        if len(left) <= _MOST_OPEN:
            break
        some, left = left[:_MOST_OPEN], left[_MOST_OPEN:]
        target = some[0].with_name(f"{some[0].name}-merged-{number}")
        if not target.exists():
            _write(heapq.merge(*map(_read, some), key=order_of), target)
        left.append(target)
    return heapq.merge(*map(_read, left), key=order_of)


def without_repeats(rows: Iterable[Row]) -> Iterator[Row]:
    """A reading that is there twice counts once: the archive is delivered at least once. Rows are in order."""
    at = -1
    seen = set[tuple[str, int, str]]()
    for row in rows:
        if row.order != at:
            at = row.order
            seen.clear()
        name = (row.track, row.timestamp, row.identity)
        if not row.identity or name not in seen:
            seen.add(name)
            yield row
