"""The values of the expression language: Integer, Decimal, String, Boolean, and what JSON brings besides.

Integer is Python's `int` within 64 bits and Decimal its `float`; the service documented neither width nor form.
Arrays and objects of a payload can be walked through by a reference, but are no values.
"""

from enum import Enum
from math import isfinite
from typing import Any, Final

from coldwatch.engine.errors import EvaluationError

type Value = bool | int | float | str
"""What a variable can hold."""


class Undefined(Enum):
    """What a reference gives when there is nothing there. It spreads through every operator but `||` and `!=`."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED

MAX_TEXT: Final = 262_144
"""Characters that an expression may make: an effect must fit in a queue's message, and no text may grow for ever."""

_NAMES: Final[dict[type, str]] = {
    bool: "Boolean",
    int: "Integer",
    float: "Decimal",
    str: "String",
    type(None): "null",
    dict: "object",
    list: "array",
    Undefined: "undefined",
}


def type_name(value: Any) -> str:
    return _NAMES.get(type(value), type(value).__name__)


def is_number(value: Any) -> bool:
    """A Boolean is none."""
    return type(value) is int or type(value) is float


def checked_number(value: float) -> int | float:
    """The result of arithmetic, if an Integer of 64 bits or a Decimal can hold it."""
    if type(value) is int:
        if not -(1 << 63) <= value < 1 << 63:
            raise EvaluationError("the result does not fit in a 64-bit Integer")
    elif not isfinite(value):
        raise EvaluationError("the result is too large for a Decimal")
    return value


def checked_text(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise EvaluationError(f"the text would be longer than {MAX_TEXT:,} characters")
    return value


def text_of(value: Any) -> str:
    """A value as `${ }`, string concatenation and keys write it.

    >>> [text_of(each) for each in (True, 10, 19.572, "x", None)]
    ['true', '10', '19.572', 'x', 'null']
    """
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > 64:
            raise EvaluationError("the number does not fit in a 64-bit Integer")
        case int() | float():
            return repr(value)
        case None:
            return "null"
    raise EvaluationError(f"{type_name(value)} has no text")


def checked_value(value: Any, refusal: str) -> Value:
    """What a variable can hold; for anything else the refusal, which is told the type."""
    if is_number(value):
        return checked_number(value)
    if isinstance(value, str):
        return checked_text(value)
    if isinstance(value, bool):
        return value
    raise EvaluationError(refusal.format(type_name(value)))
