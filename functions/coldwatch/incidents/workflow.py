"""What the workflow of an incident is told: where to begin, what has become of its incident, and how long to wait.

The workflow holds no facts. `round` and `step` tell it where it is in the plan, `wait_s` how long the wait is that
comes next, `standing` what that wait depends on, `waits` how long those of the plan are: a storm that becomes graver
goes by another. `outcome` is the incident's status, or one of the words below.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.policy import step_of, waits_of

UNREACHABLE = "unreachable"
"""Nobody of a tier could be told: the next one is told without a wait."""
ESCALATE = "escalate"
"""Somebody asked for the next tier."""
SILENCED, HELD_DOWN = "silenced", "held_down"
"""Nobody is to be told now: ask again after the wait. It is no round."""
WITH_A_WAIT = frozenset({SILENCED, HELD_DOWN, Status.SNOOZED.value.lower()})
"""Outcomes that a workflow waits after; one from before there were such takes them for nobody's answer."""
OVERDUE = "overdue"
"""Whoever has it has had it for its whole time: the notifier takes it back and tells its tier again."""


def execution_name(incident_id: str, number: int) -> str:
    """The first execution of an incident has its id; those that take over have a number.

    >>> execution_name("i", 1), execution_name("i", 2)
    ('i', 'i-2')
    """
    return incident_id if number == 1 else f"{incident_id}-{number}"


def execution_names(incident: Incident) -> Iterator[tuple[int, str]]:
    """From the last that is known of: what was before is over, and in time its name is forgotten."""
    yield from ((number, execution_name(incident.incident_id, number)) for number in count(incident.executions))


def beginning_of(incident: Incident, *, number: int = 1, now_ms: int) -> dict[str, Any]:
    """Input of an execution, a first one or one that takes over where another has ended."""
    return continuation_of(incident, *_place(incident, now_ms), number=number)


def continuation_of(incident: Incident, round_: int, step: int, *, number: int) -> dict[str, Any]:
    """Input of an execution that begins with this round; of one that goes on already, the wait begins anew: some may
    only be told now.
    """
    return {
        "incident_id": incident.incident_id,
        "number": number,
        "round": round_,
        "step": step,
        "wait_s": step_of(incident.plan, step).wait_s,
        "waits": waits_of(incident.plan),
    }


def _place(incident: Incident, now_ms: int) -> tuple[int, int]:
    """A round whose time is not over is resumed: who was told in it is waited for, who was not is told.

    What somebody has is found so by its next round; where its time is over, its own step is told again.
    """
    if incident.holder is not None:
        return incident.round + 1, max(incident.step, 1)
    is_going_on = incident.deadline_at is not None and now_ms < incident.deadline_at and not incident.is_escalated
    if incident.round and is_going_on:
        return incident.round, incident.step
    return incident.round + 1, incident.step + 1


def answer_of(incident: Incident, *, now_ms: int) -> dict[str, Any]:
    """What completes a task that waits. What was taken before anybody was told has its first step next."""
    return {
        "outcome": _outcome(incident, now_ms),
        "round": incident.round,
        "step": incident.step if incident.is_escalated else max(incident.step, 1),
        "wait_s": _left_s(incident, now_ms),
        "standing": incident.standing,
        "waits": waits_of(incident.plan),
    }


def pause_of(incident: Incident, why: str, *, number: int, step: int, wait_s: int) -> dict[str, Any]:
    """What completes the task of round `number` where nobody is to be told yet; the same round is asked for again."""
    return {
        "outcome": why,
        "round": number - 1,
        "step": step,
        "wait_s": max(1, wait_s),
        "standing": incident.standing,
        "waits": waits_of(incident.plan),
    }


def seconds_until(at_ms: int, now_ms: int) -> int:
    """Whole seconds, and never none: a wait that ends early finds that it is not over.

    >>> seconds_until(1_001, 0), seconds_until(0, 5)
    (2, 1)
    """
    return max(1, -((now_ms - at_ms) // 1000))


def _outcome(incident: Incident, now_ms: int) -> str:
    if incident.is_escalated:
        return ESCALATE
    return OVERDUE if incident.is_overdue(now_ms) else incident.status.value.lower()


def _left_s(incident: Incident, now_ms: int) -> int:
    return seconds_until(incident.deadline_at, now_ms) if incident.deadline_at is not None else 1
