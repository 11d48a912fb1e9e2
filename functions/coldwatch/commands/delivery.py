"""One attempt: tell the device, and let the workflow wait for the answer.

Free of races by its order: the token is kept first, then the execution is read, and whoever answers writes the
execution first and reads the token then. So one of the two sees the other, whichever is first.
"""

from dataclasses import dataclass
from enum import StrEnum

from coldwatch.commands.execution import CommandExecution, dispatched
from coldwatch.commands.ports import CommandStore, CommandTopic, CommandWorkflow
from coldwatch.commands.request import expires_at, request
from coldwatch.commands.settlement import change, found


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the workflow asks for: `number` counts from 1, `begun_at` (epoch ms) is when it began to wait."""

    execution_id: str
    number: int
    begun_at: int
    token: str


class Delivery(StrEnum):
    PUBLISHED = "published"
    SETTLED = "settled"
    """It is answered already: the workflow was told at once."""
    OVERTAKEN = "overtaken"
    """A later attempt has begun: this one waits for nothing any more."""


def deliver(
    attempt: Attempt, *, store: CommandStore, topic: CommandTopic, workflow: CommandWorkflow, now_ms: int
) -> tuple[Delivery, CommandExecution]:
    store.keep_token(attempt.execution_id, attempt.number, attempt.token)
    execution = found(store, attempt.execution_id)
    ends_at = expires_at(execution, attempt.number, begun_at=attempt.begun_at)
    execution = change(
        store, execution, lambda known: dispatched(known, attempt.number, expires_at=ends_at, now_ms=now_ms)
    )
    if execution.status.is_final:
        workflow.complete(attempt.token, execution.outcome())
        return Delivery.SETTLED, execution
    if attempt.number < execution.attempt:
        return Delivery.OVERTAKEN, execution
    told = request(execution, attempt.number, expires_at=ends_at, now_ms=now_ms)
    topic.publish(execution.thing, told, lifetime_s=max(1, (ends_at - now_ms) // 1000))
    return Delivery.PUBLISHED, execution
