"""A command execution: one sending of a command to one device, and the changes it can go through.

A final status never changes. A response that comes after TIMED_OUT is kept beside it; any other response to a settled
execution, and every repetition, changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from coldwatch.commands.order import Order
from coldwatch.commands.response import Response, StatusReason
from coldwatch.commands.status import Status

NO_RESPONSE = "NO_RESPONSE_FROM_DEVICE"
PROGRESS_KEPT = 50
"""So many entries of the history may say IN_PROGRESS: a device decides how many it sends, and an item has an end."""


class EntryType(StrEnum):
    CREATED = "created"
    DISPATCHED = "dispatched"
    PROGRESSED = "progressed"
    ANSWERED = "answered"
    TIMED_OUT = "timed_out"
    ANSWERED_LATE = "answered_late"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history: when (epoch ms), what, and what belongs to it."""

    at: int
    type: EntryType
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LateResponse:
    """What a device answered once nobody waited any more."""

    received_at: int
    status: Status
    status_reason: StatusReason | None = None
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class CommandExecution:
    """`thing` is who hears and answers: the device, or its gateway. `attempt` is the last one begun, 0 before any.

    Times are epoch milliseconds. `revision` grows with every change.
    """

    execution_id: str
    order: Order
    thing: str
    application: str
    created_at: int
    updated_at: int
    status: Status = Status.CREATED
    attempt: int = 0
    settled_at: int | None = None
    status_reason: StatusReason | None = None
    result: Mapping[str, Any] | None = None
    late_response: LateResponse | None = None
    history: tuple[Entry, ...] = ()
    revision: int = 0

    def outcome(self) -> dict[str, Any]:
        """What whoever waits for it is told."""
        return {"execution_id": self.execution_id, "status": self.status.value}


def created(execution_id: str, order: Order, *, thing: str, application: str, now_ms: int) -> CommandExecution:
    entry = Entry(now_ms, EntryType.CREATED, {"requested_by": order.requested_by})
    return CommandExecution(execution_id, order, thing, application, now_ms, now_ms, history=(entry,))


def dispatched(execution: CommandExecution, attempt: int, *, expires_at: int, now_ms: int) -> CommandExecution:
    """Note that an attempt begins. An attempt begins once, however often it is tried."""
    if execution.status.is_final or attempt <= execution.attempt:
        return execution
    entry = Entry(now_ms, EntryType.DISPATCHED, {"attempt": attempt, "expires_at": expires_at})
    return _changed(execution, entry, attempt=attempt)


def answered(execution: CommandExecution, response: Response, *, received_at: int) -> CommandExecution:
    match execution.status:
        case Status.TIMED_OUT:
            return _keep_late(execution, response, received_at)
        case Status.CREATED | Status.IN_PROGRESS:
            return _progress(execution, response, received_at)
        case _:
            return execution


def timed_out(execution: CommandExecution, *, now_ms: int) -> CommandExecution:
    """Give up, unless it is settled: a response that was first is respected."""
    if execution.status.is_final:
        return execution
    description = f"No answer to {execution.attempt} of {execution.order.attempts} attempts."
    return _changed(
        execution,
        Entry(now_ms, EntryType.TIMED_OUT, {"attempts": execution.attempt}),
        status=Status.TIMED_OUT,
        settled_at=now_ms,
        status_reason=StatusReason(NO_RESPONSE, description),
    )


def _progress(execution: CommandExecution, response: Response, received_at: int) -> CommandExecution:
    says = (response.status, response.status_reason, response.result)
    if says == (execution.status, execution.status_reason, execution.result):
        return execution
    is_final = response.status.is_final
    kind = EntryType.ANSWERED if is_final else EntryType.PROGRESSED
    return _changed(
        execution,
        Entry(received_at, kind, _detail(response)),
        status=response.status,
        settled_at=received_at if is_final else None,
        status_reason=response.status_reason,
        result=response.result,
    )


def _keep_late(execution: CommandExecution, response: Response, received_at: int) -> CommandExecution:
    """The first one that says how it ended."""
    if execution.late_response is not None or not response.status.is_final:
        return execution
    late = LateResponse(received_at, response.status, response.status_reason, response.result)
    return _changed(execution, Entry(received_at, EntryType.ANSWERED_LATE, _detail(response)), late_response=late)


def _detail(response: Response) -> dict[str, Any]:
    reason = {"reason_code": response.status_reason.reason_code} if response.status_reason else {}
    clock = {} if response.timestamp is None else {"device_time": response.timestamp}
    return {"status": response.status.value, **reason, **clock}


def _changed(execution: CommandExecution, entry: Entry, **changes: Any) -> CommandExecution:
    told = sum(each.type is EntryType.PROGRESSED for each in execution.history)
    is_kept = entry.type is not EntryType.PROGRESSED or told < PROGRESS_KEPT
    return replace(
        execution,
        **changes,
        history=(*execution.history, entry) if is_kept else execution.history,
        updated_at=max(entry.at, execution.updated_at),
        revision=execution.revision + 1,
    )
