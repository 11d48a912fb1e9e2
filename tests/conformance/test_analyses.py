"""What the checker tells about models, as data: the same by itself and by the command."""

import json
from pathlib import Path
from typing import Any

import pytest

from coldwatch.engine.checker import check
from coldwatch.engine.errors import Finding
from coldwatch.engine.inputs import load_inputs
from coldwatch_ops.main import main

FOLDER = Path(__file__).parent
CASES: list[dict[str, Any]] = json.loads((FOLDER / "analyses.json").read_text())


def about(case: dict[str, Any]) -> str:
    return str(case["about"])


def model_of(case: dict[str, Any]) -> dict[str, Any]:
    if isinstance(case["model"], dict):
        return case["model"]
    found: dict[str, Any] = json.loads((FOLDER / "models" / case["model"]).read_text())
    return found


def row(finding: Finding) -> dict[str, Any]:
    return {"level": finding.level.value, "type": finding.type.value, "path": finding.path, "message": finding.message}


@pytest.mark.parametrize("case", CASES, ids=about)
def test_the_checker_tells_what_the_case_says(case: dict[str, Any]) -> None:
    inputs = None if "inputs" not in case else load_inputs(case["inputs"])

    found = [row(each) for each in check(model_of(case), inputs)]

    assert [each for each in found if case.get("notes") or each["level"] != "INFO"] == case["findings"]


@pytest.mark.parametrize("case", CASES, ids=about)
def test_validate_tells_the_same(case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, inputs = tmp_path / "model.json", tmp_path / "inputs"
    model.write_text(json.dumps(model_of(case)))
    inputs.mkdir()
    for number, document in enumerate(case.get("inputs", ())):
        (inputs / f"{number}.json").write_text(json.dumps(document))

    code = main(["validate", str(model), "--json", *(["--inputs", str(inputs)] if "inputs" in case else [])])

    answer = json.loads(capsys.readouterr().out)
    [told] = [each["findings"] for each in answer["files"] if each["file"] == str(model)]
    rows = [{name: each[name] for name in ("level", "type", "path", "message")} for each in told]
    assert [each for each in rows if case.get("notes") or each["level"] != "INFO"] == case["findings"]
    assert code == (1 if any(each["level"] == "ERROR" for each in case["findings"]) else 0)


def test_every_model_of_the_conformance_data_is_analysed() -> None:
    assert {case["model"] for case in CASES if isinstance(case["model"], str)} == {
        path.name for path in (FOLDER / "models").glob("*.json")
    }
