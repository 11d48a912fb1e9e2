"""What can go wrong in the engine.

EngineError
├── ModelError          the model document is not valid (its author's mistake); carries every finding
├── ExpressionError     one expression or path cannot be read; carries its text and the place in it
├── SnapshotError       a stored snapshot is none that this engine wrote
└── EvaluationError     a valid model met data that it cannot evaluate
    └── KeyMissingError a message does not say which detector it is for
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from coldwatch.engine.syntax import Span


class Level(StrEnum):
    """As the service's model analysis named them. Only an error keeps a model from running."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class FindingType(StrEnum):
    """As the service's model analysis named them."""

    SUPPORTED_ACTIONS = "supported-actions"
    SERVICE_LIMITS = "service-limits"
    STRUCTURE = "structure"
    EXPRESSION_SYNTAX = "expression-syntax"
    DATA_TYPE = "data-type"
    REFERENCED_DATA = "referenced-data"
    REFERENCED_RESOURCE = "referenced-resource"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the checker has to say about a model.

    `path` leads to the place in the definition, such as `states[0].onInput.events[1].condition`, and is empty for the
    document as a whole. `span` is the place within `expression`. `advice` says what to write instead, or why to care.
    """

    level: Level
    type: FindingType
    path: str
    message: str
    expression: str | None = None
    span: Span | None = None
    advice: str | None = None

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        lines = [f"{self.level.lower()}: {place}{self.message}"]
        if self.expression is not None:
            lines.append(underlined(self.expression, self.span))
        if self.advice is not None:
            lines.append(f"  advice: {self.advice}")
        return "\n".join(lines)


class EngineError(Exception):
    pass


class ModelError(EngineError):
    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Finding, ...]]]:
        return type(self), (self.findings,)


class ExpressionError(EngineError):
    def __init__(self, message: str, source: str, span: Span, advice: str | None = None) -> None:
        super().__init__(f"{message}\n{underlined(source, span)}" + (f"\n  advice: {advice}" if advice else ""))
        self.message = message
        self.source = source
        self.span = span
        self.advice = advice

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, Span, str | None]]:
        return type(self), (self.message, self.source, self.span, self.advice)


class SnapshotError(EngineError):
    pass


class EvaluationError(EngineError):
    """`span` is the part of the expression that could not be evaluated, where there is an expression."""

    def __init__(self, message: str, span: Span | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span

    def __reduce__(self) -> tuple[type[Self], tuple[str, Span | None]]:
        return type(self), (self.message, self.span)


class KeyMissingError(EvaluationError):
    pass


def underlined(source: str, span: Span | None) -> str:
    """The line of the expression in which the span begins, with the span underlined.

    >>> print(underlined("maxx($input.t.c)", Span(0, 4)))
      maxx($input.t.c)
      ^^^^
    """
    if span is None:
        return "\n".join(f"  {_tidied(line[:_WIDTH])}" for line in source.splitlines() or [""])
    begin = source.rfind("\n", 0, span.start) + 1
    end = source.find("\n", begin)
    line = source[begin : len(source) if end < 0 else end]
    shown, column = _window(line, span.start - begin)
    width = max(1, min(span.end - span.start, len(shown) - column))
    return f"  {_tidied(shown)}\n  {' ' * column}{'^' * width}"


_WIDTH: Final = 110


def _window(line: str, column: int) -> tuple[str, int]:
    """What of a long line stands around a column, and which column that becomes."""
    begin = max(0, min(column - _WIDTH // 3, len(line) - _WIDTH))
    head = "..." if begin else ""
    tail = "..." if begin + _WIDTH < len(line) else ""
    return head + line[begin : begin + _WIDTH] + tail, column - begin + len(head)


def _tidied(line: str) -> str:
    """One column per character, so that what stands below it lines up."""
    return "".join(character if character.isprintable() else " " for character in line)
