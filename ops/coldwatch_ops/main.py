"""The entry of the `coldwatch` command: read the words, run the row of the table, tell the answer."""

import os
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from coldwatch_ops.answer import write_answer
from coldwatch_ops.aws_errors import as_ops_error, aws_exceptions
from coldwatch_ops.command import Command, Context
from coldwatch_ops.commands import COMMANDS, NOUNS
from coldwatch_ops.connection import open_account, open_stack, target_of
from coldwatch_ops.errors import OpsError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.parser import build_parser
from coldwatch_ops.text import escape


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser(COMMANDS, NOUNS).parse_args(argv)
    try:
        return run(options.command, options, context_of(options))
    except KeyboardInterrupt:
        return _fail("Stopped.", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader (`| head`) has gone: not an error, and Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK


def run(command: Command, options: Namespace, context: Context) -> int:
    """Every expected error becomes one sentence on standard error; a defect keeps its traceback."""
    try:
        answer = command.run(options, context)
    except OpsError as error:
        return _fail(str(error), error.exit_code, error.details)
    except aws_exceptions() as error:
        told = as_ops_error(error)
        return _fail(str(told), told.exit_code)
    write_answer(answer, sys.stdout, as_json=options.json)
    sys.stdout.flush()
    return answer.exit_code


def context_of(options: Namespace) -> Context:
    return Context(
        open_stack=lambda: open_stack(target_of(options, os.environ, Path.cwd())),
        open_account=lambda: open_account(target_of(options, os.environ, Path.cwd())),
        ask=_ask,
        say=lambda text: print(escape(text), file=sys.stderr, flush=True),
        now_ms=lambda: time.time_ns() // 1_000_000,
        pause=time.sleep,
    )


def _ask(question: str) -> str | None:
    """The question goes to standard error, so that standard output holds the answer alone."""
    if not sys.stdin.isatty():
        return None
    print(escape(question), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline()


def _fail(sentence: str, exit_code: ExitCode, details: Sequence[str] = ()) -> int:
    print(f"coldwatch: {escape(sentence)}", *(f"  {escape(each)}" for each in details), sep="\n", file=sys.stderr)
    return exit_code
