"""Takes a detector's recovery into the incident that is open, and resolves it where its plan says so."""

from dataclasses import dataclass
from enum import StrEnum

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import carry_out
from coldwatch.incidents.effects import IncidentEffect
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.ports import IncidentStore, Waiting


class Recovered(StrEnum):
    """NOTED: nothing is open. OUTDATED: it is from before the excursion that is open."""

    RECORDED = "recorded"
    RESOLVED = "resolved"
    OUTDATED = "outdated"
    NOTED = "noted"


@dataclass(frozen=True, slots=True)
class Recovery:
    outcome: Recovered
    incident: Incident | None = None


def recover_incident(effect: IncidentEffect, incidents: IncidentStore, waiting: Waiting, *, now_ms: int) -> Recovery:
    """Delivered again, it does what was left undone: the resolution, and to wake the workflow."""
    taken = incidents.taken_into(effect.effect_id)
    if taken is None:
        holder = incidents.find_open(effect.detector_model, effect.detector_key)
        if holder is None:
            incidents.note_recovery(effect.detector_model, effect.detector_key, effect.occurred_at)
            return Recovery(Recovered.NOTED)
        incident, change = carry_out(incidents, holder.incident_id, lambda each: _record(each, effect, now_ms))
        if change is None:
            return Recovery(Recovered.OUTDATED, incident)
        taken = holder.incident_id
    return settle(taken, incidents, waiting, now_ms=now_ms)


def settle(incident_id: str, incidents: IncidentStore, waiting: Waiting, *, now_ms: int) -> Recovery:
    """Resolve a recovered incident if its plan lets the recovery do that; wake whoever waits for it."""
    incident, _ = carry_out(incidents, incident_id, lambda each: lifecycle.settle_recovered(each, now_ms=now_ms))
    if incident.status is not Status.RESOLVED:
        return Recovery(Recovered.RECORDED, incident)
    waiting.wake(incident, now_ms=now_ms)
    return Recovery(Recovered.RESOLVED, incident)


def _record(incident: Incident, effect: IncidentEffect, now_ms: int) -> Change | None:
    return lifecycle.recover(
        incident,
        effect_id=effect.effect_id,
        occurred_at=effect.occurred_at,
        what=f"The detector says: {effect.event_name}.",
        now_ms=now_ms,
    )
