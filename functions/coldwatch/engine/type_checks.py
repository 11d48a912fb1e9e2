"""Findings on data types: what an expression can never be, whatever the messages are."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from coldwatch.engine.actions import MAX_TIMER_S
from coldwatch.engine.constants import constant_value, is_constant
from coldwatch.engine.errors import EvaluationError, FindingType, Level
from coldwatch.engine.inference import check_inference
from coldwatch.engine.kinds import (
    NUMBERS,
    PARAMETERS,
    PREFIXES,
    Kind,
    Kinds,
    accepts,
    kinds_of,
    kinds_of_variables,
)
from coldwatch.engine.model import Expression, ExternalAction, SetTimer, State
from coldwatch.engine.report import Report
from coldwatch.engine.survey import expressions
from coldwatch.engine.syntax import Binary, Call, Literal, Node, Unary, walk

_BOOLEAN: Final = frozenset((Kind.BOOLEAN,))
_STRING: Final = frozenset((Kind.STRING,))
_LIMIT_S: Final = 60
"""The service's default minimum."""


def check_types(states: Iterable[State], report: Report) -> None:
    states = tuple(states)
    variables = kinds_of_variables(states)
    check_nodes(expressions(states), report, variables)
    check_inference(states, variables, report)
    for state in states:
        for event in state.events:
            if event.condition is not None:
                _check_condition(event.condition, variables, report)
            for action in event.actions:
                if isinstance(action, SetTimer):
                    _check_duration(action.duration, report)
                if isinstance(action, ExternalAction) and action.payload is not None and action.payload.type == "JSON":
                    _check_is(action.payload.content, _STRING, "a JSON payload must be made as a String", report)


def check_nodes(
    expressions: Iterable[Expression], report: Report, variables: Mapping[str, Kinds] = MappingProxyType({})
) -> None:
    for expression in expressions:
        before = len(report.findings)
        for node in walk(expression.node):
            _check_node(node, expression, variables, report)
        if len(report.findings) == before:
            _check_constant(expression, report)


def _check_constant(expression: Expression, report: Report) -> None:
    if is_constant(expression.node):
        try:
            constant_value(expression.node)
        except EvaluationError as error:
            told = f"this can never be evaluated: {error.message}"
            report.found(Level.ERROR, FindingType.DATA_TYPE, expression, told, error.span)


def _check_condition(condition: Expression, variables: Mapping[str, Kinds], report: Report) -> None:
    _check_is(condition, _BOOLEAN, "a condition must be true or false", report)
    kinds = kinds_of(condition.node, variables)
    if Kind.BOOLEAN not in kinds and Kind.BOOLEAN in kinds_of(condition.node, {}):
        told = f"this is always {_named(kinds)}, which never holds"
        report.found(Level.WARNING, FindingType.DATA_TYPE, condition, told, advice="compare it with something")


def _check_duration(duration: Expression, report: Report) -> None:
    _check_is(duration, NUMBERS, "a timer's duration must be a number of seconds", report)
    node = duration.node
    if not isinstance(node, Literal) or isinstance(node.value, bool | str):
        return
    if not 1 <= node.value < MAX_TIMER_S + 1:
        told = f"a timer takes 1 to {MAX_TIMER_S:,} seconds"
        report.found(Level.ERROR, FindingType.STRUCTURE, duration, told)
    elif node.value < _LIMIT_S:
        told = f"the service's shortest timer was {_LIMIT_S} s"
        report.found(Level.WARNING, FindingType.SERVICE_LIMITS, duration, told, advice="Coldwatch sets this one, too")


def _check_is(expression: Expression, wanted: Kinds, message: str, report: Report) -> None:
    kinds = kinds_of(expression.node, {})
    if kinds and not kinds & wanted:
        report.found(Level.ERROR, FindingType.DATA_TYPE, expression, f"{message}; this is always {_named(kinds)}")


def _check_node(node: Node, expression: Expression, variables: Mapping[str, Kinds], report: Report) -> None:
    match node:
        case Binary():
            _check_binary(node, expression, variables, report)
        case Unary(operator=operator, operand=operand):
            kinds = kinds_of(operand, {})
            if kinds and not kinds & PREFIXES[operator]:
                told = f"`{operator}` cannot take {_named(kinds)}"
                report.found(Level.ERROR, FindingType.DATA_TYPE, expression, told, node.span)
        case Call(function=function, arguments=arguments) if function in PARAMETERS:
            for argument in arguments:
                kinds = kinds_of(argument, {})
                if kinds and not kinds & PARAMETERS[function]:
                    told = f"`{function}` takes no {_named(kinds)}, so this is always undefined"
                    report.found(Level.WARNING, FindingType.DATA_TYPE, expression, told, argument.span)


def _check_binary(node: Binary, expression: Expression, variables: Mapping[str, Kinds], report: Report) -> None:
    """By the text alone it is an error; by what the variables are set to, a warning: they may be set from outside."""
    for known, level in (({}, Level.ERROR), (variables, Level.WARNING)):
        left, right = kinds_of(node.left, known), kinds_of(node.right, known)
        if left and right and not accepts(node.operator, left, right):
            always = "; it is always true" if node.operator == "!=" else ""
            told = f"incompatible data types: `{node.operator}` cannot take {_named(left)} and {_named(right)}{always}"
            advice = _conversion(left, right)
            report.found(level, FindingType.DATA_TYPE, expression, told, node.span, advice=advice)
            return


def _conversion(left: Kinds, right: Kinds) -> str | None:
    pair = left | right
    if pair <= {*NUMBERS, Kind.STRING}:
        return "`convert(Decimal, ...)` makes a number of a text, `'${...}'` a text of anything"
    if pair == {Kind.STRING, Kind.BOOLEAN}:
        return "true and false need no quotes; `convert(Boolean, ...)` makes one of a text"
    return None


def _named(kinds: Kinds) -> str:
    return " or ".join(kind.value for kind in Kind if kind in kinds)
