"""The expression language as data: the same cases for the interpreter and for the command."""

import json
from pathlib import Path
from typing import Any

import pytest

from coldwatch.engine import machine
from coldwatch.engine.errors import EvaluationError, ExpressionError, Level
from coldwatch.engine.evaluation import Message, Trigger
from coldwatch.engine.interpreter import evaluate
from coldwatch.engine.loader import load_model
from coldwatch.engine.parser import parse
from coldwatch.engine.program import Program
from coldwatch.engine.scope import Scope
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.engine.values import UNDEFINED
from coldwatch_ops.main import main

WORLD = json.loads((Path(__file__).parent / "expressions.json").read_text())
CASES: list[dict[str, Any]] = WORLD["cases"]
READABLE = [case for case in CASES if "syntax_error" not in case]
UNREADABLE = [case for case in CASES if "syntax_error" in case]


def named(case: dict[str, Any]) -> str:
    return f"{case['about']}: {case['expression']}"


def scope() -> Scope:
    return Scope(WORLD["variables"], {"world": WORLD["payload"]}, message_input="world", expired=frozenset(("over",)))


@pytest.mark.parametrize("case", READABLE, ids=named)
def test_the_interpreter_gives_the_value_or_the_error_and_its_place(case: dict[str, Any]) -> None:
    node = parse(case["expression"])

    if "error" in case:
        with pytest.raises(EvaluationError) as raised:
            evaluate(node, scope())
        assert raised.value.message == case["error"]
        assert raised.value.span is not None
        assert raised.value.span.start == case["at"]
    else:
        value = evaluate(node, scope())
        expected = UNDEFINED if case.get("undefined") else case["value"]
        assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize("case", READABLE, ids=named)
def test_compiled_code_does_with_it_what_the_interpreter_does(case: dict[str, Any]) -> None:
    """As a condition, and as the value of a variable."""
    text = case["expression"]
    conditioned = {"eventName": "c", "condition": text, "actions": [variable("held", "true")]}
    valued = {"eventName": "v", "actions": [variable("value", text)]}
    model = load_model(
        {
            "detectorModelDefinition": {
                "states": [{"stateName": "s", "onInput": {"events": [conditioned, valued]}}],
                "initialStateName": "s",
            }
        }
    )
    before = Snapshot("s", WORLD["variables"], {"over": Timer(0, 1, is_expired=True)}, {})
    message = Message("world", WORLD["payload"], "m")

    program = Program(model)
    packed, told = program.step(program.layout.pack(before), message, key=None, now_ms=1)
    found = told or program.unchanged(packed, Trigger("message"), key=None, now_ms=1)

    expected = machine.evaluate(model, before, message, key=None, now_ms=1)
    assert [(type(value), value) for value in found.after.variables.values()] == [
        (type(value), value) for value in expected.after.variables.values()
    ]
    assert found.after.timers == expected.after.timers
    faults = [[note for note in each.notes if note.level is not Level.INFO] for each in (found, expected)]
    assert faults[0] == faults[1]


@pytest.mark.parametrize("case", UNREADABLE, ids=named)
def test_the_parser_says_what_is_wrong_and_where(case: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(case["expression"])

    error = raised.value
    assert (error.message, error.span.start, error.advice) == (case["syntax_error"], case["at"], case.get("advice"))


def variable(name: str, expression: str) -> dict[str, Any]:
    return {"setVariable": {"variableName": name, "value": expression}}


def literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


def world_model() -> dict[str, Any]:
    """Sets a variable per case, when the message `world` finds the timer expired."""
    given = [variable(name, literal(value)) for name, value in WORLD["variables"].items()]
    timer = {"setTimer": {"timerName": "over", "seconds": 60}}
    results = [variable(f"case_{number}", case["expression"]) for number, case in enumerate(READABLE)]
    entering = [{"eventName": "given", "actions": [*given, timer]}]
    asking = [{"eventName": "results", "condition": "currentInput('world')", "actions": results}]
    state = {"stateName": "here", "onEnter": {"events": entering}, "onInput": {"events": asking}}
    return {"states": [state], "initialStateName": "here"}


def test_replay_gives_the_same_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, trace = tmp_path / "world.json", tmp_path / "trace.jsonl"
    document = world_model()
    # The detector is created by an input of which the cases know nothing.
    document["states"][0]["onInput"]["events"].append({"eventName": "begin", "condition": "currentInput('begin')"})
    model.write_text(json.dumps(document))
    entries = [
        {"inputName": "begin", "payload": {}},
        {"advanceTo": 60_000},
        {"inputName": "world", "payload": WORLD["payload"]},
    ]
    trace.write_text("".join(json.dumps(entry) + "\n" for entry in entries))

    code = main(["replay", str(model), "--messages", str(trace)])

    variables = json.loads(capsys.readouterr().out.splitlines()[-1])["variables"]
    assert code == 0
    for number, case in enumerate(READABLE):
        if "value" in case:
            assert variables[f"case_{number}"] == case["value"], named(case)
        else:
            assert f"case_{number}" not in variables, named(case)


def test_validate_tells_the_same_faults_at_the_same_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "faults.json"
    actions = [variable(f"case_{number}", case["expression"]) for number, case in enumerate(UNREADABLE)]
    event = {"eventName": "faults", "condition": "currentInput('x')", "actions": actions}
    model.write_text(
        json.dumps({"states": [{"stateName": "s", "onInput": {"events": [event]}}], "initialStateName": "s"})
    )

    code = main(["validate", str(model), "--json"])

    findings = json.loads(capsys.readouterr().out)["files"][0]["findings"]
    faults = {finding["path"]: finding for finding in findings if finding["type"] == "expression-syntax"}
    assert code == 1
    assert len(faults) == len(UNREADABLE)
    for number, case in enumerate(UNREADABLE):
        finding = faults[f"states[0].onInput.events[0].actions[{number}].setVariable.value"]
        assert (finding["message"], finding["span"]["start"]) == (case["syntax_error"], case["at"])
        assert (finding["expression"], finding.get("advice")) == (case["expression"], case.get("advice"))
