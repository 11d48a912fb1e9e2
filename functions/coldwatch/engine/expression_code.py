"""An expression as Python source.

Three forms of the same expression, each for a place in the code:

- `test`: true exactly where the expression is true; for conditions, and what they `&&` and `||`.
- `number`: a number, or NaN where it is undefined; for what is compared and computed.
- `value`: exactly the interpreter's value.

Source may raise where the interpreter would have found a fault; then the whole message is the interpreter's. No text
of a model reaches the source: names become numbered ones, and texts become numbered constants.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final, Protocol

from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.functions import FUNCTIONS
from coldwatch.engine.interpreter import follow
from coldwatch.engine.layout import LARGEST, NAN
from coldwatch.engine.operators import BINARY, UNARY, divide, not_equal
from coldwatch.engine.references import EQUALITY, LOGIC, ORDER, Carries, Reference, carried
from coldwatch.engine.syntax import (
    Binary,
    Call,
    InputReference,
    Literal,
    Node,
    Template,
    Unary,
    VariableReference,
)
from coldwatch.engine.values import UNDEFINED, checked_number, checked_text, is_number, text_of, type_name

DEEPEST: Final = 40
"""Levels of an expression that are compiled; Python's own parser ends at about a hundred brackets."""

_ON_CONSTANTS: Final = frozenset(("timeout", "triggerType", "currentInput"))


class NotCompiledError(Exception):
    """A part of a model that is left to the interpreter: a timer whose name is computed, code that grows too long."""


class Constants:
    """Values that the source names `k0`, `k1`, ...: each once."""

    def __init__(self) -> None:
        self._names: dict[tuple[type, Any], str] = {}
        self.by_name: dict[str, Any] = {}

    def name(self, value: Any) -> str:
        """Of a value that can be compared; the same again for the same."""
        known = (type(value), value)
        if known not in self._names:
            self._names[known] = self.add(value)
        return self._names[known]

    def add(self, value: Any) -> str:
        name = f"k{len(self.by_name)}"
        self.by_name[name] = value
        return name


class Surroundings(Protocol):
    """What stands around an expression: where its references are found at that point of the code."""

    constants: Constants
    carries: Mapping[Reference, Carries]
    trigger: str | None
    """The input whose message started the evaluation; None: a timer did."""

    def variable(self, name: str) -> str: ...

    def payload(self, node: InputReference) -> tuple[str, Carries] | None:
        """Source, and what it carries; None if it cannot be there."""

    def timed_out(self, name: str) -> str: ...


class ExpressionCode:
    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._temporaries = 0

    def test(self, node: Node) -> str:
        match node:
            case Literal(value=value):
                return str(value is True)
            case Binary(operator=operator) if operator in LOGIC:
                return self._logic(node)
            case Binary(operator=operator) if operator in ORDER | EQUALITY:
                return self._comparison(node) or f"{self.value(node)} is True"
            case Unary(operator="!", operand=operand) if self._is_truth(operand) and self._is_definite(operand):
                return f"not ({self.test(operand)})"
            case Call(function=function) if function in _ON_CONSTANTS:
                return self._of_trigger(node)
            case _:
                return f"{self.value(node)} is True"

    def _logic(self, node: Binary) -> str:
        """Sides that are known beforehand, as `currentInput("x")` is, leave no code behind."""
        neutral, final = ("True", "False") if node.operator == "&&" else ("False", "True")
        left = self._side(node.left)
        if left == final:
            return final
        right = self._side(node.right)
        if left == neutral:
            return right
        word = "and" if node.operator == "&&" else "or"
        return f"({left} {word} {right})"

    def _side(self, node: Node) -> str:
        if self._is_truth(node):
            return self.test(node)
        return f"(truth({self.value(node)}) is True)"

    def _comparison(self, node: Binary) -> str | None:
        """Python's own, where that is the same: on numbers; on texts and truths unless both sides may be undefined."""
        symbol, left, right = node.operator, node.left, node.right
        sides = {self._carried(left), self._carried(right)}
        if sides == {Carries.NUMBER}:
            return f"({self.number(left)} {symbol} {self.number(right)})"
        is_plain = sides == {Carries.TEXT} or (sides == {Carries.TRUTH} and symbol in EQUALITY)
        if is_plain and (self._is_definite(left) or self._is_definite(right)):
            return f"({self.value(left)} {symbol} {self.value(right)})"
        return None

    def number(self, node: Node) -> str:
        match node:
            case Literal(value=value) if is_number(value):
                return self._literal(value)
            case InputReference() | VariableReference() if self._carried(node) is Carries.NUMBER:
                return self._referred(node)[0]
            case Binary(operator=operator, left=left, right=right) if operator in {"+", "-", "*"}:
                return self._checked(f"{self.number(left)} {operator} {self.number(right)}")
            case Binary(operator="/", left=left, right=right):
                return f"quotient({self.number(left)}, {self.number(right)})"
            case Unary(operator="-", operand=operand) if self._carried(operand) is Carries.NUMBER:
                return self._checked(f"-{self.number(operand)}")
            case _:
                return f"number({self.value(node)})"

    def _checked(self, source: str) -> str:
        """Outside the bounds are what does not fit into 64 bits, and NaN."""
        name = self._temporary()
        return f"({name} if -{LARGEST!r} < ({name} := {source}) < {LARGEST!r} else checked({name}))"

    def value(self, node: Node) -> str:
        if self._carried(node) is Carries.NUMBER and not isinstance(node, Call) and self._is_native(node):
            source = self.number(node)
            return source if isinstance(node, Literal) else f"exact({source})"
        match node:
            case Literal() | InputReference() | VariableReference():
                return self._value_of_leaf(node)
            case Template(parts=parts):
                return f"filled({', '.join(map(self.value, parts))})"
            case Unary(operator=operator, operand=operand):
                return f"unary({self._constant(UNARY[operator])}, {self.value(operand)})"
            case Binary():
                return self._value_of_binary(node)
            case Call():
                return self._value_of_call(node)

    def _value_of_leaf(self, node: Literal | InputReference | VariableReference) -> str:
        return self._literal(node.value) if isinstance(node, Literal) else self._referred(node)[0]

    def _is_native(self, node: Node) -> bool:
        """Whether `number` computes it without asking for its `value`."""
        match node:
            case Binary(operator=operator, left=left, right=right):
                return operator in {"+", "-", "*", "/"} and all(
                    self._carried(each) is Carries.NUMBER for each in (left, right)
                )
            case Unary(operator=operator, operand=operand):
                return operator == "-" and self._carried(operand) is Carries.NUMBER
        return not isinstance(node, Call)

    def _value_of_binary(self, node: Binary) -> str:
        left, right = self.value(node.left), self.value(node.right)
        match node.operator:
            case "&&":
                name = self._temporary()
                return f"(truth({right}) if ({name} := truth({left})) is True else {name})"
            case "||":
                return f"(truth({left}) is True or truth({right}) is True)"
            case "!=":
                return f"not_equal({left}, {right})"
            case operator:
                return f"binary({self._constant(BINARY[operator])}, {left}, {right})"

    def _value_of_call(self, node: Call) -> str:
        if node.function in _ON_CONSTANTS:
            return self._of_trigger(node)
        if node.function == "isUndefined":
            return f"({self.value(node.arguments[0])} is UNDEFINED)"
        arguments = ", ".join(map(self.value, node.arguments))
        return f"{self._constant(FUNCTIONS[node.function])}(None, {arguments})"

    def _of_trigger(self, node: Call) -> str:
        (argument,) = node.arguments
        if not isinstance(argument, Literal) or not isinstance(argument.value, str):
            raise NotCompiledError
        trigger = self._around.trigger
        match node.function:
            case "timeout":
                return self._around.timed_out(argument.value)
            case "currentInput":
                return str(argument.value == trigger)
        return str(argument.value.casefold() == ("timer" if trigger is None else "message"))

    def _referred(self, node: InputReference | VariableReference) -> tuple[str, Carries]:
        if isinstance(node, VariableReference):
            return self._around.variable(node.name), self._around.carries.get(node.name, Carries.ANY)
        found = self._around.payload(node)
        return ("UNDEFINED", Carries.ANY) if found is None else found

    def _carried(self, node: Node) -> Carries | None:
        if isinstance(node, InputReference):
            return self._referred(node)[1]
        return carried(node, self._around.carries)

    def _is_truth(self, node: Node) -> bool:
        return self._carried(node) is Carries.TRUTH

    def _is_definite(self, node: Node) -> bool:
        """Whether it cannot be undefined."""
        match node:
            case Literal():
                return True
            case Binary(operator=operator, left=left, right=right):
                return operator in {"||", "!="} or (self._is_definite(left) and self._is_definite(right))
            case Unary(operand=operand):
                return self._is_definite(operand)
            case Template(parts=parts):
                return all(map(self._is_definite, parts))
            case Call(function=function):
                return function in _ON_CONSTANTS | {"isNull", "isUndefined"}
        return False

    def _literal(self, value: Any) -> str:
        return repr(value) if isinstance(value, bool | int | float) and isfinite(value) else self._constant(value)

    def _constant(self, value: Any) -> str:
        return self._around.constants.name(value)

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"x{self._temporaries}"


def truth(value: Any) -> Any:
    """A side of `&&` or `||`."""
    if value is True or value is False or value is UNDEFINED:
        return value
    raise EvaluationError(f"{type_name(value)} is neither true nor false")


def checked(value: Any) -> Any:
    return value if value != value else checked_number(value)  # noqa: PLR0124 - NaN is an undefined number


def exact(value: Any) -> Any:
    return UNDEFINED if value != value else value  # noqa: PLR0124 - likewise


def number(value: Any) -> Any:
    """Of what may be something else: Python would compute with a truth as with 0 or 1."""
    if value is UNDEFINED:
        return NAN
    if is_number(value):
        return value
    raise EvaluationError(f"{type_name(value)} is no number")


def quotient(left: Any, right: Any) -> Any:
    return NAN if left != left or right != right else divide(left, right)  # noqa: PLR0124 - likewise


def unary(function: Callable[[Any], Any], operand: Any) -> Any:
    return UNDEFINED if operand is UNDEFINED else function(operand)


def binary(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    return UNDEFINED if left is UNDEFINED or right is UNDEFINED else function(left, right)


def filled(*parts: Any) -> Any:
    """A substitution template."""
    return UNDEFINED if any(part is UNDEFINED for part in parts) else checked_text("".join(map(text_of, parts)))


NAMES: Final[Mapping[str, Any]] = {
    "UNDEFINED": UNDEFINED,
    "binary": binary,
    "checked": checked,
    "exact": exact,
    "filled": filled,
    "follow": follow,
    "not_equal": not_equal,
    "number": number,
    "quotient": quotient,
    "truth": truth,
    "unary": unary,
}
"""What the source refers to."""
