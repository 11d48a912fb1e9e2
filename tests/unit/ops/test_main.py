"""The command as a person or a script meets it: output, exit codes, and never a traceback."""

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context
from coldwatch_ops.errors import DeclinedError, FailedError, OpsError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.main import main, run
from coldwatch_ops.text import table

ROOT = Path(__file__).resolve().parents[3]


def ran(command_run: Callable[[Namespace, Context], Answer], *, as_json: bool = False) -> int:
    context = Context(_nothing, _nothing, lambda _: None, print, lambda: 0, lambda _: None)
    return run(Command("x", "", command_run), Namespace(json=as_json), context)


def _nothing() -> Any:
    raise AssertionError("not asked for")


def raising(error: Exception) -> Callable[[Namespace, Context], Answer]:
    def command_run(_options: Namespace, _context: Context) -> Answer:
        raise error

    return command_run


def test_details_are_told_a_line_each_and_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    ran(raising(FailedError("Nothing was done:", ["line 1: a\nb", "line 2: \x1b[2J"])))

    assert capsys.readouterr().err == "coldwatch: Nothing was done:\n  line 1: a\\nb\n  line 2: \\x1b[2J\n"


@pytest.mark.parametrize(
    "words", [("--endpoint-url", "foo", "accounts"), ("quarantine", "redrive", "--reason", "no_such_reason")]
)
def test_a_wrong_call_is_told_as_one(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(words)
    except SystemExit as ended:  # what argparse itself refuses
        code = int(str(ended.code))

    assert code == ExitCode.USAGE
    assert {"foo", "no_such_reason"} & set(capsys.readouterr().err.replace("'", " ").split())


def answering(answer: Answer) -> Callable[[Namespace, Context], Answer]:
    return lambda _options, _context: answer


def test_an_answer_is_told_as_text_or_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = table(("name",), [("[bold]:smile:",)])
    answer = Answer({"a": "\u202e\x1b"}, ("one line " * 40, drawn), ExitCode.FAILED)

    codes = ran(answering(answer)), ran(answering(answer), as_json=True)

    text, _, document = capsys.readouterr().out.partition("{")
    assert codes == (1, 1)
    assert "one line " * 40 in text
    assert "[bold]:smile:" in text
    assert json.loads("{" + document) == answer.document
    assert "\x1b" not in document


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(FailedError("It \x1b[2J broke."), 1), (DeclinedError("No."), 5), (NoCredentialsError(), 3)],
)
def test_an_expected_error_is_one_sentence(
    error: Exception, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    code = ran(raising(error))

    captured = capsys.readouterr()
    assert code == exit_code
    assert captured.out == ""
    assert captured.err.startswith("coldwatch: ")
    assert "\x1b" not in captured.err
    assert "Traceback" not in captured.err


def test_a_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        ran(raising(ZeroDivisionError()))


def test_every_error_has_an_exit_code_of_the_table() -> None:
    def tree(error: type[OpsError]) -> list[type[OpsError]]:
        return [error, *(below for child in error.__subclasses__() for below in tree(child))]

    assert all(error.exit_code in ExitCode and error.exit_code is not ExitCode.OK for error in tree(OpsError))


@pytest.mark.parametrize(
    "words", [[], ["nonsense"], ["quarantine"], ["teardown", "--nonsense"], ["telemetry", "d", "--limit", "-1"]]
)
def test_a_wrong_call_exits_with_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == ExitCode.USAGE
    assert "usage: coldwatch" in capsys.readouterr().err


def test_a_global_option_is_taken_before_and_after_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLDWATCH_LOCAL_DIR", raising=False)
    monkeypatch.chdir(tmp_path)

    codes = main(["--local", "accounts"]), main(["accounts", "--local"])

    assert codes == (ExitCode.UNREACHABLE, ExitCode.UNREACHABLE)
    assert capsys.readouterr().err.count("No local cloud is running here") == 2


WITHOUT_BOTO3 = """
import sys
sys.modules["boto3"] = sys.modules["botocore"] = None
from coldwatch_ops.main import main
sys.exit(main(sys.argv[1:]))
"""


def without_boto3(*words: str) -> subprocess.CompletedProcess[str]:
    path = f"{ROOT / 'functions'}:{ROOT / 'ops'}"
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_BOTO3, *words],
        env={"PYTHONPATH": path, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_works_without_boto3() -> None:
    ended = without_boto3("--help")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "teardown" in ended.stdout


def test_a_command_that_needs_boto3_says_how_to_get_it() -> None:
    ended = without_boto3("accounts")

    assert ended.returncode == ExitCode.NOT_INSTALLED
    assert ended.stderr.startswith("coldwatch: This command talks to AWS and needs boto3")
    assert "pip install '.[aws]'" in ended.stderr
