"""What the workflow of an incident is told: where to begin, and what has become of its incident.

The workflow holds no facts. `round` and `step` tell it which wait comes next; `outcome` is the incident's status, or
`unreachable` where nobody of a tier could be told, so that the next one is told without a wait.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.policy import waits_of

UNREACHABLE = "unreachable"


def execution_names(incident_id: str) -> Iterator[str]:
    """The first execution of an incident has its id; one that takes over, the first name that is free.

    >>> names = execution_names("i")
    >>> next(names), next(names), next(names)
    ('i', 'i-2', 'i-3')
    """
    yield incident_id
    yield from (f"{incident_id}-{number}" for number in count(2))


def beginning_of(incident: Incident, *, now_ms: int) -> dict[str, Any]:
    """Input of an execution, a first one or one that takes over where another has ended."""
    round_, step = _place(incident, now_ms)
    return {"incident_id": incident.incident_id, "round": round_, "step": step, "waits": waits_of(incident.plan)}


def _place(incident: Incident, now_ms: int) -> tuple[int, int]:
    """A round whose time is not over is resumed: who was told in it is waited for, who was not is told.

    An acknowledgement that holds is found so by its next round; one whose time is over has its own step told again.
    """
    if incident.status is Status.ACKNOWLEDGED:
        return incident.round + 1, max(incident.step, 1)
    if incident.round and incident.deadline_at is not None and now_ms < incident.deadline_at:
        return incident.round, incident.step
    return incident.round + 1, incident.step + 1


def answer_of(incident: Incident, outcome: str | None = None) -> dict[str, Any]:
    """What completes a task that waits. Acknowledged before anybody was told, it is the first step that comes again."""
    return {
        "outcome": outcome or incident.status.value.lower(),
        "round": incident.round,
        "step": max(incident.step, 1),
    }
