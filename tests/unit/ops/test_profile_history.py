"""The history of profiles as files: none changes without a line that says what, who, when and why."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Context
from coldwatch_ops.commands import COMMANDS, NOUNS
from coldwatch_ops.errors import NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.parser import build_parser
from coldwatch_ops.profiles import history
from tests.unit.ops.telling import text_of

ROOT = Path(__file__).parents[3]
SHIPPED = ROOT / "detectors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED / "profiles", tmp_path / "profiles")
    shutil.copy(SHIPPED / history.FILE, tmp_path)
    return tmp_path


def edited(folder: Path, *, version: int, **values: Any) -> None:
    path = folder / "profiles" / "default.json"
    file = json.loads(path.read_text())
    path.write_text(json.dumps(file | {"version": version, "values": file["values"] | values}))


def profiles(folder: Path, *words: str) -> Answer:
    options = build_parser(COMMANDS, NOUNS).parse_args(["profiles", *words, "--folder", str(folder)])
    answer: Answer = options.command.run(options, OFFLINE)
    return answer


def nothing(*_: Any) -> Any:
    raise AssertionError("it is an offline command")


OFFLINE = Context(nothing, nothing, nothing, nothing, lambda: 1_795_000_000_000, nothing)


def test_the_shipped_profiles_are_what_their_history_comes_to() -> None:
    """Fails where a profile was changed: raise its version, then `coldwatch profiles record NAME --why TEXT`."""
    files = [json.loads(path.read_text()) for path in sorted((SHIPPED / "profiles").glob("*.json"))]

    assert history.faults(files, history.read((SHIPPED / history.FILE).read_text())) == []


def test_a_change_is_recorded_with_old_new_who_and_why(folder: Path) -> None:
    edited(folder, version=2, high_c=7.5)
    lacking = profiles(folder, "list")

    profiles(folder, "record", "default", "--why", "the pharmacist asked", "--as", "Ana")

    entry = profiles(folder, "history", "default").document["history"][0]
    assert lacking.exit_code is ExitCode.FAILED
    assert "default was changed" in text_of(lacking)
    assert (entry["old"], entry["new"], entry["version"]) == ({"high_c": 8.0}, {"high_c": 7.5}, 2)
    assert (entry["who"], entry["why"]) == ("Ana", "the pharmacist asked")
    assert profiles(folder, "list").exit_code is ExitCode.OK


def test_a_change_whose_version_has_not_risen_is_refused(folder: Path) -> None:
    before = (folder / history.FILE).read_text()
    edited(folder, version=1, high_c=7.5)

    with pytest.raises(RefusedError, match="raise its version above 1"):
        profiles(folder, "record", "default", "--why", "x")

    assert (folder / history.FILE).read_text() == before


def test_what_has_not_changed_is_not_recorded(folder: Path) -> None:
    with pytest.raises(RefusedError, match="nothing to record"):
        profiles(folder, "record", "default", "--why", "x")


@pytest.mark.parametrize("line", [0, 3])
def test_a_line_that_is_changed_or_taken_away_later_shows(folder: Path, line: int) -> None:
    path = folder / history.FILE
    lines = path.read_text().splitlines()

    path.write_text("\n".join([*lines[:line], lines[line].replace("first", "other"), *lines[line + 1 :]]) + "\n")
    with pytest.raises(RefusedError, match="does not follow"):
        profiles(folder, "history")

    path.write_text("\n".join([*lines[:line], *lines[line + 1 :]]) + "\n")
    with pytest.raises(RefusedError, match="does not follow"):
        profiles(folder, "list")


def test_a_reason_is_needed(folder: Path) -> None:
    edited(folder, version=2, high_c=7.5)

    with pytest.raises(UsageError, match="why"):
        profiles(folder, "record", "default", "--why", " ")


def test_profiles_are_shown_and_compared(folder: Path) -> None:
    shown = profiles(folder, "show", "who_shipping_type_2")
    different = profiles(folder, "diff", "who_shipping_type_1", "who_shipping_type_2").document["different"]

    assert "cumulative_second_s" in text_of(shown)
    assert different["cumulative_second_c"] == [None, 10.0]
    with pytest.raises(NotFoundError):
        profiles(folder, "show", "nobody")
