"""`coldwatch validate` and `coldwatch replay` as a person or a script meets them."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coldwatch_ops.main import main

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests" / "conformance" / "models"

GOOD: dict[str, Any] = {
    "detectorModelName": "door",
    "key": "id",
    "detectorModelDefinition": {
        "initialStateName": "shut",
        "states": [
            {
                "stateName": "shut",
                "onInput": {
                    "transitionEvents": [
                        {
                            "eventName": "opened",
                            "condition": "currentInput('door') && $input.door.open",
                            "actions": [{"setTimer": {"timerName": "long", "seconds": 60}}],
                            "nextState": "open",
                        }
                    ]
                },
            },
            {
                "stateName": "open",
                "onInput": {
                    "transitionEvents": [
                        {"eventName": "closed", "condition": "currentInput('door')", "nextState": "shut"},
                        {
                            "eventName": "long open",
                            "condition": "timeout('long')",
                            "actions": [{"sns": {"targetArn": "arn:t"}}],
                            "nextState": "open",
                        },
                    ]
                },
            },
        ],
    },
}
DOOR = {"inputName": "door", "inputDefinition": {"attributes": [{"jsonPath": "id"}, {"jsonPath": "open"}]}}


def broken(condition: str = "isNul(1)") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(GOOD))
    document["detectorModelDefinition"]["states"][1]["onInput"]["transitionEvents"][0]["condition"] = condition
    return document


def write(path: Path, document: Any) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))
    return str(path)


def sent(message_id: str, key: str, at: int, *, is_open: bool = True) -> dict[str, Any]:
    payload = {"id": key, "open": is_open}
    return {"messageId": message_id, "inputName": "door", "payload": payload, "timestamp": {"timeInMillis": at}}


def trace(path: Path, *entries: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return str(path)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_clean_model_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["validate", write(tmp_path / "good.json", GOOD)])

    assert (code, capsys.readouterr().out) == (0, "1 file: 0 errors, 0 warnings.\n")


def test_a_fault_is_told_with_file_place_expression_and_caret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = write(tmp_path / "bad.json", broken()), write(tmp_path / "good.json", GOOD)

    code = main(["validate", good, bad])

    assert code == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{bad}: error: states[1].onInput.transitionEvents[0].condition: unknown function `isNul`",
        "    isNul(1)",
        "    ^^^^^",
        "    advice: did you mean `isNull`?",
        "2 files: 1 error, 0 warnings.",
    ]


def test_warnings_alone_are_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["validate", write(tmp_path / "odd.json", broken("$variable.none == 1"))])

    assert code == 0
    assert "1 file: 0 errors, 1 warning." in capsys.readouterr().out


def test_for_a_machine_every_finding_is_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = write(tmp_path / "bad.json", broken())

    code = main(["validate", bad, write(tmp_path / "good.json", GOOD), "--json"])

    answer = json.loads(capsys.readouterr().out)
    assert code == 1
    assert (answer["errors"], answer["warnings"]) == (1, 0)
    assert [each["level"] for each in answer["files"][1]["findings"]] == ["INFO"]
    del answer["files"][0]["findings"][:1]
    assert answer["files"][0] == {
        "file": bad,
        "findings": [
            {
                "level": "ERROR",
                "type": "expression-syntax",
                "path": "states[1].onInput.transitionEvents[0].condition",
                "message": "unknown function `isNul`",
                "expression": "isNul(1)",
                "span": {"start": 0, "end": 5},
                "advice": "did you mean `isNull`?",
            }
        ],
    }


def test_what_a_model_reads_is_compared_with_its_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(tmp_path / "model.json", GOOD)
    write(tmp_path / "inputs" / "door.json", DOOR)
    write(tmp_path / "others" / "window.json", {**DOOR, "inputName": "window"})

    codes = [main(["validate", model, "--inputs", str(tmp_path / name)]) for name in ("inputs", "others")]

    told = capsys.readouterr().out
    assert codes == [0, 1]
    assert "2 files: 0 errors, 0 warnings." in told
    assert "there is no input `door`" in told


def test_inputs_are_checked_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = write(tmp_path / "input.json", {**DOOR, "inputDefinition": {"attributes": [{"jsonPath": "a["}]}})
    for name in "ab":
        write(tmp_path / "inputs" / f"{name}.json", DOOR)

    codes = main(["validate", alone]), main(["validate", alone, "--inputs", str(tmp_path / "inputs")])

    told = capsys.readouterr().out
    assert codes == (1, 1)
    assert "inputDefinition.attributes[0].jsonPath: expected `.` or the end of the path" in told
    assert "another file declares the input `door` already" in told


def test_a_folder_stands_for_its_models(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["validate", str(ROOT / "detectors" / "models"), "--inputs", str(ROOT / "detectors" / "inputs")])

    assert code == 0
    assert " 0 errors, 0 warnings." in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["validate"],
        ["validate", "no/such/file.json"],
        ["validate", "{empty}"],
        ["validate", "{model}", "--inputs", "no/such/folder"],
        ["replay", "{model}"],
        ["replay", "no/such/file.json", "--messages", "{model}"],
        ["replay", "{model}", "--messages", "no/such/file.jsonl"],
        ["replay", "{model}", "--messages", "{empty}"],
        ["replay", "{model}", "--messages", "{model}", "--until", "soon"],
    ],
)
def test_a_wrong_call_is_told_as_one(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    places = {"model": write(tmp_path / "model.json", GOOD), "empty": str(tmp_path / "empty")}

    try:
        code = main([word.format(**places) for word in words])
    except SystemExit as ended:  # what argparse itself refuses
        code = int(str(ended.code))

    assert code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_replay_writes_what_acted_or_changed(
    json_option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write(tmp_path / "door.json", GOOD)
    messages = trace(
        tmp_path / "trace.jsonl",
        sent("1", "a", 0, is_open=False),
        sent("2", "a", 1, is_open=False),
        sent("3", "a", 2),
    )

    code = main(["replay", model, "--messages", messages, *json_option])

    told = lines(capsys)
    assert code == 0
    assert [(line["time"], line["from"], line["to"]) for line in told] == [(0, "shut", "shut"), (2, "shut", "open")]
    assert told[1] == {
        "time": 2,
        "key": "a",
        "trigger": {"type": "message", "messageId": "3", "inputName": "door"},
        "from": "shut",
        "to": "open",
        "actions": [],
        "variables": {},
        "timers": {"long": 60_002},
    }


def test_the_timers_of_all_detectors_fire_in_order_before_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write(tmp_path / "door.json", GOOD)
    messages = trace(
        tmp_path / "trace.jsonl", sent("1", "b", 0), sent("2", "a", 1), sent("3", "c", 1), sent("4", "d", 70_000)
    )

    main(["replay", model, "--messages", messages, "--until", "130000"])

    fired = [(line["time"], line["key"]) for line in lines(capsys) if line["trigger"]["type"] == "timer"]
    assert fired == [(60_000, "b"), (60_001, "a"), (60_001, "c"), (130_000, "d")]


def test_with_inputs_a_message_of_an_undeclared_one_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(tmp_path / "door.json", GOOD)
    write(tmp_path / "inputs" / "window.json", {**DOOR, "inputName": "window"})
    messages = trace(tmp_path / "trace.jsonl", sent("1", "a", 5))

    code = main(["replay", model, "--messages", messages, "--inputs", str(tmp_path / "inputs")])

    assert code == 0
    assert lines(capsys) == [
        {"time": 5, "error": "Input of name: door not found", "line": 1, "messageId": "1", "inputName": "door"}
    ]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"payload": {}}, "inputName must be text"),
        ({"inputName": "door", "payload": []}, "payload must be a JSON object"),
        ({"inputName": "door"}, "payload must be a JSON object"),
        ({"inputName": "door", "payload": {}, "messageId": 5}, "messageId must be text"),
        ({"inputName": "door", "payload": {}, "timestamp": 5}, "timestamp must be {timeInMillis: epoch ms}"),
        (
            {"inputName": "door", "payload": {}, "timestamp": {"timeInMillis": "5"}},
            "timestamp must be {timeInMillis: epoch ms}",
        ),
        ({"advanceTo": -1}, "advanceTo must be epoch ms"),
        ({"advanceTo": 1.5}, "advanceTo must be epoch ms"),
        ([], "not a JSON object"),
    ],
)
def test_an_entry_that_is_none_gives_an_error_and_the_run_goes_on(
    entry: Any, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write(tmp_path / "door.json", GOOD)
    messages = trace(tmp_path / "trace.jsonl", entry, sent("1", "a", 5))

    code = main(["replay", model, "--messages", messages])

    first, second = lines(capsys)
    assert (code, first["error"], first["line"]) == (0, reason, 1)
    assert second["to"] == "open"


def test_bytes_that_are_no_text_give_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, messages = write(tmp_path / "door.json", GOOD), tmp_path / "trace.jsonl"
    deep = b'{"inputName": "door", "payload": ' + b"[" * 100_000
    messages.write_bytes(b'\xef\xbb\xbf\n\n{"a": "\xff"}\n' + deep + b"\n" + json.dumps(sent("1", "a", 5)).encode())

    main(["replay", model, "--messages", str(messages)])

    told = lines(capsys)
    assert [("error" in line, line.get("line")) for line in told] == [(True, 3), (True, 4), (False, None)]


def test_what_could_not_be_evaluated_is_told_once_beside_the_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write(tmp_path / "door.json", broken("1 / 0 == 1"))
    messages = trace(tmp_path / "trace.jsonl", sent("1", "a", 0), sent("2", "a", 1), sent("3", "a", 2))

    main(["replay", model, "--messages", messages])

    told = capsys.readouterr().err
    assert told.count("division by zero") == 1
    assert "states[1].onInput.transitionEvents[0].condition" in told


def test_a_model_that_cannot_run_is_told_with_all_its_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write(tmp_path / "bad.json", broken("1 +"))

    code = main(["replay", model, "--messages", trace(tmp_path / "trace.jsonl")])

    told = capsys.readouterr()
    assert (code, told.out) == (1, "")
    assert "cannot run" in told.err
    assert told.err.splitlines()[-1].strip() == "^"


def test_inputs_that_cannot_be_read_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(tmp_path / "door.json", GOOD)
    write(tmp_path / "inputs" / "bad.json", {})

    code = main(["replay", model, "--messages", trace(tmp_path / "t.jsonl"), "--inputs", str(tmp_path / "inputs")])

    assert code == 1
    assert "cannot be used" in capsys.readouterr().err


def test_messages_are_read_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = json.dumps(sent("1", "a", 5)).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(entry)))

    main(["replay", write(tmp_path / "door.json", GOOD), "--messages", "-"])

    assert [line["to"] for line in lines(capsys)] == ["open"]


def test_a_bare_definition_is_named_after_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(tmp_path / "my heart.beat.json", json.loads((MODELS / "heartbeat.json").read_text()))
    entry = {"inputName": "beat", "payload": {}}

    main(["replay", model, "--messages", trace(tmp_path / "t.jsonl", entry, {"advanceTo": 300_000})])

    [told] = [line for line in lines(capsys) if line["actions"]]
    assert told["actions"][0]["payload"]["payload"]["detector"]["detectorModelName"] == "my_heart_beat"


def test_what_a_device_sent_cannot_reach_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    messages = trace(tmp_path / "t.jsonl", sent("1", "\x1b[2J\u202e", 5))

    main(["replay", write(tmp_path / "door.json", GOOD), "--messages", messages])

    told = capsys.readouterr().out
    assert told.isascii()
    assert "\x1b" not in told


WITHOUT_AWS = """
import sys
sys.modules["boto3"] = sys.modules["botocore"] = None
from coldwatch_ops.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [["validate"], ["replay", "--messages", "/dev/null"]])
def test_it_needs_no_aws(words: list[str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_AWS, *words, write(tmp_path / "door.json", GOOD)],
        env={"PYTHONPATH": f"{ROOT / 'functions'}:{ROOT / 'ops'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")


ALARM: dict[str, Any] = {
    "alarmModelName": "door_open",
    "key": "id",
    "alarmRule": {
        "simpleRule": {"inputProperty": "$input.door.open", "comparisonOperator": "EQUAL", "threshold": "true"}
    },
    "alarmCapabilities": {
        "initializationConfiguration": {"disabledOnInitialization": False},
        "acknowledgeFlow": {"enabled": True},
    },
}


def test_alarm_models_are_checked_beside_detector_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "inputs" / "door.json", DOOR)
    faulty = {**ALARM, "alarmRule": {"simpleRule": {**ALARM["alarmRule"]["simpleRule"], "threshold": "maxx(1)"}}}
    paths = [write(tmp_path / f"{name}.json", model) for name, model in (("a", ALARM), ("b", faulty), ("c", GOOD))]
    with_mark = tmp_path / "d.json"
    with_mark.write_bytes(b"\xef\xbb\xbf" + json.dumps(ALARM).encode())

    code = main(["validate", *paths, str(with_mark), "--inputs", str(tmp_path / "inputs")])

    assert code == 1
    assert [line for line in capsys.readouterr().out.splitlines() if "advice:" not in line] == [
        f"{paths[1]}: error: alarmRule.simpleRule.threshold: unknown function `maxx`",
        "    maxx(1)",
        "    ^^^^",
        "5 files: 1 error, 0 warnings.",
    ]


def test_an_alarm_model_may_be_yaml_and_have_the_limits_held_against_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rule = {"simpleRule": {**ALARM["alarmRule"]["simpleRule"], "threshold": "true".ljust(600)}}
    file = template_file(tmp_path, json.dumps({**ALARM, "alarmRule": rule}), "alarm.yaml")
    messages = trace(tmp_path / "trace.jsonl", sent("1", "a", 0))

    codes = [main(["validate", file]), main(["validate", file, "--strict-limits"])]
    told = capsys.readouterr().out
    codes += [main(["replay", file, "--messages", messages]), main(["replay", f"{file}#a", "--messages", messages])]

    assert codes == [0, 1, 0, 1]
    assert "error: alarmRule.simpleRule.threshold: 600 characters: the service took 512" in told
    replayed = capsys.readouterr()
    assert json.loads(replayed.out)["to"] == "ACTIVE"
    assert "there is no resource `a`: this is no template" in replayed.err


def test_an_alarm_model_is_replayed_with_what_customers_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(tmp_path / "alarm.json", ALARM)
    snooze = {"actionName": "SNOOZE", "snoozeActionConfiguration": {"snoozeDuration": 60}}
    messages = trace(
        tmp_path / "trace.jsonl",
        sent("1", "a", 0),
        {"customerAction": snooze, "key": "a", "timestamp": {"timeInMillis": 1_000}},
        {"customerAction": {"actionName": "ACKNOWLEDGE"}, "key": "a"},
    )

    code = main(["replay", model, "--messages", messages, "--until", "70000"])

    told = capsys.readouterr()
    states = [(line["time"], line["to"]) for line in map(json.loads, told.out.splitlines())]
    assert (code, states) == (0, [(0, "ACTIVE"), (1_000, "SNOOZE_DISABLED"), (61_000, "NORMAL")])
    assert "warning: customerAction: the alarm cannot be acknowledged: it is SNOOZE_DISABLED" in told.err


def test_a_detector_takes_no_customer_action(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(tmp_path / "door.json", GOOD)
    messages = trace(tmp_path / "trace.jsonl", {"customerAction": {"actionName": "RESET"}, "key": "a"})

    main(["replay", model, "--messages", messages])

    assert lines(capsys) == [
        {"time": 0, "error": "a detector takes no customerAction; an alarm does", "line": 1},
    ]


def test_an_alarm_model_that_cannot_run_is_told_with_all_its_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write(tmp_path / "bad.json", {"alarmRule": {}})

    code = main(["replay", model, "--messages", trace(tmp_path / "trace.jsonl")])

    told = capsys.readouterr()
    assert (code, told.out) == (1, "")
    assert "`simpleRule` is missing" in told.err


TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Limit: {Type: Number, Default: 8}
Resources:
  Door:
    Type: AWS::IoTEvents::Input
    Properties:
      InputName: !Sub "${AWS::StackName}Door"
      InputDefinition:
        Attributes:
          - JsonPath: open
          - JsonPath: id
  Warm:
    Type: AWS::IoTEvents::DetectorModel
    Properties:
      Key: id
      DetectorModelDescription: 2026-11-21
      RoleArn: !GetAtt Role.Arn
      DetectorModelDefinition:
        InitialStateName: s
        States:
          - StateName: s
            OnInput:
              Events:
                - EventName: tell
                  Condition: !Join ["", ["$input.", !Ref Door, ".open > ", !Ref Limit]]
                  Actions:
                    - Sns: {TargetArn: !Sub ["${Arn}:x", {Arn: !GetAtt [Topic, Arn]}]}
  Wrong:
    Type: AWS::IoTEvents::DetectorModel
    Properties:
      DetectorModelDefinition:
        InitialStateName: s
        States: [{StateName: s, OnInput: {Events: [{EventName: e, Condition: !Sub "$input.${Door}.colour > maxx"}]}}]
"""


def template_file(folder: Path, text: str = TEMPLATE, name: str = "template.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_every_model_of_a_template_is_checked_against_its_inputs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = template_file(tmp_path)

    code = main(["validate", file, "--json"])

    files = json.loads(capsys.readouterr().out)["files"]
    told = [(each["file"], [f["message"] for f in each["findings"] if f["level"] != "INFO"]) for each in files]
    assert code == 1
    assert told == [(f"{file}#Warm", []), (f"{file}#Wrong", ["unknown word `maxx`"])]


def test_one_model_of_a_template_is_named_behind_a_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, trace = template_file(tmp_path), tmp_path / "trace.jsonl"
    trace.write_text(json.dumps({"inputName": "AWS_StackNameDoor", "payload": {"id": "d", "open": 9}}))

    codes = [main(["validate", f"{file}#Warm"]), main(["replay", f"{file}#Warm", "--messages", str(trace)])]

    validated, replayed = capsys.readouterr().out.splitlines()
    assert codes == [0, 0]
    assert validated == "1 file: 0 errors, 0 warnings."
    assert json.loads(replayed)["actions"][0]["fields"] == {"targetArn": "Topic.Arn:x"}


def test_a_template_gives_inputs_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = template_file(tmp_path)

    code = main(["validate", f"{file}#Warm", "--inputs", file, "--notes"])

    assert code == 0
    assert "the parameter `Limit` is taken to be its default, 8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1", "not YAML: line 1, column 6: expected ',' or ']'"),
        ("a: &x 1\nb: *x", "not YAML: line 2, column 4: templates have no aliases"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("? [1]\n: 2", "found unhashable key"),
        ("a: !!binary aGk=", "not JSON serializable"),
        ("[" * 5_000, "not YAML"),
        ("a: " + "9" * 5_000, "not YAML: Exceeds the limit"),
        ("\x00", "not YAML"),
        ("- 1", "expected a JSON object"),
        ("", "expected a JSON object"),
    ],
)
def test_yaml_that_is_no_template_is_told(
    text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = template_file(tmp_path, text)

    codes = [main(["validate", file]), main(["replay", file, "--messages", file])]

    captured = capsys.readouterr()
    assert codes == [1, 1]
    assert told in captured.out
    assert told in captured.err


def test_a_template_file_is_json_or_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [template_file(tmp_path, json.dumps(GOOD), "a.template"), template_file(tmp_path, TEMPLATE, "b.template")]

    assert [main(["validate", files[0]]), main(["validate", f"{files[1]}#Warm"])] == [0, 0]


def test_a_template_with_inputs_alone_is_a_file_of_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    only = TEMPLATE.partition("  Warm:")[0]

    code = main(["validate", template_file(tmp_path, only)])

    assert (code, capsys.readouterr().out) == (0, "1 file: 0 errors, 0 warnings.\n")


def test_limits_of_the_service_can_be_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "long.json", broken("'" + "x" * 600 + "' == $input.door.open"))

    assert main(["validate", file]) == 0
    assert "characters: the service took 512" in capsys.readouterr().out
    assert main(["validate", file, "--strict-limits"]) == 1


def test_a_folder_with_a_deployment_is_checked_whole_with_the_versions_that_are_rolled_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate", str(ROOT / "detectors")]) == 0
    folder = Path(shutil.copytree(ROOT / "detectors", tmp_path / "incomplete"))
    deployment = json.loads((folder / "deployment.json").read_text())
    deployment["models"]["shock"]["previous"] = {"rollout": 0.1}
    write(folder / "deployment.json", deployment)
    capsys.readouterr()

    assert main(["validate", str(folder)]) == 1
    assert "deployment.json: error: deployment.json rolls shock out" in capsys.readouterr().out

    folder = Path(shutil.copytree(folder, tmp_path / "complete"))
    (folder / "previous").mkdir()
    before = (folder / "models" / "shock.json").read_text()
    (folder / "previous" / "shock.json").write_text(before.replace("shock_g >", "shock_gee >"))
    assert main(["validate", str(folder), "--json"]) == 0
    checked = json.loads(capsys.readouterr().out)
    [previous] = [each for each in checked["files"] if "previous" in each["file"]]
    assert any("shock_gee" in finding["message"] for finding in previous["findings"])
