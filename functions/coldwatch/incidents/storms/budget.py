"""How much a contact is sent: so many messages within a window, and what exceeds them in one digest at its end. Pure.

A window begins with the first message after the last one. The digest at its end is the first message of the next, so
that no window has more than it may. What is urgent (critical, or a storm) has some messages to itself.
"""

from dataclasses import dataclass, replace

from coldwatch.incidents.incident import STORM, Incident, Severity
from coldwatch.incidents.storms.rules import Budget


@dataclass(frozen=True, slots=True)
class Spent:
    """What a contact was sent in the window that began at `since`; `pages` are those that were let through.

    `has_queue`: something waits for the digest at its end.
    """

    since: int
    sent: int
    pages: tuple[str, ...] = ()
    has_queue: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """`due_at`: not now, but in the digest of that time. `after` is None where nothing is to be written."""

    due_at: int | None = None
    after: Spent | None = None


def is_urgent(incident: Incident) -> bool:
    return incident.severity is Severity.CRITICAL or incident.kind == STORM


def admit(spent: Spent | None, budget: Budget, page: str, *, urgent: bool, now_ms: int) -> Admission:
    """Whether a page may be sent now. One that was let through stays so, however often it is asked.

    >>> admit(Spent(0, 4, ("a",)), Budget(), "b", urgent=False, now_ms=1_000).due_at
    600000
    """
    if spent is not None and page in spent.pages:
        return Admission()
    current = _window(spent, budget, now_ms)
    allowed = budget.messages if urgent else budget.messages - budget.reserved
    if current.sent >= allowed:
        due_at = end_of(current, budget)
        return Admission(due_at, None if current.has_queue else replace(current, has_queue=True))
    return Admission(after=replace(current, sent=current.sent + 1, pages=(*current.pages, page)))


def put_off(spent: Spent | None, budget: Budget, *, now_ms: int) -> Admission:
    """Where one digest has no room for all: the rest is for the next one."""
    current = _window(spent, budget, now_ms)
    return Admission(end_of(current, budget), replace(current, has_queue=True))


def begin_with_digest(spent: Spent | None, budget: Budget, *, now_ms: int) -> Spent | None:
    """The window that a digest begins; None where a page has begun it, and counted the digest in."""
    if spent is not None and now_ms < end_of(spent, budget):
        return None
    return Spent(now_ms, 1)


def end_of(spent: Spent, budget: Budget) -> int:
    return spent.since + budget.window_s * 1000


def _window(spent: Spent | None, budget: Budget, now_ms: int) -> Spent:
    """The window that goes on, or a new one; whatever waits for its digest is that one's first message."""
    if spent is not None and now_ms < end_of(spent, budget):
        return spent
    return Spent(now_ms, 1 if spent is not None and spent.has_queue else 0)
