"""How a command execution ends: by a response, or because every attempt was in vain. Whoever writes first has it."""

from collections.abc import Callable
from dataclasses import dataclass

from coldwatch.commands.execution import CommandExecution, answered, timed_out
from coldwatch.commands.ports import CommandStore, CommandWorkflow
from coldwatch.commands.response import RejectedResponse, ResponseFault, ResponseMessage, read_response

_TRIES = 8


class UnknownExecutionError(Exception):
    """There is no record of the execution; `execution_id` names it."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(f"There is no command execution {execution_id}.")
        self.execution_id = execution_id


class ContendedError(Exception):
    """Others changed the execution at every try; the next delivery tries again."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """`before` and `after` are one object where the response changed nothing."""

    before: CommandExecution
    after: CommandExecution


def found(store: CommandStore, execution_id: str) -> CommandExecution:
    execution = store.find(execution_id)
    if execution is None:
        raise UnknownExecutionError(execution_id)
    return execution


def change(
    store: CommandStore, execution: CommandExecution, to: Callable[[CommandExecution], CommandExecution]
) -> CommandExecution:
    """Carry out a change on what is stored now; `execution` is what was read last. Returns what is stored then."""
    for _ in range(_TRIES):
        after = to(execution)
        if after is execution or store.replace(execution, after):
            return after
        execution = found(store, execution.execution_id)
    raise ContendedError(f"Command execution {execution.execution_id} changed {_TRIES} times meanwhile.")


def record_response(
    message: ResponseMessage, *, store: CommandStore, workflow: CommandWorkflow
) -> Recorded | RejectedResponse:
    """Write first, then wake the workflow; both again when the response is delivered again."""
    response = read_response(message.payload)
    if isinstance(response, RejectedResponse):
        return response
    before = store.find(response.execution_id)
    if before is None:
        return RejectedResponse(ResponseFault.UNKNOWN_EXECUTION, f"There is no execution {response.execution_id}.")
    if message.thing != before.thing:
        detail = f"Execution {before.execution_id} was sent to {before.thing}, which alone may answer it."
        return RejectedResponse(ResponseFault.WRONG_DEVICE, detail)
    after = change(store, before, lambda known: answered(known, response, received_at=message.received_at))
    if after.status.is_final and (token := store.token(after.execution_id)) is not None:
        workflow.complete(token, after.outcome())
    return Recorded(before, after)


def time_out(execution_id: str, *, store: CommandStore, now_ms: int) -> CommandExecution:
    """Give the execution up; what it stands at then, which is not TIMED_OUT where a response was first."""
    return change(store, found(store, execution_id), lambda known: timed_out(known, now_ms=now_ms))
