"""The data on disk: written once, used again while its parameters and its content are as they were."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import fleet as fleet_module
from benchmarks.fleet import MESSAGES_PER_DEVICE, Fleet, lines

GENERATOR: Final = Path(fleet_module.__file__)
PART: Final = 10
"""Slow peers get the messages of one device of so many."""


@dataclass(frozen=True, slots=True)
class DataSet:
    fleet: Fleet
    folder: Path

    @property
    def full(self) -> Path:
        return self.folder / "full.jsonl"

    @property
    def part(self) -> Path:
        return self.folder / "part.jsonl"

    @property
    def note(self) -> Path:
        return self.folder / "data.json"


def prepare(messages: int, root: Path, *, seed: int = 1) -> DataSet:
    fleet = Fleet(max(PART, messages // MESSAGES_PER_DEVICE), seed)
    found = DataSet(fleet, root / f"{fleet.messages}-{seed}")
    if not is_intact(found):
        found.folder.mkdir(parents=True, exist_ok=True)
        _write(found)
    return found


def is_intact(data: DataSet) -> bool:
    return data.note.exists() and json.loads(data.note.read_text()) == _noted(data)


def _write(data: DataSet) -> None:
    every = lines(data.fleet)
    last = f'"north-reefer-{data.fleet.devices // PART:06d}"'.encode()
    data.full.write_bytes(b"".join(every))
    data.part.write_bytes(b"".join(line for line in every if line[13 : 13 + len(last)] < last))
    data.note.write_text(json.dumps(_noted(data)))


def _noted(data: DataSet) -> dict[str, Any]:
    return asdict(data.fleet) | {path.name: _digest(path) for path in (GENERATOR, data.full, data.part)}


def _digest(path: Path) -> str | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
