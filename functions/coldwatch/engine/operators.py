"""What the operators do with values. None of them is ever given an undefined one, except by `!=`."""

import operator as python
from collections.abc import Callable
from typing import Any, Final

from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.values import checked_number, checked_text, is_number, text_of, type_name


def _mismatch(symbol: str, left: Any, right: Any) -> EvaluationError:
    return EvaluationError(f"`{symbol}` cannot take {type_name(left)} and {type_name(right)}")


def add(left: Any, right: Any) -> Any:
    """Numbers are added. Text takes another text or a number behind or before it, as the guide's own table does."""
    if is_number(left) and is_number(right):
        return _decimal(python.add, left, right)
    if (type(left) is str and (type(right) is str or is_number(right))) or (type(right) is str and is_number(left)):
        return checked_text(text_of(left) + text_of(right))
    raise _mismatch("+", left, right)


def divide(left: Any, right: Any) -> Any:
    """Integers give an Integer, truncated toward zero; the guide only says that it is rounded."""
    if not (is_number(left) and is_number(right)):
        raise _mismatch("/", left, right)
    if right == 0:
        raise EvaluationError("division by zero")
    if type(left) is int and type(right) is int:
        quotient = abs(left) // abs(right)
        return checked_number(quotient if (left < 0) == (right < 0) else -quotient)
    return _decimal(python.truediv, left, right)


def _arithmetic(symbol: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compute(left: Any, right: Any) -> Any:
        if is_number(left) and is_number(right):
            return _decimal(function, left, right)
        raise _mismatch(symbol, left, right)

    return compute


def _decimal(function: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    try:
        return checked_number(function(left, right))
    except OverflowError:
        raise EvaluationError("the result is too large for a Decimal") from None


def _bits(symbol: str, function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compute(left: Any, right: Any) -> Any:
        if type(left) is int and type(right) is int:
            return checked_number(function(left, right))
        raise _mismatch(symbol, left, right)

    return compute


def _order(symbol: str, function: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    def compare(left: Any, right: Any) -> Any:
        if (is_number(left) and is_number(right)) or (type(left) is str and type(right) is str):
            return function(left, right)
        raise _mismatch(symbol, left, right)

    return compare


def equal(left: Any, right: Any) -> bool:
    """Null equals null alone. Values of different types cannot be compared."""
    if left is None or right is None:
        return left is right
    if is_comparable(left, right):
        return bool(left == right)
    raise _mismatch("==", left, right)


def not_equal(left: Any, right: Any) -> bool:
    """True whenever the sides are not equal, even when one is undefined or of another type.

    Not documented, but published models are dead without it: `$variable.threshold != $variable.threshold` is how the
    service's own blueprints ask whether a variable has never been set.
    """
    if left is None or right is None:
        return left is not right
    return not is_comparable(left, right) or bool(left != right)


def is_comparable(left: Any, right: Any) -> bool:
    return (is_number(left) and is_number(right)) or (type(left) is type(right) and type(left) in {str, bool})


def negate(operand: Any) -> Any:
    if is_number(operand):
        return checked_number(-operand)
    raise EvaluationError(f"`-` cannot take {type_name(operand)}")


def invert(operand: Any) -> Any:
    if type(operand) is int:
        return checked_number(~operand)
    raise EvaluationError(f"`~` cannot take {type_name(operand)}")


def complement(operand: Any) -> bool:
    if type(operand) is bool:
        return not operand
    raise EvaluationError(f"`!` cannot take {type_name(operand)}")


UNARY: Final[dict[str, Callable[[Any], Any]]] = {"!": complement, "-": negate, "~": invert}

BINARY: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": add,
    "-": _arithmetic("-", python.sub),
    "*": _arithmetic("*", python.mul),
    "/": divide,
    "|": _bits("|", python.or_),
    "&": _bits("&", python.and_),
    "^": _bits("^", python.xor),
    "==": equal,
    "!=": not_equal,
    "<": _order("<", python.lt),
    "<=": _order("<=", python.le),
    ">": _order(">", python.gt),
    ">=": _order(">=", python.ge),
}
"""`&&` and `||` are not here: they need not look at their right side."""
