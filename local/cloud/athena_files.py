"""The files that Athena's queries read: each S3 object is written once, not for every query again."""

import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pyarrow as pa
from ministack.core.responses import get_account_id
from ministack.services import athena, s3
from pyarrow import parquet


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    etag: str
    columns: tuple[str, ...] | None
    """The names of a Parquet file's columns; None for any other file."""


class ObjectFiles:
    """Copies of S3 objects in a folder of this process, under their own keys so that `key=value` folders stay."""

    def __init__(self) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="coldwatch-athena-")).resolve()
        self._files: dict[Path, _File] = {}
        self._writing = threading.Lock()
        atexit.register(shutil.rmtree, self._root, ignore_errors=True)

    def under(self, location: str) -> list[str]:
        """The files of all objects under an `s3://` location, as they are now, in the order of their keys."""
        parsed = urlparse(location)
        prefix = parsed.path.strip("/") + "/" if parsed.path.strip("/") else ""
        bucket = s3._buckets.get(parsed.netloc)  # noqa: SLF001 - the store has no other reader
        folder = self._root / get_account_id() / parsed.netloc
        keys = [] if bucket is None else _visible_keys(bucket, prefix)
        with self._writing:
            found = [file for key in keys if (file := self._file(folder, parsed.netloc, key, bucket)) is not None]
            self._forget_others(folder / prefix, found)
        return [str(file.path) for file in found]

    def agree(self, paths: Iterable[str]) -> bool:
        """Whether all of these are Parquet files with the same columns, so that none needs to be looked into first."""
        kinds = {self._files[Path(path)].columns for path in paths if Path(path) in self._files}
        return len(kinds) == 1 and None not in kinds

    def _file(self, folder: Path, bucket_name: str, key: str, bucket: Any) -> _File | None:
        """The object's file, written when there is none of its present version; None for an object that is gone."""
        path, etag = Path(os.path.normpath(folder / key)), str((bucket["objects"].get(key) or {}).get("etag"))
        known = self._files.get(path)
        if known is not None and known.etag == etag:
            return known
        data = s3._get_object_data(bucket_name, key)  # noqa: SLF001 - as upstream reads it
        if data is None or not path.is_relative_to(folder):  # a key may hold `..`
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._files[path] = _File(path, etag, _columns(data))
        return self._files[path]

    def _forget_others(self, folder: Path, kept: list[_File]) -> None:
        present = {file.path for file in kept}
        for path in [path for path in self._files if path.is_relative_to(folder) and path not in present]:
            del self._files[path]
            path.unlink(missing_ok=True)


def _visible_keys(bucket: Any, prefix: str) -> list[str]:
    keys = sorted(key for key in list(bucket["objects"]) if key.startswith(prefix) and not key.endswith("/"))
    return [key for key in keys if not athena._hidden(key[len(prefix) :])]  # noqa: SLF001 - Hive's rule, as upstream has it


def _columns(data: bytes) -> tuple[str, ...] | None:
    try:
        return tuple(parquet.read_schema(pa.BufferReader(data)).names)
    except pa.ArrowException:
        return None
