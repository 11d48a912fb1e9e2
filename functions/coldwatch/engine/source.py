"""Python source, line by line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from coldwatch.engine.expression_code import NotCompiledError

MOST_LINES: Final = 20_000
"""A transition brings the code of what it leaves and enters along: 50 states that all lead to each other would come to
15 MB, and take half a minute.
"""


class Source:
    """Lines, each indented as deep as its block."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._depth = 0
        self._has_alternative = False

    def add(self, line: str) -> None:
        if self._has_alternative and len(self.lines) >= MOST_LINES:
            raise NotCompiledError
        self.lines.append("    " * self._depth + line)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.add(f"{head}:")
        before = len(self.lines)
        self._depth += 1
        try:
            yield
            if len(self.lines) == before:
                self.add("pass")
        finally:
            self._depth -= 1

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """A block that is left out where its condition never holds."""
        before = len(self.lines)
        with self.block(f"if {condition}"):
            yield
        if condition == "False":
            del self.lines[before:]

    @contextmanager
    def alternative(self) -> Iterator[None]:
        """What cannot be compiled leaves but one line, which hands the message over to the interpreter."""
        before = len(self.lines)
        self._has_alternative = True
        try:
            yield
        except NotCompiledError:
            del self.lines[before:]
            self._has_alternative = False
            self.add("raise Irregular  # left to the interpreter")
        finally:
            self._has_alternative = False

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"
