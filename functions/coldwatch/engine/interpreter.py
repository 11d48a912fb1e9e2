"""The value of an expression: a plain walk of its tree, one function per kind of node.

Undefined spreads: whatever is computed from it is undefined again, and a condition that is undefined does not hold. Two
operators stop it: an undefined side of `||` counts as false, and `!=` is true when a side is undefined.
"""

from collections.abc import Callable
from typing import Any, Final

from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.functions import FUNCTIONS
from coldwatch.engine.operators import BINARY, UNARY, not_equal
from coldwatch.engine.scope import Scope
from coldwatch.engine.syntax import (
    Binary,
    Call,
    InputReference,
    Literal,
    Node,
    Span,
    Step,
    Template,
    Unary,
    VariableReference,
)
from coldwatch.engine.values import UNDEFINED, checked_text, text_of, type_name


def evaluate(node: Node, scope: Scope) -> Any:
    """A value, null, undefined, or an array or object of a payload; raises EvaluationError."""
    return _EVALUATE[type(node)](node, scope)


def follow(value: Any, path: tuple[Step, ...]) -> Any:
    """What a path leads to inside a payload; undefined where it leads nowhere."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step, UNDEFINED) if isinstance(value, dict) else UNDEFINED
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return UNDEFINED
    return value


def _literal(node: Literal, _scope: Scope) -> Any:
    return node.value


def _variable(node: VariableReference, scope: Scope) -> Any:
    return scope.variables.get(node.name, UNDEFINED)


def _input(node: InputReference, scope: Scope) -> Any:
    return follow(scope.inputs.get(node.input_name, UNDEFINED), node.path)


def _template(node: Template, scope: Scope) -> Any:
    values = [evaluate(part, scope) for part in node.parts]
    if any(value is UNDEFINED for value in values):
        return UNDEFINED
    try:
        return checked_text("".join(map(text_of, values)))
    except EvaluationError as error:
        raise _placed(error, node.span) from None


def _unary(node: Unary, scope: Scope) -> Any:
    operand = evaluate(node.operand, scope)
    if operand is UNDEFINED:
        return UNDEFINED
    try:
        return UNARY[node.operator](operand)
    except EvaluationError as error:
        raise _placed(error, node.span) from None


def _binary(node: Binary, scope: Scope) -> Any:
    if node.operator == "&&":
        return _and(node, scope)
    if node.operator == "||":
        return _or(node, scope)
    left, right = evaluate(node.left, scope), evaluate(node.right, scope)
    if node.operator == "!=":
        return not_equal(left, right)
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    try:
        return BINARY[node.operator](left, right)
    except EvaluationError as error:
        raise _placed(error, node.span) from None


def _and(node: Binary, scope: Scope) -> Any:
    left = _truth(node, node.left, scope)
    return _truth(node, node.right, scope) if left is True else left


def _or(node: Binary, scope: Scope) -> bool:
    return _truth(node, node.left, scope) is True or _truth(node, node.right, scope) is True


def _truth(node: Binary, side: Node, scope: Scope) -> Any:
    value = evaluate(side, scope)
    if value is True or value is False or value is UNDEFINED:
        return value
    raise EvaluationError(f"`{node.operator}` cannot take {type_name(value)}", side.span)


def _call(node: Call, scope: Scope) -> Any:
    arguments = [evaluate(argument, scope) for argument in node.arguments]
    try:
        return FUNCTIONS[node.function](scope, *arguments)
    except EvaluationError as error:
        raise _placed(error, node.span) from None


def _placed(error: EvaluationError, span: Span) -> EvaluationError:
    """The error with its place, unless a part of the expression has said one."""
    return EvaluationError(error.message, error.span or span)


_EVALUATE: Final[dict[type, Callable[..., Any]]] = {
    Literal: _literal,
    Template: _template,
    InputReference: _input,
    VariableReference: _variable,
    Unary: _unary,
    Binary: _binary,
    Call: _call,
}
