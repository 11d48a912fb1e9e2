"""What incidents need of the world. Adapters keep these promises; so do the fakes of the tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from coldwatch.incidents.incident import Incident, Page, Status, TimelineEvent
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.links import Link
from coldwatch.incidents.policy import EscalationPolicy


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


class PageStore(Protocol):
    def find_page(self, incident_id: str, round_: int, contact_id: str) -> Page | None: ...

    def keep_page(self, page: Page, event: TimelineEvent) -> bool:
        """Write a page with its event; False if that page is kept as sent."""


class LinkStore(Protocol):
    def find(self, link_hash: str) -> Link | None: ...

    def put(self, link: Link) -> None: ...


class TokenStore(Protocol):
    def keep_token(self, incident: Incident, token: str, *, awaits: Status) -> None:
        """Remember the task token that waits until the incident is `awaits`, or beyond.

        A token of an older round does not replace one of a newer.
        """


class Waiting(Protocol):
    """Tells a workflow what became of its incident. A token that waits no longer takes no harm."""

    def wake(self, incident: Incident) -> None:
        """Complete the stored token, if there is one and the incident is what it awaits."""

    def complete(self, token: str, answer: Mapping[str, Any]) -> None:
        """Complete this very token."""


class PolicyStore(Protocol):
    def find(self, policy_id: str) -> EscalationPolicy | None: ...


class Executions(Protocol):
    def start(self, incident: Incident) -> None:
        """Start the incident's workflow under its name; one that exists is as good."""


@dataclass(frozen=True, slots=True)
class Device:
    """What the registry knows of a device; `place` holds what it says of where the device is."""

    device_id: str
    fleet_id: str
    device_type: str
    application: str
    place: Mapping[str, Any]


class DeviceDirectory(Protocol):
    def find(self, device_id: str) -> Device | None: ...
