"""One POST to a server that is not ours: https only, the certificate of the host that is named, no redirect, no proxy,
short time-outs, and only to addresses that anybody may reach.

The name is looked up once, and the connection goes to the very address that was judged: a name that answers with
another address the next time leads nowhere.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import urllib3

from coldwatch.incidents.channels.destinations import https_url, is_public
from coldwatch.incidents.contacts import ContactError
from coldwatch.incidents.ports import NotSentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CONNECT_S: Final = 3.0
READ_S: Final = 5.0
_READ_MOST: Final = 4096
_TRY_AGAIN: Final = frozenset({408, 425, 429})


def resolve(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class HttpsPoster:
    """Tests give their own `look_up`, `is_allowed` and certificates; nothing else does."""

    look_up: Callable[[str, int], Sequence[str]] = resolve
    is_allowed: Callable[[str], bool] = is_public
    ca_certs: str | None = None
    connect_s: float = CONNECT_S
    read_s: float = READ_S

    def post(self, whose: str, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Raises NotSentError, which says whose server it was, and never the URL: that may be a secret."""
        try:
            parts = urlsplit(https_url(url))
        except ContactError as error:
            raise NotSentError(f"{whose} has no usable URL. {error}", is_permanent=True) from None
        host, port = parts.hostname or "", parts.port or 443
        address = self._address(whose, host, port)
        status = self._send(whose, address, host, port, _target(url), body, headers or {})
        if not 200 <= status < 300:
            is_permanent = 300 <= status < 500 and status not in _TRY_AGAIN
            raise NotSentError(f"{whose} did not take it: it answered {status}.", is_permanent=is_permanent)

    def _address(self, whose: str, host: str, port: int) -> str:
        try:
            found = self.look_up(host, port)
        except (OSError, UnicodeError) as error:
            is_no_name = isinstance(error, UnicodeError)  # such as one with a label over 63 characters
            raise NotSentError(f"{whose} cannot be found: its name leads nowhere.", is_permanent=is_no_name) from None
        if not found or not all(self.is_allowed(each) for each in found):
            raise NotSentError(f"{whose} is at an address that nothing is sent to.", is_permanent=True)
        return found[0]

    def _send(  # noqa: PLR0917 - what a request is made of
        self, whose: str, address: str, host: str, port: int, target: str, body: bytes, headers: Mapping[str, str]
    ) -> int:
        timeout = urllib3.Timeout(connect=self.connect_s, read=self.read_s)
        named = host if port == 443 else f"{host}:{port}"
        sent = {"Host": named, "Content-Type": "application/json", "User-Agent": "coldwatch", **headers}
        with urllib3.HTTPSConnectionPool(
            address, port, timeout=timeout, server_hostname=host, assert_hostname=host, ca_certs=self.ca_certs
        ) as pool:
            try:
                answer = pool.request(
                    "POST", target, body=body, headers=sent, redirect=False, retries=False, preload_content=False
                )
                answer.read(_READ_MOST)
                answer.close()
            except urllib3.exceptions.HTTPError as error:
                raise NotSentError(f"{whose} could not be reached ({type(error).__name__}).") from None
        return answer.status


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
