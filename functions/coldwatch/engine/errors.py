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
from typing import Self

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
    document as a whole. `span` is the place within `expression`.
    """

    level: Level
    type: FindingType
    path: str
    message: str
    expression: str | None = None
    span: Span | None = None

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        told = f"{self.level.lower()}: {place}{self.message}"
        if self.expression is None:
            return told
        return f"{told}\n{underlined(self.expression, self.span)}"


class EngineError(Exception):
    pass


class ModelError(EngineError):
    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("\n".join(str(finding) for finding in findings))
        self.findings = findings

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Finding, ...]]]:
        return type(self), (self.findings,)


class ExpressionError(EngineError):
    def __init__(self, message: str, source: str, span: Span) -> None:
        super().__init__(f"{message}\n{underlined(source, span)}")
        self.message = message
        self.source = source
        self.span = span

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, Span]]:
        return type(self), (self.message, self.source, self.span)


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
        return "\n".join(f"  {_tidied(line)}" for line in source.splitlines() or [""])
    begin = source.rfind("\n", 0, span.start) + 1
    end = source.find("\n", begin)
    line = source[begin : len(source) if end < 0 else end]
    width = max(1, min(span.end - begin, len(line)) - (span.start - begin))
    return f"  {_tidied(line)}\n  {' ' * (span.start - begin)}{'^' * width}"


def _tidied(line: str) -> str:
    """One column per character, so that what stands below it lines up."""
    return "".join(character if character.isprintable() else " " for character in line)
