"""Tells one responder in one round: by the first of their ways that takes the message, and by telephone in any case.

Before each message the incident is read again: an acknowledgement cancels what is still queued. What was sent is
marked, and a second try sends only what is not. A way that fails gives way to the next one at once. Where at least one
has taken the message, the responder is told; where all have failed, one that may do better soon is a reason to try
again.

A service that hangs costs seconds of a call that has a minute. So whoever comes after it hangs is told by their other
ways first, a try begins with those who were not tried yet, and no way is begun that might not end in time.
"""

import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from coldwatch.incidents.channels import html_mail
from coldwatch.incidents.channels.pagerduty import key_of
from coldwatch.incidents.channels.ways import Way
from coldwatch.incidents.codes import new_code
from coldwatch.incidents.contacts import OF_SNS, ChannelKind
from coldwatch.incidents.identity import event_id, link_hash, link_secret, page_id
from coldwatch.incidents.incident import EventType, Incident, Page, TimelineEvent
from coldwatch.incidents.lifecycle import SYSTEM
from coldwatch.incidents.links import LIFETIME_MS, Link
from coldwatch.incidents.ports import (
    CallTime,
    Channels,
    CodeStore,
    LinkStore,
    Notification,
    NotSentError,
    Recipient,
    Recipients,
    TellingStore,
)
from coldwatch.incidents.storms.silence import SendBudget
from coldwatch.incidents.wording import Key, answer_by, code_sentence, facts, short_text, subject, text

LONGEST_WAY_MS = 20_000
"""What one way may take: SNS's pace 15 s and its publish, a server 8 s and its secret."""
SLOW_MS = 2_000
"""What fails after so long hangs."""
NOBODY = ""
"""Stands for the contact where a plan names none."""


class PagingPorts(typing.Protocol):
    """What of `telling.Ports` is used here."""

    @property
    def incidents(self) -> TellingStore: ...
    @property
    def links(self) -> LinkStore: ...
    @property
    def recipients(self) -> Recipients: ...
    @property
    def notifier(self) -> Channels: ...
    @property
    def random_bytes(self) -> Callable[[int], bytes]: ...
    @property
    def page_base_url(self) -> str: ...
    @property
    def codes(self) -> "Codes | None": ...
    @property
    def budget(self) -> SendBudget: ...
    @property
    def call_time(self) -> CallTime: ...


@dataclass(frozen=True, slots=True)
class Codes:
    """`key` is asked for when it is needed. Without it, a message has no code, and is sent all the same."""

    store: CodeStore
    key: Callable[[], bytes | None]


class Fate(StrEnum):
    """What became of one responder's page. FAILING: no way took it now; CANCELLED: nobody needs it.

    SENT_IN_PART: they are told, but their telephone could not be for now. QUEUED: a digest will tell them.
    """

    SENT = "sent"
    SENT_IN_PART = "sent_in_part"
    ALREADY_SENT = "already_sent"
    UNREACHABLE = "unreachable"
    FAILING = "failing"
    CANCELLED = "cancelled"
    QUEUED = "queued"

    @property
    def is_told(self) -> bool:
        return self in {Fate.SENT, Fate.SENT_IN_PART, Fate.ALREADY_SENT}

    @property
    def may_improve(self) -> bool:
        return self in {Fate.FAILING, Fate.SENT_IN_PART}


@dataclass(slots=True)
class Paging:
    """One responder's page in the incident's round. `is_needed` reads whether somebody still has to be told; `hanging`
    are the services that have kept this call waiting.
    """

    incident: Incident
    contact_id: str
    ports: PagingPorts
    is_needed: Callable[[], bool]
    now_ms: int
    hanging: set[str] = field(default_factory=set)
    known: dict[str, Page] = field(init=False)

    def __post_init__(self) -> None:
        pages = self.ports.incidents.pages_of(self.incident.incident_id, self.incident.round, self.contact_id)
        self.known = {each.channel: each for each in pages}

    def carry_out(self, channels: Sequence[str] = ()) -> Fate:
        """Tell them, by those channels alone where the tier names some."""
        if "" in self.known and self.known[""].is_sent:
            return Fate.ALREADY_SENT  # from before there were several channels
        if not self._is_told and not self.is_needed():
            return Fate.CANCELLED
        recipient = _recipient(self.contact_id, self.ports, channels)
        if recipient.why_not:
            return Fate.ALREADY_SENT if self._is_told else self._fail("", recipient.why_not, Fate.UNREACHABLE)
        if recipient.ways and not self._is_told and self._is_queued():
            return Fate.QUEUED
        for each in recipient.unverified:
            self._fail(each.channel, f"{each.endpoint} is not verified; coldwatch contacts test sends it a test page.")
        return self._by_ways(recipient)

    def give_up(self, why: str) -> Fate:
        """Somebody who cannot be told at all, such as a rota that names nobody."""
        return self._fail("", why)

    def _is_queued(self) -> bool:
        """Only of somebody who can be sent a digest; who cannot is unreachable at once, and the next tier is told."""
        return self.ports.budget.admit(self.incident, self.contact_id, now_ms=self.now_ms) is not None

    @property
    def was_refused(self) -> bool:
        """Whether a try before this one could not send them something."""
        return any(each.failure and not each.is_sent for each in self.known.values())

    @property
    def _is_told(self) -> bool:
        return any(each.is_sent for each in self.known.values())

    def _by_ways(self, recipient: Recipient) -> Fate:
        """Who was told already, in this try or in one before, is told by telephone alone besides."""
        fates = [Fate.ALREADY_SENT] if self._is_told else []
        is_phone_silent = False
        for way in self._in_order(recipient.ways):
            if way.is_besides or not any(fate.is_told for fate in fates):
                fates.append(self._by(way, recipient, is_first=not fates))
                is_phone_silent |= way.is_besides and fates[-1] is Fate.FAILING
        best = next((fate for fate in _BEST_FIRST if fate in fates), Fate.UNREACHABLE)
        return Fate.SENT_IN_PART if best.is_told and is_phone_silent else best

    def _in_order(self, ways: Sequence[Way]) -> list[Way]:
        """Last what hangs, and what was tried before a call was out of time."""
        return sorted(ways, key=lambda way: way.service in self.hanging or way.channel in self.known)

    def _by(self, way: Way, recipient: Recipient, *, is_first: bool) -> Fate:
        """Before the first way of somebody who is told nothing yet it was read already whether they are needed."""
        known = self.known.get(way.channel)
        if known and known.is_sent:
            return Fate.ALREADY_SENT
        if known and known.delivery == "failed":
            return Fate.UNREACHABLE  # it came back: the same again would, too
        if not is_first and not self.is_needed():
            return Fate.CANCELLED
        if self.ports.call_time.left_ms() < LONGEST_WAY_MS:
            return Fate.FAILING  # and nothing is noted of it, so that it comes first next time
        try:
            message_id = self._send(way, recipient)
        except NotSentError as error:
            return self._fail(way.channel, str(error), Fate.UNREACHABLE if error.is_permanent else Fate.FAILING)
        what = f"{recipient.name} is told{_spoken(way)} (round {self.incident.round}, tier {self.incident.tier})."
        page = replace(self._page(way.channel), is_sent=True, message_id=message_id, delivery="sent")
        self.ports.incidents.keep_page(page, page_event(page, EventType.PAGED, what, self.incident))
        return Fate.SENT

    def _send(self, way: Way, recipient: Recipient) -> str:
        notification = self._notification(way, recipient)
        began_at = self.ports.call_time.passed_ms()
        try:
            return self.ports.notifier.send(notification, way)
        except NotSentError:
            if self.ports.call_time.passed_ms() - began_at >= SLOW_MS:
                self.hanging.add(way.service)
            raise

    def _page(self, channel: str) -> Page:
        incident = self.incident
        return Page(
            incident.incident_id,
            incident.round,
            incident.tier,
            self.contact_id,
            self.now_ms + self.ports.call_time.passed_ms(),
            is_sent=False,
            channel=channel,
        )

    def _fail(self, channel: str, why: str, fate: Fate = Fate.UNREACHABLE) -> Fate:
        """Once per round, channel and reason, however often it is tried."""
        known = self.known.get(channel)
        if known is None or known.failure != why:
            page = replace(self._page(channel), failure=why)
            about = f"(round {self.incident.round}, tier {self.incident.tier})"
            what = f"{self.contact_id or 'Nobody'} could not be told {about}. {why}"
            self.ports.incidents.keep_page(page, page_event(page, EventType.PAGE_FAILED, what, self.incident))
        return fate

    def _notification(self, way: Way, recipient: Recipient) -> Notification:
        """A message with a fresh link in it. Its secret is stored nowhere, so a second try makes another."""
        incident, key = self.incident, self._key(way)
        protocols = {each.protocol for each in way.addresses}
        return Notification(
            recipient.contact_id,
            page_id(incident.incident_id, incident.round, recipient.contact_id),
            subject(incident),
            text(incident, name=recipient.name, key=key, zone=recipient.zone),
            incident_id=incident.incident_id,
            round=incident.round,
            severity=incident.severity.value,
            link=key.link,
            sms=short_text(incident, key=key) if ChannelKind.SMS in protocols else "",
            html=_html(incident, recipient, key) if ChannelKind.SES_EMAIL in protocols else "",
            facts=tuple(facts(incident)),
            alert_key=self._alert_key() if ChannelKind.PAGERDUTY in protocols else "",
        )

    def _alert_key(self) -> str:
        timeline = self.ports.incidents.timeline(self.incident.incident_id)
        return key_of(self.incident.incident_id, timeline)

    def link(self) -> str:
        """The address of a new link for this page, without a code; for what tells of several."""
        return self._key(Way("", ())).link

    def _key(self, way: Way) -> Key:
        """The link first, then what stands for it: a code never leads nowhere."""
        incident, ports = self.incident, self.ports
        secret = link_secret(ports.random_bytes(16))
        link = Link(
            link_hash=link_hash(secret) or "",
            incident_id=incident.incident_id,
            contact_id=self.contact_id,
            tier=incident.tier,
            round=incident.round,
            created_at=self.now_ms,
            expires_at=self.now_ms + LIFETIME_MS,
        )
        made = self._code(link) if {each.protocol for each in way.addresses} & _PRIVATE else None
        ports.links.put(replace(link, code_hash=made[1] if made else None))
        code = made[0] if made else None
        return Key(f"{ports.page_base_url}a/{secret}", code, f"{ports.page_base_url}code")

    def _code(self, link: Link) -> tuple[str, str] | None:
        codes = self.ports.codes
        key = codes.key() if codes else None
        if codes is None or key is None:
            return None
        return new_code(
            link.incident_id,
            codes.store,
            key,
            self.ports.random_bytes,
            link_hash=link.link_hash,
            until=link.expires_at,
        )


def links_of(ports: PagingPorts) -> Callable[[Incident, str, int], str]:
    """What makes a new link of a contact, for what tells of several incidents."""
    return lambda incident, contact_id, now_ms: Paging(incident, contact_id, ports, lambda: True, now_ms).link()


_BEST_FIRST = (Fate.SENT, Fate.ALREADY_SENT, Fate.CANCELLED, Fate.FAILING, Fate.UNREACHABLE)
_PRIVATE = OF_SNS | {ChannelKind.SES_EMAIL}
"""What one person reads. In a room that many read, the link is enough."""


def page_event(page: Page, kind: EventType, what: str, incident: Incident) -> TimelineEvent:
    """The letter puts it after the change that began the round, should both come in one millisecond."""
    channel = (page.channel,) if page.channel else ()
    identity = event_id(page.incident_id, incident.revision, kind, page.round, page.contact_id, *channel)
    return TimelineEvent(page.at, identity.replace("-", "p-"), kind, SYSTEM, what)


def _recipient(contact_id: str, ports: PagingPorts, channels: Sequence[str]) -> Recipient:
    """One entry that is missing or cannot be read harms nobody but its own contact."""
    if contact_id == NOBODY:
        return Recipient(NOBODY, "Nobody", "The plan names nobody.")
    try:
        found = ports.recipients.find_recipient(contact_id, channels)
    except (LookupError, ValueError, msgspec.MsgspecError) as error:
        return Recipient(contact_id, contact_id, f"The entry of contact {contact_id} cannot be read: {error}.")
    return found or Recipient(contact_id, contact_id, f"There is no contact {contact_id}.")


def _html(incident: Incident, recipient: Recipient, key: Key) -> str:
    until = answer_by(incident.deadline_at, recipient.zone) if incident.deadline_at else ""
    about = f"Incident {incident.incident_id}, round {incident.round}, tier {incident.tier}."
    shows = "It shows the incident; the button on its page says that you have it. The link is yours alone."
    return html_mail.render(
        subject=subject(incident),
        greeting=f"{recipient.name}, you are asked to look after this incident.",
        facts=facts(incident, recipient.zone),
        deadline=until,
        link=key.link,
        small=[shows, *code_sentence(incident, key), about],
    )


def _spoken(way: Way) -> str:
    """How, where it is not as ever."""
    spoken = {"ses_email": "mail", "pagerduty": "PagerDuty", "slack": "Slack", "teams": "Teams"}
    kind, _, label = way.channel.partition(":")
    if kind == "sns":
        return ""
    return f" by {spoken.get(kind, kind)}" + (f" ({label})" if label else "")
