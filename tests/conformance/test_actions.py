"""The actions as data: what each does to the detector, what it sends, and what is noted when it fails."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from coldwatch.engine.loader import load_model
from coldwatch.engine.machine import Evaluation, Message, evaluate
from coldwatch_ops.detectors.replay import evaluation_document
from coldwatch_ops.main import main

WORLD = json.loads((Path(__file__).parent / "actions.json").read_text())
CASES: list[dict[str, Any]] = WORLD["cases"]
MESSAGE: dict[str, Any] = WORLD["message"]
PLACE = "states[0].onInput.events[0].actions"

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])


def literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


def model_document(case: Mapping[str, Any]) -> dict[str, Any]:
    given = [
        *({"setVariable": {"variableName": n, "value": literal(v)}} for n, v in WORLD["variables"].items()),
        *({"setTimer": {"timerName": n, "seconds": s}} for n, s in WORLD["timers"].items()),
    ]
    acting = {"eventName": "act", "condition": "currentInput('pump')", "actions": case["actions"]}
    entering = {"eventName": "given", "actions": given}
    state = {"stateName": "here", "onEnter": {"events": [entering]}, "onInput": {"events": [acting]}}
    definition = {"states": [state], "initialStateName": "here"}
    return {"detectorModelName": "actions", "key": WORLD["key"], "detectorModelDefinition": definition}


def expected_line(case: Mapping[str, Any]) -> dict[str, Any]:
    timers = {name: MESSAGE["timestamp"]["timeInMillis"] + s * 1000 for name, s in WORLD["timers"].items()}
    timers |= case.get("timers", {})
    default = WORLD["default_payload"]
    return {
        "actions": [
            {**effect, "eventName": "act", **({"payload": default} if effect.get("payload") == "default" else {})}
            for effect in case.get("effects", ())
        ],
        "variables": WORLD["variables"] | case.get("variables", {}),
        "timers": {name: due for name, due in timers.items() if due is not None},
    }


def comparable(line: dict[str, Any]) -> dict[str, Any]:
    """Ids that the engine makes are looked at here, and then as the data has them."""
    for action in line["actions"]:
        for holder, name in ((action.get("payload"), "actionExecutionId"), (action["fields"], "entryId")):
            inner = holder.get("payload", holder) if isinstance(holder, dict) else {}
            if isinstance(inner, dict) and len(str(inner.get(name))) == 36:
                assert UUID(inner[name]).version == 3
                inner[name] = "*"
    return {name: line[name] for name in ("actions", "variables", "timers")}


def exactly(line: dict[str, Any]) -> str:
    """As text, in which 7 and 7.0 differ."""
    return json.dumps(line, sort_keys=True, indent=1)


def stepped(case: Mapping[str, Any]) -> Evaluation:
    message = Message(MESSAGE["inputName"], MESSAGE["payload"], MESSAGE["messageId"])
    key, now_ms = MESSAGE["payload"]["id"], MESSAGE["timestamp"]["timeInMillis"]
    return evaluate(load_model(model_document(case)), None, message, key=key, now_ms=now_ms)


@each_case
def test_the_step_does_and_sends_what_the_case_says(case: dict[str, Any]) -> None:
    evaluation = stepped(case)

    assert exactly(comparable(evaluation_document(evaluation))) == exactly(expected_line(case))


@each_case
def test_the_step_notes_what_failed_and_where(case: dict[str, Any]) -> None:
    notes = stepped(case).notes

    assert [f"{each.level.lower()}: {each.path.removeprefix(PLACE)}: {each.message}" for each in notes] == case.get(
        "notes", []
    )
    for note, (expression, start) in zip(notes, case.get("places", ()), strict=False):
        assert (note.expression, None if note.span is None else note.span.start) == (expression, start)


@each_case
def test_replay_does_the_same(case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, trace = tmp_path / "actions.json", tmp_path / "trace.jsonl"
    model.write_text(json.dumps(model_document(case)))
    trace.write_text(json.dumps(MESSAGE))

    code = main(["replay", str(model), "--messages", str(trace)])

    told = capsys.readouterr()
    assert code == 0
    assert exactly(comparable(json.loads(told.out))) == exactly(expected_line(case))
    for note in case.get("notes", ()):
        level, _, rest = note.partition(": ")
        assert f"{level}: {PLACE}{rest} (time 1500, told once)" in told.err


def test_there_is_a_case_for_each_of_the_thirteen_actions() -> None:
    assert {name for case in CASES for action in case["actions"] for name in action} == {
        *("setVariable", "setTimer", "resetTimer", "clearTimer", "lambda", "sns", "sqs", "firehose"),
        *("iotTopicPublish", "iotEvents", "iotSiteWise", "dynamoDB", "dynamoDBv2"),
    }


def test_ids_are_the_same_in_every_process_and_on_every_machine() -> None:
    actions = [{"sns": {"targetArn": "arn:t"}}, {"sns": {"targetArn": "arn:t"}}]

    ids = [each.action_execution_id for each in stepped({"actions": actions}).actions]

    assert ids == WORLD["ids"]
