"""`make bench`: the rounds, the table, and .local/bench.json."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from benchmarks import dataset, reference, rounds, rows
from benchmarks.dataset import DataSet

LOCAL: Final = Path(".local")
PACKAGES: Final = ("msgspec", "polars", "duckdb", "transitions", "python-statemachine")


def main() -> int:
    options = _options()
    data = dataset.prepare(options.messages, LOCAL / "bench")
    _say(f"{data.fleet.messages:,} messages of {data.fleet.devices:,} devices; the answer, by a plain scan")
    answers = {path: _reference(path) for path in (data.full, data.part)}
    order = rows.order()
    if rows.NODE not in order:
        _say("no Node here: the row `xstate` is left out")
    rounds.pin()
    done = []
    for number in range(options.rounds):
        began = time.monotonic()
        done.append(rounds.run_round(order, data, answers))
        _say(f"round {number + 1} of {options.rounds}: {time.monotonic() - began:.0f} s")
    _write(data, done, len(answers[data.full]))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    return parser.parse_args()


def _reference(path: Path) -> list[Any]:
    with path.open("rb") as file:
        return [list(alarm) for alarm in reference.answer(file)]


def _write(data: DataSet, done: list[rounds.Round], alarms: int) -> None:
    found = rounds.summarise(done)
    faster = {
        "coldwatch than oracle": rounds.times_faster(done, rows.ORACLE.name, rows.OURS.name),
        "coldwatch wide than oracle wide": rounds.times_faster(done, rows.WIDE_ORACLE.name, rows.WIDE.name),
    }
    report = {
        "rows": found,
        "faster": faster,
        "rounds": len(done),
        "data": {
            "messages": data.fleet.messages,
            "devices": data.fleet.devices,
            "seed": data.fleet.seed,
            "alarms": alarms,
        },
        "machine": {"processor": _processor(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), "node": _node()} | {name: version(name) for name in PACKAGES},
    }
    (LOCAL / "bench.json").write_text(json.dumps(report, indent=2) + "\n")
    print(table(found))
    for pair, times in faster.items():
        print(f"{pair}: {times['process']:.1f} x (processing), {times['total']:.1f} x (in all)")


def table(found: list[dict[str, Any]]) -> str:
    """In Markdown, as docs/benchmarks.md has it."""
    part = {row.name for row in rows.order() if row.is_slow}
    lines = [
        "| row | process us | total us | process x | total x | peak MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in found:
        name = row["name"] + (" (part)" if row["name"] in part else "")
        figures = (
            f"{row['us_process']:.3f} | {row['us_total']:.3f} | {row['ratio_process']:.2f} | {row['ratio_total']:.2f}"
        )
        lines.append(f"| {name} | {figures} | {row['peak_mb']:.0f} |")
    return "\n".join(lines)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _node() -> str | None:
    if not rows.has_node():
        return None
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    return told.stdout.strip().removeprefix("v")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
