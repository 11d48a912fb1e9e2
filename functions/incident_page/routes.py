"""Which page answers a request. To look writes nothing, however often; to act is a POST that the page itself sent.

Whatever is no link is answered by one page, after the same steps: what is counted, what is looked up, in one order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from aws_lambda_powertools.logging import Logger

from coldwatch.incidents.answering import Action, Answer, Asked, Outcome, act, look
from coldwatch.incidents.changing import ContendedError
from coldwatch.incidents.identity import ALPHABET, LENGTH, link_hash
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.pages import answers, code_page
from coldwatch.incidents.pages.document import Document
from coldwatch.incidents.ports import LinkStore
from incident_page.flood import A_LOOK, A_MISS
from incident_page.requests import (
    CodeForm,
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

LACKS = "Nothing was changed yet: choose what it was."

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
    return _answer(form, request.source, use, now_ms)


def _answer(form: Form, source: str, use: Tools, now_ms: int) -> Page:
    secret, asked = _as_link(form.link), form.asked
    lacks = _lack(secret, asked, use, now_ms)
    try:
        answer = lacks or _act(secret, asked, use, now_ms)
    except ContendedError:
        return answers.contended()
    _note(answer, asked)
    if answer.outcome is Outcome.UNKNOWN and _is_guessing(source, use, now_ms):
        return answers.too_many()
    return show(answer, Reader(form.link, "", asked, LACKS if lacks else None), use, now_ms=now_ms)


def _act(secret: str, asked: Asked, use: Tools, now_ms: int) -> Answer:
    return act(
        secret,
        asked,
        incidents=use.incidents,
        links=use.links,
        roster=use.contacts,
        waiting=use.waiting,
        commands=use.commands,
        now_ms=now_ms,
    )


def _lack(secret: str, asked: Asked, use: Tools, now_ms: int) -> Answer | None:
    """How it stands, where it could be resolved if only its cause were said."""
    if asked.action is not Action.RESOLVE or asked.cause is not None:
        return None
    answer = look(secret, use.incidents, use.links, use.contacts, now_ms=now_ms)
    return answer if Action.RESOLVE in answer.may else None


def _is_guessing(source: str, use: Tools, now_ms: int) -> bool:
    tried = use.attempts.add(f"misses {source}", window_s=WINDOW_S, now_ms=now_ms)
    return tried > MOST_MISSES


def _code(request: Request, use: Tools, now_ms: int) -> Page:
    """The second way to take it. Six digits can be guessed: whoever keeps the codes counts tries before it looks."""
    if request.method != "POST":
        return code_page.form(asked_reference(request))
    if refusal := _refusal(request, use):
        return refusal
    form = read_code_form(request)
    return answers.wrong_form(400) if form is None else _take_by_code(form, request.source, use, now_ms)


def _take_by_code(form: CodeForm, source: str, use: Tools, now_ms: int) -> Page:
    asked = Asked(Action.ACKNOWLEDGE)

    def take(secret: str, links: LinkStore) -> Answer:
        return _act(secret, asked, replace(use, links=links), now_ms)

    try:
        answer = use.codes.act(form.reference, form.code, source, take, now_ms=now_ms)
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
