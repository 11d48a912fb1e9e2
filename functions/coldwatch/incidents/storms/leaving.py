"""A child that is over leaves its storm, and the last one to leave ends it.

Called where an incident's recovery resolves it, and once more where its record is written. Should both have died over
it, the storm finds out by itself: before each of its rounds it lets go whoever is over.
"""

from coldwatch.incidents.changing import carry_out, found
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


def let_go(
    storm: Incident, incidents: IncidentStore, families: FamilyStore, waiting: Waking, *, now_ms: int
) -> Incident:
    """The storm, which is over if all of its children are, though nobody said so when they were.

    It looks no further than the first who is not: one is enough to wait for. Nor does it let go whoever is expected and
    has joined no storm yet.
    """
    for child_id in families.open_children(storm.incident_id):
        child = incidents.find(child_id)
        if child and child.status is not Status.RESOLVED and child.parent_id in {None, storm.incident_id}:
            return storm
        families.leave(storm.incident_id, child_id)
    settle_parent(storm.incident_id, incidents, families, waiting, now_ms=now_ms)
    return found(incidents, storm.incident_id)


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
