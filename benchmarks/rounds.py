"""Every row once in each round; what a round's rows took is compared within that round alone."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.dataset import DataSet
from benchmarks.reference import paired
from benchmarks.rows import FLOOR, WIDE, WIDE_ORACLE, Row

ROOT: Final = Path(__file__).parents[1]


class WrongAnswerError(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one row, in microseconds for a message."""

    process: float
    total: float
    peak_mb: float


type Round = dict[str, Sample]


def pin() -> int | None:
    """To one core, where the system can: this process and those that it starts."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def run_round(rows: Sequence[Row], data: DataSet, answers: Mapping[Path, list[Any]]) -> Round:
    """Raises WrongAnswerError; a fast wrong answer is none."""
    samples: dict[str, list[Sample]] = {}
    told: dict[str, list[Any]] = {}
    for row in rows:
        sample, told[row.name] = _run(row, data)
        samples.setdefault(row.name, []).append(sample)
        expected = answers[row.path(data)]
        if not row.is_wide and told[row.name] != expected:
            raise WrongAnswerError(
                f"{row.name}: {len(told[row.name])} findings, {len(expected)} expected, not the same"
            )
    _check_wide(told)
    return {name: _middle(each) for name, each in samples.items()}


def _check_wide(told: dict[str, list[Any]]) -> None:
    if WIDE_ORACLE.name not in told:
        return
    slow = told[WIDE_ORACLE.name]
    devices = max(key for key, _, _ in slow)
    if slow != [each for each in told[WIDE.name] if each[0] <= devices]:
        raise WrongAnswerError("the wide model: compiled and walked, it gives two answers")


def _run(row: Row, data: DataSet) -> tuple[Sample, list[Any]]:
    ran = subprocess.run(row.command(data), cwd=ROOT, capture_output=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{row.name} failed:\n{ran.stderr.decode(errors='replace')}")
    found = json.loads(ran.stdout)
    per_message = 1_000 * found["messages"]
    total, decode = found["total_ns"] / per_message, found["decode_ns"] / per_message
    answer = [list(each) for each in (found["answer"] if "answer" in found else paired(found["changes"]))]
    return Sample(total - decode, total, found["peak_kb"] / 1024), answer


def _middle(samples: Iterable[Sample]) -> Sample:
    every = list(samples)
    return Sample(
        process=median(each.process for each in every),
        total=median(each.total for each in every),
        peak_mb=max(each.peak_mb for each in every),
    )


def summarise(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """The rows of bench.json, the quickest first."""
    names = list(rounds[0])
    return sorted((_row(name, rounds) for name in names), key=lambda row: float(row["us_total"]))


def _row(name: str, rounds: Sequence[Round]) -> dict[str, Any]:
    process, total = (
        [getattr(each[name], part) / getattr(each[FLOOR.name], part) for each in rounds]
        for part in ("process", "total")
    )
    return {
        "name": name,
        "us_process": round(median(each[name].process for each in rounds), 4),
        "us_total": round(median(each[name].total for each in rounds), 4),
        "ratio_process": round(median(process), 3),
        "ratio_total": round(median(total), 3),
        "peak_mb": round(max(each[name].peak_mb for each in rounds), 1),
        "range_process": [round(min(process), 3), round(max(process), 3)],
        "range_total": [round(min(total), 3), round(max(total), 3)],
    }


def times_faster(rounds: Sequence[Round], slow: str, fast: str) -> dict[str, float]:
    """Of two rows, within each round."""
    return {
        part: round(median(getattr(each[slow], part) / getattr(each[fast], part) for each in rounds), 2)
        for part in ("process", "total")
    }
