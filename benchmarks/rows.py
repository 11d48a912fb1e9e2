"""Which rows there are, and how each is run."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.dataset import DataSet

XSTATE: Final = Path(sys.prefix).parent / "xstate"
"""Beside this environment, made by `make bench`."""


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    module: str
    way: str = "stream"
    is_slow: bool = False
    """It gets a part of the data: the messages of one device of ten."""
    is_wide: bool = False
    """It runs the wide model, and has another answer."""

    def path(self, data: DataSet) -> Path:
        return data.part if self.is_slow else data.full

    def command(self, data: DataSet) -> list[str]:
        if self.way == "node":
            return ["node", str(XSTATE / "candidate.mjs"), str(self.path(data))]
        return [sys.executable, "-m", "benchmarks.worker", self.way, self.module, str(self.path(data))]


FLOOR: Final = Row("hand-written", "hand_written")
OURS: Final = Row("coldwatch", "coldwatch")
TIMERS: Final = Row("coldwatch timers", "coldwatch_timers")
PEERS: Final = (
    Row("polars", "polars", "whole"),
    Row("duckdb", "duckdb", "whole"),
    Row("transitions", "transitions"),
    Row("python-statemachine", "python_statemachine", is_slow=True),
)
NODE: Final = Row("xstate", "", "node")
WIDE: Final = Row("coldwatch wide", "coldwatch_wide", is_wide=True)
WIDE_ORACLE: Final = Row("oracle wide", "oracle_wide", is_slow=True, is_wide=True)
REPLAY: Final = Row("replay", "coldwatch", "replay")
ORACLE: Final = Row("oracle", "oracle", is_slow=True)


def order() -> list[Row]:
    """Of one round. The floor is measured thrice: before, between and after."""
    node = [NODE] if has_node() else []
    return [FLOOR, OURS, TIMERS, FLOOR, ORACLE, *PEERS, *node, WIDE, WIDE_ORACLE, REPLAY, FLOOR]


def has_node() -> bool:
    return shutil.which("node") is not None and (XSTATE / "node_modules" / "xstate").is_dir()
