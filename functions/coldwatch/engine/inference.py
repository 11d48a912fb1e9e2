"""The data types of what a model reads and sets, inferred from how it is used everywhere: one type for each name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from coldwatch.engine.errors import FindingType, Level
from coldwatch.engine.kinds import ANY, NUMBERS, PARAMETERS, PREFIXES, Kind, Kinds, accepts, kinds_of
from coldwatch.engine.model import Expression, ExternalAction, SetTimer, SetVariable, State
from coldwatch.engine.report import Report
from coldwatch.engine.survey import expressions
from coldwatch.engine.syntax import Binary, Call, InputReference, Node, Span, Unary, children

_BOOLEAN = frozenset((Kind.BOOLEAN,))
_STRING = frozenset((Kind.STRING,))


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place that says what a name can be."""

    name: str
    kinds: Kinds
    expression: Expression
    span: Span


def check_inference(states: Iterable[State], variables: Mapping[str, Kinds], report: Report) -> None:
    states = tuple(states)
    used, assigned = _gathered(_uses(states, variables)), _gathered(_assignments(states, variables))
    for evidence in [*used.values(), *assigned.values()]:
        _check_agreement(evidence, report)
    for name, evidence in (used | assigned).items():
        _tell_types(name, evidence, report)


def _gathered(found: Iterator[Evidence]) -> dict[str, list[Evidence]]:
    by_name: dict[str, list[Evidence]] = {}
    for evidence in found:
        by_name.setdefault(evidence.name, []).append(evidence)
    return by_name


def _check_agreement(found: list[Evidence], report: Report) -> None:
    """The first place at which no type is left. Integer and Decimal agree."""
    left = ANY
    for evidence in found:
        wide = evidence.kinds | NUMBERS if evidence.kinds & NUMBERS else evidence.kinds
        if evidence.kinds and not left & wide:
            first = found[0]
            told = f"incompatible data types {listed(left)} and {listed(wide)} found for `{evidence.name}`"
            advice = f"{first.expression.path} takes it for {listed(first.kinds)}"
            report.found(Level.WARNING, FindingType.DATA_TYPE, evidence.expression, told, evidence.span, advice=advice)
            return
        left = left & wide or left


def _tell_types(name: str, found: list[Evidence], report: Report) -> None:
    """As the service told it."""
    kinds = ANY
    for evidence in found:
        kinds = kinds & evidence.kinds or kinds
    if kinds != ANY:
        report.info("", f"inferred data types {listed(kinds)} for `{name}`", FindingType.DATA_TYPE)


def listed(kinds: Kinds) -> str:
    return "[" + ", ".join(kind.value for kind in Kind if kind in kinds) + "]"


def _assignments(states: Iterable[State], variables: Mapping[str, Kinds]) -> Iterator[Evidence]:
    for state in states:
        for event in state.events:
            for action in event.actions:
                if isinstance(action, SetVariable):
                    kinds = kinds_of(action.value.node, variables)
                    yield Evidence(f"$variable.{action.name}", kinds, action.value, action.value.node.span)


def _uses(states: Iterable[State], variables: Mapping[str, Kinds]) -> Iterator[Evidence]:
    """Of inputs: what variables are is known from what they are set to."""
    wanted = _wanted(states)
    for expression in expressions(states):
        for node, kinds in _constraints(expression.node, wanted.get(expression.path, ANY), variables):
            if isinstance(node, InputReference) and kinds != ANY:
                source = expression.source[node.span.start : node.span.end]
                yield Evidence("".join(source.split()), kinds, expression, node.span)


def _wanted(states: Iterable[State]) -> dict[str, Kinds]:
    """By path, what the whole of an expression has to be."""
    wanted: dict[str, Kinds] = {}
    for state in states:
        for event in state.events:
            if event.condition is not None:
                wanted[event.condition.path] = _BOOLEAN
            for action in event.actions:
                if isinstance(action, SetTimer):
                    wanted[action.duration.path] = NUMBERS
                elif isinstance(action, ExternalAction) and action.payload and action.payload.type == "JSON":
                    wanted[action.payload.content.path] = _STRING
    return wanted


def _constraints(node: Node, wanted: Kinds, variables: Mapping[str, Kinds]) -> Iterator[tuple[Node, Kinds]]:
    """Each node with the kinds that what stands around it can take. `!=` takes anything."""
    yield node, wanted
    match node:
        case Unary(operator=operator, operand=operand):
            yield from _constraints(operand, PREFIXES[operator], variables)
        case Binary(operator="!=", left=left, right=right):
            yield from _constraints(left, ANY, variables)
            yield from _constraints(right, ANY, variables)
        case Binary(operator=operator, left=left, right=right):
            yield from _constraints(left, _partners(operator, kinds_of(right, variables)), variables)
            yield from _constraints(right, _partners(operator, kinds_of(left, variables)), variables)
        case _:
            takes = PARAMETERS.get(node.function, ANY) if isinstance(node, Call) else ANY
            for child in children(node):
                yield from _constraints(child, takes, variables)


@cache
def _partners(operator: str, others: Kinds) -> Kinds:
    return frozenset(kind for kind in Kind if accepts(operator, frozenset((kind,)), others))
