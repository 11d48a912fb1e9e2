"""What the worker asks of a candidate that takes messages as they come, 500 at a time."""

from collections.abc import Sequence
from typing import Any, Protocol


class Streaming(Protocol):
    def decode(self, lines: Sequence[bytes]) -> None:
        """Decode them as `feed` does, and do nothing else: what that costs is taken off."""

    def feed(self, lines: Sequence[bytes]) -> None: ...

    def answer(self) -> list[Any]:
        """The alarms; of the wide model, every change of state."""


def decode_each(decode: Any, lines: Sequence[bytes]) -> None:
    for line in lines:
        decode(line)
