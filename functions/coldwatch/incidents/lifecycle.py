"""OPEN > ACKNOWLEDGED > RESOLVED, and back from ACKNOWLEDGED to OPEN when an acknowledgement is not kept.

Each function says what a change would be, or None where there is nothing to change. Whoever carries it out writes it
only if the incident is still the one that was read, and decides again if it is not: so two who act at once are put
in an order, and the second sees what the first did.
"""

from dataclasses import dataclass, replace

from coldwatch.incidents.escalation.hold_down import is_unheard
from coldwatch.incidents.identity import event_id
from coldwatch.incidents.incident import EventType, Incident, Status, TimelineEvent
from coldwatch.incidents.policy import AutoResolve, step_of

SYSTEM = "coldwatch"
DETECTOR = "detector"


@dataclass(frozen=True, slots=True)
class Change:
    """One conditional write. `effect_id` marks the effect that asked for it, so that it is taken once.

    Resolving gives back the lock of (model, key), in the same transaction.
    """

    before: Incident
    after: Incident
    event: TimelineEvent | None
    effect_id: str | None = None

    @property
    def releases_lock(self) -> bool:
        return self.before.status is not Status.RESOLVED and self.after.status is Status.RESOLVED


def opened(incident: Incident, what: str) -> TimelineEvent:
    identity = event_id(incident.incident_id, incident.revision, EventType.OPENED)
    return TimelineEvent(incident.opened_at, identity, EventType.OPENED, DETECTOR, what, incident.began_at)


def repeat(
    incident: Incident, *, effect_id: str, occurred_at: int, what: str, now_ms: int, began_at: int | None = None
) -> Change | None:
    """The detector says it again: the open incident is joined, and is no longer recovered.

    A repeat that happened before the recovery that is known changes no state; the timeline has it all the same.
    """
    if incident.status is Status.RESOLVED:
        return None
    is_stale = incident.recovered_at is not None and occurred_at < incident.recovered_at
    after = replace(
        incident,
        excursion_at=max(incident.excursion_at, occurred_at),
        recovered_at=incident.recovered_at if is_stale else None,
    )
    change = _change(incident, after, EventType.REPEATED, DETECTOR, what, now_ms, effect_id, effect_id=effect_id)
    return _occurred(change, began_at or occurred_at)


def recover(incident: Incident, *, effect_id: str, occurred_at: int, what: str, now_ms: int) -> Change | None:
    """The detector sees that it is over. None for a recovery from before the excursion that is known."""
    if incident.status is Status.RESOLVED or occurred_at < incident.excursion_at:
        return None
    after = replace(incident, recovered_at=max(occurred_at, incident.recovered_at or 0))
    change = _change(incident, after, EventType.RECOVERED, DETECTOR, what, now_ms, effect_id, effect_id=effect_id)
    return _occurred(change, occurred_at)


def settle_recovered(incident: Incident, *, now_ms: int) -> Change | None:
    """Resolve a recovered incident where its plan lets the recovery do that.

    What passed within its hold-down needs nobody to have taken it: nobody was told.
    """
    if incident.status is Status.RESOLVED or not incident.is_recovered:
        return None
    match incident.plan.auto_resolve:
        case AutoResolve.NEVER:
            return None
        case AutoResolve.ACKNOWLEDGED if incident.status is not Status.ACKNOWLEDGED and not is_unheard(incident):
            return None
    return resolve(incident, who=DETECTOR, resolution="recovered", note=None, now_ms=now_ms)


def acknowledge(incident: Incident, *, who: str, note: str | None, now_ms: int) -> Change | None:
    """Take responsibility. The first one wins: None for an incident that is not OPEN."""
    if incident.status is not Status.OPEN:
        return None
    after = replace(
        incident,
        status=Status.ACKNOWLEDGED,
        acknowledged_by=who,
        acknowledged_at=now_ms,
        deadline_at=now_ms + incident.plan.resolve_within_s * 1000,
        note=note or incident.note,
    )
    what = f"{who} has it." + (f" {note}" if note else "")
    return _change(incident, after, EventType.ACKNOWLEDGED, who, what, now_ms, incident.revision)


def resolve(incident: Incident, *, who: str, resolution: str, note: str | None, now_ms: int) -> Change | None:
    """Say that it is over, and why."""
    if incident.status is Status.RESOLVED:
        return None
    after = replace(
        incident,
        status=Status.RESOLVED,
        resolved_by=who,
        resolved_at=now_ms,
        resolution=resolution,
        deadline_at=None,
        note=note or incident.note,
    )
    unseen = " No recovery had been seen." if incident.is_unrecovered else ""
    what = f"Resolved: {resolution}.{unseen}" + (f" {note}" if note else "")
    return _change(incident, after, EventType.RESOLVED, who, what, now_ms)


def expire_acknowledgement(incident: Incident, *, now_ms: int) -> Change | None:
    """Take an acknowledgement back that was not followed by a resolution in time; its own tier is told again first."""
    if not incident.is_overdue(now_ms):
        return None
    who = incident.acknowledged_by or "nobody"
    after = replace(incident, status=Status.OPEN, acknowledged_by=None, acknowledged_at=None, deadline_at=None)
    what = f"{who} acknowledged, but it was not resolved within {incident.plan.resolve_within_s} s."
    return _change(incident, after, EventType.ACKNOWLEDGEMENT_EXPIRED, SYSTEM, what, now_ms, incident.revision)


def begin_round(incident: Incident, *, round_: int, number: int, now_ms: int) -> Change | None:
    """Move an open incident to its round `round_`, the step `number` of its plan; None if it is there or beyond.

    The first round has no event of its own: its pages say it.
    """
    if incident.status is not Status.OPEN or incident.round >= round_:
        return None
    step = step_of(incident.plan, number)
    deadline_at = now_ms + step.wait_s * 1000
    after = replace(incident, round=round_, step=number, tier=step.tier, deadline_at=deadline_at)
    if incident.round == 0:
        return Change(incident, replace(after, revision=incident.revision + 1), None)
    again = "again" if step.tier <= incident.tier else "now"
    what = f"Nobody has it. Tier {step.tier} is told {again}."
    return _change(incident, after, EventType.ESCALATED, SYSTEM, what, now_ms, round_)


def note(incident: Incident, after: Incident, kind: EventType, what: str, *, now_ms: int) -> Change:
    """Something was added that leaves the status as it is: evidence, what is known, the record."""
    return _change(incident, after, kind, SYSTEM, what, now_ms)


def _occurred(change: Change, at: int) -> Change:
    """The same change, its event with the detector's own time."""
    return replace(change, event=replace(change.event, occurred_at=at)) if change.event else change


def _change(  # noqa: PLR0917 - the parts of one event, each of another type
    before: Incident,
    after: Incident,
    kind: EventType,
    who: str,
    what: str,
    now_ms: int,
    *cause: str | int,
    effect_id: str | None = None,
) -> Change:
    changed = replace(after, revision=before.revision + 1)
    identity = event_id(before.incident_id, changed.revision, kind, *cause)
    return Change(before, changed, TimelineEvent(now_ms, identity, kind, who, what), effect_id)
