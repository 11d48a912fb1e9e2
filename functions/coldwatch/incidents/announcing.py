"""After a change: what other systems are told of it. PagerDuty closes what it was told to open; the event bus hears it.

It is said by whoever comes next in the workflow, not by whoever pressed a button: however an incident was acknowledged,
by link, by code or by an operator, it is announced by a function that no stranger can reach. Nothing waits for it; what
goes wrong is told to whoever calls, who may try it again: said again, it is the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from coldwatch.incidents.alerts import AlertEvent, alert, alert_topic
from coldwatch.incidents.channels.pagerduty import keys_of
from coldwatch.incidents.contacts import Address, ChannelKind
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.ports import AlertTopic, Contacts, IncidentStore, NotSentError


class PagerDuty(Protocol):
    def update_pagerduty(self, address: Address, action: str, alert_key: str) -> None:
        """`acknowledge` or `resolve` what was triggered; of a key that was not, nothing. Raises `NotSentError`."""


@dataclass(frozen=True, slots=True)
class Ports:
    """`bus` hears what is announced; None where somebody else tells it already."""

    incidents: IncidentStore
    contacts: Contacts
    pagerduty: PagerDuty
    bus: AlertTopic | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Who was not told, in a sentence; another try may help, unless `is_permanent`."""

    sentence: str
    is_permanent: bool


class NotAnnouncedError(Exception):
    """Somebody could not be told for now what has become of it, and would go on paging."""


def announce(incident: Incident, ports: Ports, has_time: Callable[[], bool] = lambda: True) -> list[Fault]:
    """Say what has become of it, if it is something to say; what could not be said. `has_time`: to tell one more."""
    match incident.status:
        case Status.ACKNOWLEDGED | Status.SNOOZED:
            action, event, at = "acknowledge", AlertEvent.ACKNOWLEDGED, incident.held_since
        case Status.RESOLVED:
            action, event, at = "resolve", AlertEvent.RESOLVED, incident.resolved_at
        case _:
            return []
    faults = _tell_bus(incident, event, at or 0, ports)
    addresses = _triggered(incident, ports)
    timeline = ports.incidents.timeline(incident.incident_id) if addresses else ()
    keys = keys_of(incident.incident_id, timeline, is_over=incident.status is Status.RESOLVED)
    return faults + [fault for address in addresses for fault in _update(address, action, keys, ports, has_time)]


def _update(
    address: Address, action: str, keys: Sequence[str], ports: Ports, has_time: Callable[[], bool]
) -> list[Fault]:
    """The newest alert first: it is the one that pages. What a service does not take once, it is not sent further."""
    try:
        for key in keys:
            if not has_time():
                return [Fault(f"There was no time left to tell {address.channel}.", is_permanent=False)]
            ports.pagerduty.update_pagerduty(address, action, key)
    except NotSentError as error:
        return [Fault(str(error), error.is_permanent)]
    return []


def _tell_bus(incident: Incident, event: AlertEvent, at: int, ports: Ports) -> list[Fault]:
    if ports.bus is None:
        return []
    try:
        ports.bus.publish(alert_topic(incident), alert(incident, event, at=at))
    except NotSentError as error:
        return [Fault(str(error), error.is_permanent)]
    return []


def _triggered(incident: Incident, ports: Ports) -> list[Address]:
    """The PagerDuty services that were told of it, as their contacts have them now."""
    told = {
        (page.contact_id, page.channel)
        for page in ports.incidents.pages(incident.incident_id)
        if page.is_sent and page.channel.startswith(f"{ChannelKind.PAGERDUTY}:")
    }
    found = []
    for contact_id, channel in sorted(told):
        try:
            contact = ports.contacts.find(contact_id)
        except (LookupError, ValueError, msgspec.MsgspecError):
            continue  # an entry that cannot be read harms only its own contact
        found += [each for each in (contact.addresses if contact else ()) if each.channel == channel]
    return found
