"""A request to the function URL: which operation it asks for, and with what. Pure.

Form: "Lambda function URLs: request and response payloads", payload format 2.0. Who sent it is known: the URL lets only
signed requests in.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

from data_plane.errors import invalid

MOST_BYTES: Final = 1_000_000
"""Of a body: ten messages of the largest size, in base64, are less than a quarter."""


@dataclass(frozen=True, slots=True)
class Request:
    """`path` in its parts, without the slash at its end that two operations have. `caller` is an ARN."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes
    caller: str

    def document(self) -> dict[str, Any]:
        """The body's JSON; raises ApiError for what is no object."""
        if len(self.body) > MOST_BYTES:
            raise invalid(f"The request has {len(self.body):,} bytes; it may have {MOST_BYTES:,}.")
        try:
            document = msgspec.json.decode(self.body or b"{}")
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise invalid(f"The request is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise invalid("The request is no JSON object.")
        return document


def read(event: Mapping[str, Any]) -> Request:
    """Raises ApiError for a body that is not what it says it is."""
    context = event["requestContext"]
    body = event.get("body") or ""
    try:
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except binascii.Error as error:
        raise invalid("The body is not base64.") from error
    parts = [unquote(part) for part in (event.get("rawPath") or "/").strip("/").split("/")]
    query = dict(parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True))
    caller = ((context.get("authorizer") or {}).get("iam") or {}).get("userArn") or ""
    return Request(context["http"]["method"], tuple(parts), query, raw, caller)
