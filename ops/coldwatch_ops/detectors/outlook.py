"""What would become of stored detectors under the models of a folder. Pure: it compares, and changes nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.migration import Move, moved
from coldwatch_ops.answer import Answer
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.text import count, escape, table


@dataclass
class Outlook:
    """Of the detectors of one model. Those that `stay` are under the version already that they would be under, those
    that `move` are not. Of the latter some begin `anew`, for the reason told, or lose or lack something, by its name.

    A `resting` one is of a model that would not be run.
    """

    model: str
    stay: int = 0
    move: int = 0
    resting: int = 0
    other_clock: int = 0
    anew: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    losing: int = 0
    missing: int = 0
    examples: dict[str, str] = field(default_factory=dict)
    """For each reason and each name, a detector that it holds for."""

    @property
    def is_faithful(self) -> bool:
        return not (self.anew or self.lost or self.lacking)

    def take(self, detector: Detector, watch: Watch | None) -> None:
        if watch is None:
            self.resting += 1
            return
        own = watch.for_key(detector.key)
        move = moved(detector, own)
        if move is None:
            self.stay += 1
            return
        self.move += 1
        self.other_clock += move.has_other_clock
        self._note(self.anew, [move.anew] if move.anew else [], detector)
        lost, lacking = list(_lost(move)), list(_lacking(move, own))
        self.losing += bool(lost)
        self.missing += bool(lacking)
        self._note(self.lost, lost, detector)
        self._note(self.lacking, lacking, detector)

    def _note(self, counter: Counter[str], names: Iterable[str], detector: Detector) -> None:
        for name in names:
            counter[name] += 1
            self.examples.setdefault(name, detector.detector_id)


def _lost(move: Move) -> Iterator[str]:
    yield from (f"the variable `{name}`" for name in move.losses.variables)
    yield from (f"the variable `{name}`, which is of another kind" for name in move.losses.unfit)
    yield from (f"the timer `{name}`" for name in move.losses.timers)


def _lacking(move: Move, watch: Watch) -> Iterator[str]:
    """Only what the move brings about: a name that the detector has lost it need not be told to lack."""
    if move.detector.snapshot is not None:
        lost = {*move.losses.variables, *move.losses.unfit, *move.losses.timers}
        yield from (f"`{name}`" for name in watch.vocabulary.lacking(move.detector.snapshot) if name not in lost)


def look_ahead(detectors: Iterable[Detector], watches: Mapping[str, Watch]) -> list[Outlook]:
    """By model, also of those that have no detector yet."""
    found = {name: Outlook(name) for name in watches}
    for detector in detectors:
        found.setdefault(detector.model, Outlook(detector.model)).take(detector, watches.get(detector.model))
    return [found[name] for name in sorted(found)]


def told(outlooks: list[Outlook], faults: list[str], folder: str) -> Answer:
    headings = ("model", "stay", "move", "begin anew", "lose", "lack", "would rest")
    rows = [
        (each.model, each.stay, each.move, each.anew.total(), each.losing, each.missing, each.resting)
        for each in outlooks
    ]
    drawn = table(headings, [[cell or None for cell in row] for row in rows], numeric=headings[1:])
    lines = [escape(line) for each in outlooks for line in _lines(each)]
    document = {"folder": folder, "models": [_document(each) for each in outlooks], "faults": faults}
    is_well = not faults and all(each.is_faithful for each in outlooks)
    lines += [*(escape(fault) for fault in faults), _summary(outlooks, folder)]
    return Answer(document, (drawn, *lines), ExitCode.OK if is_well else ExitCode.FAILED)


def _summary(outlooks: list[Outlook], folder: str) -> str:
    anew = sum(each.anew.total() for each in outlooks)
    losing, missing = (sum(getattr(each, name) for each in outlooks) for name in ("losing", "missing"))
    parts = [
        f"{count(sum(each.move for each in outlooks), 'detector')} would move",
        *([f"{anew:,} would begin anew"] if anew else []),
        *([f"{losing:,} would lose something"] if losing else []),
        *([f"{missing:,} would lack something"] if missing else []),
    ]
    return escape(f"With the models in {folder}: {', '.join(parts)}.")


def _lines(outlook: Outlook) -> Iterator[str]:
    verbs = (("begin anew: ", outlook.anew), ("lose ", outlook.lost), ("lack ", outlook.lacking))
    for verb, counter in verbs:
        for name, number in counter.most_common():
            yield f"{outlook.model}: {number:,} would {verb}{name} (such as {outlook.examples[name]})"
    if outlook.other_clock:
        yield f"{outlook.model}: {outlook.other_clock:,} would go over to the other clock"
    if outlook.resting:
        yield f"{outlook.model} is not run: {count(outlook.resting, 'detector')} would rest"


def _document(outlook: Outlook) -> dict[str, Any]:
    return {
        "model": outlook.model,
        "stay": outlook.stay,
        "move": outlook.move,
        "begin_anew": dict(outlook.anew),
        "losing": outlook.losing,
        "lose": dict(outlook.lost),
        "lacking": outlook.missing,
        "lack": dict(outlook.lacking),
        "other_clock": outlook.other_clock,
        "rest": outlook.resting,
        "examples": outlook.examples,
    }
