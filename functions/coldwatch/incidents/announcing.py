"""After a change: what other systems are told of it. PagerDuty closes what it was told to open; the event bus hears it.

It is said by whoever comes next in the workflow, not by whoever pressed a button: however an incident was acknowledged,
by link, by code or by an operator, it is announced by a function that no stranger can reach. Nothing waits for it, and
what goes wrong is a sentence for the log. Said again, it is the same: PagerDuty goes by the incident's id.
"""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from coldwatch.incidents.alerts import AlertEvent, alert, alert_topic
from coldwatch.incidents.contacts import Address
from coldwatch.incidents.contacts import Protocol as Kind
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.ports import AlertTopic, Contacts, IncidentStore, NotSentError


class PagerDuty(Protocol):
    def update_pagerduty(self, address: Address, action: str, incident_id: str) -> None:
        """`acknowledge` or `resolve` what was triggered. Raises `NotSentError`."""


@dataclass(frozen=True, slots=True)
class Ports:
    """`bus` hears what is announced; None where somebody else tells it already."""

    incidents: IncidentStore
    contacts: Contacts
    pagerduty: PagerDuty
    bus: AlertTopic | None = None


def announce(incident: Incident, ports: Ports) -> list[str]:
    """Say what has become of it, if it is something to say; the sentences of what could not be said."""
    match incident.status:
        case Status.ACKNOWLEDGED:
            action, event, at = "acknowledge", AlertEvent.ACKNOWLEDGED, incident.acknowledged_at
        case Status.RESOLVED:
            action, event, at = "resolve", AlertEvent.RESOLVED, incident.resolved_at
        case _:
            return []
    faults = _tell_bus(incident, event, at or 0, ports)
    for address in _triggered(incident, ports):
        try:
            ports.pagerduty.update_pagerduty(address, action, incident.incident_id)
        except NotSentError as error:
            faults.append(str(error))
    return faults


def _tell_bus(incident: Incident, event: AlertEvent, at: int, ports: Ports) -> list[str]:
    if ports.bus is None:
        return []
    try:
        ports.bus.publish(alert_topic(incident), alert(incident, event, at=at))
    except NotSentError as error:
        return [str(error)]
    return []


def _triggered(incident: Incident, ports: Ports) -> list[Address]:
    """The PagerDuty services that were told of it, as their contacts have them now."""
    told = {
        (page.contact_id, page.channel)
        for page in ports.incidents.pages(incident.incident_id)
        if page.is_sent and page.channel.startswith(f"{Kind.PAGERDUTY}:")
    }
    found = []
    for contact_id, channel in sorted(told):
        try:
            contact = ports.contacts.find(contact_id)
        except (LookupError, ValueError, msgspec.MsgspecError):
            continue  # an entry that cannot be read harms only its own contact
        found += [each for each in (contact.addresses if contact else ()) if each.channel == channel]
    return found
