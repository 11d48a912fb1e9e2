"""CloudFormation creates what is referred to first, so no resource may need itself by way of others.

cfn-lint looks at the template before SAM adds to it, and misses a circle that leads through a function's URL or role.
"""

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

import pytest

from .template import template

_MADE_BY_SAM = ("Url", "Role")
"""What SAM calls the resources that it adds to a function: the function's id and one of these."""


def needed(resources: dict[str, Any]) -> dict[str, set[str]]:
    """Logical id -> those that its properties refer to."""
    return {name: {_owner(each, resources) for each in _named(body)} - {name, ""} for name, body in resources.items()}


def _owner(name: str, resources: dict[str, Any]) -> str:
    """Whose resource it is; empty for a parameter."""
    without = (name.removesuffix(each) for each in ("", *_MADE_BY_SAM))
    return next((each for each in without if each in resources), "")


def _named(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": name}:
            yield str(name)
        case {"Fn::GetAtt": [name, *_]}:
            yield str(name)
        case {"Fn::GetAtt": name}:
            yield str(name).partition(".")[0]
        case {"Fn::Sub": [text, given]}:
            yield from (*_in_text(str(text)), *_named(given))
        case {"Fn::Sub": text}:
            yield from _in_text(str(text))
        case dict():
            for key, each in value.items():
                yield from _listed(each) if key == "DependsOn" else _named(each)
        case list():
            for each in value:
                yield from _named(each)


def _in_text(text: str) -> list[str]:
    return re.findall(r"\$\{([A-Za-z0-9]+)", text)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_no_resource_needs_itself() -> None:
    try:
        order = list(TopologicalSorter(needed(template()["Resources"])).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")
    assert set(order) == set(template()["Resources"])


@pytest.mark.parametrize(
    "reference",
    [
        {"Ref": "B"},
        {"Fn::GetAtt": ["BUrl", "FunctionUrl"]},
        {"Fn::GetAtt": "B.Arn"},
        {"Fn::Sub": "${B.Arn}/*"},
        {"Fn::Sub": ["${x}", {"x": {"Ref": "BRole"}}]},
    ],
)
def test_every_form_of_a_reference_closes_a_circle(reference: dict[str, Any]) -> None:
    resources = {"A": {"Properties": {"In": [reference]}}, "B": {"DependsOn": "A"}}
    with pytest.raises(CycleError):
        list(TopologicalSorter(needed(resources)).static_order())
