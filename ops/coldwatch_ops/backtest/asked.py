"""A backtest as the command line asks for it."""

import json
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from coldwatch_ops.answer import Answer
from coldwatch_ops.backtest import plot, progress
from coldwatch_ops.backtest.blocks import Fault
from coldwatch_ops.backtest.candidates import Candidate, read_candidates
from coldwatch_ops.backtest.rows import Form, cell
from coldwatch_ops.backtest.running import Plan, opened, owner_path
from coldwatch_ops.backtest.sources import find_sources
from coldwatch_ops.backtest.view import Seen, told
from coldwatch_ops.command import Context
from coldwatch_ops.errors import FailedError, UsageError
from coldwatch_ops.text import count

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FAULTS_TOLD: Final = 20


class Faults:
    """Rows that could not be used: the first are told at once, all of them are written where that is asked for."""

    def __init__(self, plan: Plan, context: Context, path: str | None, stack: ExitStack) -> None:
        self.first: list[Fault] = []
        self._plan = plan
        self._say = context.say
        self._file = stack.enter_context(_written(path)) if path else None

    def tell(self, fault: Fault) -> None:
        name = self._plan.sources[fault.file].name
        if len(self.first) < _FAULTS_TOLD:
            self.first.append(fault)
            self._say(f"{name}, line {fault.line}: {fault.reason}")
        if self._file is not None:
            self._file.write(json.dumps({"file": name, "line": fault.line, "reason": fault.reason}) + "\n")

    def tell_the_rest(self, unusable: int) -> None:
        if unusable > len(self.first):
            self._say(f"... and {count(unusable - len(self.first), 'more row')}; --bad-rows FILE writes all of them.")


def _written(path: str) -> TextIO:
    """Opened at once, so that a wrong name is told before anything is read."""
    try:
        return Path(path).open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None


def run_backtest(options: Namespace, context: Context) -> Answer:
    candidates = read_candidates(options)
    if options.plot is not None:
        plot.check(options.plot)
    elif options.device is not None:
        raise UsageError("--device says whom --plot draws: add --plot FILE.")

    def s3() -> "S3Client":
        return context.open_account().clients.s3

    sources = tuple(find_sources(options.telemetry, s3))
    plan = Plan(candidates, sources, _form(options, candidates), options.jobs)
    with ExitStack() as stack:
        faults = Faults(plan, context, options.bad_rows, stack)
        steps = stack.enter_context(progress.shown(plan.size, is_wanted=options.progress))
        backtest = stack.enter_context(opened(plan, steps, faults.tell))
        backtest.run(s3)
        faults.tell_the_rest(backtest.telemetry.unreadable)
        if not backtest.telemetry.rows:
            raise FailedError(f"No reading of {options.telemetry} could be used.")
        seen = Seen(backtest, faults.first, options.limit)
        if options.plot is not None:
            context.say(plot.write(seen, Path(options.plot), options.device))
        return told(seen)


def _form(options: Namespace, candidates: tuple[Candidate, ...]) -> Form:
    inputs = sorted({name for candidate in candidates for name in candidate.model.inputs})
    if options.input is not None and options.input not in inputs:
        raise UsageError(f"No model has an input {options.input}; there are {', '.join(inputs)}.")
    only = inputs[0] if len(inputs) == 1 else None
    owner = owner_path(candidates)
    key_path = ("device_id",) if candidates[0].is_joined else candidates[0].model.key_path or None
    names = dict(_pair(each, "--map", "column=attribute") for each in options.map)
    if options.key is not None:
        if key_path is None:
            raise UsageError(f"{candidates[0].name} has no key: leave --key out.")
        names[options.key] = ".".join(key_path)
    given = {name: cell(name, value) for name, value in (_pair(each, "--set", "name=value") for each in options.set)}
    return Form(
        is_joined=candidates[0].is_joined,
        input_name=options.input or only,
        key_path=key_path,
        owner_path=owner,
        names=names,
        time=options.time,
        given=given,
    )


def _pair(text: str, flag: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(f"{flag} {text} says nothing: write {flag} {form}.")
    return name, value
