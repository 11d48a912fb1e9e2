"""What exceeds a contact's budget waits for a digest; here is how it is put there, and how the digest is sent.

A page is told when its digest is sent, not before. Whoever dies in between sends again: what was sent is noted before
it is marked, page by page, so only a death between the channel's yes and the note sends one digest a second time.

Two runs may be there at once: one is slow, or is tried again. So a run claims each contact before it looks what that
one's digests have said, and gives the claim back after it has noted what it sent. Should it die, the claim ends by
itself.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from coldwatch.incidents.changing import ATTEMPTS, found
from coldwatch.incidents.channels.digest_mail import digest_html
from coldwatch.incidents.channels.ways import Way
from coldwatch.incidents.delivery import Delivery
from coldwatch.incidents.identity import page_id
from coldwatch.incidents.incident import TEST, EventType, Incident, Page, Status
from coldwatch.incidents.paging import page_event
from coldwatch.incidents.ports import Channels, Notification, NotSentError, Recipient, Recipients, TellingStore
from coldwatch.incidents.storms import budget
from coldwatch.incidents.storms.ports import BudgetStore, DigestEntry, MessageIds
from coldwatch.incidents.storms.rules import StormRules
from coldwatch.incidents.storms.silence import IN_DIGEST
from coldwatch.incidents.wording import digest_facts, digest_subject, digest_text, moment

_UNHURRIED_MS = 3_600_000
CLAIMED_MS = 60_000
"""How long a run may last at most. One that died delays the digest by this."""
_NO_TIME = "There was no time left for it; it is tried again in a minute."


@dataclass(frozen=True, slots=True)
class DigestingBudget:
    """A `silence.SendBudget`: what exceeds it is queued for a digest."""

    store: BudgetStore
    rules: StormRules
    incidents: TellingStore

    def admit(self, incident: Incident, contact_id: str, *, now_ms: int) -> int | None:
        """None: send it now. Otherwise it is queued, and this is when its digest is due.

        Who is quicker has a message of the window; so nobody is beaten more often than the window has messages. A test
        page asks whether somebody can be reached; one in a digest would not tell.
        """
        if incident.kind == TEST:
            return None
        own = self.rules.budget_of(contact_id)
        page, urgent = page_id(incident.incident_id, incident.round, contact_id), budget.is_urgent(incident)
        for _ in range(own.messages + ATTEMPTS):
            before = self.store.spent(contact_id)
            admission = budget.admit(before, own, page, urgent=urgent, now_ms=now_ms)
            if admission.after is None or self.store.spend(contact_id, before, admission.after):
                break
        if admission.due_at is not None:
            self._queue(incident, contact_id, admission.due_at, urgent=urgent, now_ms=now_ms)
        return admission.due_at

    def due_at(self, contact_id: str, *, now_ms: int) -> int:
        spent = self.store.spent(contact_id)
        return max(now_ms, budget.end_of(spent, self.rules.budget_of(contact_id))) if spent else now_ms

    def _queue(self, incident: Incident, contact_id: str, due_at: int, *, urgent: bool, now_ms: int) -> None:
        self.store.queue(DigestEntry(contact_id, due_at, incident.incident_id, incident.round, incident.tier, urgent))
        if not self.incidents.pages_of(incident.incident_id, incident.round, contact_id):
            what = f"{contact_id} has had enough messages: this one is in the digest of {moment(due_at)}."
            place = incident.incident_id, incident.round, incident.tier
            page = Page(*place, contact_id, now_ms, is_sent=False, delivery=IN_DIGEST)
            self.incidents.keep_page(page, page_event(page, EventType.QUEUED, what, incident))


@dataclass(frozen=True, slots=True)
class Ports:
    """`is_silenced`: nobody is told of it now, whatever was queued before. `make_link` gives the address of a new link
    for a page. `ms_left` says for how long the run may still ask who needs what.
    """

    incidents: TellingStore
    store: BudgetStore
    recipients: Recipients
    notifier: Channels
    rules: StormRules
    is_silenced: Callable[[Incident, int], bool]
    make_link: Callable[[Incident, str, int], str]
    ms_left: Callable[[], int] = lambda: _UNHURRIED_MS


@dataclass(frozen=True, slots=True)
class Digest:
    """`told` in it, `dropped` because nobody needs it any more, `left` for the next one; or `failure`, why not sent."""

    contact_id: str
    told: int
    dropped: int
    left: int
    failure: str | None = None


def send_digests(ports: Ports, *, now_ms: int) -> list[Digest]:
    """All that are due, whoever has waited longest first, each within its share of the time.

    A contact that cannot be sent its digest, for whatever reason, harms nobody else; it is tried again.
    """
    due: dict[str, list[DigestEntry]] = {}
    for each in sorted(ports.store.due(now_ms), key=lambda entry: (entry.due_at, entry.contact_id)):
        due.setdefault(each.contact_id, []).append(each)
    digests: list[Digest | None] = []
    for number, (contact_id, entries) in enumerate(due.items()):
        left_ms = ports.ms_left()
        until_left_ms = left_ms - left_ms // (len(due) - number)
        digests.append(_send_alone(contact_id, entries, until_left_ms, ports, now_ms))
    return [each for each in digests if each is not None]


def _send_alone(
    contact_id: str, entries: Sequence[DigestEntry], until_left_ms: int, ports: Ports, now_ms: int
) -> Digest | None:
    """None where another run is at it."""
    until_ms = now_ms + CLAIMED_MS
    try:
        if not ports.store.claim_digest(contact_id, now_ms=now_ms, until_ms=until_ms):
            return None
        digest = _send(contact_id, entries, until_left_ms, ports, now_ms)
    except Exception as error:  # noqa: BLE001 - the edge: what is wrong with one contact must not cost the others
        digest = Digest(contact_id, 0, 0, len(entries), f"{type(error).__name__}: {error}")
    with suppress(Exception):  # it ends by itself
        ports.store.release_digest(contact_id, until_ms=until_ms)
    return digest


def _send(contact_id: str, entries: Sequence[DigestEntry], until_left_ms: int, ports: Ports, now_ms: int) -> Digest:
    waiting = _unmarked(contact_id, entries, ports)
    needed, rest = _choose(waiting, until_left_ms, ports, now_ms)
    dropped = len(waiting) - len(needed) - len(rest)
    if not needed:
        return Digest(contact_id, 0, dropped, len(rest), _NO_TIME if rest else None)
    failure = _tell(contact_id, needed, len(rest), ports, now_ms)
    if failure:
        return Digest(contact_id, 0, dropped, len(needed) + len(rest), failure)
    _put_off(contact_id, rest, ports, now_ms)
    return Digest(contact_id, len(needed), dropped, len(rest))


def _unmarked(contact_id: str, entries: Sequence[DigestEntry], ports: Ports) -> list[DigestEntry]:
    """Those that no digest has said; of the others it is noted that one has. What came back since waits for another."""
    noted = ports.store.noted_digests(contact_id)
    waiting = []
    for entry in entries:
        at, message_ids = noted.get((entry.incident_id, entry.round), (0, {}))
        if at < entry.due_at:
            waiting.append(entry)
        else:
            _mark(entry, at, message_ids, ports)
    return waiting


def _choose(
    waiting: Sequence[DigestEntry], until_left_ms: int, ports: Ports, now_ms: int
) -> tuple[list[tuple[DigestEntry, Incident]], list[DigestEntry]]:
    """What this digest tells, and what it has no room or no time for. What nobody needs any more goes out of the queue.

    To ask about each is a dozen reads, so it is asked about no more than it takes, about what is urgent first.
    """
    ordered = sorted(waiting, key=lambda each: (not each.is_urgent, each.due_at, each.incident_id))
    needed: list[tuple[DigestEntry, Incident]] = []
    asked = 0
    while asked < len(ordered) and len(needed) < ports.rules.digest_at_most and ports.ms_left() > until_left_ms:
        entry, asked = ordered[asked], asked + 1
        incident = _needed(entry, ports, now_ms)
        if incident is None:
            ports.store.unqueue(entry)
        else:
            needed.append((entry, incident))
    needed.sort(key=lambda each: (not each[0].is_urgent, each[1].opened_at, each[0].incident_id))
    return needed, ordered[asked:]


def _needed(entry: DigestEntry, ports: Ports, now_ms: int) -> Incident | None:
    """The incident, if this page of it is still to be told."""
    incident = ports.incidents.find(entry.incident_id)
    if incident is None or not _is_of_now(incident, entry):
        return None
    pages = ports.incidents.pages_of(entry.incident_id, entry.round, entry.contact_id)
    if any(each.is_sent for each in pages) or ports.is_silenced(incident, now_ms):
        return None
    # To ask whether it is silenced may have changed it: whoever has its storm has it.
    incident = found(ports.incidents, entry.incident_id)
    return incident if _is_of_now(incident, entry) else None


def _is_of_now(incident: Incident, entry: DigestEntry) -> bool:
    return incident.status is Status.OPEN and incident.round == entry.round


def _tell(
    contact_id: str, pages: Sequence[tuple[DigestEntry, Incident]], left: int, ports: Ports, now_ms: int
) -> str | None:
    """Why it could not be sent; None if it was."""
    recipient = ports.recipients.find_recipient(contact_id)
    if recipient is None or recipient.why_not:
        return recipient.why_not if recipient else f"There is no contact {contact_id}."
    message = _message(recipient, pages, left, ports, now_ms)
    ways = _ways(recipient, [entry for entry, _ in pages], ports)
    message_ids, failure = _by_ways(message, ways, ports)
    if not message_ids:
        return failure
    told = _told_by(message_ids, [entry for entry, _ in pages])
    ports.store.note_digest(contact_id, now_ms, told)
    _spend(contact_id, ports, now_ms)
    for entry, own in told.items():
        _mark(entry, now_ms, own, ports)
    return None


def _told_by(message_ids: MessageIds, entries: Sequence[DigestEntry]) -> dict[DigestEntry, MessageIds]:
    """The channels know the message by its first incident: what they say of it, or are told, is about that one. Of the
    others it is known that they are told, so that no round of theirs tells them once more.
    """
    message_id = next(iter(message_ids.values()))
    return {each: {"": message_id} for each in entries} | {entries[0]: message_ids}


def _message(
    recipient: Recipient, pages: Sequence[tuple[DigestEntry, Incident]], left: int, ports: Ports, now_ms: int
) -> Notification:
    """In each form that a channel may want. Whatever shows one link only shows the gravest incident's."""
    incidents = [incident for _, incident in pages]
    lines = [(incident, ports.make_link(incident, recipient.contact_id, now_ms)) for incident in incidents]
    first, link = lines[0]
    said = digest_subject(incidents)
    return Notification(
        recipient.contact_id,
        f"digest-{recipient.contact_id}-{pages[0][0].due_at}",
        said,
        digest_text(lines, name=recipient.name, left=left, zone=recipient.zone),
        incident_id=first.incident_id,
        round=first.round,
        severity=first.severity.value,
        link=link,
        sms=f"{said}. The first: {link}",
        html=digest_html(lines, subject=said, name=recipient.name, left=left, zone=recipient.zone),
        facts=tuple(digest_facts(incidents)),
    )


def _ways(recipient: Recipient, entries: Sequence[DigestEntry], ports: Ports) -> list[Way]:
    """A way by which one of these pages came back would bring all of them back."""
    pages = (
        page for each in entries for page in ports.incidents.pages_of(each.incident_id, each.round, each.contact_id)
    )
    came_back = {page.channel for page in pages if page.delivery == Delivery.FAILED}
    return [way for way in recipient.ways if way.channel not in came_back]


def _by_ways(message: Notification, ways: Sequence[Way], ports: Ports) -> tuple[MessageIds, str]:
    """By the first way that takes it, and by telephone in any case; which did, or why none."""
    message_ids: dict[str, str] = {}
    failures = []
    for way in ways:
        if message_ids and not way.is_besides:
            continue
        try:
            message_ids[way.channel] = ports.notifier.send(message, way)
        except NotSentError as error:
            failures.append(str(error))
    return message_ids, " ".join(failures) or f"{message.contact_id} has no address that is verified."


def _mark(entry: DigestEntry, at: int, message_ids: MessageIds, ports: Ports) -> None:
    """Told, then no more in the queue; again changes nothing."""
    incident = ports.incidents.find(entry.incident_id)
    for channel, message_id in message_ids.items():
        if incident is None:
            break
        page = Page(
            entry.incident_id,
            entry.round,
            entry.tier,
            entry.contact_id,
            at,
            is_sent=True,
            message_id=message_id,
            channel=channel,
            delivery="sent",
        )
        what = f"{entry.contact_id} is told in a digest (round {entry.round}, tier {entry.tier})."
        ports.incidents.keep_page(page, page_event(page, EventType.PAGED, what, incident))
    ports.store.unqueue(entry)


def _spend(contact_id: str, ports: Ports, now_ms: int) -> None:
    own = ports.rules.budget_of(contact_id)
    for _ in range(own.messages + ATTEMPTS):
        before = ports.store.spent(contact_id)
        after = budget.begin_with_digest(before, own, now_ms=now_ms)
        if after is None or ports.store.spend(contact_id, before, after):
            return


def _put_off(contact_id: str, entries: Sequence[DigestEntry], ports: Ports, now_ms: int) -> None:
    """For the digest at the end of the window that this one began. First there, then no more here."""
    own = ports.rules.budget_of(contact_id)
    for _ in range(own.messages + ATTEMPTS):
        if not entries:
            return
        before = ports.store.spent(contact_id)
        admission = budget.put_off(before, own, now_ms=now_ms)
        if admission.after is None or ports.store.spend(contact_id, before, admission.after):
            break
    for entry in entries:
        due_at = admission.due_at or entry.due_at
        ports.store.queue(DigestEntry(contact_id, due_at, entry.incident_id, entry.round, entry.tier, entry.is_urgent))
        ports.store.unqueue(entry)
