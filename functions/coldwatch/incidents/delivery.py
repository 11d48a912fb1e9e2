"""What became of a mail after SES took it: it arrived, or it came back.

A mail that came back for good counts as never sent: its responder is told by their next way, and where nobody of the
tier is left who was told, the next tier is. That is done by asking the notifier for this responder alone: for the
others it may still be at work, and it must not tell them twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from coldwatch.incidents.changing import found
from coldwatch.incidents.incident import EventType, Incident, Page, Status
from coldwatch.incidents.paging import page_event
from coldwatch.incidents.ports import TellingStore


class Delivery(StrEnum):
    """As pages have it. A complaint comes from somebody who has the mail, and says that it is spam."""

    DELIVERED = "delivered"
    FAILED = "failed"
    COMPLAINED = "complained"


@dataclass(frozen=True, slots=True)
class Report:
    """What SES says of one of our mails; `why` is a sentence where it came back."""

    incident_id: str
    round: int
    contact_id: str
    channel: str
    message_id: str
    delivery: Delivery
    why: str = ""


def read_report(event: Mapping[str, Any]) -> Report | None:
    """Of an event of SES ("Event data that Amazon SES publishes to EventBridge"); None for what changes nothing.

    A bounce that may pass (a full mailbox, a server that is down) is SES's to try again, and changes nothing.
    """
    match event.get("detail"):
        case {"eventType": str(kind), "mail": {"messageId": str(message_id), "tags": dict(tags)}}:
            delivery, why = _judge(kind, event["detail"])
        case _:
            return None
    named = {name: _first(tags.get(name)) for name in ("incident_id", "round", "contact_id", "channel")}
    if delivery is None or not all(named.values()) or not named["round"].isdecimal():
        return None
    place = named["incident_id"], int(named["round"]), named["contact_id"], named["channel"]
    return Report(*place, message_id, delivery, why)


def _judge(kind: str, detail: Mapping[str, Any]) -> tuple[Delivery | None, str]:
    match kind, detail:
        case "Delivery", _:
            return Delivery.DELIVERED, ""
        case "Bounce", {"bounce": {"bounceType": "Permanent"}}:
            return Delivery.FAILED, "The mail came back: there is no such mailbox, or it takes nothing."
        case "Reject", _:
            return Delivery.FAILED, "SES would not send the mail."
        case "Rendering Failure", _:
            return Delivery.FAILED, "SES could not make the mail."
        case "Complaint", _:
            return Delivery.COMPLAINED, ""
    return None, ""


def _first(given: Any) -> str:
    """A tag's value, of a list of one."""
    match given:
        case [str(value), *_] | str(value):
            return value
    return ""


def take_report(
    report: Report, incidents: TellingStore, tell_again: Callable[[Incident, str], None], *, now_ms: int
) -> Page | None:
    """The page as it is from then on; None where there is none, or it has gone on. The same report again is as good.

    `tell_again` is given whom to tell.
    """
    known = _find(report, incidents)
    if known is None:
        return None
    if report.delivery is Delivery.FAILED:
        return _take_failure(report, known, incidents, tell_again, now_ms)
    if known.delivery != "sent" and report.delivery is Delivery.DELIVERED:
        return None
    page = replace(known, delivery=report.delivery.value)
    return page if incidents.note_delivery(page, None) else None


def _take_failure(
    report: Report, known: Page, incidents: TellingStore, tell_again: Callable[[Incident, str], None], now_ms: int
) -> Page:
    incident = found(incidents, report.incident_id)
    page = replace(known, is_sent=False, failure=report.why, delivery=Delivery.FAILED.value)
    if known.delivery != page.delivery:
        what = f"{known.contact_id} could not be told (round {known.round}, tier {known.tier}). {report.why}"
        incidents.note_delivery(page, page_event(replace(page, at=now_ms), EventType.PAGE_FAILED, what, incident))
    if incident.status is Status.OPEN and incident.round == report.round:
        tell_again(incident, report.contact_id)
    return page


def _find(report: Report, incidents: TellingStore) -> Page | None:
    """A page that was sent again since has another message; what is said of the first one is of no more use."""
    pages = incidents.pages_of(report.incident_id, report.round, report.contact_id)
    return next((p for p in pages if (p.channel, p.message_id) == (report.channel, report.message_id)), None)
