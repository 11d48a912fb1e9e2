"""Whether an incident that others are held back by is told itself: one of which nobody hears holds nothing back. Pure.

Somebody has it; or somebody was told of it, or will be by a digest; or it may still tell: its first round is to come,
or goes on. It is never what maintenance silences. What a storm told as something lesser than it is now does not count.
"""

from coldwatch.incidents.escalation.calling import round_began_at
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.ports import IncidentStore
from coldwatch.incidents.storms.maintenance import silencing
from coldwatch.incidents.storms.ports import MaintenanceStore
from coldwatch.incidents.storms.silence import IN_DIGEST

_TRIES_MS = 300_000
"""Longer than a round is tried. Who has reached nobody by then waits out the round, and nobody waits for that."""


def speaks(incident: Incident, incidents: IncidentStore, maintenance: MaintenanceStore, *, now_ms: int) -> bool:
    if incident.holder is not None:
        return True
    if not incident.plan.tiers or silencing(maintenance.unfinished(now_ms), incident, now_ms) is not None:
        return False
    return _may_still_tell(incident, now_ms) or _has_told(incident, incidents)


def _first_round(incident: Incident) -> int:
    """Of those that told it as what it is."""
    return max(1, incident.graver_round)


def _may_still_tell(incident: Incident, now_ms: int) -> bool:
    first = _first_round(incident)
    if incident.round < first or incident.graver_round == 0:
        return True
    until = min(incident.deadline_at or 0, round_began_at(incident) + _TRIES_MS)
    return incident.round == first and now_ms < until


def _has_told(incident: Incident, incidents: IncidentStore) -> bool:
    """A page that came back is not sent any more."""
    first = _first_round(incident)
    return any(
        page.is_sent or page.delivery == IN_DIGEST
        for page in incidents.pages(incident.incident_id)
        if page.round >= first
    )
