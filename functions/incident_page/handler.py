"""Lambda: incident page. Trigger: its function URL. Writes: nothing on GET and HEAD; on POST the incident, with an
event (DynamoDB), and wakes its workflow (Step Functions).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.logging import Logger

from coldwatch.adapters.clients import dynamodb_client, lambda_client, step_functions_client
from coldwatch.adapters.command_sender import LambdaCommands
from coldwatch.adapters.contact_store import DynamoContactStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.link_store import DynamoLinkStore
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.adapters.waiting import StepFunctionsWaiting
from coldwatch.incidents.answering import Action, Answer, Asked, Outcome, act, look
from coldwatch.incidents.changing import ContendedError
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.pages import answers
from coldwatch.incidents.pages.document import HEADERS, Document
from coldwatch.incidents.pages.incident_page import View, render
from coldwatch.incidents.ports import Commands
from coldwatch.incidents.readings import AHEAD_MS, BEFORE_MS
from coldwatch.settings import IncidentPageSettings
from incident_page.requests import Request, form_fault, is_own, read, read_form

DAY_MS = 86_400_000
"""The chart shows the last day at most."""
MOST_READINGS = 6_000
"""A day of readings every 15 s; of more, the newest."""
logger = Logger()


@dataclass(frozen=True, slots=True)
class Tools:
    incidents: DynamoIncidentStore
    links: DynamoLinkStore
    contacts: DynamoContactStore
    readings: DynamoReadingHistory
    waiting: StepFunctionsWaiting
    commands: Commands
    page_base_url: str


@cache
def tools() -> Tools:
    own, dynamodb = IncidentPageSettings.from_env(), dynamodb_client()
    incidents = DynamoIncidentStore(dynamodb, own.incident_table)
    return Tools(
        incidents,
        DynamoLinkStore(dynamodb, own.link_table),
        DynamoContactStore(dynamodb, own.contact_table),
        DynamoReadingHistory(dynamodb, own.reading_table),
        StepFunctionsWaiting(step_functions_client(), incidents),
        LambdaCommands(lambda_client(), own.send_command_function),
        own.page_base_url,
    )


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """No path, body or header goes to the log: they hold the link."""
    try:
        request = read(event)
    except ValueError:
        return _response(answers.wrong_form(400), is_head=False)
    page, headers = route(request, tools(), now_ms=time.time_ns() // 1_000_000)
    return _response(page, is_head=request.method == "HEAD", more=headers)


def route(request: Request, use: Tools, *, now_ms: int) -> tuple[Document, Mapping[str, str]]:
    """The page that answers, and what headers it has besides those that every page has."""
    before, _, secret = request.path.rpartition("/")
    if before == "/a":
        if request.method not in {"GET", "HEAD"}:
            return answers.refused_method(), {"allow": "GET, HEAD"}
        answer = look(secret, use.incidents, use.links, use.contacts, now_ms=now_ms)
        return _show(secret, answer, use, now_ms, is_act=False), {}
    if request.path == "/act":
        if request.method != "POST":
            return answers.refused_method(), {"allow": "POST"}
        return _act(request, use, now_ms), {}
    return answers.unknown(), {}


def _act(request: Request, use: Tools, now_ms: int) -> Document:
    if not is_own(request, use.page_base_url):
        return answers.foreign_origin()
    if fault := form_fault(request):
        return answers.wrong_form(fault)
    form = read_form(request)
    if form is None or form.action not in set(Action):
        return answers.wrong_form(400)
    try:
        answer = act(
            form.link,
            Asked(Action(form.action), note=form.note),
            incidents=use.incidents,
            links=use.links,
            roster=use.contacts,
            waiting=use.waiting,
            commands=use.commands,
            now_ms=now_ms,
        )
    except ContendedError:
        return answers.contended()
    known = {"incident_id": answer.incident.incident_id} if answer.incident else {}
    who = {"contact_id": answer.link.contact_id} if answer.link else {}
    logger.info("link answered", extra={"action": form.action, "outcome": answer.outcome.value, **known, **who})
    return _show(form.link, answer, use, now_ms, is_act=True)


def _show(secret: str, answer: Answer, use: Tools, now_ms: int, *, is_act: bool) -> Document:
    """Reads what the page shows, and writes nothing."""
    incident, link = answer.incident, answer.link
    if incident is None or link is None or answer.outcome is Outcome.UNKNOWN:
        return answers.unknown()
    if answer.outcome is Outcome.EXPIRED:
        return answers.expired()
    since, until = _window(incident, now_ms)
    pages = use.incidents.pages(incident.incident_id)
    named = {page.contact_id for page in pages} | {link.contact_id, incident.holder or link.contact_id}
    names = {each.contact_id: each.name for name in sorted(named) if (each := use.contacts.find(name))}
    view = View(
        outcome=answer.outcome,
        may=answer.may,
        incident=incident,
        timeline=use.incidents.timeline(incident.incident_id),
        pages=pages,
        readings=use.readings.between(incident.device_id, since, until, at_most=MOST_READINGS),
        names=names,
        reader=names.get(link.contact_id, link.contact_id),
        secret=secret,
        act_address="act" if is_act else "../act",
    )
    return render(view, status=answers.NOT_DONE.get(answer.outcome, 200) if is_act else 200)


def _window(incident: Incident, now_ms: int) -> tuple[int, int]:
    """Up to now by the device's clock, which may be ahead; up to the resolution, where it is over."""
    end = incident.resolved_at or now_ms
    since = max(incident.began_at - BEFORE_MS, end - DAY_MS)
    return since, end if incident.resolved_at else end + AHEAD_MS


def _response(page: Document, *, is_head: bool, more: Mapping[str, str] | None = None) -> dict[str, Any]:
    headers = {**HEADERS, **(more or {})}
    return {"statusCode": page.status, "headers": headers, "body": "" if is_head else page.html}
