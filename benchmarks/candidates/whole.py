"""What the worker asks of a candidate that reads the file by itself."""

from pathlib import Path
from typing import Protocol

from benchmarks.reference import Alarm


class Whole(Protocol):
    def read(self, path: Path) -> None:
        """Decode the members that the rule reads, and do nothing else."""

    def find(self) -> None: ...

    def answer(self) -> list[Alarm]: ...
