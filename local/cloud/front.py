"""What stands before MiniStack's application: the inbox page. And the start of it all, once the mends are in place."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from local.cloud import mailbox, mailbox_page

PATHS = ("/_coldwatch/inbox", "/_coldwatch/inbox.json")

type Send = Callable[[dict[str, Any]], Awaitable[None]]


def serve() -> None:
    """Run the cloud until it is stopped. Only after the mends: the application binds what they replace."""
    from ministack import app as application  # noqa: PLC0415 - as the docstring says

    upstream = application.app

    async def app(scope: dict[str, Any], receive: Any, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in PATHS:
            await _answer(scope, send)
        else:
            await upstream(scope, receive, send)

    application.app = app
    sys.argv = ["ministack"]
    application.main()


async def _answer(scope: dict[str, Any], send: Send) -> None:
    if scope["method"] not in {"GET", "HEAD"}:
        await _send(send, 405, "text/plain", b"The inbox can only be read.\n")
        return
    if scope["path"].endswith(".json"):
        kind, body = "application/json", json.dumps(mailbox.messages(), indent=2).encode()
    else:
        kind, body = "text/html; charset=utf-8", mailbox_page.render(mailbox.messages()).encode()
    await _send(send, 200, kind, b"" if scope["method"] == "HEAD" else body)


async def _send(send: Send, status: int, kind: str, body: bytes) -> None:
    headers = [(b"content-type", kind.encode()), (b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
