"""A request to the function URL: what it asks for, and whether it may. Pure; everything in it is hostile.

Form: "Lambda function URLs: request and response payloads", payload format 2.0.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from coldwatch.incidents.answering import Action, Asked
from coldwatch.incidents.incident import Cause, Disposition

MOST_BYTES: Final = 4096
MOST_NOTE: Final = 500
MOST_REFERENCE: Final = 40
FORM: Final = "application/x-www-form-urlencoded"
_MOST_FIELDS: Final = 10


@dataclass(frozen=True, slots=True)
class Request:
    """`source` is the address that it comes from, as Lambda saw it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""
    source: str = "unknown"


@dataclass(frozen=True, slots=True)
class Form:
    """What a button sends."""

    link: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class CodeForm:
    reference: str
    code: str


class Origin(StrEnum):
    """Where a form comes from, as far as its browser says that."""

    OWN = "own"
    FOREIGN = "foreign"
    UNSAID = "unsaid"


def read(event: Mapping[str, Any]) -> Request:
    """Raises ValueError for a body that is not what it says it is."""
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except binascii.Error as error:
        raise ValueError("the body is not base64") from error
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    http = event["requestContext"]["http"]
    query, source = str(event.get("rawQueryString") or ""), str(http.get("sourceIp") or "unknown")
    return Request(http["method"], event.get("rawPath") or "/", headers, raw, query, source)


def origin_of(request: Request, page_base_url: str) -> Origin:
    """Whether the page itself sent it: a browser says where a form comes from, and another site cannot change that."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        return Origin.UNSAID
    if site is not None and site != "same-origin":
        return Origin.FOREIGN
    if origin is None:
        return Origin.OWN
    own = {request.headers.get("host", ""), urlsplit(page_base_url).netloc} - {""}
    scheme, _, host = origin.partition("://")
    is_own = scheme in {"https", "http"} and host in own
    return Origin.OWN if is_own else Origin.FOREIGN


def form_fault(request: Request) -> int | None:
    """The status for a body that no button sends."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return 415
    return 413 if len(request.body) > MOST_BYTES else None


def read_form(request: Request) -> Form | None:
    """None for a form that says what no button says. What an action has no use for is not looked at."""
    fields = _fields(request)
    if fields is None or not {"link", "action"} <= fields.keys():
        return None
    try:
        return Form(fields["link"], _asked(fields))
    except ValueError:
        return None


def read_code_form(request: Request) -> CodeForm | None:
    fields = _fields(request)
    if fields is None or fields.keys() != {"incident", "code"}:
        return None
    return CodeForm(reference_of(fields["incident"]), "".join(fields["code"].split()))


def reference_of(given: str) -> str:
    """An incident's reference, as somebody copies it from a telephone."""
    return "".join(given.split()).upper()[:MOST_REFERENCE]


def asked_reference(request: Request) -> str:
    """What the address of the form says already."""
    try:
        return reference_of(parse_qs(request.query, max_num_fields=_MOST_FIELDS).get("incident", [""])[0])
    except ValueError:
        return ""


def _fields(request: Request) -> dict[str, str] | None:
    """Each field has one value; an empty one is none."""
    try:
        found = parse_qs(
            request.body.decode(), strict_parsing=True, max_num_fields=_MOST_FIELDS, keep_blank_values=True
        )
    except ValueError:
        return None
    if any(len(values) != 1 for values in found.values()):
        return None
    return {name: values[0] for name, values in found.items()}


def _asked(fields: Mapping[str, str]) -> Asked:
    """Raises ValueError for a word that is none of those to choose from. Only what the action asks for is read."""
    action = Action(fields["action"])
    is_resolve = action is Action.RESOLVE
    return Asked(
        action,
        note=_note(fields.get("note", "")) if is_resolve else None,
        cause=Cause(fields["cause"]) if is_resolve and fields.get("cause") else None,
        disposition=Disposition(fields["disposition"]) if is_resolve and fields.get("disposition") else None,
        snooze_s=_number(fields["snooze_s"]) if action is Action.SNOOZE and "snooze_s" in fields else None,
        command=fields.get("command", "")[:64] if action is Action.COMMAND else None,
        revision=_number(fields["revision"]) if action is Action.COMMAND and "revision" in fields else None,
    )


def _note(given: str) -> str | None:
    """What a person types: no control characters, and nothing that turns the direction of what follows."""
    return "".join(each for each in given if each.isprintable() or each == "\n").strip()[:MOST_NOTE] or None


def _number(given: str) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) <= 9):
        raise ValueError("no number")
    return int(given)
