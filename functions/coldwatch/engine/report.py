"""Where findings are gathered while a document is read: all of them, not the first."""

from typing import Any

from coldwatch.engine.errors import ExpressionError, Finding, FindingType, Level
from coldwatch.engine.model import Expression
from coldwatch.engine.syntax import Span


class Report:
    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def error(self, path: str, message: str, kind: FindingType = FindingType.STRUCTURE) -> None:
        self.findings.append(Finding(Level.ERROR, kind, path, message))

    def warning(self, path: str, message: str, kind: FindingType = FindingType.STRUCTURE) -> None:
        self.findings.append(Finding(Level.WARNING, kind, path, message))

    def found(
        self, level: Level, kind: FindingType, expression: Expression, message: str, span: Span | None = None
    ) -> None:
        """A finding within an expression, at the span or on the whole of it."""
        place = expression.node.span if span is None else span
        self.findings.append(Finding(level, kind, expression.path, message, expression.source, place))

    def unreadable(self, path: str, error: ExpressionError) -> None:
        self.findings.append(
            Finding(Level.ERROR, FindingType.EXPRESSION_SYNTAX, path, error.message, error.source, error.span)
        )

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
