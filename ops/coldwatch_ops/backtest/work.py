"""What a process is given to do: take in a block of telemetry, or evaluate a part of the detectors."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import Final

import msgspec

from coldwatch_ops.backtest.blocks import Block, Fault, rows_of
from coldwatch_ops.backtest.candidates import Candidate
from coldwatch_ops.backtest.evaluating import CandidateRun
from coldwatch_ops.backtest.firings import Firing, Firings
from coldwatch_ops.backtest.rows import NEVER, Form, Row
from coldwatch_ops.backtest.spool import merged, spool, without_repeats

_CHUNK: Final = 500
_LOOKED_AT: Final = 200


@dataclass(frozen=True, slots=True)
class TakenIn:
    weight: int
    rows: int
    faults: tuple[Fault, ...]
    runs: tuple[tuple[int, Path], ...]
    first_ms: int | None
    last_ms: int | None
    names: frozenset[str]
    """The attributes of the first readings: enough to tell a column of another name from one that is rarely filled."""


def take_in(block: Block, form: Form, folder: Path, parts: int) -> TakenIn:
    rows: list[Row] = []
    faults: list[Fault] = []
    for each in rows_of(block, form):
        if isinstance(each, Row):
            rows.append(each)
        else:
            faults.append(each)
    runs = spool(rows, folder, f"{block.source.number}-{block.first}", parts)
    times = [row.timestamp for row in rows]
    latest = max((max(row.timestamp, row.arrived_at) for row in rows), default=None)
    return TakenIn(block.weight, len(rows), tuple(faults), tuple(runs), min(times, default=None), latest, _names(rows))


def _names(rows: Sequence[Row]) -> frozenset[str]:
    return frozenset(name for row in rows[:_LOOKED_AT] for name in msgspec.json.decode(row.payload))


@dataclass(slots=True)
class Evaluated:
    """What came of a part; of each candidate by its number."""

    firings: list[Firing] = field(default_factory=list)
    messages: Counter[int] = field(default_factory=Counter)
    late: Counter[int] = field(default_factory=Counter)
    repeated: Counter[int] = field(default_factory=Counter)
    notes: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def add(self, other: "Evaluated") -> None:
        self.firings += other.firings
        self.messages += other.messages
        self.late += other.late
        self.repeated += other.repeated
        self.notes += other.notes
        self.faults += other.faults


def evaluate_part(paths: Sequence[Path], candidates: Sequence[Candidate], until_ms: int) -> Evaluated:
    careful = out_of_order(merged(paths)) if candidates[0].is_joined else frozenset[str]()
    runs = [CandidateRun(each, careful) for each in candidates]
    firings = [Firings(each.number, each.model) for each in candidates]
    for chunk in batched(without_repeats(merged(paths)), _CHUNK, strict=False):
        for run, found in zip(runs, firings, strict=True):
            found.add(run.feed(chunk))
    outcome = Evaluated()
    for run, found in zip(runs, firings, strict=True):
        found.add(run.finish(until_ms))
        outcome.add(_outcome(run, found.all()))
    return outcome


def _outcome(run: CandidateRun, firings: Iterator[Firing]) -> Evaluated:
    number, told = run.candidate.number, run.told
    return Evaluated(
        firings=list(firings),
        messages=Counter({number: told.messages}),
        late=Counter({number: told.late}),
        repeated=Counter({number: told.repeated}),
        notes=Counter({(number, *place): times for place, times in told.notes.items()}),
        faults=told.unkeyed,
    )


def out_of_order(rows: Iterable[Row]) -> frozenset[str]:
    """Owners of whom a reading is older than one that arrived before it, came twice, or is from the future."""
    found = set[str]()
    latest: dict[str, int] = {}
    of_track: dict[str, int] = {}
    for row in rows:
        is_older = row.timestamp < latest.get(row.owner, row.timestamp)
        is_again = row.arrived_at != NEVER and of_track.get(row.track) == row.timestamp
        if is_older or is_again or (row.arrived_at != NEVER and row.timestamp > row.arrived_at):
            found.add(row.owner)
        latest[row.owner] = max(row.timestamp, latest.get(row.owner, row.timestamp))
        of_track[row.track] = row.timestamp
    return frozenset(found)
