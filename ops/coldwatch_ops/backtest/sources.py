"""The files that telemetry is in: one file, a folder of them, or what lies under a prefix of a bucket."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from coldwatch_ops.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

type Kind = Literal["csv", "json", "parquet"]

_KINDS: dict[str, Kind] = {
    ".csv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
}
_S3 = re.compile(r"s3://([^/]+)/?(.*)")
_OF_PARTITION = re.compile(r"([A-Za-z_]\w*)=(.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """`path` is where it lies on this machine; `name` is what a person calls it."""

    number: int
    name: str
    kind: Kind
    is_packed: bool
    size: int
    path: Path | None = None
    bucket: str = ""
    key: str = ""

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name.removesuffix(".gz")).stem

    @property
    def partition(self) -> Mapping[str, str]:
        """What the folders say that it lies in, as the archive's do: `application=coldchain/day=2026-11-20`."""
        parts = (_OF_PARTITION.fullmatch(part) for part in PurePosixPath(self.name).parts[:-1])
        return {part[1]: unquote(part[2]) for part in parts if part}


def find_sources(place: str, s3: Callable[[], "S3Client"]) -> list[Source]:
    """Sorted by name. `s3` is asked for a client only when there is a bucket to look into."""
    if matched := _S3.fullmatch(place):
        found = list(_objects(matched[1], matched[2], s3()))
    else:
        found = list(_files(Path(place)))
    if not found:
        raise NotFoundError(f"There is no telemetry in {place}: no *.csv, *.jsonl or *.parquet (each may be *.gz).")
    return [_source(number, *each) for number, each in enumerate(sorted(found, key=lambda each: each[0]))]


type _Found = tuple[str, int, dict[str, Any]]


def _files(place: Path) -> Iterator[_Found]:
    if not place.exists():
        raise UsageError(f"{place} cannot be read: there is no such file or folder.")
    if place.is_file():
        yield str(place), place.stat().st_size, {"path": place}
        return
    for path in place.rglob("*"):
        if path.is_file() and _is_wanted(path.relative_to(place).parts):
            yield str(path), path.stat().st_size, {"path": path}


def _objects(bucket: str, prefix: str, s3: "S3Client") -> Iterator[_Found]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", ()):
            key = each["Key"]
            if key == prefix or _is_wanted(PurePosixPath(key.removeprefix(prefix)).parts):
                yield f"s3://{bucket}/{key}", each["Size"], {"bucket": bucket, "key": key}


def _is_wanted(parts: tuple[str, ...]) -> bool:
    """Not what is hidden, or marked as some program's own notes by an underscore."""
    return bool(parts) and not any(part.startswith((".", "_")) for part in parts) and _kind(parts[-1]) is not None


def _kind(name: str) -> Kind | None:
    return _KINDS.get(PurePosixPath(name.lower().removesuffix(".gz")).suffix)


def _source(number: int, name: str, size: int, where: dict[str, Any]) -> Source:
    kind = _kind(name)
    if kind is None:
        raise UsageError(f"{name} is named as no telemetry: it must end in .csv, .jsonl or .parquet (or also .gz).")
    return Source(number, name, kind, name.lower().endswith(".gz"), size, **where)


def local_path(source: Source, folder: Path, s3: Callable[[], "S3Client"]) -> Path:
    """Where its bytes are on this machine; one of a bucket is fetched into `folder`."""
    if source.path is not None:
        return source.path
    path = folder / f"object-{source.number}"
    s3().download_file(source.bucket, source.key, str(path))
    return path
