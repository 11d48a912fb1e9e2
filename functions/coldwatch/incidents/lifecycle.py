"""OPEN > ACKNOWLEDGED or SNOOZED > RESOLVED, and back to OPEN when an acknowledgement is not kept, a snooze is over, or
whoever has it asks for the next tier.

Each function says what a change would be, or None where there is nothing to change. Whoever carries it out writes it
only if the incident is still the one that was read, and decides again if it is not: so two who act at once are put
in an order, and the second sees what the first did.
"""

from dataclasses import dataclass, replace

from coldwatch.incidents.escalation.hold_down import is_unheard
from coldwatch.incidents.identity import event_id
from coldwatch.incidents.incident import (
    ANSWERED,
    HELD,
    NOT_ANSWERED,
    TEST,
    Cause,
    Disposition,
    EventType,
    Incident,
    Status,
    TimelineEvent,
)
from coldwatch.incidents.policy import AutoResolve, step_of

_SAME_PRESS_MS = 10_000
"""Who presses *snooze* twice in a row means one snooze."""

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
    An excursion that begins after a recovery is another than the one that was snoozed, and ends the snooze.
    """
    if incident.status is Status.RESOLVED:
        return None
    is_stale = incident.recovered_at is not None and occurred_at < incident.recovered_at
    after = replace(
        incident,
        excursion_at=max(incident.excursion_at, occurred_at),
        recovered_at=incident.recovered_at if is_stale else None,
    )
    if incident.status is Status.SNOOZED and incident.is_recovered and not is_stale:
        after = given_back(after)
        what = f"{what} The snooze is over: it had recovered, and this is new."
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
        case AutoResolve.ACKNOWLEDGED if incident.status is Status.OPEN and not is_unheard(incident):
            return None
    return resolve(incident, who=DETECTOR, resolution="recovered", note=None, now_ms=now_ms)


def acknowledge(incident: Incident, *, who: str, note: str | None, now_ms: int) -> Change | None:
    """Take responsibility. The first one wins: None for what somebody has. Whoever snoozed it may take it up again."""
    if incident.status is not Status.OPEN and not (incident.status is Status.SNOOZED and incident.snoozed_by == who):
        return None
    after = replace(
        given_back(incident),
        status=Status.ACKNOWLEDGED,
        acknowledged_by=who,
        acknowledged_at=now_ms,
        deadline_at=now_ms + incident.plan.resolve_within_s * 1000,
        note=note or incident.note,
    )
    what = f"{who} has it." + (f" {note}" if note else "")
    return _change(incident, after, EventType.ACKNOWLEDGED, who, what, now_ms, incident.revision)


def snooze(incident: Incident, *, who: str, seconds: int, note: str | None, now_ms: int) -> Change | None:
    """Have it, and look at it later. None for what another has, and for a time that the plan does not allow."""
    plan = incident.plan
    is_free = incident.status is Status.OPEN or (incident.status in HELD and incident.holder == who)
    if not is_free or not plan.snooze_min_s <= seconds <= plan.snooze_max_s:
        return None
    until = now_ms + seconds * 1000
    if incident.snoozed_until is not None and 0 <= until - incident.snoozed_until < _SAME_PRESS_MS:
        return None
    after = replace(
        given_back(incident),
        status=Status.SNOOZED,
        snoozed_by=who,
        snoozed_at=now_ms,
        snoozed_until=until,
        deadline_at=until,
        note=note or incident.note,
    )
    what = f"{who} has it and looks at it later: snoozed for {seconds} s." + (f" {note}" if note else "")
    return _change(incident, after, EventType.SNOOZED, who, what, now_ms, incident.revision)


def ask_for_next_tier(incident: Incident, *, who: str, note: str | None, now_ms: int) -> Change | None:
    """End the round before its time, or give back what one has: the next tier is told at once."""
    if incident.status is Status.RESOLVED or incident.is_escalated:
        return None
    after = replace(given_back(incident), escalated_round=incident.round, deadline_at=now_ms)
    given = f"{who} gives it back and" if incident.holder else who
    what = f"{given} asks that the next tier is told." + (f" {note}" if note else "")
    return _change(incident, after, EventType.ESCALATION_ASKED, who, what, now_ms, incident.revision)


def resolve(
    incident: Incident,
    *,
    who: str,
    resolution: str,
    note: str | None,
    now_ms: int,
    cause: Cause | None = None,
    disposition: Disposition | None = None,
) -> Change | None:
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
        cause=cause,
        disposition=disposition,
    )
    told = [f"Resolved: {resolution}."]
    told += ["No recovery had been seen."] if incident.is_unrecovered else []
    told += [f"Cause: {cause.replace('_', ' ')}."] if cause else []
    told += [f"Goods: {disposition.replace('_', ' ')}."] if disposition else []
    what = " ".join([*told, *([note] if note else [])])
    return _change(incident, after, EventType.RESOLVED, who, what, now_ms)


def expire(incident: Incident, *, now_ms: int) -> Change | None:
    """Take back what somebody has had for its whole time without a resolution; its own tier is told again first.

    A test was answered, and is over.
    """
    if not incident.is_overdue(now_ms):
        return None
    who = incident.holder or "nobody"
    if incident.kind == TEST:
        return resolve(incident, who=who, resolution=ANSWERED, note=None, now_ms=now_ms)
    if incident.status is Status.SNOOZED:
        kind, what = EventType.SNOOZE_EXPIRED, f"The snooze of {who} is over."
    else:
        kind = EventType.ACKNOWLEDGEMENT_EXPIRED
        what = f"{who} acknowledged, but it was not resolved within {incident.plan.resolve_within_s} s."
    return _change(incident, given_back(incident), kind, SYSTEM, what, now_ms, incident.revision)


def rate(incident: Incident, *, who: str, is_useful: bool, now_ms: int) -> Change | None:
    """Say whether it was worth being told; once somebody had it. The last word counts."""
    if incident.status is Status.OPEN or (incident.useful, incident.useful_by) == (is_useful, who):
        return None
    after = replace(incident, useful=is_useful, useful_by=who)
    what = f"{who} says that this was {'useful' if is_useful else 'not useful'}."
    return _change(incident, after, EventType.FEEDBACK, who, what, now_ms, incident.revision)


def command(incident: Incident, *, who: str, name: str, token: str, execution_id: str, now_ms: int) -> Change:
    """A command was sent from the incident's page; `token` marks it, so that it is told once."""
    what = f"{who} sent the command {name} to {incident.device_id} ({execution_id})."
    return _change(incident, incident, EventType.COMMAND_SENT, who, what, now_ms, token, effect_id=token)


def begin_round(incident: Incident, *, round_: int, number: int, now_ms: int) -> Change | None:
    """Move an open incident to its round `round_`, the step `number` of its plan; None if it is there or beyond.

    The first round has no event of its own: its pages say it. A test has no other: it is over.
    """
    if incident.status is not Status.OPEN or incident.round >= round_:
        return None
    if incident.kind == TEST and incident.round > 0:
        return resolve(incident, who=SYSTEM, resolution=NOT_ANSWERED, note=None, now_ms=now_ms)
    step = step_of(incident.plan, number)
    deadline_at = now_ms + step.wait_s * 1000
    graver_round = incident.graver_round or round_
    after = replace(
        incident, round=round_, step=number, tier=step.tier, deadline_at=deadline_at, graver_round=graver_round
    )
    if incident.round == 0:
        return Change(incident, replace(after, revision=incident.revision + 1), None)
    again = "again" if step.tier <= incident.tier else "now"
    why = "Somebody asked for it." if incident.is_escalated else "Nobody has it."
    what = f"{why} Tier {step.tier} is told {again}."
    return _change(incident, after, EventType.ESCALATED, SYSTEM, what, now_ms, round_)


def attached(incident: Incident, *, number: int, kind: EventType, what: str, now_ms: int) -> Change | None:
    """Another execution looks after it: the one that it was handed to, or one that took the place of one that ended."""
    if number <= incident.executions:
        return None
    return _change(incident, replace(incident, executions=number), kind, SYSTEM, what, now_ms, number)


def note(incident: Incident, after: Incident, kind: EventType, what: str, *, now_ms: int) -> Change:
    """Something was added that leaves the status as it is: evidence, what is known, the record."""
    return _change(incident, after, kind, SYSTEM, what, now_ms)


def given_back(incident: Incident) -> Incident:
    """The incident as nobody has it."""
    return replace(
        incident,
        status=Status.OPEN,
        acknowledged_by=None,
        acknowledged_at=None,
        snoozed_by=None,
        snoozed_at=None,
        snoozed_until=None,
        deadline_at=None if incident.holder else incident.deadline_at,
    )


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
