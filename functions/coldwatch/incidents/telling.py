"""Tells the responders of a tier, each with a link of their own, and leaves a task token to be completed.

In this order, so that no answer falls between two stools: take back what was had for its whole time; ask whether
somebody is to be told now at all; move the incident to its round, by a conditional write; store
the token; read the incident again, and complete the token at once if it is settled; only then tell anybody. Whoever
settles it writes first and completes the token afterwards, so one of the two sees the other.

Before each message the incident is read again: an acknowledgement cancels what is still queued. What was sent is
marked, and a second try sends only what is not. A process that dies between the channel's acceptance and the mark
leaves a message that may be sent once more, with another link and the same page id: told twice rather than never.

Where the channel does not take a message, the whole is tried again for a while. The last try is content with having
told somebody: the wait that it leaves is the tier's own, for those who were told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from coldwatch.incidents import lifecycle
from coldwatch.incidents.alerts import AlertEvent, alert, alert_topic
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.escalation.calling import call, round_began_at
from coldwatch.incidents.identity import event_id, link_hash, link_secret, page_id
from coldwatch.incidents.incident import EventType, Incident, Page, Status, TimelineEvent
from coldwatch.incidents.links import LIFETIME_MS, Link
from coldwatch.incidents.policy import step_of
from coldwatch.incidents.ports import (
    AlertTopic,
    LinkStore,
    Notification,
    Notifier,
    NotSentError,
    Recipient,
    Recipients,
    Rotas,
    TellingStore,
    Waiting,
)
from coldwatch.incidents.wording import subject, text
from coldwatch.incidents.workflow import HELD_DOWN, SILENCED, UNREACHABLE, answer_of, pause_of, seconds_until

NOBODY = ""
"""Stands for the contact where a plan names none."""


@dataclass(frozen=True, slots=True)
class Round:
    """What the workflow asks for: `step` is the place in the plan, `number` how often somebody will have been told.

    `is_last_try`: it will not be asked once more, so whoever was told is waited for without the others.
    """

    incident_id: str
    number: int
    step: int
    task_token: str
    is_last_try: bool = False


def never(_incident: Incident, _now_ms: int) -> None:
    """Nothing keeps an incident from being told."""


@dataclass(frozen=True, slots=True)
class Ports:
    """`random_bytes` gives as many as it is asked for; `page_base_url` ends in a slash.

    `silenced_s` says for how many seconds nobody is to be told of an incident, if so; then it is asked again.
    """

    incidents: TellingStore
    links: LinkStore
    recipients: Recipients
    rotas: Rotas
    notifier: Notifier
    alerts: AlertTopic
    waiting: Waiting
    random_bytes: Callable[[int], bytes]
    page_base_url: str
    silenced_s: Callable[[Incident, int], int | None] = never


class Fate(StrEnum):
    """What became of one responder's page. FAILING: the channel did not take it now; CANCELLED: nobody needs it."""

    SENT = "sent"
    ALREADY_SENT = "already_sent"
    UNREACHABLE = "unreachable"
    FAILING = "failing"
    CANCELLED = "cancelled"

    @property
    def is_told(self) -> bool:
        return self in {Fate.SENT, Fate.ALREADY_SENT}


@dataclass(frozen=True, slots=True)
class Told:
    """`fates` by contact; empty where the incident was settled before anybody was told. `alert_fault`: it is a copy."""

    incident: Incident
    fates: dict[str, Fate]
    alert_fault: str | None = None

    @property
    def is_nobody_told(self) -> bool:
        return bool(self.fates) and not any(fate.is_told or fate is Fate.CANCELLED for fate in self.fates.values())

    @property
    def failing(self) -> tuple[str, ...]:
        """Contacts whose message the channel did not take, of an incident that still needs them."""
        if Fate.CANCELLED in self.fates.values():
            return ()
        return tuple(contact for contact, fate in self.fates.items() if fate is Fate.FAILING)


class NotAllToldError(Exception):
    """The channel did not take every message; those that it did not are to be tried again."""

    def __init__(self, told: Told) -> None:
        missing = f"the channel took no message for {', '.join(told.failing)}"
        super().__init__(f"not everybody could be told of incident {told.incident.incident_id}: {missing}")


def tell(asked: Round, ports: Ports, *, now_ms: int) -> Told:
    """Begin or resume a round. Raises `NotAllToldError` where another try may reach somebody."""
    incident, _ = carry_out(ports.incidents, asked.incident_id, lambda each: lifecycle.expire(each, now_ms=now_ms))
    if pause := _pause(incident, asked, ports, now_ms):
        ports.waiting.complete(asked.task_token, pause)
        return Told(incident, {})
    incident, _ = carry_out(
        ports.incidents,
        asked.incident_id,
        lambda each: lifecycle.begin_round(each, round_=asked.number, number=asked.step, now_ms=now_ms),
    )
    if _is_current(incident, asked):
        ports.incidents.keep_token(incident, asked.task_token)
        incident = found(ports.incidents, asked.incident_id)
    if not _is_current(incident, asked):
        ports.waiting.complete(asked.task_token, answer_of(incident, now_ms=now_ms))
        return Told(incident, {})
    return _tell_tier(incident, asked, ports, now_ms)


def _pause(incident: Incident, asked: Round, ports: Ports, now_ms: int) -> dict[str, Any] | None:
    """Where nobody is to be told now; of a round that has begun, everybody is."""
    if incident.status is not Status.OPEN or incident.round >= asked.number:
        return None
    why, wait_s = SILENCED, ports.silenced_s(incident, now_ms)
    if wait_s is None and incident.is_held_down(now_ms):
        why, wait_s = HELD_DOWN, seconds_until(incident.held_until, now_ms)
    return pause_of(incident, why, number=asked.number, step=asked.step, wait_s=wait_s) if wait_s is not None else None


def _is_current(incident: Incident, asked: Round) -> bool:
    return incident.status is Status.OPEN and incident.round == asked.number and not incident.is_escalated


def _tell_tier(incident: Incident, asked: Round, ports: Ports, now_ms: int) -> Told:
    step = step_of(incident.plan, incident.step)
    calls = call(step.responders, ports.rotas, at_ms=round_began_at(incident))
    fates = {f"rota:{rota}": _miss(incident, rota, why, ports, now_ms) for rota, why in calls.missing.items()}
    contacts = [each.contact_id for each in calls.called] or ([] if fates else [NOBODY])
    fates |= {each: _page(incident, each, asked, ports, now_ms) for each in contacts}
    told = Told(incident, fates, _publish(incident, ports, now_ms))
    if told.failing and (told.is_nobody_told or not asked.is_last_try):
        raise NotAllToldError(told)
    if told.is_nobody_told and step.has_next_tier:
        ports.waiting.complete(asked.task_token, answer_of(incident, now_ms=now_ms) | {"outcome": UNREACHABLE})
    return told


def _page(incident: Incident, contact_id: str, asked: Round, ports: Ports, now_ms: int) -> Fate:
    known = ports.incidents.find_page(incident.incident_id, incident.round, contact_id)
    if known and known.is_sent:
        return Fate.ALREADY_SENT
    if not _is_current(found(ports.incidents, incident.incident_id), asked):
        return Fate.CANCELLED
    recipient = _recipient(contact_id, ports)
    if recipient.why_not:
        _note_failure(incident, contact_id, known, recipient.why_not, ports, now_ms)
        return Fate.UNREACHABLE
    try:
        message_id = ports.notifier.send(_notification(incident, recipient, ports, now_ms))
    except NotSentError as error:
        _note_failure(incident, contact_id, known, str(error), ports, now_ms)
        return Fate.FAILING
    page = Page(incident.incident_id, incident.round, incident.tier, contact_id, now_ms, True, message_id)  # noqa: FBT003 - is_sent
    what = f"{recipient.name} is told (round {incident.round}, tier {incident.tier})."
    ports.incidents.keep_page(page, _page_event(page, EventType.PAGED, what, incident))
    return Fate.SENT


def _miss(incident: Incident, rota_id: str, why: str, ports: Ports, now_ms: int) -> Fate:
    """A rota that names nobody is a responder who cannot be reached."""
    known = ports.incidents.find_page(incident.incident_id, incident.round, f"rota:{rota_id}")
    _note_failure(incident, f"rota:{rota_id}", known, why, ports, now_ms)
    return Fate.UNREACHABLE


def _recipient(contact_id: str, ports: Ports) -> Recipient:
    """One entry that is missing or cannot be read harms nobody but its own contact."""
    if contact_id == NOBODY:
        return Recipient(NOBODY, "Nobody", "The plan names nobody.")
    try:
        found_recipient = ports.recipients.find_recipient(contact_id)
    except (LookupError, ValueError, msgspec.MsgspecError) as error:
        return Recipient(contact_id, contact_id, f"The entry of contact {contact_id} cannot be read: {error}.")
    return found_recipient or Recipient(contact_id, contact_id, f"There is no contact {contact_id}.")


def _notification(incident: Incident, recipient: Recipient, ports: Ports, now_ms: int) -> Notification:
    """A message with a fresh link in it. Its secret is stored nowhere, so a second try makes another."""
    secret = link_secret(ports.random_bytes(16))
    ports.links.put(
        Link(
            link_hash=link_hash(secret) or "",
            incident_id=incident.incident_id,
            contact_id=recipient.contact_id,
            tier=incident.tier,
            round=incident.round,
            created_at=now_ms,
            expires_at=now_ms + LIFETIME_MS,
        )
    )
    return Notification(
        recipient.contact_id,
        page_id(incident.incident_id, incident.round, recipient.contact_id),
        subject(incident),
        text(incident, name=recipient.name, link=f"{ports.page_base_url}a/{secret}"),
    )


def _note_failure(  # noqa: PLR0917 - what a failure is about
    incident: Incident, contact_id: str, known: Page | None, why: str, ports: Ports, now_ms: int
) -> None:
    """Once per round and reason, however often it is tried."""
    if known and known.failure == why:
        return
    page = Page(incident.incident_id, incident.round, incident.tier, contact_id, now_ms, False, None, why)  # noqa: FBT003 - is_sent
    what = f"{contact_id or 'Nobody'} could not be told (round {incident.round}, tier {incident.tier}). {why}"
    ports.incidents.keep_page(page, _page_event(page, EventType.PAGE_FAILED, what, incident))


def _page_event(page: Page, kind: EventType, what: str, incident: Incident) -> TimelineEvent:
    """The letter puts it after the change that began the round, should both come in one millisecond."""
    identity = event_id(page.incident_id, incident.revision, kind, page.round, page.contact_id)
    return TimelineEvent(page.at, identity.replace("-", "p-"), kind, lifecycle.SYSTEM, what)


def _publish(incident: Incident, ports: Ports, now_ms: int) -> str | None:
    """Say it to machines as well, in the first round and where a tier is told for the first time. What went wrong."""
    number = incident.step
    is_further = number <= incident.plan.first_steps and 1 < number <= len(incident.plan.tiers)
    if incident.round > 1 and not is_further:
        return None
    event = AlertEvent.OPENED if incident.round == 1 else AlertEvent.ESCALATED
    try:
        ports.alerts.publish(alert_topic(incident), alert(incident, event, at=now_ms))
    except NotSentError as error:
        return str(error)
    return None
