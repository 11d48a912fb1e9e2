"""One name, one type: what the checker infers from every place that uses it."""

import pytest

from coldwatch.engine.checker import check
from coldwatch.engine.errors import FindingType, Level
from tests.unit.engine.builders import Document, document, event, publish, set_variable, state


def told(*events: Document, level: Level = Level.WARNING) -> list[str]:
    findings = check(document(state("s", [event("x", "currentInput('i')"), *events])))
    return [each.message for each in findings if each.level is level and each.type is FindingType.DATA_TYPE]


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("$input.i.a > 1", "[Integer, Decimal]"),
        ("$input.i.a == 'x'", "[String]"),
        ("$input.i.a == true", "[Boolean]"),
        ("$input.i.a", "[Boolean]"),
        ("!$input.i.a", "[Boolean]"),
        ("true && $input.i.a", "[Boolean]"),
        ("-$input.i.a < 1", "[Integer, Decimal]"),
        ("($input.i.a | 1) == 1", "[Integer]"),
        ("bitnot($input.i.a) == 1", "[Integer]"),
        ("startsWith($input.i.a, 'x')", "[String]"),
        ("$input.i.a * 2 > 1", "[Integer, Decimal]"),
        ("$input.i . a [ 0 ] > 1 ", "[Integer, Decimal]"),
        ("$input.i.a + 1 > 1", "[Integer, Decimal, String]"),
        ("$input.i.a < $input.i.b", "[Integer, Decimal, String]"),
        ("convert(Decimal, $input.i.a) > 1", None),
        ("$input.i.a != 1", None),
        ("isNull($input.i.a)", None),
        ("'${$input.i.a}' == 'x'", None),
    ],
)
def test_a_type_is_inferred_from_what_stands_around(condition: str, kinds: str | None) -> None:
    name = "$input.i.a[0]" if "[" in condition else "$input.i.a"

    inferred = [each for each in told(event("e", condition), level=Level.INFO) if f"`{name}`" in each]

    assert inferred == ([] if kinds is None else [f"inferred data types {kinds} for `{name}`"])


def test_durations_and_json_payloads_say_a_type_too() -> None:
    timer: Document = {"setTimer": {"timerName": "t", "durationExpression": "$input.i.seconds"}}
    sent = publish("t", type="JSON", contentExpression="$input.i.text")

    inferred = told(event("e", "timeout('t')", timer, sent), level=Level.INFO)

    assert inferred == [
        "inferred data types [Integer, Decimal] for `$input.i.seconds`",
        "inferred data types [String] for `$input.i.text`",
    ]


def test_a_variable_has_the_type_of_what_it_is_set_to() -> None:
    assert told(event("e", "true", set_variable("checked", "0")), level=Level.INFO) == [
        "inferred data types [Integer] for `$variable.checked`"
    ]


def test_an_attribute_that_is_a_number_here_and_a_text_there() -> None:
    number, text = event("e", "$input.i.a > 1"), event("f", "$input.i.a == 'hot'")

    findings = check(document(state("s", [number, event("g", "$input.i.a < 9"), text])))

    [finding] = [each for each in findings if each.level is Level.WARNING]
    assert finding.message == "incompatible data types [Integer, Decimal] and [String] found for `$input.i.a`"
    assert finding.path == "states[0].onInput.events[2].condition"
    assert finding.advice == "states[0].onInput.events[0].condition takes it for [Integer, Decimal]"


def test_a_variable_that_is_set_to_a_number_here_and_to_a_text_there() -> None:
    assert told(event("e", "true", set_variable("n", "1"), set_variable("n", "2.5"), set_variable("n", "'x'"))) == [
        "incompatible data types [Integer, Decimal] and [String] found for `$variable.n`"
    ]
    assert told(event("e", "true", set_variable("n", "1"), set_variable("n", "$input.i.a"))) == []


def test_unequal_takes_anything() -> None:
    assert told(event("e", "$input.i.a > 1 && $input.i.a != 'x'")) == []
