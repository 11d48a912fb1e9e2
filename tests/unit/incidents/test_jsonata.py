"""The little of JSONata that the tests of state machines read."""

from typing import Any

import pytest

from tests.unit.incidents.jsonata import QueryEvaluationError, evaluate

KNOWN = {"round": 3, "step": 2, "waits": {"s": [60, 120], "repeat_s": 600}, "states": {"input": {"outcome": "open"}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$round + 1", 4),
        ("$min([$round * 10, 600])", 30),
        ("$step <= $count($waits.s) ? $waits.s[$step - 1] : $waits.repeat_s", 120),
        ("$round < $count($waits.s) ? $waits.s[$round] : $waits.repeat_s", 600),
        ("$states.input.outcome = 'open'", True),
        ("$states.input.outcome in ['acknowledged', 'snoozed']", False),
        ("$round >= 300", False),
        ("$exists($waits.s) ? $waits.s : 0", [60, 120]),
        ("$exists($states.result.waits) ? $states.result.waits : $waits.repeat_s", 600),
    ],
)
def test_an_expression_has_its_value(text: str, value: Any) -> None:
    assert evaluate({"a": [f"{{% {text} %}}"]}, KNOWN) == {"a": [value]}


@pytest.mark.parametrize(
    "text", ["$no_such", "$states.result.round", "$round ? 1", "$sum([1])", "1 & 2", "$round round"]
)
def test_what_has_no_value_or_is_not_read_is_an_error(text: str) -> None:
    with pytest.raises(QueryEvaluationError):
        evaluate(f"{{% {text} %}}", KNOWN)
