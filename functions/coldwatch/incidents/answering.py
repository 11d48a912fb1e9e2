"""What a link may do, and what it did. To look writes nothing; to act is one conditional write, then the wake-up call.

A link acts only while its incident is OPEN in the link's own round (acknowledge), or ACKNOWLEDGED by the link's own
contact (resolve), and while there is that contact: whoever was removed answers for nothing any more. Whoever comes
second is told who was first. Pressing again repairs a wake-up call that was lost.
"""

from dataclasses import dataclass
from enum import StrEnum

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import ATTEMPTS, ContendedError
from coldwatch.incidents.identity import link_hash
from coldwatch.incidents.incident import Cause, Disposition, Incident, Status
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.links import Link
from coldwatch.incidents.ports import IncidentStore, LinkStore, Roster, Waiting


class Action(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    SNOOZE = "snooze"
    ESCALATE = "escalate"
    COMMAND = "command"
    USEFUL = "useful"
    NOT_USEFUL = "not_useful"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a button asks for, with what its form says besides."""

    action: Action
    note: str | None = None
    cause: Cause | None = None
    disposition: Disposition | None = None
    snooze_s: int | None = None
    command: str | None = None
    revision: int | None = None


class Outcome(StrEnum):
    SHOWN = "shown"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    SNOOZED = "snoozed"
    ESCALATED = "escalated"
    COMMAND_SENT = "command_sent"
    THANKED = "thanked"
    NOT_ALLOWED = "not_allowed"
    ALREADY_YOURS = "already_yours"
    ALREADY_TAKEN = "already_taken"
    ALREADY_RESOLVED = "already_resolved"
    TOO_LATE = "too_late"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """`may` is what whoever asked may do next."""

    outcome: Outcome
    incident: Incident | None = None
    link: Link | None = None
    may: frozenset[Action] = frozenset()
    detail: str | None = None


def look(secret: str, incidents: IncidentStore, links: LinkStore, roster: Roster, *, now_ms: int) -> Answer:
    """What the page behind a link shows. Writes nothing, however often it is asked."""
    hashed = link_hash(secret)
    link = links.find(hashed) if hashed else None
    if link is None:
        return Answer(Outcome.UNKNOWN)
    incident = incidents.find(link.incident_id)
    if incident is None:
        return Answer(Outcome.UNKNOWN)
    if not roster.knows(link.contact_id):
        return Answer(Outcome.EXPIRED, incident, link)
    return judge(incident, link, now_ms=now_ms)


def judge(incident: Incident, link: Link, *, now_ms: int) -> Answer:
    """What `link` may do now, and if nothing, why."""
    if link.is_over(now_ms):
        return Answer(Outcome.EXPIRED, incident, link)
    match incident.status:
        case Status.RESOLVED:
            return Answer(Outcome.ALREADY_RESOLVED, incident, link)
        case Status.ACKNOWLEDGED if incident.acknowledged_by == link.contact_id:
            return Answer(Outcome.ALREADY_YOURS, incident, link, frozenset({Action.RESOLVE}))
        case Status.ACKNOWLEDGED:
            return Answer(Outcome.ALREADY_TAKEN, incident, link)
        case Status.OPEN if link.round == incident.round:
            return Answer(Outcome.SHOWN, incident, link, frozenset({Action.ACKNOWLEDGE}))
        case Status.OPEN:
            return Answer(Outcome.TOO_LATE, incident, link)


def act(
    secret: str,
    action: Action,
    *,
    note: str | None,
    incidents: IncidentStore,
    links: LinkStore,
    roster: Roster,
    waiting: Waiting,
    now_ms: int,
) -> Answer:
    """Do what the button asks for, if the link may; whoever was first keeps it."""
    for _ in range(ATTEMPTS):
        answer = look(secret, incidents, links, roster, now_ms=now_ms)
        incident, link = answer.incident, answer.link
        if incident is None or link is None or action not in answer.may:
            _wake_again(answer, action, waiting)
            return answer
        change = _change(incident, action, link.contact_id, note, now_ms)
        if change and incidents.apply(change):
            waiting.wake(change.after)
            return Answer(_done(action), change.after, link, judge(change.after, link, now_ms=now_ms).may)
    raise ContendedError("the incident of this link")


def act_as_operator(
    incident_id: str,
    action: Action,
    *,
    who: str,
    note: str | None,
    incidents: IncidentStore,
    waiting: Waiting,
    now_ms: int,
) -> Answer:
    """What an operator does without a link: acknowledge an open incident, or resolve one that is not resolved."""
    for _ in range(ATTEMPTS):
        incident = incidents.find(incident_id)
        if incident is None:
            return Answer(Outcome.UNKNOWN)
        change = _change(incident, action, who, note, now_ms)
        if change is None:
            answer = Answer(_why_not(incident, who), incident, may=operator_may(incident))
            _wake_again(answer, action, waiting)
            return answer
        if incidents.apply(change):
            waiting.wake(change.after)
            return Answer(_done(action), change.after, may=operator_may(change.after))
    raise ContendedError(f"incident {incident_id}")


def operator_may(incident: Incident) -> frozenset[Action]:
    match incident.status:
        case Status.OPEN:
            return frozenset(Action)
        case Status.ACKNOWLEDGED:
            return frozenset({Action.RESOLVE})
        case Status.RESOLVED:
            return frozenset()


def _change(incident: Incident, action: Action, who: str, note: str | None, now_ms: int) -> Change | None:
    match action:
        case Action.ACKNOWLEDGE:
            return lifecycle.acknowledge(incident, who=who, note=note, now_ms=now_ms)
        case Action.RESOLVE:
            return lifecycle.resolve(incident, who=who, resolution=f"by {who}", note=note, now_ms=now_ms)


def _done(action: Action) -> Outcome:
    return Outcome.ACKNOWLEDGED if action is Action.ACKNOWLEDGE else Outcome.RESOLVED


def _why_not(incident: Incident, who: str) -> Outcome:
    if incident.status is Status.RESOLVED:
        return Outcome.ALREADY_RESOLVED
    return Outcome.ALREADY_YOURS if incident.acknowledged_by == who else Outcome.ALREADY_TAKEN


def _wake_again(answer: Answer, action: Action, waiting: Waiting) -> None:
    """Whoever did it may have been killed before the workflow was told; a token that waits no longer takes no harm."""
    incident = answer.incident
    if incident is None:
        return
    was_acknowledged = answer.outcome is Outcome.ALREADY_YOURS and action is Action.ACKNOWLEDGE
    if was_acknowledged or answer.outcome is Outcome.ALREADY_RESOLVED:
        waiting.wake(incident)
