"""The built-in functions of the language: the whole list, as documented.

Those on text and bits give undefined for arguments of another type; nothing is converted.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.scope import Scope
from coldwatch.engine.values import UNDEFINED, checked_number, text_of, type_name

ARITIES: Final = {
    "timeout": 1,
    "triggerType": 1,
    "currentInput": 1,
    "convert": 2,
    "isNull": 1,
    "isUndefined": 1,
    "startsWith": 2,
    "endsWith": 2,
    "contains": 2,
    "bitor": 2,
    "bitand": 2,
    "bitxor": 2,
    "bitnot": 1,
}

_DECIMAL: Final = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def _timeout(scope: Scope, name: Any) -> Any:
    """True from the timer's expiry to the end of the evaluation that first asks."""
    return scope.is_timed_out(name) if isinstance(name, str) else UNDEFINED


def _trigger_type(scope: Scope, word: Any) -> Any:
    """The guide itself writes both "Message" and "MESSAGE"."""
    if not isinstance(word, str):
        return UNDEFINED
    return word.casefold() == ("message" if scope.message_input is not None else "timer")


def _current_input(scope: Scope, name: Any) -> Any:
    return name == scope.message_input if isinstance(name, str) else UNDEFINED


def _convert(_scope: Scope, word: Any, value: Any) -> Any:
    if word is UNDEFINED or value is UNDEFINED:
        return UNDEFINED
    conversion = _CONVERSIONS.get((word, type(value))) if isinstance(word, str) else None
    if conversion is None:
        raise EvaluationError(f"{type_name(value)} cannot be converted to {word}")
    return conversion(value)


def to_boolean(text: str) -> bool:
    word = text.strip().casefold()
    if word not in {"true", "false"}:
        raise EvaluationError("the text is neither `true` nor `false`")
    return word == "true"


def to_decimal(text: str) -> float:
    if not _DECIMAL.fullmatch(text.strip()):
        raise EvaluationError("the text is no decimal number")
    return checked_number(float(text))


_CONVERSIONS: Final[dict[tuple[str, type], Callable[[Any], Any]]] = {
    ("String", bool): lambda value: "true" if value else "false",
    ("String", int): text_of,
    ("String", float): text_of,
    ("String", str): str,
    ("Boolean", str): to_boolean,
    ("Boolean", bool): bool,
    ("Decimal", str): to_decimal,
    ("Decimal", int): lambda value: float(checked_number(value)),
    ("Decimal", float): float,
}
"""By target and source. An Integer counts as a Decimal, and what is of the type already stays so."""


def _on_texts(function: Callable[[str, str], bool]) -> Callable[[Scope, Any, Any], Any]:
    def call(_scope: Scope, first: Any, second: Any) -> Any:
        return function(first, second) if isinstance(first, str) and isinstance(second, str) else UNDEFINED

    return call


def _on_integers(function: Callable[..., int]) -> Callable[..., Any]:
    def call(_scope: Scope, *arguments: Any) -> Any:
        if all(type(each) is int for each in arguments):
            return checked_number(function(*arguments))
        return UNDEFINED

    return call


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "timeout": _timeout,
    "triggerType": _trigger_type,
    "currentInput": _current_input,
    "convert": _convert,
    "isNull": lambda _scope, value: value is None,
    "isUndefined": lambda _scope, value: value is UNDEFINED,
    "startsWith": _on_texts(str.startswith),
    "endsWith": _on_texts(str.endswith),
    "contains": _on_texts(str.__contains__),
    "bitor": _on_integers(int.__or__),
    "bitand": _on_integers(int.__and__),
    "bitxor": _on_integers(int.__xor__),
    "bitnot": _on_integers(int.__invert__),
}
"""Each takes the scope and the values of its arguments."""
