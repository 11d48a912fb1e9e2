"""The command, its help and docs/command-line.md say the same."""

import re
from pathlib import Path

import pytest

from coldwatch_ops.command import Argument, Command
from coldwatch_ops.commands import COMMANDS, NOUNS
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.parser import GLOBAL_ARGUMENTS, build_parser

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "command-line.md").read_text()


def sections() -> dict[str, str]:
    """The text under each `### coldwatch ...` heading, by the command's name."""
    found = re.split(r"^### `coldwatch (.+)`$", DOCUMENT, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def flags(command: Command) -> list[str]:
    return [flag for row in command.arguments for flag in row.flags if flag.startswith("--")]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_has_help_and_so_has_each_of_its_arguments(command: Command) -> None:
    assert command.help
    assert all(row.options.get("help") for row in command.arguments)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_documentation_describes_a_command_and_every_option_of_it(command: Command) -> None:
    section = sections()[command.name]

    assert section.strip()
    assert [flag for flag in flags(command) if f"`{flag}" not in section] == []


def test_the_documentation_describes_no_command_and_no_option_that_is_not_there() -> None:
    by_name = {command.name: {*flags(command), "--help"} for command in COMMANDS}
    shared = {flag for row in GLOBAL_ARGUMENTS for flag in row.flags}

    assert sections().keys() == by_name.keys()
    for name, section in sections().items():
        own = section.partition("\n## ")[0]
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", own)) <= by_name[name] | shared, name


def test_the_documentation_lists_the_commands_in_the_order_of_the_table() -> None:
    assert list(sections()) == [command.name for command in COMMANDS]


@pytest.mark.parametrize("row", GLOBAL_ARGUMENTS, ids=lambda row: row.flags[0])
def test_a_global_option_is_documented(row: Argument) -> None:
    [flag] = row.flags

    assert f"`{flag}" in DOCUMENT


def test_the_exit_codes_are_documented_with_their_meanings() -> None:
    told = re.findall(r"^\| (\d+) \| (.+) \|$", DOCUMENT, flags=re.MULTILINE)

    assert told == [(str(int(code)), code.meaning) for code in ExitCode]


def test_every_noun_has_help_and_a_command() -> None:
    used = {command.name.partition(" ")[0] for command in COMMANDS if " " in command.name}

    assert used == NOUNS.keys()
    assert all(NOUNS.values())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_can_be_asked_for(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    parser = build_parser(COMMANDS, NOUNS)

    with pytest.raises(SystemExit) as ended:
        parser.parse_args([*command.name.split(), "--help"])

    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "global options" in shown
    assert " ".join(shown.split()).count(command.help) == 1
