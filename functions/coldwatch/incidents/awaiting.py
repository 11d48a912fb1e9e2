"""Leaves a task token that whatever comes next completes, and resolves what has recovered where the plan says so."""

from coldwatch.incidents.changing import found
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.ports import TellingStore, Waiting
from coldwatch.incidents.recovery import settle
from coldwatch.incidents.workflow import answer_of


def await_change(
    incident_id: str, task_token: str, standing: str | None, incidents: TellingStore, waiting: Waiting, *, now_ms: int
) -> Incident:
    """Store the token, then look: whoever changes the incident later finds the token, whoever did so before is seen
    here. The wait was measured for an incident that stands as `standing`; one that does not is answered at once.

    What was had for its whole time is not waited for: the notifier takes it back and tells its tier again. A workflow
    from before there was a standing waits for the incident as it is found.
    """
    incident = found(incidents, incident_id)
    standing = incident.standing if standing is None else standing
    if incident.standing == standing and not incident.is_overdue(now_ms):
        incidents.keep_token(incident, task_token)
        settle(incident_id, incidents, waiting, now_ms=now_ms)
        incident = found(incidents, incident_id)
    if incident.standing != standing or incident.is_overdue(now_ms):
        waiting.complete(task_token, answer_of(incident, now_ms=now_ms))
    return incident
