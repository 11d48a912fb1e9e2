"""A command that a document shows can be typed as it stands there: the parser takes it.

What stands for something of the reader's own (ID, FILE, TIME) passes as any value.
"""

import re
import shlex
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from coldwatch_ops.command import Argument, Command
from coldwatch_ops.commands import COMMANDS, NOUNS
from coldwatch_ops.parser import GLOBAL_ARGUMENTS, build_parser

from .template import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
PLACEHOLDER = re.compile(r"[A-Z][A-Z_0-9]*")
NAMES = {command.name for command in COMMANDS}


def calls(text: str) -> list[list[str]]:
    """The words after `coldwatch` of each command that a text shows, and does not merely mention."""
    lines = [line for block in FENCED.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    spans = [" ".join(span.split()) for span in SPAN.findall(FENCED.sub("", text))]
    return [*filter(None, map(words_of, lines)), *(words for span in spans if not is_mention(words := words_of(span)))]


def words_of(line: str) -> list[str]:
    """Up to a comment or another command. What may be left out, and more of the same, are as good as once."""
    match = re.match(r"\s*(?:\S*/)?coldwatch ((?!=).+)", line)
    words = shlex.split(match[1], comments=True) if match else []
    end = next((at for at, word in enumerate(words) if word in {"|", ">", "&&", ";"}), len(words))
    return [word.strip("[]").removesuffix("...") for word in words[:end]]


def is_mention(words: Sequence[str]) -> bool:
    """A command's name alone, or a noun or option of all commands, speaks of it; it calls nothing."""
    shared = {flag for row in GLOBAL_ARGUMENTS for flag in row.flags}
    return not words or " ".join(words) in NAMES | NOUNS.keys() | shared


def fault(words: Sequence[str]) -> str | None:
    """What the parser has against a call, in its words."""
    told = StringIO()
    try:
        with redirect_stderr(told):
            lenient_parser().parse_args(words)
    except SystemExit:
        return told.getvalue().splitlines()[-1]
    return None


@cache
def lenient_parser() -> ArgumentParser:
    """As the command's own, with a placeholder taken for each value."""
    return build_parser([lenient(command) for command in COMMANDS], NOUNS)


def lenient(command: Command) -> Command:
    return replace(command, arguments=tuple(Argument(row.flags, taking(row.options)) for row in command.arguments))


def taking(options: dict[str, Any]) -> dict[str, Any]:
    if "type" not in options and "choices" not in options:
        return options
    checked = options.get("type", one_of(options.get("choices", ())))
    rest = {name: value for name, value in options.items() if name != "choices"}
    return rest | {"type": lambda text: text if PLACEHOLDER.fullmatch(text) else checked(text)}


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return check


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_command_that_is_shown_can_be_typed(document: Path) -> None:
    faults = {shlex.join(words): fault(words) for words in calls(document.read_text())}

    assert {call: told for call, told in faults.items() if told} == {}


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("coldwatch incidents reslove ID", "invalid choice: 'reslove'"),
        ("coldwatch incidents resolve ID", "the following arguments are required: --note"),
        ("coldwatch incidents ack ID --why TEXT", "unrecognized arguments: --why"),
        ("coldwatch incidents list --status closed", "argument --status: invalid"),
    ],
)
def test_a_command_that_cannot_be_typed_is_found(call: str, told: str) -> None:
    for text in (f"Then `{call}`.", f"```sh\n{call}   # see?\n```"):
        [words] = calls(text)

        assert told in (fault(words) or "")


def test_a_command_that_is_only_spoken_of_needs_no_arguments() -> None:
    assert calls("`coldwatch rota put` and `coldwatch incidents` take `--json`; so does `coldwatch --local`.") == []


def test_every_document_together_shows_many_commands() -> None:
    assert sum(len(calls(document.read_text())) for document in DOCUMENTS) > 150
