"""Who is above an incident: the storm that it is part of, and the storm that this one is part of."""

from collections.abc import Iterator

from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.ports import IncidentStore

_DEEPEST = 4
"""A device's incident, its gateway's storm, its site's; whatever is longer is a fault in the data, not a family."""


def ancestors(incident: Incident, incidents: IncidentStore) -> Iterator[Incident]:
    """The storms that an incident is part of and that are not over, the nearest first."""
    for _ in range(_DEEPEST):
        parent = incidents.find(incident.parent_id) if incident.parent_id else None
        if parent is None or parent.status is Status.RESOLVED:
            return
        yield parent
        incident = parent


def topmost(incident: Incident, incidents: IncidentStore) -> Incident:
    """The incident that is told in place of this one; itself where it is part of none."""
    return [incident, *ancestors(incident, incidents)][-1]
