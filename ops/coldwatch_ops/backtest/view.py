"""A backtest told to people and to machines. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.table import Table

from coldwatch.reports.sentences import two_units
from coldwatch_ops.answer import Answer
from coldwatch_ops.backtest.blocks import Fault
from coldwatch_ops.backtest.candidates import Candidate, unseen
from coldwatch_ops.backtest.comparison import Difference, Figures, differences, figures
from coldwatch_ops.backtest.firings import Firing, by_candidate
from coldwatch_ops.backtest.running import Backtest
from coldwatch_ops.text import count, escape, table
from coldwatch_ops.times import rfc3339

_WHICH: Final = {False: "model", True: "profile"}
"""What the candidates differ in, by whether they are all one model."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a backtest found, ready to be told. `faults` are the first of those that were told."""

    backtest: Backtest
    faults: Sequence[Fault]
    limit: int

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return self.backtest.plan.candidates

    @property
    def until_ms(self) -> int:
        return self.backtest.telemetry.last_ms

    @property
    def firings(self) -> dict[int, list[Firing]]:
        return dict(by_candidate(self.backtest.outcome.firings, len(self.candidates)))


def told(seen: Seen) -> Answer:
    firings = seen.firings
    found = {number: figures(of, seen.until_ms) for number, of in firings.items()}
    compared = differences(firings, seen.until_ms) if len(seen.candidates) > 1 else []
    parts: list[str | Table] = [_telemetry_line(seen), _summary(seen.candidates, found)]
    if compared:
        parts += ["", *_comparison(seen, compared)]
    if seen.backtest.outcome.firings:
        parts += ["", *_firing_table(seen)]
    parts += _remarks(seen)
    return Answer(_document(seen, found, compared), tuple(parts))


def _telemetry_line(seen: Seen) -> str:
    telemetry, sources = seen.backtest.telemetry, seen.backtest.plan.sources
    span = f"from {moment(telemetry.first_ms)} to {moment(telemetry.last_ms)}"
    files = escape(sources[0].name) if len(sources) == 1 else count(len(sources), "file")
    return f"{count(telemetry.rows, 'reading')} of {files}, {span}."


def _summary(candidates: Sequence[Candidate], found: dict[int, Figures]) -> str:
    """`A would have fired 14 times (on 6 devices, 9 h 12 min in all), B 3 (...)`."""
    first, *others = candidates
    said = f"{escape(first.label)} {_would_have_fired(found[first.number])}"
    for other in others:
        of = found[other.number]
        said += f", {escape(other.label)} {f'{of.firings:,} {_extent(of)}' if of.firings else 'never'}"
    return f"{said}."


def _would_have_fired(of: Figures) -> str:
    return f"would have fired {count(of.firings, 'time')} {_extent(of)}" if of.firings else "would never have fired"


def _extent(of: Figures) -> str:
    return f"(on {count(of.devices, 'device')}, {two_units(of.lasted_ms)} in all)"


def moment(at_ms: int | None) -> str:
    """To the second; JSON has the rest.

    >>> moment(1767225600500)
    '2026-01-01 00:00:00Z'
    """
    return rfc3339(None if at_ms is None else at_ms // 1000 * 1000).replace("T", " ").replace(".000Z", "Z")


def _comparison(seen: Seen, compared: Sequence[Difference]) -> list[str | Table]:
    different = [each for each in compared if each.is_one]
    same = len(compared) - len(different)
    parts: list[str | Table] = []
    if different:
        headings = [heading for each in seen.candidates for heading in (each.label, "in all")]
        rows = [(each.device, *_cells(each)) for each in different[: seen.limit]]
        parts = ["By device:", table(["device", *headings], rows, numeric=headings)]
        parts += _left_out(len(different), seen.limit, "device")
    if same:
        parts.append(f"{count(same, 'device')} fired alike.")
    return parts


def _cells(difference: Difference) -> list[str]:
    """No firing is a dash: easier to find than a nought."""
    return [
        cell
        for each in difference.figures
        for cell in ((f"{each.firings:,}", two_units(each.lasted_ms)) if each.firings else ("-", ""))
    ]


def _firing_table(seen: Seen) -> list[str | Table]:
    """By device and time, so that what candidates make of the same hours stands together."""
    firings = sorted(seen.backtest.outcome.firings, key=lambda each: (each.key or "", each.fired_at, each.candidate))
    is_compared = len(seen.candidates) > 1
    has_begun = any(firing.began_at is not None for firing in firings)
    headings = (
        [_WHICH[len({each.content for each in seen.candidates}) == 1]] * is_compared
        + ["detector"]
        + ["began"] * has_begun
        + ["fired", "until", "lasted", "event"]
    )
    rows = [
        (
            *([seen.candidates[each.candidate].label] * is_compared),
            each.key or "-",
            *([moment(each.began_at)] * has_begun),
            moment(each.fired_at),
            moment(each.ended_at) or "the end",
            two_units(each.lasted_ms(seen.until_ms)),
            each.event if each.actions == 1 else f"{each.event} (and {each.actions - 1} more)",
        )
        for each in firings[: seen.limit]
    ]
    return [table(headings, rows, numeric=("lasted",)), *_left_out(len(firings), seen.limit, "firing")]


def _left_out(of: int, limit: int, thing: str) -> list[str]:
    return [f"{count(of - limit, f'more {thing}')}; --limit shows them, --json has all."] if of > limit else []


def _remarks(seen: Seen) -> list[str]:
    outcome, candidates = seen.backtest.outcome, seen.candidates
    said: list[str] = []
    for candidate in candidates:
        late, repeated = outcome.late[candidate.number], outcome.repeated[candidate.number]
        if late or repeated:
            counted = [f"{late:,} late"] * bool(late) + [f"{repeated:,} repeated"] * bool(repeated)
            said.append(f"{escape(candidate.label)} left out readings: {', '.join(counted)}.")
        if not outcome.messages[candidate.number]:
            inputs = ", ".join(sorted(candidate.model.inputs))
            said.append(f"{escape(candidate.label)} had no reading: it looks at {escape(inputs)}.")
        elif names := unseen(candidate, seen.backtest.telemetry.names):
            said.append(
                f"{escape(candidate.label)} looks at {escape(', '.join(names))}, of which the readings have nothing:"
                " is a column called otherwise (--map COLUMN=ATTRIBUTE)?"
            )
    for (number, path, message), times in sorted(outcome.notes.items()):
        said.append(escape(f"{candidates[number].label}: {path}: {message} ({count(times, 'time')})"))
    if seen.backtest.telemetry.unreadable:
        said.append(f"{count(seen.backtest.telemetry.unreadable, 'row')} could not be used: see above.")
    return ["", *said] if said else []


def _document(seen: Seen, found: dict[int, Figures], compared: Sequence[Difference]) -> dict[str, Any]:
    telemetry, sources = seen.backtest.telemetry, seen.backtest.plan.sources
    return {
        "telemetry": {
            "files": len(sources),
            "readings": telemetry.rows,
            "from": rfc3339(telemetry.first_ms),
            "to": rfc3339(telemetry.last_ms),
            "unusable": telemetry.unreadable,
            "faults": [fault_document(each, seen) for each in seen.faults],
        },
        "candidates": [_candidate_document(seen, each, found[each.number]) for each in seen.candidates],
        "differences": [
            {"device": each.device, "figures": [_figures_document(of) for of in each.figures]}
            for each in compared
            if each.is_one
        ],
    }


def fault_document(fault: Fault, seen: Seen) -> dict[str, Any]:
    return {"file": seen.backtest.plan.sources[fault.file].name, "line": fault.line, "reason": fault.reason}


def _candidate_document(seen: Seen, candidate: Candidate, found: Figures) -> dict[str, Any]:
    outcome, number = seen.backtest.outcome, candidate.number
    return {
        "label": candidate.label,
        "model": candidate.name,
        "profile": candidate.profile,
        "clock": candidate.clock.value,
        "messages": outcome.messages[number],
        "late": outcome.late[number],
        "repeated": outcome.repeated[number],
        "unseen": unseen(candidate, seen.backtest.telemetry.names),
        **_figures_document(found),
        "firings": [_firing_document(each, seen.until_ms) for each in seen.firings[number]],
        "notes": [
            {"path": path, "message": message, "times": times}
            for (of, path, message), times in sorted(outcome.notes.items())
            if of == number
        ],
    }


def _figures_document(of: Figures) -> dict[str, int]:
    return {"fired": of.firings, "devices": of.devices, "lasted_ms": of.lasted_ms}


def _firing_document(firing: Firing, until_ms: int) -> dict[str, Any]:
    return {
        "key": firing.key,
        "began_at": firing.began_at,
        "fired_at": firing.fired_at,
        "ended_at": firing.ended_at,
        "lasted_ms": firing.lasted_ms(until_ms),
        "state": firing.state,
        "event": firing.event,
        "actions": firing.actions,
    }
