"""The built-in functions on what the conformance data cannot write."""

from typing import Any

import pytest

from coldwatch.engine.errors import EvaluationError
from coldwatch.engine.functions import ARITIES, FUNCTIONS
from coldwatch.engine.interpreter import evaluate, follow
from coldwatch.engine.operators import BINARY, UNARY
from coldwatch.engine.parser import parse
from coldwatch.engine.scope import Scope
from coldwatch.engine.values import MAX_TEXT, UNDEFINED, checked_text, text_of

MESSAGE = Scope({}, {}, message_input="i")
TIMER = Scope({}, {}, message_input=None)


def test_every_function_has_an_arity_and_there_are_thirteen() -> None:
    assert FUNCTIONS.keys() == ARITIES.keys()
    assert len(FUNCTIONS) == 13


def test_the_trigger_is_a_message_or_a_timer() -> None:
    assert [evaluate(parse(f"triggerType('{word}')"), MESSAGE) for word in ("message", "TIMER", "x")] == [
        True,
        False,
        False,
    ]
    assert [evaluate(parse(f"triggerType('{word}')"), TIMER) for word in ("Message", "timer", "x")] == [
        False,
        True,
        False,
    ]
    assert evaluate(parse("currentInput('i')"), TIMER) is False


@pytest.mark.parametrize(
    ("text", "number"),
    [(" 1.5\n", 1.5), ("+2", 2.0), ("-.5", -0.5), ("3.", 3.0), ("1e3", 1000.0), ("1E-1", 0.1), ("007", 7.0)],
)
def test_a_text_that_is_a_decimal(text: str, number: float) -> None:
    assert FUNCTIONS["convert"](TIMER, "Decimal", text) == number


@pytest.mark.parametrize(
    "text", ["", " ", ".", "1_000", "0x1", "nan", "inf", "-Infinity", "1e", "\u0661", "1 2", "1e999"]
)
def test_a_text_that_is_none(text: str) -> None:
    with pytest.raises(EvaluationError):
        FUNCTIONS["convert"](TIMER, "Decimal", text)


def test_a_text_that_is_a_boolean_in_any_case() -> None:
    assert FUNCTIONS["convert"](TIMER, "Boolean", " TRUE ") is True
    assert FUNCTIONS["convert"](TIMER, "Boolean", "False") is False


def test_a_type_word_that_is_no_text_or_not_there() -> None:
    assert FUNCTIONS["convert"](TIMER, UNDEFINED, "1") is UNDEFINED
    with pytest.raises(EvaluationError, match="String cannot be converted to 5"):
        FUNCTIONS["convert"](TIMER, 5, "1")


def test_every_conversion_that_there_is() -> None:
    made = {
        (word, type(value)): FUNCTIONS["convert"](TIMER, word, value)
        for word, values in {
            "String": (True, 1, 1.5, "a"),
            "Boolean": ("true", False),
            "Decimal": ("1", 1, 1.5),
        }.items()
        for value in values
    }

    assert {key: (type(value), value) for key, value in made.items()} == {
        ("String", bool): (str, "true"),
        ("String", int): (str, "1"),
        ("String", float): (str, "1.5"),
        ("String", str): (str, "a"),
        ("Boolean", str): (bool, True),
        ("Boolean", bool): (bool, False),
        ("Decimal", str): (float, 1.0),
        ("Decimal", int): (float, 1.0),
        ("Decimal", float): (float, 1.5),
    }


def test_bits_of_what_does_not_fit_fail() -> None:
    with pytest.raises(EvaluationError, match="64-bit"):
        FUNCTIONS["bitor"](TIMER, 1 << 63, 0)
    assert FUNCTIONS["bitnot"](TIMER, 1.0) is UNDEFINED


def test_division_truncates_toward_zero_on_every_side() -> None:
    divide = BINARY["/"]

    assert [divide(a, b) for a, b in ((7, 2), (-7, 2), (7, -2), (-7, -2), (0, -3), (6, 3))] == [3, -3, -3, 3, 0, 2]
    with pytest.raises(EvaluationError, match="64-bit"):
        divide(-(1 << 63), -1)
    with pytest.raises(EvaluationError, match="cannot take"):
        divide(1, "1")


@pytest.mark.parametrize("symbol", ["<", "<=", ">", ">="])
def test_order_of_numbers_and_of_texts(symbol: str) -> None:
    less, same, more = (BINARY[symbol](a, b) for a, b in ((1, 2.5), (2, 2), (3, 2)))

    assert (less, same, more) == {"<": (1, 0, 0), "<=": (1, 1, 0), ">": (0, 0, 1), ">=": (0, 1, 1)}[symbol]
    assert BINARY[symbol]("a", "b") is (symbol in {"<", "<="})
    others: list[tuple[Any, Any]] = [(1, "1"), ("1", 1), (None, None), (True, 1), ([], [])]
    for pair in others:
        with pytest.raises(EvaluationError, match=f"`{symbol}` cannot take"):
            BINARY[symbol](*pair)


def test_numbers_at_their_ends() -> None:
    assert BINARY["+"]((1 << 63) - 2, 1) == (1 << 63) - 1
    assert BINARY["-"](-(1 << 63) + 1, 1) == -(1 << 63)
    for symbol, pair in (("+", ((1 << 63) - 1, 1)), ("-", (-(1 << 63), 1)), ("*", (1 << 62, 2))):
        with pytest.raises(EvaluationError, match="64-bit"):
            BINARY[symbol](*pair)
    with pytest.raises(EvaluationError, match="too large for a Decimal"):
        BINARY["+"](1 << 2_000, 0.5)
    with pytest.raises(EvaluationError, match="too large for a Decimal"):
        BINARY["/"](1 << 2_000, 0.5)


def test_unary_operators_take_their_types_alone() -> None:
    assert (UNARY["-"](5), UNARY["-"](2.5), UNARY["~"](0)) == (-5, -2.5, -1)
    for symbol, value in (("-", True), ("-", None), ("~", 1.0), ("~", True), ("!", 0), ("!", "true")):
        with pytest.raises(EvaluationError, match="cannot take"):
            UNARY[symbol](value)


def test_a_text_may_be_long_but_not_longer() -> None:
    assert checked_text("x" * MAX_TEXT) == "x" * MAX_TEXT
    with pytest.raises(EvaluationError, match="longer than 262,144"):
        checked_text("x" * (MAX_TEXT + 1))
    doubled = "x" * (MAX_TEXT // 2)
    assert BINARY["+"](doubled, doubled) == doubled * 2
    with pytest.raises(EvaluationError, match="longer than"):
        BINARY["+"](doubled, doubled + "x")


def test_a_number_of_a_message_that_is_too_long_has_no_text() -> None:
    assert text_of((1 << 64) - 1) == "18446744073709551615"
    with pytest.raises(EvaluationError, match="64-bit"):
        text_of(1 << 64)


def test_following_a_path_never_looks_at_what_python_objects_have() -> None:
    payload = {"list": [0, [1]], "text": "abc", "true": True, "none": None}

    assert follow(payload, ("list", 1, 0)) == 1
    assert follow(payload, ()) == payload
    for path in (
        ("list", 2),
        ("list", "0"),
        ("text", 0),
        ("text", "upper"),
        ("true", "real"),
        ("none", "x"),
        ("x",),
        (0,),
    ):
        assert follow(payload, path) is UNDEFINED
