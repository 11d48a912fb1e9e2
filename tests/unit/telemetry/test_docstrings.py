"""The examples in the library's docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[3] / "functions"
MODULES = sorted(
    ".".join(path.relative_to(FUNCTIONS).with_suffix("").parts)
    for path in (FUNCTIONS / "coldwatch").rglob("*.py")
    if ">>> " in path.read_text()
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))

    assert result.attempted > 0
    assert result.failed == 0
