"""A backtest from its files to its outcome: over all cores where there is enough to do, the same on one."""

import multiprocessing
import os
import signal
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Protocol

from coldwatch_ops.backtest.blocks import Block, Fault, read_blocks
from coldwatch_ops.backtest.candidates import Candidate
from coldwatch_ops.backtest.rows import Form
from coldwatch_ops.backtest.sources import Source, local_path
from coldwatch_ops.backtest.work import Evaluated, TakenIn, evaluate_part, take_in
from coldwatch_ops.errors import FailedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WORTH_IT_BYTES: Final = 2_000_000
"""Less is done before other processes have started."""
_PARTS_PER_JOB: Final = 4
_WAITING_PER_JOB: Final = 3
"""Blocks that are read ahead, for each process."""


class Steps(Protocol):
    """Who is told how far it is."""

    def reading(self, done: int) -> None: ...
    def evaluating(self, done: int, of: int) -> None: ...


@dataclass(slots=True)
class Telemetry:
    """What was read: `runs` by part, times in epoch ms of the devices' and of the arrivals' clocks."""

    rows: int = 0
    unreadable: int = 0
    first_ms: int = 0
    last_ms: int = 0
    names: set[str] = field(default_factory=set)
    """Attributes that readings have."""
    runs: dict[int, list[Path]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True)
class Plan:
    candidates: tuple[Candidate, ...]
    sources: tuple[Source, ...]
    form: Form
    jobs: int | None
    """None: as many as there are cores, if there is enough to do."""

    @property
    def size(self) -> int:
        return sum(source.size for source in self.sources)

    @property
    def processes(self) -> int:
        if self.jobs is not None:
            return self.jobs
        return os.process_cpu_count() or 1 if self.size > _WORTH_IT_BYTES else 1


class Backtest:
    """Its temporary files stay while it is open: a picture reads them again."""

    def __init__(self, plan: Plan, folder: Path, steps: Steps, tell: Callable[[Fault], None]) -> None:
        self.plan = plan
        self.telemetry = Telemetry()
        self.outcome = Evaluated()
        self._folder = folder
        self._steps = steps
        self._tell = tell

    def run(self, s3: Callable[[], "S3Client"]) -> None:
        try:
            with _pool(self.plan.processes) as pool:
                self._take_in(pool, s3)
                self._evaluate(pool)
        except OSError as error:
            raise FailedError(
                f"Readings could not be put aside: {error.strerror or error}. There has to be room for them in"
                f" {self._folder.parent}; TMPDIR names another place."
            ) from None
        self.outcome.firings.sort(key=lambda firing: firing.order)

    def _take_in(self, pool: "_Pool", s3: Callable[[], "S3Client"]) -> None:
        parts = 1 if self.plan.form.owner_path is None else self.plan.processes * _PARTS_PER_JOB
        blocks = ((block, self.plan.form, self._folder, parts) for block in self._blocks(s3))
        for taken in pool.map(take_in, blocks):
            self._count(taken)
            self._steps.reading(taken.weight)
            for part, path in taken.runs:
                self.telemetry.runs[part].append(path)

    def _blocks(self, s3: Callable[[], "S3Client"]) -> Iterator[Block]:
        for source in self.plan.sources:
            path = local_path(source, self._folder, s3)
            yield from read_blocks(source, path, self.plan.form)
            if source.path is None and source.kind != "parquet":
                path.unlink()

    def _count(self, taken: TakenIn) -> None:
        telemetry = self.telemetry
        if taken.first_ms is not None and taken.last_ms is not None:
            telemetry.first_ms = min(taken.first_ms, telemetry.first_ms if telemetry.rows else taken.first_ms)
            telemetry.last_ms = max(taken.last_ms, telemetry.last_ms)
        telemetry.rows += taken.rows
        telemetry.names |= taken.names
        for fault in taken.faults:
            self._tell_fault(fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.telemetry.unreadable += 1
        self._tell(fault)

    def _evaluate(self, pool: "_Pool") -> None:
        parts = [self.telemetry.runs[part] for part in sorted(self.telemetry.runs)]
        tasks = ((paths, self.plan.candidates, self.telemetry.last_ms) for paths in parts)
        for done, evaluated in enumerate(pool.map(evaluate_part, tasks), start=1):
            self.outcome.add(evaluated)
            self._steps.evaluating(done, len(parts))
        for fault in sorted(set(self.outcome.faults), key=lambda each: (each.file, each.line)):
            self._tell_fault(fault)


@contextmanager
def opened(plan: Plan, steps: Steps, tell: Callable[[Fault], None]) -> Iterator[Backtest]:
    with TemporaryDirectory(prefix="coldwatch-") as folder:
        yield Backtest(plan, Path(folder), steps, tell)


class _Pool(Protocol):
    def map[**P, R](self, work: Callable[P, R], tasks: Iterable[tuple[object, ...]]) -> Iterator[R]: ...


class _Here:
    def map[R](self, work: Callable[..., R], tasks: Iterable[tuple[object, ...]]) -> Iterator[R]:
        for task in tasks:
            yield work(*task)


@dataclass(frozen=True, slots=True)
class _Processes:
    executor: ProcessPoolExecutor
    waiting: int

    def map[R](self, work: Callable[..., R], tasks: Iterable[tuple[object, ...]]) -> Iterator[R]:
        """In the order of the tasks, of which no more are taken than are about to be done."""
        under_way: deque[Future[R]] = deque()
        for task in tasks:
            under_way.append(self.executor.submit(work, *task))
            if len(under_way) >= self.waiting:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


@contextmanager
def _processes(count: int) -> Iterator[_Pool]:
    # Not by fork, which a process with threads (boto3 has some) must not do.
    method = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(count, mp_context=method, initializer=_leave_interrupts)
    try:
        yield _Processes(executor, count * _WAITING_PER_JOB)
    finally:
        executor.shutdown(cancel_futures=True)


def _leave_interrupts() -> None:
    """Ctrl-C is for the command, which ends its processes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _pool(count: int) -> AbstractContextManager[_Pool]:
    return nullcontext(_Here()) if count == 1 else _processes(count)


def owner_path(candidates: Sequence[Candidate]) -> tuple[str, ...] | None:
    """The attribute by which detectors can be split: the only key of all models, or the device of the stream."""
    if candidates[0].is_joined:
        return ("device_id",)
    paths = {candidate.model.key_path for candidate in candidates}
    return paths.pop() or None if len(paths) == 1 else None
