"""Which page answers a request. To look writes nothing, however often; to act is a POST that the page itself sent.

Whatever is no link is answered by one page, after the same steps: what is counted, what is looked up, in one order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_lambda_powertools.logging import Logger

from coldwatch.incidents.answering import Action, Answer, Asked, Outcome, act, look
from coldwatch.incidents.changing import ContendedError
from coldwatch.incidents.identity import ALPHABET, LENGTH, link_hash
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.pages import answers, code_page
from coldwatch.incidents.pages.document import Document
from incident_page.flood import A_LOOK, A_MISS
from incident_page.requests import (
    Form,
    Origin,
    Request,
    asked_reference,
    form_fault,
    origin_of,
    read_code_form,
    read_form,
)
from incident_page.showing import Reader, show
from incident_page.tools import LockedError, Tools

NOBODYS = ALPHABET[0] * LENGTH
"""Looked up in place of what cannot be a link, so that both take the same steps."""

WINDOW_S = 600
MOST_OF_A_LINK = 60
"""Answers by one link, and misses by one source, within ten minutes."""
MOST_MISSES = 30
MOST_CODES = 20

logger = Logger()


@dataclass(frozen=True, slots=True)
class File:
    """A report, as it is kept."""

    status: int
    content: bytes
    name: str


type Page = Document | File

_RETRY = {"retry-after": str(answers.RETRY_AFTER_S)}


def route(request: Request, use: Tools, *, now_ms: int) -> tuple[Page, Mapping[str, str]]:
    """The page that answers, and what headers it has besides those that every page has."""
    match request.path.split("/")[1:]:
        case ["a", secret] | ["a", secret, "report.pdf"]:
            if request.method not in {"GET", "HEAD"}:
                return answers.refused_method(), {"allow": "GET, HEAD"}
            page = _look(secret, request, use, now_ms, is_report=request.path.endswith("/report.pdf"))
        case ["act"]:
            if request.method != "POST":
                return answers.refused_method(), {"allow": "POST"}
            page = _press(request, use, now_ms)
        case ["code"]:
            if request.method not in {"GET", "HEAD", "POST"}:
                return answers.refused_method(), {"allow": "GET, HEAD, POST"}
            page = _code(request, use, now_ms)
        case _:
            page = answers.unknown()
    return page, _RETRY if page.status == 429 else {}


def _look(secret: str, request: Request, use: Tools, now_ms: int, *, is_report: bool) -> Page:
    if use.flood.is_over(request.source, now_ms=now_ms):
        return answers.too_many()
    answer = look(_as_link(secret), use.incidents, use.links, use.contacts, now_ms=now_ms)
    use.flood.take(request.source, A_MISS if answer.outcome is Outcome.UNKNOWN else A_LOOK, now_ms=now_ms)
    if is_report and answer.incident and answer.outcome is not Outcome.EXPIRED:
        return _report(answer.incident, use)
    return show(answer, Reader(secret, "../"), use, now_ms=now_ms)


def _report(incident: Incident, use: Tools) -> Page:
    content = use.reports.find(incident.incident_id) if incident.recorded_at is not None else None
    return File(200, content, f"incident-{incident.incident_id}.pdf") if content is not None else answers.no_report()


def _press(request: Request, use: Tools, now_ms: int) -> Page:
    if refusal := _refusal(request, use):
        return refusal
    form = read_form(request)
    if form is None:
        return answers.wrong_form(400)
    if use.attempts.add(f"link {form.link}", window_s=WINDOW_S, now_ms=now_ms) > MOST_OF_A_LINK:
        return answers.too_many()
    try:
        answer, fault = _act(form, use, now_ms)
    except ContendedError:
        return answers.contended()
    _note(answer, form.asked)
    if answer.outcome is Outcome.UNKNOWN and _is_guessing(request, use, now_ms):
        return answers.too_many()
    return show(answer, Reader(form.link, "", form.asked, fault), use, now_ms=now_ms)


def _act(form: Form, use: Tools, now_ms: int) -> tuple[Answer, str | None]:
    """What came of it, and what the form lacks, where it was not acted upon for that."""
    secret = _as_link(form.link)
    if form.asked.action is Action.RESOLVE and form.asked.cause is None:
        answer = look(secret, use.incidents, use.links, use.contacts, now_ms=now_ms)
        if Action.RESOLVE in answer.may:
            return answer, "Nothing was changed yet: choose what it was."
        return answer, None
    answer = act(
        secret,
        form.asked,
        incidents=use.incidents,
        links=use.links,
        roster=use.contacts,
        waiting=use.waiting,
        commands=use.commands,
        now_ms=now_ms,
    )
    return answer, None


def _is_guessing(request: Request, use: Tools, now_ms: int) -> bool:
    tried = use.attempts.add(f"misses {request.source}", window_s=WINDOW_S, now_ms=now_ms)
    return tried > MOST_MISSES


def _code(request: Request, use: Tools, now_ms: int) -> Page:
    """Six digits can be guessed, so tries are counted before they are looked at; the codes count their own as well."""
    if request.method != "POST":
        return code_page.form(asked_reference(request))
    if refusal := _refusal(request, use):
        return refusal
    form = read_code_form(request)
    if form is None:
        return answers.wrong_form(400)
    if use.attempts.add(f"codes {request.source}", window_s=WINDOW_S, now_ms=now_ms) > MOST_CODES:
        return code_page.later()
    asked = Asked(Action.ACKNOWLEDGE)
    try:
        answer = use.codes.act(form.reference, form.code, asked, now_ms=now_ms)
    except LockedError:
        return code_page.locked()
    except ContendedError:
        return answers.contended()
    if answer is None or answer.outcome in {Outcome.UNKNOWN, Outcome.EXPIRED}:
        return code_page.wrong(form.reference)
    _note(answer, asked)
    return show(answer, Reader("", "", asked), use, now_ms=now_ms)


def _refusal(request: Request, use: Tools) -> Document | None:
    """Why a POST is not looked at, if it did not come from the page itself."""
    match origin_of(request, use.page_base_url):
        case Origin.FOREIGN:
            return answers.foreign_origin()
        case Origin.UNSAID:
            return answers.unsaid_origin()
        case Origin.OWN:
            fault = form_fault(request)
            return answers.wrong_form(fault) if fault else None


def _as_link(secret: str) -> str:
    return secret if link_hash(secret) else NOBODYS


def _note(answer: Answer, asked: Asked) -> None:
    """No path, body or header goes to the log: they hold the link."""
    known = {"incident_id": answer.incident.incident_id} if answer.incident else {}
    who = {"contact_id": answer.link.contact_id} if answer.link else {}
    said = {"action": asked.action.value, "outcome": answer.outcome.value}
    logger.info("link answered", extra={**said, **known, **who})


