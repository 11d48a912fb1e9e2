"""What a person sees. Progress bars are drawn only on a terminal; the rest reads well in a file, too."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulator.answering import Act
from simulator.fleet import Happening
from simulator.hostile import Outcome, Result
from simulator.summary import Summary

_CONSOLE = Console(highlight=False)
_ERRORS = Console(stderr=True, highlight=False)
_NAMED = 3


class Bar:
    """Moves a bar; nothing to see where there is no terminal."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def step(self) -> None:
        self._progress.advance(self._task)

    def to(self, done: int) -> None:
        self._progress.update(self._task, completed=done)


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Bar]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_CONSOLE, disable=not sys.stdout.isatty(), transient=True) as drawn:
        yield Bar(drawn, drawn.add_task(what, total=total))


def say(sentence: str) -> None:
    _CONSOLE.print(sentence, markup=False, soft_wrap=True)


def complain(sentence: str) -> None:
    _ERRORS.print(sentence, markup=False, soft_wrap=True, style="red")


def tell(happening: Happening) -> None:
    minutes, seconds = divmod(round(happening.at_s), 60)
    named = ", ".join(happening.things[:_NAMED])
    more = f" and {len(happening.things) - _NAMED} more" if len(happening.things) > _NAMED else ""
    say(f"{minutes:3d}:{seconds:02d}  {named}{more}: {happening.text}")


def tell_act(thing: str, act: Act) -> None:
    given = "".join(f" {name}={value}" for name, value in act.parameters.items())
    say(f"        {thing}: told to {act.command}{given}, and does it")


def tell_outcome(outcome: Outcome) -> None:
    mark = {Result.PUBLISHED: "published", Result.REFUSED: "refused", Result.ALLOWED: "ALLOWED"}[outcome.result]
    say(f"{mark:9}  {outcome.about}: {outcome.how}")


def show_summary(title: str, summary: Summary) -> None:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("published (acknowledged)", f"{summary.published:,}")
    for kind, number in summary.by_kind.items():
        table.add_row(f"  {kind}", f"{number:,}")
    table.add_row("refused", f"{summary.refused:,}")
    for reason, number in summary.reasons.items():
        table.add_row(f"  {reason}", f"{number:,}")
    table.add_row("devices", f"{len(summary.by_device):,}")
    table.add_row("seconds", f"{summary.seconds:.1f}")
    table.add_row("messages a second", f"{summary.per_second:,.0f}")
    _CONSOLE.print(table)
