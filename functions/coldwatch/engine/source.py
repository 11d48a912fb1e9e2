"""Python source, line by line."""

from collections.abc import Iterator
from contextlib import contextmanager

from coldwatch.engine.expression_code import NotCompiledError


class Source:
    """Lines, each indented as deep as its block."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._depth = 0

    def add(self, line: str) -> None:
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
        try:
            yield
        except NotCompiledError:
            del self.lines[before:]
            self.add("raise Irregular  # left to the interpreter")

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"
