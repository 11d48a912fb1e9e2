"""Sees to it that whatever is not over has an execution that looks after it.

An execution may be stopped, time out, or fail for good, and a detector that has said its word says no more. So each
hour every incident that is not over is looked at, and what nobody looks after gets another execution; once a day, too,
those that are over and have no record or no report.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.incident import EventType, Incident
from coldwatch.incidents.ports import Executions, IncidentStore
from coldwatch.incidents.workflow import continuation_of, execution_name

GRACE_MS = 5 * 60_000
"""What has just begun may not be found yet, and whoever opened it is still at it."""


class UnfinishedIncidents(IncidentStore, Protocol):
    def unfinished(self) -> Iterable[str]:
        """The ids of incidents that are not resolved; one that is just changing may be missing."""

    def unrecorded(self, *, now_ms: int) -> Iterable[str]:
        """The ids of incidents that are resolved, have no record or miss their report, and opened not long ago."""


@dataclass(slots=True)
class Reconciled:
    """`faults`: what went wrong with an incident, by its id; the others were looked at all the same."""

    looked_at: int = 0
    reattached: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)


def reconcile(
    incidents: UnfinishedIncidents, executions: Executions, *, with_unrecorded: bool, now_ms: int
) -> Reconciled:
    done = Reconciled()
    over = incidents.unrecorded(now_ms=now_ms) if with_unrecorded else ()
    wanted = dict.fromkeys([*incidents.unfinished(), *over])
    for incident_id in wanted:
        done.looked_at += 1
        try:
            if _reattach(incident_id, incidents, executions, now_ms):
                done.reattached.append(incident_id)
        except Exception as error:  # noqa: BLE001 - one incident that cannot be attended to leaves none of the others alone
            done.faults[incident_id] = f"{type(error).__name__}: {error}"
    return done


def attach(incident: Incident, incidents: IncidentStore, executions: Executions, *, now_ms: int) -> Incident:
    """Start the execution of an incident if none runs; where it takes the place of another, the timeline says so."""
    number = executions.start(incident, now_ms=now_ms)
    if number <= incident.executions:
        return incident
    what = f"Its workflow had ended; another took it up ({execution_name(incident.incident_id, number)})."
    return _note(incident, number, EventType.REATTACHED, what, incidents, now_ms)


def hand_over(
    incident_id: str,
    place: tuple[int, int],
    number: int,
    incidents: IncidentStore,
    executions: Executions,
    *,
    now_ms: int,
) -> Incident:
    """Start the execution that goes on where the one of this number stands, at `place`: its round and step.

    Started first and noted afterwards, so that a death in between is repaired by doing it again.
    """
    incident = found(incidents, incident_id)
    given = continuation_of(incident, *place, number=number + 1)
    successor = executions.succeed(incident, after=number, given=given)
    what = f"Its workflow had a long history and handed over ({execution_name(incident_id, successor)})."
    return _note(incident, successor, EventType.HANDED_OVER, what, incidents, now_ms)


def _reattach(incident_id: str, incidents: IncidentStore, executions: Executions, now_ms: int) -> bool:
    """Whether another execution was started. One that was started before and not noted is noted now."""
    incident = found(incidents, incident_id)
    if now_ms - incident.opened_at < GRACE_MS:
        return False
    number = executions.running(incident)
    is_missing = number is None
    if number is None:
        incident = found(incidents, incident_id)
        if incident.is_complete(now_ms):
            return False
        number = executions.start(incident, now_ms=now_ms)
    if number > incident.executions:
        what = f"Nobody looked after it; another workflow took it up ({execution_name(incident_id, number)})."
        _note(incident, number, EventType.REATTACHED, what, incidents, now_ms)
    return is_missing


def _note(  # noqa: PLR0917 - what a note is made of
    incident: Incident, number: int, kind: EventType, what: str, incidents: IncidentStore, now_ms: int
) -> Incident:
    noted, _ = carry_out(
        incidents,
        incident.incident_id,
        lambda each: lifecycle.attached(each, number=number, kind=kind, what=what, now_ms=now_ms),
    )
    return noted
