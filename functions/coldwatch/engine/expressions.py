"""Expressions where they stand in a document."""

from collections.abc import Mapping
from typing import Any

from coldwatch.engine.documents import member_path
from coldwatch.engine.errors import EvaluationError, ExpressionError
from coldwatch.engine.model import Expression
from coldwatch.engine.parser import parse, parse_text
from coldwatch.engine.report import Report, shown
from coldwatch.engine.syntax import Call, InputReference, Literal, Node, Span, Template, VariableReference, walk
from coldwatch.engine.values import is_number, text_of


def read_expression(document: Mapping[str, Any], member: str, path: str, report: Report) -> Expression | None:
    """An expression that must be there. A bare number or Boolean stands for itself, as people write them."""
    value = document.get(member)
    place = member_path(path, member)
    if isinstance(value, bool) or is_number(value):
        try:
            value = text_of(value)
        except EvaluationError as error:
            report.error(place, f"`{member}`: {error}")
            return None
    if not isinstance(value, str):
        told = "is missing" if value is None else f"must be an expression, not {shown(value)}"
        report.error(place, f"`{member}` {told}")
        return None
    try:
        return Expression(value, parse(value), place)
    except ExpressionError as error:
        report.unreadable(place, error)
        return None


def read_topic(text: str, path: str) -> Expression:
    """A topic may be an expression, or plain text, in which `${ }` is replaced: published models have all three."""
    for read in (parse, parse_text):
        try:
            node = read(text)
        except ExpressionError:
            continue
        if _makes_text(node):
            return Expression(text, node, path)
    return Expression(text, Literal(text, Span(0, len(text))), path)


def _makes_text(node: Node) -> bool:
    """`1/2` is a topic, although it can be read as a division."""
    return any(
        isinstance(each, Template | InputReference | VariableReference | Call)
        or (isinstance(each, Literal) and isinstance(each.value, str))
        for each in walk(node)
    )
