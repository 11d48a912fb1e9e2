"""A bar on standard error, where a person is watching."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from coldwatch_ops.backtest.running import Steps

_READING_SHARE = 0.5
"""Of the bar. Reading and evaluating take about as long."""


class _NoBar:
    def reading(self, done: int) -> None:
        pass

    def evaluating(self, done: int, of: int) -> None:
        pass


class Bar:
    def __init__(self, progress: Progress, task: TaskID, size: int) -> None:
        self._progress = progress
        self._task = task
        self._size = max(size, 1)
        self._read = 0

    def reading(self, done: int) -> None:
        self._read += done
        share = min(self._read / self._size, 1.0) * _READING_SHARE
        self._progress.update(self._task, completed=share, description="reading")

    def evaluating(self, done: int, of: int) -> None:
        share = _READING_SHARE + (1 - _READING_SHARE) * done / of
        self._progress.update(self._task, completed=share, description="evaluating")


@contextmanager
def shown(size: int, *, is_wanted: bool) -> Iterator[Steps]:
    """Without a terminal there is none, unless it is asked for."""
    if not (is_wanted or sys.stderr.isatty()):
        yield _NoBar()
        return
    console = Console(stderr=True, force_terminal=is_wanted or None)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=not is_wanted) as progress:
        yield Bar(progress, progress.add_task("reading", total=1.0), size)
