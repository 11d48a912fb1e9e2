"""Incidents, their events and pages as DynamoDB items: scalars as they are, structures as JSON text."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import msgspec

from coldwatch.adapters.items import to_item
from coldwatch.incidents.incident import (
    Cause,
    Disposition,
    EventType,
    Incident,
    Page,
    Plan,
    Severity,
    Status,
    TimelineEvent,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coldwatch.adapters.items import Item

_SAID = {"cause": Cause, "disposition": Disposition}
_STRUCTURES = ("profile", "plan", "details")
_INCIDENT_FIELDS = tuple(field.name for field in fields(Incident))
_PAGE_FIELDS = tuple(field.name for field in fields(Page))


def incident_item(incident: Incident) -> Item:
    record = {name: getattr(incident, name) for name in _INCIDENT_FIELDS}
    written = {name: _text(record[name]) for name in _STRUCTURES if record[name] is not None}
    return to_item({**record, **written, "part": "incident"})


def incident_of(record: Mapping[str, Any]) -> Incident:
    known = {name: record[name] for name in _INCIDENT_FIELDS if name in record}
    read = {name: msgspec.json.decode(known[name]) for name in ("profile", "details") if name in known}
    plan = msgspec.json.decode(known["plan"], type=Plan)
    own: dict[str, Any] = {"plan": plan, "status": Status(known["status"]), "severity": Severity(known["severity"])}
    said = {name: form(known[name]) for name, form in _SAID.items() if known.get(name) is not None}
    return Incident(**(known | read | own | said))


_EVENT_FIELDS = ("at", "event_id", "type", "who", "what", "occurred_at")


def event_item(incident_id: str, event: TimelineEvent) -> Item:
    record = {"incident_id": incident_id, "part": f"event#{event.at:013d}#{event.event_id}"}
    return to_item({**record, **{name: getattr(event, name) for name in _EVENT_FIELDS}})


def event_of(record: Mapping[str, Any]) -> TimelineEvent:
    known = {name: record[name] for name in _EVENT_FIELDS if name in record}
    return TimelineEvent(**{"what": "", **known, "type": EventType(record["type"])})


def page_part(round_: int, contact_id: str, channel: str = "") -> str:
    """Without a channel, it is as it was before there were several, and the beginning of all that a contact has."""
    return f"page#{round_:04d}#{contact_id}" + (f"#{channel}" if channel else "")


def page_item(page: Page) -> Item:
    record = {name: getattr(page, name) for name in _PAGE_FIELDS}
    return to_item({**record, "part": page_part(page.round, page.contact_id, page.channel)})


def page_of(record: Mapping[str, Any]) -> Page:
    return Page(**{name: record[name] for name in _PAGE_FIELDS if name in record})


def _text(structure: Any) -> str:
    return msgspec.json.encode(structure, order="deterministic").decode()
