"""What a command answers: one document for machines, the same told for people."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from coldwatch_ops.exit_codes import ExitCode

_WIDTH_OF_A_PIPE = 240
"""Tables that no terminal limits are not folded at 80 columns."""


@dataclass(frozen=True)
class Answer:
    """`document` is JSON as it stands. `told` is lines of finished text (already escaped) and tables."""

    document: Any
    told: tuple[str | Table, ...]
    exit_code: ExitCode = ExitCode.OK
    lines: Iterable[str] | None = None
    """Where it is a stream: lines that machines and people read alike, written as they come about."""


def write_answer(answer: Answer, out: TextIO, *, as_json: bool) -> None:
    if answer.lines is not None:
        out.writelines(f"{line}\n" for line in answer.lines)
        return
    if as_json:
        out.write(json.dumps(answer.document, indent=2) + "\n")
        return
    console = _console(out)
    for part in answer.told:
        if isinstance(part, str):
            out.write(part + "\n")
        else:
            console.print(part)


def _console(out: TextIO) -> Console:
    width = None if out.isatty() else _WIDTH_OF_A_PIPE
    return Console(file=out, width=width, markup=False, emoji=False, highlight=False)
