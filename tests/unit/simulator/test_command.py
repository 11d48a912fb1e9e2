import json
import re
from pathlib import Path

import pytest

from simulator import command, scenario

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs/simulator.md").read_text(encoding="utf-8")


def test_the_example_scenario_of_the_docs_is_one() -> None:
    [example] = re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)

    told = scenario.parse(json.loads(example), name="example")

    assert told.wall_s == 60
    assert len(told.devices) == 3


def test_every_command_and_every_kind_of_event_stands_in_the_docs() -> None:
    schema = json.loads((scenario.SCENARIOS / "scenario.schema.json").read_text(encoding="utf-8"))

    words = set(re.findall(r"`(\w+)`", DOCS))

    assert set(schema["$defs"]["event"]["properties"]["kind"]["enum"]) <= words
    assert set(re.findall(r"-m simulator (\w+)", DOCS)) == {"run", "replay", "burst", "listen", "hostile"}


def test_serials_are_a_list_or_the_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "serials.txt"
    file.write_text("SN1\nSN2\n\nSN1\n")

    assert command._serials(str(file)) == ("SN1", "SN2")
    assert command._serials("SN3, SN4,") == ("SN3", "SN4")
    assert command._serials("SN5") == ("SN5",)
    assert command._serials(",".join(f"SN{number}" for number in range(1000)))[-1] == "SN999"


def test_claim_options_that_do_not_fit_together_are_an_error_of_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--endpoint", "localhost", "--ca", "ca.pem", "--state", str(tmp_path)]

    with pytest.raises(SystemExit) as caught:
        command.main(["run", "demo", *place, "--template", "coldwatch_coldchain"])

    assert caught.value.code == 2
    assert "go together, each as often" in capsys.readouterr().err


def test_what_stands_in_the_way_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--endpoint", "localhost", "--ca", str(tmp_path / "ca.pem"), "--state", str(tmp_path)]

    code = command.main(["run", "demo", *place])

    assert code == 1
    assert "There is no certificate authority file" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["0", "-4", "many"])
def test_a_count_that_makes_no_sense_is_an_error_of_usage(count: str, tmp_path: Path) -> None:
    place = ["--endpoint", "localhost", "--ca", "ca.pem", "--state", str(tmp_path)]

    with pytest.raises(SystemExit) as caught:
        command.main(["burst", *place, "--messages", count])

    assert caught.value.code == 2


def test_a_summary_that_cannot_be_written_is_told_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not command._written(tmp_path / "nowhere" / "summary.json", {})

    assert "cannot be written" in capsys.readouterr().err
