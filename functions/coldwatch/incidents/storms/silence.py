"""What keeps a round from being told: nobody for now, and why; or this responder later, in a digest."""

from dataclasses import dataclass
from typing import Protocol

from coldwatch.incidents.incident import Incident

DIGEST_LATE_MS = 90_000
"""Digests are looked for each minute. A page that none has told by then is asked for again, and sent alone."""

IN_DIGEST = "queued"
"""A page's `delivery`: it is told, or will be, by a digest."""


@dataclass(frozen=True, slots=True)
class Silence:
    """`reason` is a sentence; `until_ms` is when to ask again. `by` names what it is, as `Incident.silenced_by` does;
    None for a short hold that the timeline need not know.
    """

    reason: str
    until_ms: int
    by: str | None = None


class SendBudget(Protocol):
    def admit(self, incident: Incident, contact_id: str, *, now_ms: int) -> int | None:
        """None: send it now. Otherwise it is queued, and this is when its digest is due."""

    def due_at(self, contact_id: str, *, now_ms: int) -> int:
        """When the next digest of a contact is due that has had enough messages."""


class Boundless:
    """A budget that lets everything through."""

    def admit(self, incident: Incident, contact_id: str, *, now_ms: int) -> int | None:  # noqa: ARG002 - `SendBudget`
        return None

    def due_at(self, contact_id: str, *, now_ms: int) -> int:  # noqa: ARG002 - `SendBudget`
        return now_ms


BOUNDLESS = Boundless()
