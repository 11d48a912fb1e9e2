import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloud.substitution_logic import Expression, UndefinedTemplateError, expand, pieces

PLAIN = st.text(alphabet=st.characters(exclude_characters="$", codec="utf-8"))


def values(**found: Any) -> Any:
    return found.get


def test_a_field_without_a_template_is_left_as_it_is() -> None:
    assert expand("$aws/things/a", values()) == "$aws/things/a"


def test_each_template_is_replaced_by_its_value() -> None:
    assert expand("${one}-${two}/end", values(one="a", two="b")) == "a-b/end"


@pytest.mark.parametrize(
    ("value", "text"),
    [("a b", "a b"), (5, "5"), (5.5, "5.5"), (True, "true"), ([1, "x"], '[1,"x"]'), ({"a": 1}, '{"a":1}'), ("", "")],
)
def test_a_value_becomes_text_as_the_rule_sql_converts_it(value: Any, text: str) -> None:
    assert expand("${v}", values(v=value)) == text


def test_a_template_without_a_value_fails_whole_and_names_the_expression() -> None:
    with pytest.raises(UndefinedTemplateError) as failure:
        expand("device/${device_id}", values())

    assert failure.value.expression == "device_id"
    assert "device/${device_id}" in str(failure.value)


def test_null_has_no_text() -> None:
    with pytest.raises(UndefinedTemplateError):
        expand("${v}", values(v=None))


def test_a_brace_inside_a_literal_does_not_end_the_expression() -> None:
    assert pieces("${replace(topic(), '}', 'it''s')}") == (Expression("replace(topic(), '}', 'it''s')"),)


def test_an_expression_that_never_ends_fails() -> None:
    with pytest.raises(UndefinedTemplateError):
        expand("a/${topic(", values())


def test_what_a_value_contains_is_not_expanded_again() -> None:
    assert expand("${one}", values(one="${two}", two="secret")) == "${two}"


@given(before=PLAIN, value=st.text(), after=PLAIN)
def test_the_text_around_a_template_is_kept(before: str, value: str, after: str) -> None:
    assert expand(f"{before}${{v}}{after}", values(v=value)) == before + value + after


@given(st.text())
def test_any_field_expands_or_fails_with_the_one_error(template: str) -> None:
    with suppress(UndefinedTemplateError):
        assert isinstance(expand(template, json.dumps), str)
