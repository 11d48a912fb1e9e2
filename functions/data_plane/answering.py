"""What an operation answers: its document, or what failed of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from coldwatch.detection.step import Fate
from data_plane.errors import STATUS, ApiError
from data_plane.faults import FaultOf, attempt
from data_plane.knowledge import Knowledge, Ports
from data_plane.messages import Report, put_messages
from data_plane.operations import Operation
from data_plane.shapes import check

SHOWN: Final = 10
"""A line of the log names this many notes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`told` goes to the log, `metrics` with it where there are any."""

    status: int
    body: Mapping[str, Any]
    told: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Use:
    ports: Ports
    knowledge: Knowledge
    fault_of: FaultOf


def answer(operation: Operation, document: Mapping[str, Any], use: Use, *, caller: str, now_ms: int) -> Answer:
    """Raises ApiError if the request as a whole cannot be done."""
    check(operation.shape, document)
    told = {"operation": operation.name, "caller": caller}
    if operation.query is not None:
        found = operation.query(document, use.ports, use.knowledge)
        return Answer(operation.status, {name: each for name, each in found.items() if each is not None}, told)
    if operation.each is None:
        return _put(operation, document, use, told, now_ms=now_ms)
    failed: dict[str, ApiError] = {}
    for entry in document[operation.entries]:
        do = partial(operation.each, entry, use.ports, use.knowledge, now_ms=now_ms)
        if error := attempt(do, use.fault_of):
            failed[entry[operation.entry_id]] = error
    return _batch_answer(operation, document, failed, told)


def failure(error: ApiError, *, caller: str) -> Answer:
    """The code stands in the header and, should that be lost on the way, in the body."""
    body = {"message": error.message, "code": error.code}
    told = {"caller": caller, "error": error.code, "reason": error.message[:200]}
    return Answer(STATUS[error.code], body, told, {"x-amzn-errortype": error.code})


def _put(
    operation: Operation, document: Mapping[str, Any], use: Use, told: Mapping[str, Any], *, now_ms: int
) -> Answer:
    report = put_messages(document[operation.entries], use.ports, use.knowledge, use.fault_of, now_ms=now_ms)
    more = {**told, **report.counts, **_notes(report)}
    return _batch_answer(operation, document, report.failed, more, _metrics(report))


def _batch_answer(
    operation: Operation,
    document: Mapping[str, Any],
    failed: Mapping[str, ApiError],
    told: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
) -> Answer:
    ids = [entry[operation.entry_id] for entry in document[operation.entries]]
    entries = [
        {operation.entry_id: each, "errorCode": failed[each].code, "errorMessage": failed[each].message}
        for each in ids
        if each in failed
    ]
    reasons = [f"{each['errorCode']}: {each['errorMessage']}"[:200] for each in entries]
    told = {**told, "entries": len(ids), "failed": len(entries), "reasons": reasons}
    return Answer(operation.status, {operation.failures: entries}, told, metrics=metrics or {})


def _notes(report: Report) -> dict[str, Any]:
    return {
        "notes": [f"{each.level}: {each.message}" for each in report.notes[:SHOWN]],
        "omitted": [each.message for each in report.omitted[:SHOWN]],
    }


def _metrics(report: Report) -> dict[str, float]:
    values = {
        "DetectorEvaluations": report.counts[Fate.EVALUATED],
        "LateMessages": report.counts[Fate.LATE],
        "EffectsSent": report.counts["effects"],
        "EffectsOmitted": len(report.omitted),
    }
    return {name: float(value) for name, value in values.items()} if any(values.values()) else {}
