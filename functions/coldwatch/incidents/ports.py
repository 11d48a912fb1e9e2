"""What incidents need of the world. Adapters keep these promises; so do the fakes of the tests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import Any, Protocol

from coldwatch.incidents.channels.ways import SNS, Way, unverified, ways_of
from coldwatch.incidents.contacts import Address, Contact
from coldwatch.incidents.escalation.rota import Rota
from coldwatch.incidents.incident import Incident, Page, TimelineEvent
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.links import Link
from coldwatch.incidents.policy import EscalationPolicy, Severity
from coldwatch.incidents.time_zones import zone_or_utc


class IncidentStore(Protocol):
    """Every read is strongly consistent. A write is a transaction; False means that its condition did not hold."""

    def find(self, incident_id: str) -> Incident | None: ...

    def timeline(self, incident_id: str) -> Sequence[TimelineEvent]:
        """The events of an incident, oldest first."""

    def pages(self, incident_id: str) -> Sequence[Page]:
        """What responders were sent, by round."""

    def find_open(self, detector_model: str, key: str) -> Incident | None:
        """The incident that holds the lock of (model, key)."""

    def taken_into(self, effect_id: str) -> str | None:
        """The incident that an earlier delivery of this effect was taken into, if it changed one."""

    def open(self, incident: Incident, event: TimelineEvent) -> bool:
        """Write the incident, its lock and its first event; False if either incident or lock is there."""

    def apply(self, change: Change) -> bool:
        """Carry out a change if the incident is still `change.before`."""

    def note_recovery(self, detector_model: str, key: str, occurred_at: int) -> None:
        """Remember a recovery that found nothing open, should its own excursion come after it."""

    def last_recovery(self, detector_model: str, key: str) -> int | None: ...


class PageStore(Protocol):
    def pages_of(self, incident_id: str, round_: int, contact_id: str) -> Sequence[Page]:
        """What a responder was sent in a round, and what could not be: a page for each channel."""

    def keep_page(self, page: Page, event: TimelineEvent) -> bool:
        """Write a page with its event; False if that page is kept as sent."""

    def note_delivery(self, page: Page, event: TimelineEvent | None) -> bool:
        """Write what became of a page that is kept; False if there is none."""


class Roster(Protocol):
    def knows(self, contact_id: str) -> bool:
        """Whether there is such a contact: whoever was removed answers for nothing any more."""


class LinkStore(Protocol):
    def find(self, link_hash: str) -> Link | None: ...

    def put(self, link: Link) -> None: ...


class LinkRegister(Protocol):
    """What an operator needs of all links."""

    def of_incident(self, incident_id: str) -> Iterable[Link]:
        """In no order; a link that is made meanwhile may be missing."""

    def revoke(self, link: Link, *, now_ms: int) -> bool:
        """Take it back; False where it was taken back before, or is gone."""


class TokenStore(Protocol):
    def keep_token(self, incident: Incident, token: str) -> None:
        """Remember the task token that waits for as long as the incident stands as it does (`Incident.standing`).

        A token for an incident as it was before does not replace one for what became of it: a process that is so slow
        that its workflow has gone on without it takes nobody's place.
        """

    def token(self, incident_id: str) -> tuple[str, str, int] | None:
        """The one that waits, how the incident stood for it, and at which revision."""


class TellingStore(IncidentStore, PageStore, TokenStore, Protocol):
    """All that an incident's table keeps."""


class Waiting(Protocol):
    """Tells a workflow what became of its incident. A token that waits no longer takes no harm."""

    def wake(self, incident: Incident, *, now_ms: int) -> None:
        """Complete the stored token, if there is one and the incident no longer stands as it did for it.

        A token that was stored for a later incident than this one has seen what is told here.
        """

    def complete(self, token: str, answer: Mapping[str, Any]) -> None:
        """Complete this very token."""


class CommandRefusedError(Exception):
    """A command that is not sent; a sentence for whoever asked."""


class Commands(Protocol):
    def send(self, device_id: str, command: str, *, token: str, requested_by: str) -> str:
        """Send a command and answer its execution's id; the same token again sends nothing more.

        Raises `CommandRefusedError`.
        """


class PolicyStore(Protocol):
    def find(self, policy_id: str) -> EscalationPolicy | None:
        """Raises `PolicyError` for a stored document that is no policy."""


class Rotas(Protocol):
    def find(self, rota_id: str) -> Rota | None:
        """Raises `RotaError` for a stored document that is no rota."""


class Executions(Protocol):
    """The executions of an incident's workflow, by number: from `Incident.executions` on, what was before is over."""

    def start(self, incident: Incident, *, now_ms: int) -> int:
        """Start the incident's workflow; one that runs is as good. One that has ended before its time is replaced.

        The number of the one that runs now.
        """

    def running(self, incident: Incident) -> int | None:
        """The number of the one that runs, if any."""

    def succeed(self, incident: Incident, *, after: int, given: Mapping[str, Any]) -> int:
        """Start the one that comes after `after`, which runs still, with this input; one that runs is as good."""


@dataclass(frozen=True, slots=True)
class Device:
    """What the registry knows of a device; `place` holds what it says of where the device is, `calibration` of how its
    sensor was calibrated.
    """

    device_id: str
    fleet_id: str
    device_type: str
    application: str
    place: Mapping[str, Any]
    calibration: Mapping[str, Any] = MappingProxyType({})


class DeviceDirectory(Protocol):
    def find(self, device_id: str) -> Device | None: ...


@dataclass(frozen=True, slots=True)
class IncidentForm:
    """What incident a detector model opens."""

    kind: str
    severity: Severity
    title: str


class DetectorStates(Protocol):
    def state_of(self, detector_model: str, key: str) -> str | None:
        """The state that a detector is in; None where there is no such detector."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A contact as the notifier needs it. `why_not` says, in a sentence, why it cannot be reached at all.

    `ways` are the ways to it, in the order in which they are tried; `unverified` the addresses that are left out.
    """

    contact_id: str
    name: str
    why_not: str | None = None
    ways: tuple[Way, ...] = (Way(SNS),)
    unverified: tuple[Address, ...] = ()
    zone: tzinfo = UTC
    """Whose clock is theirs."""


def recipient_of(contact: Contact, channels: Sequence[str] = (), *, has_sender: bool = True) -> Recipient:
    """How a contact can be told, by the channels that a tier wants."""
    ways = ways_of(contact, wanted=channels, has_sender=has_sender)
    left_out = unverified(contact, wanted=channels)
    why_not = None
    if not ways and not left_out:
        why_not = (
            f"{contact.name} has none of {', '.join(channels)}." if channels else f"{contact.name} has no address."
        )
    return Recipient(contact.contact_id, contact.name, why_not, ways, left_out, zone_or_utc(contact.time_zone))


class Recipients(Protocol):
    def find_recipient(self, contact_id: str, channels: Sequence[str] = ()) -> Recipient | None:
        """`channels`: those that the tier wants, in that order; all of the contact's own where it names none."""


class Contacts(Protocol):
    def find(self, contact_id: str) -> Contact | None: ...


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one responder, in the forms that channels want. All but `subject` may hold hostile text.

    `sms` is empty where no telephone is among the addresses; `html` likewise for mails by SES. Times in `text` and
    `html` are by the recipient's clock; those in `facts`, which rooms and programs read, in UTC. `alert_key` joins
    what PagerDuty is told of one incident.
    """

    contact_id: str
    page_id: str
    subject: str
    text: str
    incident_id: str = ""
    round: int = 0
    severity: str = ""
    link: str = ""
    sms: str = ""
    html: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    alert_key: str = ""


class NotSentError(Exception):
    """A channel did not take a message. Another try may help, unless `is_permanent`. Says nothing secret."""

    def __init__(self, why: str, *, is_permanent: bool = False) -> None:
        super().__init__(why)
        self.is_permanent = is_permanent


@dataclass(frozen=True, slots=True)
class CallTime:
    """The time of one call of a function: what has passed since its beginning, and what is left until it is ended."""

    passed_ms: Callable[[], int] = lambda: 0
    left_ms: Callable[[], int] = lambda: 900_000


UNHURRIED = CallTime()


class Channels(Protocol):
    def send(self, notification: Notification, way: Way) -> str:
        """Hand a message over; its id. Raises `NotSentError`."""


class CodeStore(Protocol):
    """Which link a code stands for, by the keyed hash of incident and code; and how often codes were tried."""

    def put(self, code_hash: str, link_hash: str, *, forget_at: int) -> bool:
        """False if that code stands for another link already."""

    def find(self, code_hash: str) -> str | None:
        """The hash of the link."""

    def try_once(self, what: str, *, most: int, within_ms: int, now_ms: int) -> bool:
        """Count a try; False, and nothing counted, if there were `most` of them within that time."""

    def give_back(self, what: str) -> None:
        """What was tried was right, and does not count."""


class AlertTopic(Protocol):
    def publish(self, topic: str, alert: Mapping[str, Any]) -> None:
        """Raises `NotSentError`."""


class ReadingHistory(Protocol):
    def between(self, device_id: str, from_ms: int, to_ms: int, *, at_most: int) -> Sequence[Mapping[str, Any]]:
        """The readings whose device time lies within, oldest first, however late they came.

        Of more than `at_most` the newest ones: what goes on now counts more than the hours before it.
        """


class EvidenceStore(Protocol):
    def keep(self, key: str, content: bytes) -> object:
        """Write an object; the same key again replaces it, in a bucket that keeps what was there."""


class Attempts(Protocol):
    def add(self, subject: str, *, window_s: int, now_ms: int) -> int:
        """Count one try more of this subject: how many there are now in this span of time."""


class Reports(Protocol):
    def find(self, incident_id: str) -> bytes | None:
        """The report of an incident that is over, as PDF; None where it is not written yet."""
