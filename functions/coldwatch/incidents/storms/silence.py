"""What a round is told before it begins: nobody for now, and why; or this responder later, in a digest."""

from dataclasses import dataclass
from typing import Any, Protocol

from coldwatch.incidents.incident import Incident

SILENCED = "silenced"
"""The outcome that sends a workflow to wait `wait_s`, and to ask the same round again."""

DIGEST_LATE_MS = 90_000
"""Digests are looked for each minute. A page that none has told by then is asked for again, and sent alone."""


@dataclass(frozen=True, slots=True)
class Silence:
    """`reason` is a sentence; `until_ms` is when to ask again. `by` names what it is, as `Incident.silenced_by` does;
    None for a short hold that the timeline need not know.
    """

    reason: str
    until_ms: int
    by: str | None = None


class Silencing(Protocol):
    def reason(self, incident: Incident, *, now_ms: int) -> Silence | None:
        """Why nobody is told of an incident now. What is found out on the way may have changed it."""


class SendBudget(Protocol):
    def admit(self, incident: Incident, contact_id: str, *, now_ms: int) -> int | None:
        """None: send it now. Otherwise it is queued, and this is when its digest is due."""

    def due_at(self, contact_id: str, *, now_ms: int) -> int:
        """When the next digest of a contact is due that has had enough messages."""


class NeverSilent:
    """Where there are no storms: everybody is told at once."""

    def reason(self, incident: Incident, *, now_ms: int) -> Silence | None:  # noqa: ARG002 - `Silencing`
        return None

    def admit(self, incident: Incident, contact_id: str, *, now_ms: int) -> int | None:  # noqa: ARG002 - `SendBudget`
        return None

    def due_at(self, contact_id: str, *, now_ms: int) -> int:  # noqa: ARG002 - `SendBudget`
        return now_ms


NEVER_SILENT = NeverSilent()


def silenced_answer(round_: int, step: int, until_ms: int, now_ms: int) -> dict[str, Any]:
    """What a workflow is told: the same round again, after so many whole seconds.

    >>> silenced_answer(2, 1, 61_001, 1_000)["wait_s"]
    61
    """
    wait_s = max(1, -(-(until_ms - now_ms) // 1000))
    return {"outcome": SILENCED, "round": round_, "step": step, "wait_s": wait_s}
