"""Coldwatch without AWS: its page in the documentation, and what its command loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from coldwatch_ops.main import main
from tests.standalone import ROOT, Shown, commands, printed, write_files

PROGRAM = """
import sys
from coldwatch_ops.main import main
code = main(sys.argv[1:])
heavy = {"boto3", "botocore", "pyarrow", "matplotlib", "numpy"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else code)
"""


def test_the_page_shows_each_command_of_detector_models() -> None:
    assert [shown.words[0] for shown in commands()] == ["validate", "replay", "backtest", "backtest"]


@pytest.mark.parametrize("shown", commands(), ids=lambda shown: " ".join(shown.words))
def test_a_command_of_the_page_prints_what_the_page_says(
    shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)

    code = main(shown.words)

    assert (code, printed(capsys.readouterr().out)) == (0, shown.output)


@pytest.mark.parametrize("shown", commands(), ids=lambda shown: " ".join(shown.words))
def test_it_loads_neither_boto3_nor_any_other_extra(shown: Shown, tmp_path: Path) -> None:
    write_files(tmp_path)

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *shown.words],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT / 'functions'}:{ROOT / 'ops'}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr.partition("pumps.svg")[0]) == (0, "")
