"""Models and traces as data: every evaluation, by the interpreter, by compiled code and by the command."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from coldwatch.engine.loader import load_model
from coldwatch.engine.machine import Evaluation, Message, Trigger, advance, evaluate, key_value
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.program import Program
from coldwatch.engine.snapshot import Snapshot, next_due
from coldwatch_ops.detectors.replay import evaluation_document
from coldwatch_ops.main import main

FOLDER = Path(__file__).parent
CASES = [
    (path.stem, case) for path in sorted((FOLDER / "traces").glob("*.json")) for case in json.loads(path.read_text())
]
STEPPED = [(name, case) for name, case in CASES if all("error" not in line for line in case["lines"])]


def about(value: Any) -> str | None:
    return value["about"] if isinstance(value, dict) else value if isinstance(value, str) else None


def model_document(name: str, case: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / "models" / f"{name}.json").read_text())
    return {**document, **case.get("change", {})}


def comparable(line: dict[str, Any]) -> dict[str, Any]:
    """Execution ids are looked at and then left out: nobody writes them by hand."""
    for action in line.get("actions", ()):
        inner = action["payload"].get("payload") if isinstance(action.get("payload"), dict) else None
        if inner is not None and inner["actionExecutionId"] != "*":
            assert UUID(inner["actionExecutionId"]).version == 3
            inner["actionExecutionId"] = "*"
    return line


class Interpreted:
    def __init__(self, model: DetectorModel) -> None:
        self.evaluate, self.advance = partial(evaluate, model), partial(advance, model)


class Compiled:
    """Each snapshot is packed, and unpacked again: the detector is stored between any two steps."""

    def __init__(self, model: DetectorModel) -> None:
        self.program = Program(model)

    def evaluate(self, before: Snapshot | None, message: Message, *, key: str | None, now_ms: int) -> Evaluation:
        packed = None if before is None else self.program.layout.pack(before)
        after, told = self.program.step(packed, message, key=key, now_ms=now_ms)
        trigger = Trigger("message", message.input_name, message.message_id)
        return told or self.program.unchanged(after, trigger, key=key, now_ms=now_ms)

    def advance(self, before: Snapshot, *, key: str | None, until_ms: int) -> list[Evaluation]:
        told = self.program.advance(self.program.layout.pack(before), key=key, until_ms=until_ms)
        return [evaluation for _, evaluation in told]


def stepped(
    document: dict[str, Any], case: dict[str, Any], name: str, runs: Callable[[DetectorModel], Interpreted | Compiled]
) -> Iterator[Evaluation]:
    """One detector at a time, as a runtime would: its timers first, then the message. Each snapshot is stored."""
    model = load_model(document, name=name)
    engine = runs(model)
    kept: dict[str | None, Snapshot] = {}
    end = [{"advanceTo": case["until"]}] if "until" in case else []
    for entry in [*case["messages"], *end]:
        now_ms = entry["advanceTo"] if "advanceTo" in entry else entry["timestamp"]["timeInMillis"]
        for key, snapshot in list(kept.items()):
            for evaluation in engine.advance(snapshot, key=key, until_ms=now_ms):
                kept[key] = evaluation.after
                yield evaluation
        if "advanceTo" not in entry:
            message = Message(entry["inputName"], entry["payload"], entry["messageId"])
            key = key_value(model, message)
            evaluation = engine.evaluate(kept.get(key), message, key=key, now_ms=now_ms)
            kept[key] = Snapshot.from_document(json.loads(json.dumps(evaluation.after.to_document())))
            assert kept[key] == evaluation.after
            yield evaluation
        assert all((due := next_due(snapshot)) is None or due[0] > now_ms for snapshot in kept.values())


@pytest.mark.parametrize("runs", [Interpreted, Compiled])
@pytest.mark.parametrize(("name", "case"), STEPPED, ids=about)
def test_the_step_does_what_the_case_says(
    name: str, case: dict[str, Any], runs: Callable[[DetectorModel], Interpreted | Compiled]
) -> None:
    evaluations = stepped(model_document(name, case), case, name, runs)

    assert [comparable(evaluation_document(each)) for each in evaluations] == case["lines"]


@pytest.mark.parametrize(("name", "case"), CASES, ids=about)
def test_replay_writes_what_the_case_says(
    name: str, case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, trace = tmp_path / f"{name}.json", tmp_path / "trace.jsonl"
    model.write_text(json.dumps(model_document(name, case)))
    lines = [entry if isinstance(entry, str) else json.dumps(entry) for entry in case["messages"]]
    trace.write_text("\n".join(lines))
    until = ["--until", str(case["until"])] if "until" in case else []

    code = main(["replay", str(model), "--messages", str(trace), "--all", *until])

    assert code == 0
    assert [comparable(json.loads(line)) for line in capsys.readouterr().out.splitlines()] == case["lines"]


def test_every_model_has_a_trace() -> None:
    assert {path.stem for path in (FOLDER / "models").glob("*.json")} == {name for name, _ in CASES}
