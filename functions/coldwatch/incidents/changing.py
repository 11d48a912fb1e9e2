"""Carries out a change: read, decide, write if it is still what was read; otherwise once more."""

from collections.abc import Callable

from coldwatch.incidents.incident import Incident
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.ports import IncidentStore

ATTEMPTS = 10
"""Each time somebody else was first, the question is put again; an incident has few writers at a time."""


class IncidentMissingError(Exception):
    """There is no such incident."""

    def __init__(self, incident_id: str) -> None:
        super().__init__(f"there is no incident {incident_id}")
        self.incident_id = incident_id


class ContendedError(Exception):
    """An incident changed each time it was to be changed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was changed by others {ATTEMPTS} times in a row; try again")


def found(incidents: IncidentStore, incident_id: str) -> Incident:
    """The incident as it is. Raises `IncidentMissingError`."""
    incident = incidents.find(incident_id)
    if incident is None:
        raise IncidentMissingError(incident_id)
    return incident


def carry_out(
    incidents: IncidentStore, incident_id: str, decide: Callable[[Incident], Change | None]
) -> tuple[Incident, Change | None]:
    """The incident as it is afterwards, and the change that was written; None where there was nothing to change."""
    for _ in range(ATTEMPTS):
        incident = found(incidents, incident_id)
        change = decide(incident)
        if change is None:
            return incident, None
        if incidents.apply(change):
            return change.after, change
    raise ContendedError(f"incident {incident_id}")
