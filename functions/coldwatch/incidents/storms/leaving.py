"""A child that is over leaves its storm, and the last one to leave ends it.

Called where an incident's recovery resolves it, and once more where its record is written: so however it ended, and
whoever died over it, the storm hears of it.
"""

from coldwatch.incidents.changing import carry_out
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.ports import IncidentStore
from coldwatch.incidents.storms import forming
from coldwatch.incidents.storms.ports import FamilyStore, Waking


def leave(incident: Incident, incidents: IncidentStore, families: FamilyStore, waiting: Waking, *, now_ms: int) -> None:
    """Nothing, for an incident that is not over or is part of no storm."""
    if incident.status is not Status.RESOLVED or incident.parent_id is None:
        return
    families.leave(incident.parent_id, incident.incident_id)
    settle_parent(incident.parent_id, incidents, families, waiting, now_ms=now_ms)


def settle_parent(
    parent_id: str, incidents: IncidentStore, families: FamilyStore, waiting: Waking, *, now_ms: int
) -> None:
    """Resolve a storm that has no open child left; again wakes its workflow once more."""
    if families.has_open_child(parent_id):
        return
    number = families.count_children(parent_id)
    carry_out(incidents, parent_id, lambda each: forming.count(each, number))
    parent, _ = carry_out(incidents, parent_id, lambda each: forming.settle(each, now_ms=now_ms))
    waiting.wake(parent, now_ms=now_ms)
