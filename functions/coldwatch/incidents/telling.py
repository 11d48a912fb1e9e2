"""Tells the responders of a tier, each with a link of their own, and leaves a task token to be completed.

In this order, so that no answer falls between two stools: take back what was had for its whole time; ask whether
somebody is to be told now at all; move the incident to its round, by a conditional write; store
the token; read the incident again, and complete the token at once if it is settled; only then tell anybody. Whoever
settles it writes first and completes the token afterwards, so one of the two sees the other.

Each responder is told as `paging` says: by the first of their ways that takes the message. A process that dies between
a channel's acceptance and the mark of it leaves a message that may be sent once more, with another link and the same
page id: told twice rather than never.

Where the channel does not take a message, the whole is tried again for a while. The last try is content with having
told somebody: the wait that it leaves is the tier's own, for those who were told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from coldwatch.incidents import lifecycle
from coldwatch.incidents.alerts import AlertEvent, alert, alert_topic
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.escalation.calling import Called, call, round_began_at
from coldwatch.incidents.incident import STORM, Incident, Page, Status
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.paging import NOBODY, Codes, Fate, Paging
from coldwatch.incidents.policy import step_of
from coldwatch.incidents.ports import (
    UNHURRIED,
    AlertTopic,
    CallTime,
    Channels,
    LinkStore,
    NotSentError,
    Recipients,
    Rotas,
    TellingStore,
    Waiting,
)
from coldwatch.incidents.storms.silence import BOUNDLESS, DIGEST_LATE_MS, SendBudget
from coldwatch.incidents.workflow import (
    HELD_DOWN,
    SILENCED,
    UNREACHABLE,
    WITH_A_WAIT,
    answer_of,
    pause_of,
    seconds_until,
)

__all__ = ["NOBODY", "Codes", "Fate", "NotAllToldError", "Ports", "Round", "Told", "tell"]


@dataclass(frozen=True, slots=True)
class Round:
    """What the workflow asks for: `step` is the place in the plan, `number` how often somebody will have been told.

    `is_last_try`: it will not be asked once more, so whoever was told is waited for without the others. `wait_s` is how
    long the token waits; None from a workflow of before there were waits but that of a step, which goes on to the next
    step whatever it is answered but `acknowledged` and `resolved`.
    """

    incident_id: str
    number: int
    step: int
    task_token: str
    is_last_try: bool = False
    wait_s: int | None = None

    @property
    def understands_waits(self) -> bool:
        return self.wait_s is not None


def never(_incident: Incident, _now_ms: int) -> None:
    """Nothing keeps an incident from being told."""


@dataclass(frozen=True, slots=True)
class Ports:
    """`random_bytes` gives as many as it is asked for; `page_base_url` ends in a slash.

    `silenced_s` says for how many seconds nobody is to be told of an incident, if so; then it is asked again. `budget`
    says who has had enough messages, and is told by a digest.
    """

    incidents: TellingStore
    links: LinkStore
    recipients: Recipients
    rotas: Rotas
    notifier: Channels
    alerts: AlertTopic
    waiting: Waiting
    random_bytes: Callable[[int], bytes]
    page_base_url: str
    silenced_s: Callable[[Incident, int], int | None] = never
    codes: Codes | None = None
    budget: SendBudget = BOUNDLESS
    call_time: CallTime = UNHURRIED


@dataclass(frozen=True, slots=True)
class Told:
    """`fates` by contact; empty where the incident was settled before anybody was told. `alert_fault`: it is a copy."""

    incident: Incident
    fates: dict[str, Fate]
    alert_fault: str | None = None

    @property
    def is_nobody_told(self) -> bool:
        reached = {Fate.CANCELLED, Fate.QUEUED}
        return bool(self.fates) and not any(fate.is_told or fate in reached for fate in self.fates.values())

    @property
    def waiting_for_digests(self) -> tuple[str, ...]:
        """Contacts of a round in which nobody was told yet, but will be by a digest."""
        if Fate.CANCELLED in self.fates.values() or any(fate.is_told for fate in self.fates.values()):
            return ()
        return tuple(contact for contact, fate in self.fates.items() if fate is Fate.QUEUED)

    @property
    def failing(self) -> tuple[str, ...]:
        """Contacts whose message the channel did not take, of an incident that still needs them."""
        if Fate.CANCELLED in self.fates.values():
            return ()
        return tuple(contact for contact, fate in self.fates.items() if fate.may_improve)


class NotAllToldError(Exception):
    """The channel did not take every message; those that it did not are to be tried again."""

    def __init__(self, told: Told) -> None:
        missing = f"the channel took no message for {', '.join(told.failing)}"
        super().__init__(f"not everybody could be told of incident {told.incident.incident_id}: {missing}")


def tell(asked: Round, ports: Ports, *, now_ms: int) -> Told:
    """Begin or resume a round. Raises `NotAllToldError` where another try may reach somebody."""
    incident, _ = carry_out(ports.incidents, asked.incident_id, lambda each: lifecycle.expire(each, now_ms=now_ms))
    if pause := _pause(incident, asked, ports, now_ms):
        return Told(_answer(incident, asked, ports, pause, now_ms), {})
    incident, _ = carry_out(ports.incidents, asked.incident_id, lambda each: _begin(each, asked, now_ms))
    if _is_current(incident, asked):
        ports.incidents.keep_token(incident, asked.task_token)
        incident = found(ports.incidents, asked.incident_id)
    if not _is_current(incident, asked):
        return Told(_answer(incident, asked, ports, answer_of(incident, now_ms=now_ms), now_ms), {})
    told = _tell_tier(incident, asked, ports, now_ms)
    if (asked.wait_s or 0) > step_of(incident.plan, incident.step).wait_s:
        ports.waiting.complete(asked.task_token, answer_of(incident, now_ms=now_ms))
    return told


def tell_one(incident_id: str, number: int, contact_id: str, ports: Ports, *, now_ms: int) -> Told:
    """Tell this contact of a round alone, whose message came back; the notifier of the round may still be at it, and
    tells the others. The token that waits stays where it is; where nobody of the tier is told any more it is completed,
    and the next tier is told without a wait. Raises `NotAllToldError` where another try may reach them.
    """
    incident = found(ports.incidents, incident_id)
    asked = Round(incident_id, number, incident.step, "")
    if not _is_current(incident, asked):
        return Told(incident, {})
    step = step_of(incident.plan, incident.step)
    called = call(step.responders, ports.rotas, at_ms=round_began_at(incident)).called
    meant = [each for each in called if each.contact_id == contact_id]
    others = {each.contact_id: _fate_by_now(each, incident, ports) for each in called if each not in meant}
    told = Told(incident, others | _tell_each(meant, incident, asked, ports, now_ms))
    if told.failing:
        raise NotAllToldError(told)
    if told.is_nobody_told and step.has_next_tier:
        _complete_stored(incident, ports, now_ms)
    return told


def _fate_by_now(each: Called, incident: Incident, ports: Ports) -> Fate:
    """QUEUED: by a digest, or by the notifier, which was not at them yet."""
    pages = _pages_of(each.contact_id, incident, ports)
    if any(page.is_sent for page in pages):
        return Fate.ALREADY_SENT
    return Fate.UNREACHABLE if pages and all(page.failure for page in pages) else Fate.QUEUED


def _pages_of(contact_id: str, incident: Incident, ports: Ports) -> Sequence[Page]:
    return ports.incidents.pages_of(incident.incident_id, incident.round, contact_id)


def _complete_stored(incident: Incident, ports: Ports, now_ms: int) -> None:
    waiting = ports.incidents.token(incident.incident_id)
    if waiting and waiting[1] == incident.standing:
        ports.waiting.complete(waiting[0], answer_of(incident, now_ms=now_ms) | {"outcome": UNREACHABLE})


def _begin(incident: Incident, asked: Round, now_ms: int) -> Change | None:
    """A workflow of before has counted on while nobody was to be told; nobody is left out for that."""
    number = asked.step if asked.understands_waits else min(asked.step, incident.step + 1)
    return lifecycle.begin_round(incident, round_=asked.number, number=number, now_ms=now_ms)


def _answer(incident: Incident, asked: Round, ports: Ports, answer: dict[str, Any], now_ms: int) -> Incident:
    """Complete the token. A workflow of before would ask again at once, and again: it is left to its own time, with the
    token kept for whoever changes the incident meanwhile.
    """
    if asked.understands_waits or answer["outcome"] not in WITH_A_WAIT:
        ports.waiting.complete(asked.task_token, answer)
        return incident
    ports.incidents.keep_token(incident, asked.task_token)
    now = found(ports.incidents, asked.incident_id)
    if now.standing != incident.standing:
        ports.waiting.complete(asked.task_token, answer_of(now, now_ms=now_ms))
    return now


def _pause(incident: Incident, asked: Round, ports: Ports, now_ms: int) -> dict[str, Any] | None:
    """Where nobody is to be told now; of a round that has begun, everybody is."""
    if incident.status is not Status.OPEN or incident.round >= asked.number:
        return None
    why, wait_s = SILENCED, None if _is_asked_for(incident) else ports.silenced_s(incident, now_ms)
    if wait_s is None and incident.is_held_down(now_ms):
        why, wait_s = HELD_DOWN, seconds_until(incident.held_until, now_ms)
    return pause_of(incident, why, number=asked.number, step=asked.step, wait_s=wait_s) if wait_s is not None else None


def _is_asked_for(incident: Incident) -> bool:
    """Whether somebody wants the next tier told, whatever holds it back. A storm that has grown begins its plan anew
    and asks by itself: that is nobody.
    """
    has_grown = incident.kind == STORM and incident.step == 0
    return incident.is_escalated and not has_grown


def _is_current(incident: Incident, asked: Round) -> bool:
    return incident.status is Status.OPEN and incident.round == asked.number and not incident.is_escalated


def _tell_tier(incident: Incident, asked: Round, ports: Ports, now_ms: int) -> Told:
    step = step_of(incident.plan, incident.step)
    calls = call(step.responders, ports.rotas, at_ms=round_began_at(incident))
    called = calls.called or (() if calls.missing else (Called(NOBODY),))
    fates = {
        f"rota:{each}": _paging(incident, f"rota:{each}", asked, ports, now_ms, set()).give_up(why)
        for each, why in calls.missing.items()
    }
    fates |= _tell_each(called, incident, asked, ports, now_ms)
    told = Told(incident, fates, _publish(incident, ports, now_ms))
    if told.failing and (told.is_nobody_told or not asked.is_last_try):
        raise NotAllToldError(told)
    if step.has_next_tier and (told.is_nobody_told or _has_come_back(told, ports)):
        ports.waiting.complete(asked.task_token, answer_of(incident, now_ms=now_ms) | {"outcome": UNREACHABLE})
    if queued := told.waiting_for_digests:
        due_at = min(ports.budget.due_at(each, now_ms=now_ms) for each in queued)
        wait_s = seconds_until(due_at + DIGEST_LATE_MS, now_ms)
        pause = pause_of(incident, SILENCED, number=asked.number, step=asked.step, wait_s=wait_s)
        _answer(incident, asked, ports, pause, now_ms)
    return told


def _has_come_back(told: Told, ports: Ports) -> bool:
    """Whether all that was sent has come back by now, where not everybody was sent something: `tell_one`, which was
    asked then, may have left the others to this call.
    """
    sent = [contact for contact, fate in told.fates.items() if fate.is_told]
    rest = {fate for fate in told.fates.values() if not fate.is_told}
    if not sent or rest != {Fate.UNREACHABLE}:
        return False
    return not any(page.is_sent for each in sent for page in _pages_of(each, told.incident, ports))


def _tell_each(
    called: Sequence[Called], incident: Incident, asked: Round, ports: Ports, now_ms: int
) -> dict[str, Fate]:
    """First those whom no try before this one failed to tell: what hangs for some does not keep the others."""
    hanging: set[str] = set()
    fates: dict[str, Fate] = {}
    refused: list[Called] = []
    for each in called:
        paging = _paging(incident, each.contact_id, asked, ports, now_ms, hanging)
        if paging.was_refused:
            refused.append(each)
        else:
            fates[each.contact_id] = paging.carry_out(each.channels)
    for each in refused:
        paging = _paging(incident, each.contact_id, asked, ports, now_ms, hanging)
        fates[each.contact_id] = paging.carry_out(each.channels)
    return fates


def _paging(  # noqa: PLR0917 - what a page is made of
    incident: Incident, contact_id: str, asked: Round, ports: Ports, now_ms: int, hanging: set[str]
) -> Paging:
    def is_needed() -> bool:
        return _is_current(found(ports.incidents, incident.incident_id), asked)

    return Paging(incident, contact_id, ports, is_needed, now_ms, hanging)


def _publish(incident: Incident, ports: Ports, now_ms: int) -> str | None:
    """Say it to machines as well, in the first round, where a tier is told for the first time, and where it is graver
    than before. What went wrong.
    """
    number = incident.step
    is_further = number <= incident.plan.first_steps and 1 < number <= len(incident.plan.tiers)
    if incident.round > 1 and not is_further and incident.graver_round != incident.round:
        return None
    event = AlertEvent.OPENED if incident.round == 1 else AlertEvent.ESCALATED
    try:
        ports.alerts.publish(alert_topic(incident), alert(incident, event, at=now_ms))
    except NotSentError as error:
        return str(error)
    return None
