"""What the workflow of an incident is told: where to begin, and what has become of its incident.

The workflow holds no facts. `round` and `step` tell it which wait comes next; `outcome` is the incident's status, or
`unreachable` where nobody of a tier could be told, so that the next one is told without a wait.
"""

from typing import Any

from coldwatch.incidents.incident import Incident
from coldwatch.incidents.policy import waits_of

UNREACHABLE = "unreachable"


def beginning_of(incident: Incident) -> dict[str, Any]:
    """Input of an execution, a first one or one that takes over: it goes on after the last round that began."""
    return {
        "incident_id": incident.incident_id,
        "round": incident.round + 1,
        "step": incident.step + 1,
        "waits": waits_of(incident.plan),
    }


def answer_of(incident: Incident, outcome: str | None = None) -> dict[str, Any]:
    """What completes a task that waits."""
    return {
        "outcome": outcome or incident.status.value.lower(),
        "round": incident.round,
        "step": incident.step,
    }
