"""What kind of value each reference of a model carries, concluded from what its expressions do with it.

A conclusion shapes the compiled code, never the answer: a value of another kind sends its message to the interpreter.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from coldwatch.engine.model import DetectorModel, Expression, SetTimer, SetVariable
from coldwatch.engine.survey import expressions
from coldwatch.engine.syntax import (
    Binary,
    Call,
    InputReference,
    Literal,
    Node,
    Step,
    Template,
    Unary,
    VariableReference,
    children,
)

type Reference = str | tuple[str, tuple[Step, ...]]
"""A variable's name, or an input's name and a path in its payload."""


class Carries(StrEnum):
    NUMBER = "number"
    TEXT = "text"
    TRUTH = "truth"
    ANY = "any"
    """Several of them, null, or nobody knows."""


ORDER: Final = frozenset(("<", "<=", ">", ">="))
EQUALITY: Final = frozenset(("==", "!="))
LOGIC: Final = frozenset(("&&", "||"))
_OF_TYPE: Final = {bool: Carries.TRUTH, str: Carries.TEXT, int: Carries.NUMBER, float: Carries.NUMBER}
_CONVERTED: Final = {"String": Carries.TEXT, "Boolean": Carries.TRUTH, "Decimal": Carries.NUMBER}
_ON_TEXT: Final = frozenset(("startsWith", "endsWith", "contains"))
_ON_BITS: Final = frozenset(("bitor", "bitand", "bitxor", "bitnot"))


def reference(node: InputReference | VariableReference) -> Reference:
    return node.name if isinstance(node, VariableReference) else (node.input_name, node.path)


def carried(node: Node, known: Mapping[Reference, Carries]) -> Carries | None:
    """What an expression gives if it gives anything; None as long as nothing is known."""
    match node:
        case Literal(value=value):
            return _OF_TYPE[type(value)]
        case Template():
            return Carries.TEXT
        case InputReference() | VariableReference():
            return known.get(reference(node))
        case Unary(operator=operator):
            return Carries.TRUTH if operator == "!" else Carries.NUMBER
        case Call(function=function, arguments=arguments):
            return _carried_by_call(function, arguments)
        case Binary():
            return _carried_by_binary(node, known)


def _carried_by_binary(node: Binary, known: Mapping[Reference, Carries]) -> Carries | None:
    if node.operator in ORDER | EQUALITY | LOGIC:
        return Carries.TRUTH
    if node.operator != "+":
        return Carries.NUMBER
    sides = {carried(node.left, known), carried(node.right, known)}
    return Carries.TEXT if Carries.TEXT in sides else Carries.NUMBER if sides == {Carries.NUMBER} else None


def _carried_by_call(function: str, arguments: tuple[Node, ...]) -> Carries:
    if function == "convert":
        word = arguments[0].value if isinstance(arguments[0], Literal) else None
        return _CONVERTED.get(str(word), Carries.ANY)
    return Carries.NUMBER if function in _ON_BITS else Carries.TRUTH


def conclude(
    model: DetectorModel, facts: Mapping[Reference, Carries] = MappingProxyType({})
) -> Mapping[Reference, Carries]:
    """Of every variable and every path that the model mentions; `facts` need no conclusion."""
    witness = _Witness(model, facts)
    witness.hear()
    # Of two sides that nobody knows, compared by order, numbers are by far the likeliest.
    witness.takes_order_for_numbers = True
    witness.hear()
    return {each: witness.known.get(each, Carries.ANY) for each in witness.mentioned}


class _Witness:
    def __init__(self, model: DetectorModel, facts: Mapping[Reference, Carries]) -> None:
        self._facts = facts
        self.known: dict[Reference, Carries] = dict(facts)
        self.mentioned: dict[Reference, None] = {}
        self.takes_order_for_numbers = False
        self._conditions: list[Expression] = []
        self._assignments: list[SetVariable] = []
        self._durations: list[Expression] = []
        self._sent = list(expressions(model.states.values()))
        for event in (event for state in model.states.values() for event in state.events):
            self._conditions += [event.condition] if event.condition is not None else []
            self._assignments += [each for each in event.actions if isinstance(each, SetVariable)]
            self._durations += [each.duration for each in event.actions if isinstance(each, SetTimer)]

    def hear(self) -> None:
        """Until nothing more can be concluded: what is known of a reference only ever grows, to `ANY` at last."""
        before: Mapping[Reference, Carries] | None = None
        while before != self.known:
            before = dict(self.known)
            self._visit_all((each.node for each in self._conditions), Carries.TRUTH)
            self._visit_all((each.node for each in self._durations), Carries.NUMBER)
            self._visit_all((each.node for each in self._sent), None)
            for assignment in self._assignments:
                self._conclude(assignment.name, carried(assignment.value.node, self.known))
                self._visit(assignment.value.node, self.known.get(assignment.name))

    def _conclude(self, about: Reference, carries: Carries | None) -> None:
        self.mentioned[about] = None
        if about in self._facts:
            return
        if carries is not None and self.known.setdefault(about, carries) is not carries:
            self.known[about] = Carries.ANY

    def _visit_all(self, nodes: Iterable[Node], expected: Carries | None) -> None:
        for node in nodes:
            self._visit(node, expected)

    def _visit(self, node: Node, expected: Carries | None) -> None:
        match node:
            case InputReference() | VariableReference():
                self._conclude(reference(node), None if expected is Carries.ANY else expected)
            case Binary(operator=operator, left=left, right=right):
                expected_left, expected_right = self._expected_of_sides(operator, left, right, expected)
                self._visit(left, expected_left)
                self._visit(right, expected_right)
            case _:
                self._visit_all(children(node), _expected_of_parts(node))

    def _expected_of_sides(self, operator: str, left: Node, right: Node, expected: Any) -> tuple[Any, Any]:
        if operator in LOGIC:
            return Carries.TRUTH, Carries.TRUTH
        knows_left, knows_right = carried(left, self.known), carried(right, self.known)
        if operator in ORDER and knows_left is knows_right is None and self.takes_order_for_numbers:
            return Carries.NUMBER, Carries.NUMBER
        if operator in ORDER | EQUALITY:
            return knows_right, knows_left
        if operator != "+":
            return Carries.NUMBER, Carries.NUMBER
        if Carries.TEXT in {knows_left, knows_right}:
            return None, None
        both = Carries.NUMBER if Carries.NUMBER in {knows_left, knows_right, expected} else None
        return both, both


def _expected_of_parts(node: Node) -> Carries | None:
    match node:
        case Unary(operator=operator):
            return Carries.TRUTH if operator == "!" else Carries.NUMBER
        case Call(function=function) if function in _ON_TEXT:
            return Carries.TEXT
        case Call(function=function) if function in _ON_BITS:
            return Carries.NUMBER
    return None
