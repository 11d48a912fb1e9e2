from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.engine.errors import EvaluationError, ExpressionError
from coldwatch.engine.functions import ARITIES
from coldwatch.engine.interpreter import evaluate
from coldwatch.engine.parser import MAX_DEPTH, MAX_OPERATORS, PRECEDENCE, parse, parse_path, parse_text
from coldwatch.engine.scope import Scope
from coldwatch.engine.syntax import (
    Binary,
    Call,
    InputReference,
    Literal,
    Node,
    Span,
    Template,
    Unary,
    VariableReference,
    children,
    walk,
)

NOWHERE = Span(0, 0)
NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,5}", fullmatch=True)
QUOTED_NAMES = st.text(st.characters(exclude_characters="`", exclude_categories=["Cs"]), min_size=1, max_size=5)
TEXTS = st.text(st.characters(exclude_characters="'\"\\$", exclude_categories=["Cs"]), max_size=6)


def written(node: Node) -> str:  # noqa: PLR0911 - a form per kind of node
    """An expression that reads as this tree, every part in parentheses."""
    match node:
        case Literal(value=bool(value)):
            return "true" if value else "false"
        case Literal(value=str(value)):
            return f"'{value}'"
        case Literal(value=value):
            return repr(value)
        case Template(parts=parts):
            return "'" + "".join(_written_part(part) for part in parts) + "'"
        case InputReference(input_name=name, path=path):
            return f"$input.`{name}`" + "".join(f"[{s}]" if isinstance(s, int) else f".`{s}`" for s in path)
        case VariableReference(name=name):
            return f"$variable.`{name}`"
        case Unary(operator=operator, operand=operand):
            return f"{operator}({written(operand)})"
        case Binary(operator=operator, left=left, right=right):
            return f"({written(left)}) {operator} ({written(right)})"
        case Call(function=function, arguments=arguments):
            return f"{function}({', '.join(map(written, arguments))})"


def _written_part(part: Node) -> str:
    return part.value if isinstance(part, Literal) and isinstance(part.value, str) else "${" + written(part) + "}"


def shape(node: Node) -> Any:
    """A tree without its places."""
    match node:
        case Literal(value=value):
            return type(value).__name__, value
        case InputReference(input_name=name, path=path):
            return "input", name, path
        case VariableReference(name=name):
            return "variable", name
    own = getattr(node, "operator", None) or getattr(node, "function", "template")
    return own, *map(shape, children(node))


def references() -> st.SearchStrategy[Node]:
    steps = st.one_of(QUOTED_NAMES, st.integers(0, 99))
    inputs = st.builds(
        lambda name, first, rest: InputReference(name, (first, *rest), NOWHERE),
        QUOTED_NAMES,
        QUOTED_NAMES,
        st.lists(steps, max_size=3),
    )
    return inputs | st.builds(lambda name: VariableReference(name, NOWHERE), QUOTED_NAMES)


def literals() -> st.SearchStrategy[Node]:
    values = st.one_of(st.booleans(), st.integers(0, (1 << 63) - 1), st.floats(0, 1e300, allow_subnormal=False), TEXTS)
    return st.builds(lambda value: Literal(value, NOWHERE), values)


def _larger(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    calls = st.sampled_from(sorted(ARITIES)).flatmap(
        lambda name: st.builds(
            lambda arguments: Call(name, tuple(arguments), NOWHERE),
            st.lists(nodes, min_size=ARITIES[name], max_size=ARITIES[name]),
        )
    )
    return st.one_of(
        calls,
        st.builds(lambda o, a, b: Binary(o, a, b, NOWHERE), st.sampled_from(sorted(PRECEDENCE)), nodes, nodes),
        # A minus before a number is part of the number.
        st.builds(lambda o, a: Unary(o, a, NOWHERE), st.sampled_from("!~"), nodes),
        st.builds(lambda a, b: Template((Literal("x", NOWHERE), a, b), NOWHERE), references(), references()),
    )


EXPRESSIONS = st.recursive(references() | literals(), _larger, max_leaves=12)


@given(EXPRESSIONS)
def test_what_is_written_is_read_again(node: Node) -> None:
    assert shape(parse(written(node))) == shape(node)


@given(EXPRESSIONS)
def test_every_part_can_be_read_from_its_own_span(node: Node) -> None:
    source = written(node)

    for part in walk(parse(source)):
        if not (isinstance(part, Literal) and isinstance(part.value, str)):
            assert shape(parse(source[part.span.start : part.span.end])) == shape(part)


@given(st.one_of(st.text(max_size=60), st.text("()'\"$`{}[].,!~-+*/&|^=<>input variable1", max_size=60)))
def test_any_text_is_read_or_refused_within_itself(source: str) -> None:
    for read in (parse, parse_text, parse_path):
        error = refusal(read, source)
        if error is not None:
            assert 0 <= error.span.start <= len(source)
            assert error.span.start < error.span.end
            assert "^" in str(error)


def refusal(read: Callable[[str], object], source: str) -> ExpressionError | None:
    try:
        read(source)
    except ExpressionError as error:
        return error
    return None


@given(EXPRESSIONS)
def test_any_expression_gives_a_value_or_an_evaluation_error(node: Node) -> None:
    source = written(node)
    scope = Scope({"a": 1}, {"i": {"a": [1, None, {"b": 2.5}]}}, message_input="i")

    failed = failure(source, scope)
    if failed is not None:
        assert failed.span is not None
        assert source[failed.span.start : failed.span.end]


def failure(source: str, scope: Scope) -> EvaluationError | None:
    try:
        evaluate(parse(source), scope)
    except EvaluationError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("source", "value"),
    [("(" * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1), 1), ("1" + "+1" * (MAX_OPERATORS - 1), MAX_OPERATORS)],
)
def test_nesting_has_a_limit_that_is_far_away(source: str, value: int) -> None:
    assert evaluate(parse(source), Scope({}, {}, message_input=None)) == value


@pytest.mark.parametrize("term", ["!false", "(true)", "isNull(1) == false", "'${1}' == '1'"])
def test_terms_beside_each_other_are_not_nested(term: str) -> None:
    assert evaluate(parse(" && ".join([term] * 150)), Scope({}, {}, message_input=None)) is True


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("(" * 100_000, "nested too deeply"),
        ("-" * 100_000, "nested too deeply"),
        ("!" * 100_000 + "true", "nested too deeply"),
        ("'${" * 100_000, "nested too deeply"),
        ("isNull(" * 100_000, "nested too deeply"),
        ("1" + "+1" * 100_000, "too many operators in a row"),
        ("true" + " && true" * 100_000, "too many operators in a row"),
    ],
)
def test_beyond_it_there_is_an_error_and_no_crash(source: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason):
        parse(source)


def test_operators_that_bind_differently_are_read_in_turn() -> None:
    parsed = parse("1 || 2 && 3 | 4 ^ 5 & 6 == 7 < 8 + 9 * 10")

    operators = [node.operator for node in walk(parsed) if isinstance(node, Binary)]
    assert operators == ["||", "&&", "|", "^", "&", "==", "<", "+", "*"]


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("motorid", ("motorid",)),
        ("a.b-c._d", ("a", "b-c", "_d")),
        ("a.`two words`.c", ("a", "two words", "c")),
        ("`a`.`b`", ("a", "b")),
        ("payload.transformed_payload.DeviceId", ("payload", "transformed_payload", "DeviceId")),
    ],
)
def test_a_path_is_read_into_its_steps(path: str, steps: tuple[str, ...]) -> None:
    assert parse_path(path) == steps


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("", 0),
        ("a..b", 2),
        (".a", 0),
        ("a.", 2),
        ("a b", 1),
        ("a[0]", 1),
        ("`a", 0),
        ("``", 0),
        ("``a`", 0),
        ("`a`b", 3),
    ],
)
def test_a_path_that_is_none_is_refused_at_its_place(path: str, at: int) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse_path(path)

    assert raised.value.span.start == at


def test_plain_text_is_a_template_without_quotes() -> None:
    node = parse_text('it\'s ${$variable.a} "x"')

    assert evaluate(node, Scope({"a": 7}, {}, message_input=None)) == 'it\'s 7 "x"'


def test_an_index_has_nine_digits_at_most() -> None:
    [reference] = walk(parse("$input.i.a[000999999999]"))
    assert isinstance(reference, InputReference)
    assert reference.path == ("a", 999_999_999)
    with pytest.raises(ExpressionError, match="no array is that long"):
        parse("$input.i.a[1000000000]")


@pytest.mark.parametrize(
    ("source", "underlined"),
    [
        ("1 foo bar", "foo"),
        ("1 22.5", "22.5"),
        ("1 ( 2", "("),
        ("1 # 2", "#"),
        ("$input.i.a $b", "$"),
        ("1 <= <= 2", "<="),
    ],
)
def test_what_should_not_be_there_is_underlined_whole(source: str, underlined: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(source)

    span = raised.value.span
    assert source[span.start : span.end] == underlined


def test_what_is_missing_at_the_end_is_one_column_behind_it() -> None:
    with pytest.raises(ExpressionError) as raised:
        parse("1 +")

    assert raised.value.span == Span(3, 4)


def test_a_name_that_is_missing_in_a_path_is_one_column_wide() -> None:
    with pytest.raises(ExpressionError) as raised:
        parse_path("a.?")

    assert raised.value.span == Span(2, 3)


def test_an_argument_may_be_of_any_operator() -> None:
    assert evaluate(parse("convert(String, false || true)"), Scope({}, {}, message_input=None)) == "true"


def test_depth_that_was_left_does_not_count_and_is_not_given_back_twice() -> None:
    before = "(1) + " * 20
    deepest = "(" * (MAX_DEPTH - 2) + "1" + ")" * (MAX_DEPTH - 2)

    parse(before + deepest)
    with pytest.raises(ExpressionError, match="deep"):
        parse(before + f"(({deepest}))")


def test_a_text_begins_where_it_begins() -> None:
    assert parse_text("a${1}b").span == Span(0, 6)
