"""The incident page at an address of this machine, with fakes behind it: all that a browser sees, without a cloud.

Requests become the events that a function URL hands over. `/example/{name}` is a page of every kind, as it is answered.
"""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from incident_page.handler import response
from incident_page.requests import read
from incident_page.routes import route
from tests.unit.incidents.builders import FRIDGE
from tests.unit.incidents.page_examples import EXAMPLES, readings
from tests.unit.incidents.page_world import PageWorld, page_world


@dataclass
class ServedPage:
    """`seen` are the requests that came. `without` are headers that this browser does not send: their beginnings."""

    world: PageWorld
    port: int = 0
    without: tuple[str, ...] = ()
    seen: list[tuple[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def link(self, contact: str) -> str:
        return f"{self.address}/a/{self.world.own[contact]}"

    def answer(self, method: str, target: str, headers: dict[str, str], body: str) -> dict[str, Any]:
        path, _, query = target.partition("?")
        self.seen.append((method, path))
        if path.startswith("/example/"):
            return response(EXAMPLES[path.removeprefix("/example/")], is_head=method == "HEAD")
        event = {
            "requestContext": {"http": {"method": method, "sourceIp": "127.0.0.1"}},
            "rawPath": path,
            "rawQueryString": query,
            "headers": {name: value for name, value in headers.items() if not name.startswith(self.without or "\0")},
            "body": body,
        }
        with self.lock:
            page, more = route(read(event), self.world.use, now_ms=self.world.now_ms)
        return response(page, is_head=method == "HEAD", more=more)


@contextmanager
def served_page(*, without: tuple[str, ...] = ()) -> Iterator[ServedPage]:
    """A fridge that is too warm, of which ana was told first, then ben and cem."""
    page = ServedPage(page_world(), without=without)
    page.world.here.readings.readings = [{"device_id": FRIDGE, **each} for each in readings()]
    with serving(page.answer) as page.port:
        yield page


@contextmanager
def serving(answer: Any) -> Iterator[int]:
    """A server on a free port of this machine; `answer(method, target, headers, body)` is what a function answers."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            given = answer(self.command, self.path, headers, self.rfile.read(size).decode(errors="replace"))
            raw = base64.b64decode(given["body"]) if given.get("isBase64Encoded") else given["body"].encode()
            self.send_response(given["statusCode"])
            for name, value in given["headers"].items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = reply  # noqa: N815 - the names that the server calls

        def log_message(self, *_said: Any) -> None:
            """Its log would hold links."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
