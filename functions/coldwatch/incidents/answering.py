"""What a link may do, and what it did. To look writes nothing; to act is one conditional write, then the wake-up call.

A link acts while its incident is OPEN in the link's own round (acknowledge, snooze, escalate), or while the link's own
contact has it (resolve, snooze, escalate, command), and while there is that contact: whoever was removed answers for
nothing any more. Whoever comes second is told who was first. Pressing again repairs a wake-up call that was lost.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import ATTEMPTS, ContendedError
from coldwatch.incidents.identity import command_token, link_hash
from coldwatch.incidents.incident import HELD, Cause, Disposition, Incident, Status
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.links import Link
from coldwatch.incidents.ports import CommandRefusedError, Commands, IncidentStore, LinkStore, Roster, Waiting


class Action(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    SNOOZE = "snooze"
    ESCALATE = "escalate"
    COMMAND = "command"
    USEFUL = "useful"
    NOT_USEFUL = "not_useful"


class Outcome(StrEnum):
    """NOT_ALLOWED: the plan does not allow it, or a command was refused; the answer's `detail` says why."""

    SHOWN = "shown"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    ESCALATED = "escalated"
    COMMAND_SENT = "command_sent"
    THANKED = "thanked"
    RESOLVED = "resolved"
    ALREADY_YOURS = "already_yours"
    ALREADY_TAKEN = "already_taken"
    ALREADY_RESOLVED = "already_resolved"
    TOO_LATE = "too_late"
    NOT_ALLOWED = "not_allowed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


_DONE = {
    Action.ACKNOWLEDGE: Outcome.ACKNOWLEDGED,
    Action.RESOLVE: Outcome.RESOLVED,
    Action.SNOOZE: Outcome.SNOOZED,
    Action.ESCALATE: Outcome.ESCALATED,
    Action.COMMAND: Outcome.COMMAND_SENT,
    Action.USEFUL: Outcome.THANKED,
    Action.NOT_USEFUL: Outcome.THANKED,
}
_PRESSED_BEFORE = frozenset({Outcome.SHOWN, Outcome.ALREADY_YOURS, Outcome.ALREADY_RESOLVED})
RATING = frozenset({Action.USEFUL, Action.NOT_USEFUL})


@dataclass(frozen=True, slots=True)
class Asked:
    """What a button asks for. `revision` is of the incident that its page showed: the same press sends one command."""

    action: Action
    note: str | None = None
    cause: Cause | None = None
    disposition: Disposition | None = None
    snooze_s: int | None = None
    command: str | None = None
    revision: int | None = None


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
    return look_at(links.find(hashed) if hashed else None, incidents, roster, now_ms=now_ms)


def look_at(link: Link | None, incidents: IncidentStore, roster: Roster, *, now_ms: int) -> Answer:
    """The same for a link that was found already."""
    incident = incidents.find(link.incident_id) if link else None
    if link is None or incident is None:
        return Answer(Outcome.UNKNOWN)
    if not roster.knows(link.contact_id):
        return Answer(Outcome.EXPIRED, incident, link)
    return judge(incident, link, now_ms=now_ms)


def judge(incident: Incident, link: Link, *, now_ms: int) -> Answer:
    """What `link` may do now, and if nothing, why."""
    if link.is_over(now_ms):
        return Answer(Outcome.EXPIRED, incident, link)
    if incident.status is Status.RESOLVED:
        return Answer(Outcome.ALREADY_RESOLVED, incident, link, RATING)
    if incident.holder == link.contact_id:
        return Answer(Outcome.ALREADY_YOURS, incident, link, RATING | _holder_may(incident))
    if incident.status in HELD:
        return Answer(Outcome.ALREADY_TAKEN, incident, link, RATING)
    if link.round != incident.round:
        return Answer(Outcome.TOO_LATE, incident, link)
    return Answer(Outcome.SHOWN, incident, link, _responder_may(incident))


def _responder_may(incident: Incident) -> frozenset[Action]:
    may = {Action.ACKNOWLEDGE} | _snooze(incident)
    return frozenset(may if incident.is_escalated else may | {Action.ESCALATE})


def _holder_may(incident: Incident) -> frozenset[Action]:
    may = {Action.RESOLVE, Action.ESCALATE} | _snooze(incident)
    may |= {Action.ACKNOWLEDGE} if incident.status is Status.SNOOZED else set()
    may |= {Action.COMMAND} if incident.plan.commands else set()
    return frozenset(may)


def _snooze(incident: Incident) -> frozenset[Action]:
    """A plan may allow none."""
    return frozenset({Action.SNOOZE}) if incident.plan.snooze_max_s else frozenset()


def act(
    secret: str,
    asked: Asked,
    *,
    incidents: IncidentStore,
    links: LinkStore,
    roster: Roster,
    waiting: Waiting,
    commands: Commands,
    now_ms: int,
) -> Answer:
    """Do what the button asks for, if the link may; whoever was first keeps it."""

    def looked() -> Answer:
        return look(secret, incidents, links, roster, now_ms=now_ms)

    return act_on(looked, asked, incidents=incidents, waiting=waiting, commands=commands, now_ms=now_ms)


def act_on(
    looked: Callable[[], Answer],
    asked: Asked,
    *,
    incidents: IncidentStore,
    waiting: Waiting,
    commands: Commands,
    now_ms: int,
) -> Answer:
    """The same, however the link was found: `looked` says anew, each time that it is asked, how it stands."""
    for _ in range(ATTEMPTS):
        answer = looked()
        incident, link = answer.incident, answer.link
        if incident is None or link is None or answer.outcome in {Outcome.EXPIRED, Outcome.UNKNOWN}:
            return answer
        if asked.action not in answer.may:
            if answer.outcome in _PRESSED_BEFORE:
                # Whoever did it may have died before the workflow was told; one that knows takes no harm.
                waiting.wake(incident, now_ms=now_ms)
            return answer
        if refusal := _refusal(incident, asked):
            return Answer(Outcome.NOT_ALLOWED, incident, link, answer.may, refusal)
        if asked.action is Action.COMMAND:
            return _command(incident, link, asked, answer, incidents, commands, now_ms)
        change = _change(incident, asked, link.contact_id, now_ms)
        if change is None or incidents.apply(change):
            after = change.after if change else incident
            waiting.wake(after, now_ms=now_ms)
            return Answer(_DONE[asked.action], after, link, judge(after, link, now_ms=now_ms).may)
    raise ContendedError("the incident of this link")


def act_as_operator(
    incident_id: str, asked: Asked, *, who: str, incidents: IncidentStore, waiting: Waiting, now_ms: int
) -> Answer:
    """What an operator does without a link: take what nobody has, escalate or resolve what is not resolved."""
    for _ in range(ATTEMPTS):
        incident = incidents.find(incident_id)
        if incident is None:
            return Answer(Outcome.UNKNOWN)
        may = operator_may(incident)
        if refusal := _refusal(incident, asked):
            return Answer(Outcome.NOT_ALLOWED, incident, None, may, refusal)
        change = _change(incident, asked, who, now_ms)
        if change is None:
            waiting.wake(incident, now_ms=now_ms)
            return Answer(_why_not(incident, asked, who), incident, may=may)
        if incidents.apply(change):
            waiting.wake(change.after, now_ms=now_ms)
            return Answer(_DONE[asked.action], change.after, may=operator_may(change.after))
    raise ContendedError(f"incident {incident_id}")


def operator_may(incident: Incident) -> frozenset[Action]:
    match incident.status:
        case Status.OPEN:
            return frozenset({Action.ACKNOWLEDGE, Action.RESOLVE, Action.ESCALATE}) | _snooze(incident)
        case Status.ACKNOWLEDGED | Status.SNOOZED:
            return RATING | {Action.RESOLVE, Action.ESCALATE}
        case Status.RESOLVED:
            return RATING


def _change(incident: Incident, asked: Asked, who: str, now_ms: int) -> Change | None:
    match asked.action:
        case Action.ACKNOWLEDGE:
            return lifecycle.acknowledge(incident, who=who, note=asked.note, now_ms=now_ms)
        case Action.SNOOZE:
            seconds = _snooze_s(incident, asked)
            return lifecycle.snooze(incident, who=who, seconds=seconds, note=asked.note, now_ms=now_ms)
        case Action.ESCALATE:
            return lifecycle.ask_for_next_tier(incident, who=who, note=asked.note, now_ms=now_ms)
        case Action.RESOLVE:
            return lifecycle.resolve(
                incident,
                who=who,
                resolution=f"by {who}",
                note=asked.note,
                now_ms=now_ms,
                cause=asked.cause,
                disposition=asked.disposition,
            )
        case Action.USEFUL | Action.NOT_USEFUL:
            return lifecycle.rate(incident, who=who, is_useful=asked.action is Action.USEFUL, now_ms=now_ms)
        case Action.COMMAND:
            return None


def _refusal(incident: Incident, asked: Asked) -> str | None:
    """Why the plan does not allow it, in a sentence."""
    plan = incident.plan
    if asked.action is Action.COMMAND and asked.command not in plan.commands:
        return "The plan of this incident does not allow that command."
    if asked.action is not Action.SNOOZE or plan.snooze_min_s <= _snooze_s(incident, asked) <= plan.snooze_max_s:
        return None
    if not plan.snooze_max_s:
        return "The plan of this incident allows no snooze."
    return f"The plan allows a snooze of {plan.snooze_min_s} to {plan.snooze_max_s} s."


def _snooze_s(incident: Incident, asked: Asked) -> int:
    """Who says no time means the shortest."""
    return incident.plan.snooze_min_s if asked.snooze_s is None else asked.snooze_s


def _command(  # noqa: PLR0917 - what a press is about
    incident: Incident,
    link: Link,
    asked: Asked,
    answer: Answer,
    incidents: IncidentStore,
    commands: Commands,
    now_ms: int,
) -> Answer:
    """Send first, under a name made from the press: a second press of the same page sends nothing more."""
    name, who = asked.command or "", link.contact_id
    token = command_token(incident.incident_id, who, name, asked.revision or incident.revision)
    try:
        execution_id = commands.send(incident.device_id, name, token=token, requested_by=who)
    except CommandRefusedError as error:
        return Answer(Outcome.NOT_ALLOWED, incident, link, answer.may, str(error))
    for _ in range(ATTEMPTS):
        known = incidents.find(incident.incident_id) or incident
        if incidents.taken_into(token):
            return Answer(Outcome.COMMAND_SENT, known, link, answer.may)
        change = lifecycle.command(known, who=who, name=name, token=token, execution_id=execution_id, now_ms=now_ms)
        if incidents.apply(change):
            return Answer(Outcome.COMMAND_SENT, change.after, link, answer.may)
    raise ContendedError("the incident of this link")


def _why_not(incident: Incident, asked: Asked, who: str) -> Outcome:
    if asked.action in RATING:
        return Outcome.THANKED if incident.useful_by == who else Outcome.NOT_ALLOWED
    if incident.status is Status.RESOLVED:
        return Outcome.ALREADY_RESOLVED
    if asked.action is Action.ESCALATE:
        return Outcome.ESCALATED
    return Outcome.ALREADY_YOURS if incident.holder == who else Outcome.ALREADY_TAKEN
