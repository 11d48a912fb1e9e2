"""Which kinds of values an expression can have, as far as its text alone says."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final

from coldwatch.engine.model import SetVariable, State
from coldwatch.engine.syntax import Binary, Call, InputReference, Literal, Node, Template, Unary, VariableReference


class Kind(StrEnum):
    INTEGER = "Integer"
    DECIMAL = "Decimal"
    STRING = "String"
    BOOLEAN = "Boolean"


type Kinds = frozenset[Kind]

ANY: Final[Kinds] = frozenset(Kind)
NUMBERS: Final[Kinds] = frozenset((Kind.INTEGER, Kind.DECIMAL))
_INTEGER: Final[Kinds] = frozenset((Kind.INTEGER,))
_STRING: Final[Kinds] = frozenset((Kind.STRING,))
_BOOLEAN: Final[Kinds] = frozenset((Kind.BOOLEAN,))
_OF_TYPE: Final = {int: Kind.INTEGER, float: Kind.DECIMAL, str: Kind.STRING, bool: Kind.BOOLEAN}
_INTEGER_FUNCTIONS: Final = frozenset(("bitor", "bitand", "bitxor", "bitnot"))


def kinds_of(node: Node, variables: Mapping[str, Kinds]) -> Kinds:
    """`variables` says what is known of them; of one that is not there, nothing is."""
    match node:
        case Unary(operator=operator, operand=operand):
            return kinds_of(operand, variables) & NUMBERS if operator == "-" else PREFIXES[operator]
        case Binary():
            return _kinds_of_binary(node, variables)
        case Call():
            return _kinds_of_call(node)
        case Literal() | Template() | InputReference() | VariableReference():
            return _kinds_of_leaf(node, variables)


def _kinds_of_leaf(
    node: Literal | Template | InputReference | VariableReference, variables: Mapping[str, Kinds]
) -> Kinds:
    match node:
        case Literal(value=value):
            return frozenset((_OF_TYPE[type(value)],))
        case Template():
            return _STRING
        case InputReference():
            return ANY
        case VariableReference(name=name):
            return variables.get(name, ANY)


def _kinds_of_binary(node: Binary, variables: Mapping[str, Kinds]) -> Kinds:
    if node.operator in {"|", "^", "&"}:
        return _INTEGER
    if node.operator not in {"+", "-", "*", "/"}:
        return _BOOLEAN
    left, right = kinds_of(node.left, variables), kinds_of(node.right, variables)
    return frozenset(
        kind
        for one in left
        for other in right
        if (kind := _sum(one, other)) and (kind in NUMBERS or node.operator == "+")
    )


def _sum(one: Kind, other: Kind) -> Kind | None:
    if Kind.BOOLEAN in {one, other}:
        return None
    if Kind.STRING in {one, other}:
        return Kind.STRING
    return Kind.INTEGER if one is other is Kind.INTEGER else Kind.DECIMAL


def _kinds_of_call(node: Call) -> Kinds:
    if node.function in _INTEGER_FUNCTIONS:
        return _INTEGER
    if node.function != "convert":
        return _BOOLEAN
    word = node.arguments[0]
    if isinstance(word, Literal) and word.value in {"String", "Boolean", "Decimal"}:
        return frozenset((Kind(str(word.value)),))
    return frozenset((Kind.STRING, Kind.BOOLEAN, Kind.DECIMAL))


def kinds_of_variables(states: Iterable[State]) -> Mapping[str, Kinds]:
    """From what is assigned to each, until nothing more can be concluded."""
    values: dict[str, list[Node]] = {}
    for state in states:
        for event in state.events:
            for action in event.actions:
                if isinstance(action, SetVariable):
                    values.setdefault(action.name, []).append(action.value.node)
    known: dict[str, Kinds] = dict.fromkeys(values, frozenset())
    while True:
        found = {name: frozenset(k for node in nodes for k in kinds_of(node, known)) for name, nodes in values.items()}
        if found == known:
            # A variable of which nothing came to light is set from itself alone.
            return {name: kinds or ANY for name, kinds in known.items()}
        known = found


def accepts(operator: str, left: Kinds, right: Kinds) -> bool:
    """Whether some pair of values can be taken by the operator."""
    accept = _PAIRS[operator]
    return any(accept(one, other) for one in left for other in right)


def _both(kinds: Kinds) -> Callable[[Kind, Kind], bool]:
    return lambda one, other: one in kinds and other in kinds


def _is_ordered(one: Kind, other: Kind) -> bool:
    return {one, other} <= NUMBERS or one is other is Kind.STRING


def _is_equatable(one: Kind, other: Kind) -> bool:
    return {one, other} <= NUMBERS or one is other


_PAIRS: Final[dict[str, Callable[[Kind, Kind], bool]]] = {
    "+": lambda one, other: _sum(one, other) is not None,
    **dict.fromkeys(("-", "*", "/"), _both(NUMBERS)),
    **dict.fromkeys(("|", "^", "&"), _both(_INTEGER)),
    **dict.fromkeys(("&&", "||"), _both(_BOOLEAN)),
    **dict.fromkeys(("<", "<=", ">", ">="), _is_ordered),
    **dict.fromkeys(("==", "!="), _is_equatable),
}

PREFIXES: Final[dict[str, Kinds]] = {"!": _BOOLEAN, "-": NUMBERS, "~": _INTEGER}

PARAMETERS: Final[dict[str, Kinds]] = {
    **dict.fromkeys(("timeout", "triggerType", "currentInput", "startsWith", "endsWith", "contains"), _STRING),
    **dict.fromkeys(_INTEGER_FUNCTIONS, _INTEGER),
}
"""What the functions take that give undefined for anything else."""
