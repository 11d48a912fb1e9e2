"""What the page of an incident is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from coldwatch.incidents.answering import Action, Asked, Outcome
from coldwatch.incidents.incident import Incident, Page, TimelineEvent
from coldwatch.incidents.pages import times
from coldwatch.incidents.policy import Responder, step_of


@dataclass(frozen=True, slots=True)
class View:
    """`names` are those of contacts; `secret` is the link's, for its own page alone; `root` leads from this page to
    where `act` and `a/` are. `zone` is that of the reader's clock. `asked` is what was pressed, on the page of an
    answer; `fault` what its form lacked, and `detail` why it was not done. Without a secret the page offers nothing
    further.
    """

    outcome: Outcome
    may: frozenset[Action]
    incident: Incident
    timeline: Sequence[TimelineEvent]
    pages: Sequence[Page]
    readings: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]
    reader: str
    secret: str
    root: str
    now_ms: int
    zone: tzinfo = UTC
    asked: Asked | None = None
    fault: str | None = None
    detail: str | None = None

    @property
    def is_answer(self) -> bool:
        return self.asked is not None

    def clock(self, at: int) -> str:
        return times.clock(at, self.now_ms, self.zone)

    def clock_and_distance(self, at: int) -> str:
        return times.clock_and_distance(at, self.now_ms, self.zone)

    def stamp(self, at: int) -> str:
        return times.stamp(at, self.zone)

    def name(self, contact_id: str | None) -> str:
        return self.names.get(contact_id or "", contact_id or "Nobody")

    def asked_now(self) -> str:
        """Who is asked in the round that the incident is in now."""
        told = [page for page in self.pages if page.round == self.incident.round and page.is_sent]
        return listed(self.name(page.contact_id) for page in told) or f"tier {self.incident.tier}"

    def asked_next(self) -> str:
        """Who is told when the time of this round is over."""
        step = step_of(self.incident.plan, self.incident.step + 1)
        return listed(self._called(each) for each in step.responders) or f"tier {step.tier}"

    def _called(self, responder: Responder) -> str:
        """Whom a rota names is known when its time has come."""
        return self.name(responder.contact) if responder.contact else f"whoever is on call ({responder.rota})"


def listed(names: Any) -> str:
    """Each name once, in order.

    >>> listed(["Ana", "Ben", "Ana", "Cem"])
    'Ana, Ben and Cem'
    """
    once = list(dict.fromkeys(names))
    return f"{', '.join(once[:-1])} and {once[-1]}" if len(once) > 1 else "".join(once)
