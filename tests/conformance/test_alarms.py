"""Alarm models and traces as data: every evaluation, by the step alone and by the command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from coldwatch.engine.alarm import evaluate, expire, respond
from coldwatch.engine.alarm_checks import check_alarm
from coldwatch.engine.alarm_model import AlarmModel, load_alarm_model
from coldwatch.engine.customer_action import read_customer_action
from coldwatch.engine.errors import Level
from coldwatch.engine.machine import Evaluation, Message, key_value
from coldwatch.engine.snapshot import Snapshot, next_due
from coldwatch_ops.detectors.replay import evaluation_document
from coldwatch_ops.main import main

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "alarms.json").read_text())
STEPPED = [case for case in CASES if all("error" not in line for line in case["lines"])]


def about(case: dict[str, Any]) -> str:
    return str(case["about"])


def comparable(line: dict[str, Any]) -> dict[str, Any]:
    """Ids are looked at and left out; the JSON within a notification is compared as what it says."""
    for action in line.get("actions", ()):
        payload = action.get("payload")
        if isinstance(payload, dict) and "notificationEventPayload" in payload:
            payload["notificationEventPayload"] = json.loads(payload["notificationEventPayload"])
        elif isinstance(payload, dict):
            inner = payload["payload"]
            assert UUID(inner["actionExecutionId"]).version == 3
            inner["actionExecutionId"] = "*"
    return line


def stepped(case: dict[str, Any]) -> Iterator[Evaluation]:
    """As a runtime would: snoozes that are over first, then what comes. Each snapshot is stored."""
    model = load_alarm_model(case["model"])
    kept: dict[str | None, Snapshot] = {}
    now_ms = 0
    for entry in [*case["messages"], *([{"advanceTo": case["until"]}] if "until" in case else [])]:
        now_ms = entry.get("advanceTo", entry.get("timestamp", {}).get("timeInMillis", now_ms))
        for key in list(kept):
            while (due := next_due(kept[key])) is not None and due[0] <= now_ms:
                yield (evaluation := expire(model, kept[key], due[1], key=key, now_ms=due[0]))
                kept[key] = evaluation.after
        if "advanceTo" not in entry:
            yield (evaluation := step(model, kept, entry, now_ms))
            kept[evaluation.key] = Snapshot.from_document(json.loads(json.dumps(evaluation.after.to_document())))
            assert kept[evaluation.key] == evaluation.after


def step(model: AlarmModel, kept: dict[str | None, Snapshot], entry: dict[str, Any], now_ms: int) -> Evaluation:
    if "customerAction" in entry:
        key = entry.get("key")
        action = read_customer_action(entry["customerAction"], entry["requestId"])
        return respond(model, kept[key], action, key=key, now_ms=now_ms)
    message = Message(entry["inputName"], entry["payload"], entry["messageId"])
    key = key_value(model.frame, message)
    return evaluate(model, kept.get(key), message, key=key, now_ms=now_ms)


@pytest.mark.parametrize("case", STEPPED, ids=about)
def test_the_step_does_what_the_case_says(case: dict[str, Any]) -> None:
    assert [comparable(evaluation_document(each)) for each in stepped(case)] == case["lines"]


@pytest.mark.parametrize("case", CASES, ids=about)
def test_replay_writes_what_the_case_says(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, trace = tmp_path / "model.json", tmp_path / "trace.jsonl"
    model.write_text(json.dumps(case["model"]))
    trace.write_text("\n".join(json.dumps(entry) for entry in case["messages"]))
    until = ["--until", str(case["until"])] if "until" in case else []

    code = main(["replay", str(model), "--messages", str(trace), "--all", *until])

    assert code == 0
    assert [comparable(json.loads(line)) for line in capsys.readouterr().out.splitlines()] == case["lines"]


@pytest.mark.parametrize("case", CASES, ids=about)
def test_validate_finds_no_error_in_the_models(case: dict[str, Any]) -> None:
    assert [each for each in check_alarm(json.dumps(case["model"])) if each.level is Level.ERROR] == []
