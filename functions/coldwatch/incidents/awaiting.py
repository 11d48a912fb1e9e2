"""Leaves a task token that the resolution completes, and resolves what has recovered where the plan says so."""

from coldwatch.incidents.changing import found
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.ports import TellingStore, Waiting
from coldwatch.incidents.recovery import settle
from coldwatch.incidents.workflow import answer_of


def await_resolution(
    incident_id: str, task_token: str, incidents: TellingStore, waiting: Waiting, *, now_ms: int
) -> Incident:
    """Store the token, then look: whoever resolves it later finds the token, whoever did so before is seen here.

    An acknowledgement whose time is over is not waited for: the notifier takes it back and tells its tier again.
    """
    incident = found(incidents, incident_id)
    if incident.status is Status.ACKNOWLEDGED and not incident.is_overdue(now_ms):
        incidents.keep_token(incident, task_token, awaits=Status.RESOLVED)
        settle(incident_id, incidents, waiting, now_ms=now_ms)
        incident = found(incidents, incident_id)
    if incident.status is not Status.ACKNOWLEDGED or incident.is_overdue(now_ms):
        waiting.complete(task_token, answer_of(incident))
    return incident
