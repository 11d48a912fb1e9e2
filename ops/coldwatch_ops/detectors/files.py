"""The files that the commands on detector models read."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from coldwatch.engine.errors import Finding, ModelError
from coldwatch.engine.inputs import Input, load_inputs
from coldwatch_ops.errors import FailedError, UsageError


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def has_member(content: bytes, member: str) -> bool:
    """Whether it is an object with this member, which tells models, alarm models and inputs apart."""
    try:
        document = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False
    return isinstance(document, dict) and member in document


def model_files(paths: Iterable[str]) -> list[Path]:
    """The files themselves; of a folder, every `*.json` in it."""
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(path.glob("*.json"))
        if not inside:
            raise UsageError(f"There is no *.json in {path}.")
        found += inside
    return found


def input_files(folder: str) -> list[Path]:
    if not Path(folder).is_dir():
        raise UsageError(f"{folder} is no folder of inputs.")
    return sorted(Path(folder).glob("*.json"))


def read_inputs(folder: str | None) -> Mapping[str, Input] | None:
    """None when no folder was named: then nothing is known about inputs."""
    if folder is None:
        return None
    paths = input_files(folder)
    try:
        return load_inputs(read_file(path) for path in paths)
    except ModelError as error:
        raise FailedError(f"The inputs in {folder} cannot be used:", finding_lines(error.findings)) from None


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    return [line for finding in findings for line in str(finding).splitlines()]
