"""Where findings are gathered while a document is read: all of them, not the first."""

from typing import Any

from coldwatch.engine.errors import ExpressionError, Finding, FindingType, Level
from coldwatch.engine.model import Expression
from coldwatch.engine.syntax import Span


class Report:
    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def error(
        self, path: str, message: str, kind: FindingType = FindingType.STRUCTURE, *, advice: str | None = None
    ) -> None:
        self.findings.append(Finding(Level.ERROR, kind, path, message, advice=advice))

    def warning(
        self, path: str, message: str, kind: FindingType = FindingType.STRUCTURE, *, advice: str | None = None
    ) -> None:
        self.findings.append(Finding(Level.WARNING, kind, path, message, advice=advice))

    def info(
        self, path: str, message: str, kind: FindingType = FindingType.STRUCTURE, *, advice: str | None = None
    ) -> None:
        self.findings.append(Finding(Level.INFO, kind, path, message, advice=advice))

    def found(
        self,
        level: Level,
        kind: FindingType,
        expression: Expression,
        message: str,
        span: Span | None = None,
        *,
        advice: str | None = None,
    ) -> None:
        """A finding within an expression, at the span or on the whole of it."""
        place = expression.node.span if span is None else span
        self.findings.append(Finding(level, kind, expression.path, message, expression.source, place, advice))

    def unreadable(self, path: str, error: ExpressionError) -> None:
        kind = FindingType.EXPRESSION_SYNTAX
        self.findings.append(Finding(Level.ERROR, kind, path, error.message, error.source, error.span, error.advice))

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is Level.ERROR)


def shown(value: Any) -> str:
    """A value of a document as a message quotes it: JSON's word for its kind, or the short value itself."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "an object"
        case list():
            return "a list"
        case bool():
            return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
