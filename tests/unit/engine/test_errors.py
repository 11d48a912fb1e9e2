"""How faults are told, and that they survive on their way through a queue."""

import json
import pickle

import pytest

from coldwatch.engine.checker import check
from coldwatch.engine.documents import MAX_DEPTH
from coldwatch.engine.errors import (
    EngineError,
    EvaluationError,
    ExpressionError,
    Finding,
    FindingType,
    KeyMissingError,
    Level,
    underlined,
)
from coldwatch.engine.loader import load_inputs, load_model
from coldwatch.engine.report import shown
from coldwatch.engine.syntax import Span
from tests.unit.engine.builders import Detector, document, event, message, model, publish, state


@pytest.mark.parametrize(
    "error",
    [
        ExpressionError("wrong", "1 +", Span(3, 4), "write a number"),
        EvaluationError("no such thing", Span(0, 1)),
        KeyMissingError("no key"),
    ],
)
def test_an_error_is_the_same_after_pickling(error: EngineError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - written on the line itself

    assert (type(again), vars(again), str(again)) == (type(error), vars(error), str(error))


def test_an_expression_without_a_place_is_told_whole() -> None:
    assert underlined("a\n b\t", None) == "  a\n   b "
    assert underlined("", None) == "  "
    finding = Finding(Level.ERROR, FindingType.STRUCTURE, "", "odd", "1", None, "leave it")
    assert str(finding) == "error: odd\n  1\n  advice: leave it"


def test_of_a_long_line_the_part_around_the_place_is_told() -> None:
    source = "x" * 500 + "HERE" + "y" * 500

    line, carets = underlined(source, Span(500, 504)).splitlines()

    assert len(line) < 130
    assert line.startswith("  ...x")
    assert line.endswith("y...")
    assert line[carets.index("^") : carets.rindex("^") + 1] == "HERE"
    assert underlined("ab", Span(2, 3)).splitlines()[1] == "    ^"
    first, mark = underlined("z" * 500, Span(0, 400)).splitlines()
    assert (first.startswith("  z"), set(mark.strip())) == (True, {"^"})


def test_a_place_is_shown_in_its_own_line() -> None:
    assert underlined("one\ntwo three\nfour", Span(8, 13)) == "  two three\n      ^^^^^"
    assert underlined("one\ntwo\nthree", Span(4, 13)) == "  two\n  ^^^"


@pytest.mark.parametrize("depth", [MAX_DEPTH - 2, MAX_DEPTH + 2, 3_000])
def test_a_document_has_a_depth_that_is_enough(depth: int) -> None:
    text = '{"states": ' + "[" * depth + "]" * depth + "}"

    told = [each.message for each in check(text)]

    assert any("nested more than 100 levels deep" in each for each in told) is (depth > MAX_DEPTH)


def test_values_are_quoted_in_json_words() -> None:
    values: tuple[object, ...] = (None, {}, [], True, False, 5, "x" * 100)

    assert [shown(each) for each in values] == [
        *("nothing", "an object", "a list", "true", "false", "5"),
        "'" + "x" * 56 + "...",
    ]


def test_an_object_is_no_field_and_no_topic() -> None:
    table = {"dynamoDBv2": {"tableName": "$input.i.deep"}}
    detector = Detector(
        model(state("s", [event("e", None, table, publish("$input.i.list"), publish("$input.i.null"))]))
    )

    evaluation = detector.receive({"deep": {"a": 1}, "list": [1], "null": None})

    assert evaluation.actions == ()
    assert [note.message for note in evaluation.notes] == [
        f"a field cannot be {kind}" for kind in ("object", "array", "null")
    ]


def test_an_attribute_and_a_list_that_are_none_are_told() -> None:
    with pytest.raises(EngineError, match="`jsonPath` must be text, not 5"):
        load_inputs([{"inputName": "i", "inputDefinition": {"attributes": [{"jsonPath": 5}]}}])
    with pytest.raises(EngineError, match="`actions` must be a list, not an object"):
        load_model(document(state("s", [{"eventName": "e", "actions": {"sns": {}}}])))
    with pytest.raises(EngineError, match="`stateName` is missing"):
        load_model({"states": [{"onInput": {}}], "initialStateName": "s"})
    with pytest.raises(EngineError, match="`evaluationMethod` must be BATCH or SERIAL, not a list"):
        load_model(document(state("s")) | {"evaluationMethod": ["BATCH"]})
    with pytest.raises(EngineError, match="`type` must be STRING or JSON, not an object"):
        load_model(document(state("s", [event("e", None, {"sns": {"targetArn": "a", "payload": {"type": {}}}})])))


def test_a_payload_that_nests_without_end_is_sent_as_its_text() -> None:
    """Decoded, it could not be written again."""
    detector = Detector(
        model(state("s", [event("e", None, publish("t", type="JSON", contentExpression="$input.i.x"))]))
    )
    text = "[" * 2_000 + "]" * 2_000

    evaluation = detector.receive({"x": text})

    [action] = evaluation.actions
    assert action.payload == text
    assert json.dumps(action.to_document())
    assert [note.level for note in evaluation.notes] == [Level.WARNING]
    assert message().message_id == "m"
