"""The page of an incident as its reader sees it: reads what it shows, and writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from coldwatch.incidents.answering import Action, Answer, Asked, Outcome
from coldwatch.incidents.incident import Incident, Page
from coldwatch.incidents.pages import answers
from coldwatch.incidents.pages.document import Document
from coldwatch.incidents.pages.incident_page import render
from coldwatch.incidents.pages.view import View
from coldwatch.incidents.policy import step_of
from coldwatch.incidents.readings import AHEAD_MS
from coldwatch.incidents.time_zones import zone_or_utc
from incident_page.tools import Person, Tools

DAY_MS = 86_400_000
"""The page shows the last day: its mean kinetic temperature is judged over one."""
MOST_READINGS = 6_000
"""A day of readings every 15 s; of more, the newest."""
_INCOMPLETE = 422


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and where. `secret` is empty where there is no link; `asked` is what was pressed, if anything was."""

    secret: str
    root: str
    asked: Asked | None = None
    fault: str | None = None


def show(answer: Answer, reader: Reader, use: Tools, *, now_ms: int) -> Document:
    incident, link = answer.incident, answer.link
    if incident is None or link is None or answer.outcome is Outcome.UNKNOWN:
        return answers.unknown()
    if answer.outcome is Outcome.EXPIRED:
        return answers.expired()
    view = _view(answer, incident, reader, use, contact_id=link.contact_id, now_ms=now_ms)
    return render(view, status=_status(answer, reader))


def _view(answer: Answer, incident: Incident, reader: Reader, use: Tools, *, contact_id: str, now_ms: int) -> View:
    """What is known to whoever the link was sent to, by their clock."""
    pages = use.incidents.pages(incident.incident_id)
    people = _people(incident, pages, contact_id, use)
    own = people.get(contact_id)
    since, until = _window(incident, now_ms)
    return View(
        outcome=answer.outcome,
        may=answer.may if reader.secret else frozenset[Action](),
        incident=incident,
        timeline=use.incidents.timeline(incident.incident_id),
        pages=pages,
        readings=use.readings.between(incident.device_id, since, until, at_most=MOST_READINGS),
        names={each: person.name for each, person in people.items()},
        reader=own.name if own else contact_id,
        secret=reader.secret,
        root=reader.root,
        now_ms=now_ms,
        zone=zone_or_utc(own.time_zone if own else ""),
        asked=reader.asked,
        fault=reader.fault,
        detail=answer.detail,
    )


def _status(answer: Answer, reader: Reader) -> int:
    if reader.fault:
        return _INCOMPLETE
    return answers.NOT_DONE.get(answer.outcome, 200) if reader.asked else 200


def _people(incident: Incident, pages: Sequence[Page], reader: str, use: Tools) -> dict[str, Person]:
    """Of everybody that the page speaks of."""
    told = {page.contact_id for page in pages}
    called = set(step_of(incident.plan, incident.step + 1).contacts)
    who = {each for each in (incident.holder, incident.resolved_by, reader) if each}
    return {each: person for each in sorted(told | called | who) if (person := _find(each, use))}


def _find(contact_id: str, use: Tools) -> Person | None:
    """An entry that cannot be read costs nobody the page; and a page may be of nobody, where a plan named nobody."""
    try:
        return use.contacts.find(contact_id) if contact_id else None
    except (LookupError, ValueError, msgspec.MsgspecError):
        return None


def _window(incident: Incident, now_ms: int) -> tuple[int, int]:
    """Up to now by the device's clock, which may be ahead; up to the resolution, where it is over."""
    end = incident.resolved_at or now_ms
    return end - DAY_MS, end if incident.resolved_at else end + AHEAD_MS
