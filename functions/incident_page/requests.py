"""A request to the function URL: what it asks for, and whether it may. Pure; everything in it is hostile.

Form: "Lambda function URLs: request and response payloads", payload format 2.0.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

MOST_BYTES: Final = 4096
MOST_NOTE: Final = 500
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """What the button sends."""

    link: str
    action: str
    note: str | None


def read(event: Mapping[str, Any]) -> Request:
    """Raises ValueError for a body that is not what it says it is."""
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except binascii.Error as error:
        raise ValueError("the body is not base64") from error
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return Request(event["requestContext"]["http"]["method"], event.get("rawPath") or "/", headers, raw)


def is_own(request: Request, page_base_url: str) -> bool:
    """Whether the page itself sent it: a browser says where a form comes from, and another site cannot change that."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return site == "same-origin"
    own = {request.headers.get("host", ""), urlsplit(page_base_url).netloc} - {""}
    return origin.partition("://")[2] in own


def form_fault(request: Request) -> int | None:
    """The status for a body that no button sends."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return 415
    return 413 if len(request.body) > MOST_BYTES else None


def read_form(request: Request) -> Form | None:
    """None for a form that lacks what the button sends."""
    try:
        fields = parse_qs(request.body.decode(), strict_parsing=True, max_num_fields=8, keep_blank_values=True)
    except ValueError:
        return None
    if any(len(values) != 1 for values in fields.values()) or not {"link", "action"} <= fields.keys():
        return None
    note = "".join(each for each in fields.get("note", [""])[0] if each.isprintable() or each == "\n").strip()
    return Form(fields["link"][0], fields["action"][0], note[:MOST_NOTE] or None)
