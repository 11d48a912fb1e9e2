"""How many requests a function makes: what a batch costs is decided by it."""

from __future__ import annotations

from itertools import count
from typing import Any


class RequestCount:
    """Counts every attempt of the clients it watches. Threads may share it."""

    def __init__(self, *clients: Any) -> None:
        self._made = count(1)
        self._last = 0
        for client in clients:
            client.meta.events.register("before-send", self._note)

    def taken(self) -> int:
        """How many were made since it was last asked."""
        # The counter cannot be read without counting: each asking is one of its numbers.
        now = next(self._made)
        taken, self._last = now - self._last - 1, now
        return taken

    def _note(self, **_request: Any) -> None:
        """Answers None: the request is sent as it is."""
        next(self._made)
