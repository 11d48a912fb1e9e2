"""What a device hears on its request topic (`schemas/command_request.schema.json`), and until when it counts."""

from typing import Any

from coldwatch.commands.execution import CommandExecution


def expires_at(execution: CommandExecution, attempt: int, *, begun_at: int) -> int:
    """When this sending counts no more: the end of the last attempt, if each that is left waits its full time.

    Not the end of the attempt itself: a request that was held up is still good while a later attempt waits. The next
    attempt begins no earlier than this one ends, so nobody has given up yet when the device may still act.
    """
    left = execution.order.attempts - attempt + 1
    return begun_at + left * execution.order.timeout_s * 1000


def request(execution: CommandExecution, attempt: int, *, expires_at: int, now_ms: int) -> dict[str, Any]:
    """A gateway reads in `device_id` which of its devices is meant."""
    return {
        "execution_id": execution.execution_id,
        "device_id": execution.order.device_id,
        "command": execution.order.command.name,
        "parameters": dict(execution.order.command.parameters),
        "attempt": attempt,
        "issued_at": now_ms,
        "expires_at": expires_at,
    }
