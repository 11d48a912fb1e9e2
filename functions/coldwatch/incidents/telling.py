"""Tells the responders of a tier, each with a link of their own, and leaves a task token to be completed.

In this order, so that no answer falls between two stools: move the incident to its round, by a conditional write; store
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

import msgspec

from coldwatch.incidents import lifecycle
from coldwatch.incidents.alerts import AlertEvent, alert, alert_topic
from coldwatch.incidents.changing import carry_out, found
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
    TellingStore,
    Waiting,
)
from coldwatch.incidents.storms.silence import (
    DIGEST_LATE_MS,
    NEVER_SILENT,
    SendBudget,
    Silence,
    Silencing,
    silenced_answer,
)
from coldwatch.incidents.wording import subject, text
from coldwatch.incidents.workflow import UNREACHABLE, answer_of

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


@dataclass(frozen=True, slots=True)
class Ports:
    """`random_bytes` gives as many as it is asked for; `page_base_url` ends in a slash."""

    incidents: TellingStore
    links: LinkStore
    recipients: Recipients
    notifier: Notifier
    alerts: AlertTopic
    waiting: Waiting
    random_bytes: Callable[[int], bytes]
    page_base_url: str
    silencing: Silencing = NEVER_SILENT
    budget: SendBudget = NEVER_SILENT


class Fate(StrEnum):
    """What became of one responder's page. FAILING: the channel did not take it now; CANCELLED: nobody needs it;
    QUEUED: a digest will tell it.
    """

    SENT = "sent"
    ALREADY_SENT = "already_sent"
    UNREACHABLE = "unreachable"
    FAILING = "failing"
    CANCELLED = "cancelled"
    QUEUED = "queued"

    @property
    def is_told(self) -> bool:
        return self in {Fate.SENT, Fate.ALREADY_SENT}


@dataclass(frozen=True, slots=True)
class Told:
    """`fates` by contact; empty where the incident was settled before anybody was told, or `silence` says why nobody
    is. `alert_fault`: it is a copy.
    """

    incident: Incident
    fates: dict[str, Fate]
    alert_fault: str | None = None
    silence: Silence | None = None

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
        return tuple(contact for contact, fate in self.fates.items() if fate is Fate.FAILING)


class NotAllToldError(Exception):
    """The channel did not take every message; those that it did not are to be tried again."""

    def __init__(self, told: Told) -> None:
        missing = f"the channel took no message for {', '.join(told.failing)}"
        super().__init__(f"not everybody could be told of incident {told.incident.incident_id}: {missing}")


def tell(asked: Round, ports: Ports, *, now_ms: int) -> Told:
    """Begin or resume a round. Raises `NotAllToldError` where another try may reach somebody."""
    incident, _ = carry_out(
        ports.incidents, asked.incident_id, lambda each: lifecycle.expire_acknowledgement(each, now_ms=now_ms)
    )
    if silence := _silence(incident, asked, ports, now_ms):
        return Told(incident, {}, silence=silence)
    incident, _ = carry_out(
        ports.incidents,
        asked.incident_id,
        lambda each: lifecycle.begin_round(each, round_=asked.number, number=asked.step, now_ms=now_ms),
    )
    if _is_current(incident, asked):
        ports.incidents.keep_token(incident, asked.task_token, awaits=Status.ACKNOWLEDGED)
        incident = found(ports.incidents, asked.incident_id)
    if not _is_current(incident, asked):
        ports.waiting.complete(asked.task_token, answer_of(incident))
        return Told(incident, {})
    return _tell_tier(incident, asked, ports, now_ms)


def _silence(incident: Incident, asked: Round, ports: Ports, now_ms: int) -> Silence | None:
    """Before the round begins, so that the same round is asked for again."""
    if incident.status is not Status.OPEN or incident.round > asked.number:
        return None
    silence = ports.silencing.reason(incident, now_ms=now_ms)
    if silence is not None:
        answer = silenced_answer(asked.number, asked.step, silence.until_ms, now_ms)
        ports.waiting.complete(asked.task_token, answer)
    return silence


def _is_current(incident: Incident, asked: Round) -> bool:
    return incident.status is Status.OPEN and incident.round == asked.number


def _tell_tier(incident: Incident, asked: Round, ports: Ports, now_ms: int) -> Told:
    step = step_of(incident.plan, incident.step)
    fates = {each: _page(incident, each, asked, ports, now_ms) for each in step.contacts or (NOBODY,)}
    told = Told(incident, fates, _publish(incident, ports, now_ms))
    if told.failing and (told.is_nobody_told or not asked.is_last_try):
        raise NotAllToldError(told)
    if told.is_nobody_told and step.has_next_tier:
        ports.waiting.complete(asked.task_token, answer_of(incident, UNREACHABLE))
    if queued := told.waiting_for_digests:
        until_ms = min(ports.budget.due_at(each, now_ms=now_ms) for each in queued) + DIGEST_LATE_MS
        ports.waiting.complete(asked.task_token, silenced_answer(asked.number, asked.step, until_ms, now_ms))
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
    if ports.budget.admit(incident, contact_id, now_ms=now_ms):
        return Fate.QUEUED
    try:
        message_id = ports.notifier.send(_notification(incident, recipient, ports, now_ms))
    except NotSentError as error:
        _note_failure(incident, contact_id, known, str(error), ports, now_ms)
        return Fate.FAILING
    page = Page(incident.incident_id, incident.round, incident.tier, contact_id, now_ms, True, message_id)  # noqa: FBT003 - is_sent
    what = f"{recipient.name} is told (round {incident.round}, tier {incident.tier})."
    ports.incidents.keep_page(page, _page_event(page, EventType.PAGED, what, incident))
    return Fate.SENT


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
    link = make_link(incident, recipient.contact_id, ports, now_ms)
    return Notification(
        recipient.contact_id,
        page_id(incident.incident_id, incident.round, recipient.contact_id),
        subject(incident),
        text(incident, name=recipient.name, link=link),
    )


def make_link(incident: Incident, contact_id: str, ports: Ports, now_ms: int) -> str:
    """The address of a new link of this contact for the round of the incident."""
    secret = link_secret(ports.random_bytes(16))
    ports.links.put(
        Link(
            link_hash=link_hash(secret) or "",
            incident_id=incident.incident_id,
            contact_id=contact_id,
            tier=incident.tier,
            round=incident.round,
            created_at=now_ms,
            expires_at=now_ms + LIFETIME_MS,
        )
    )
    return f"{ports.page_base_url}a/{secret}"


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
