"""`coldwatch validate` and `coldwatch replay`: offline, from files."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from coldwatch.engine.errors import Level, ModelError
from coldwatch.engine.evaluation import Evaluation
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import DetectorModel
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.detectors.files import finding_lines, read_file, read_inputs
from coldwatch_ops.detectors.replay import Failure, Replay, evaluation_document
from coldwatch_ops.detectors.trace import read_trace
from coldwatch_ops.detectors.validation import run_validate
from coldwatch_ops.errors import FailedError, UsageError


def run_replay(options: Namespace, context: Context) -> Answer:
    """The lines are written while the trace is read, which may be longer than memory."""
    replay = Replay(_model(options.model), read_inputs(options.inputs))
    trace = read_trace(_lines_of(options.messages))
    return Answer(None, (), lines=_told(replay, replay.run(trace), options, context.say))


def _model(path: str) -> DetectorModel:
    content = read_file(Path(path))
    try:
        return load_model(content, name=Path(path).stem)
    except ModelError as error:
        raise FailedError(f"{path} cannot run:", finding_lines(error.findings)) from None


def _lines_of(path: str) -> Iterable[bytes]:
    """Opened at once, so that a wrong name is told before anything is written."""
    if path == "-":
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def _told(
    replay: Replay, results: Iterable[Evaluation | Failure], options: Namespace, say: Callable[[str], None]
) -> Iterator[str]:
    told = set[tuple[str, str]]()
    for result in _with_end(replay, results, options.until):
        if isinstance(result, Failure):
            yield json.dumps(result.to_document(), separators=(",", ":"))
            continue
        if options.all or result.actions or result.has_changed:
            yield json.dumps(evaluation_document(result), separators=(",", ":"))
        for note in result.notes:
            if note.level is not Level.INFO and (note.path, note.message) not in told:
                told.add((note.path, note.message))
                say(f"{note.level.lower()}: {note.path}: {note.message} (time {result.time_ms}, told once)")


def _with_end(
    replay: Replay, results: Iterable[Evaluation | Failure], until_ms: int | None
) -> Iterator[Evaluation | Failure]:
    yield from results
    if until_ms is not None:
        yield from replay.advance(until_ms)


INPUTS = argument("--inputs", metavar="DIR", help="a folder of inputs, as CreateInput took them")

COMMANDS = (
    Command(
        "validate",
        "check detector models, and tell everything that is wrong with them",
        run_validate,
        (argument("files", nargs="+", metavar="FILE", help="a detector model, or a folder of them"), INPUTS),
    ),
    Command(
        "replay",
        "run messages through a detector model and write what it does, a JSON line each",
        run_replay,
        (
            argument("model", metavar="MODEL", help="the detector model"),
            argument("--messages", required=True, metavar="TRACE", help="the messages as JSON lines; - is stdin"),
            INPUTS,
            argument("--all", action="store_true", help="also evaluations that neither acted nor changed anything"),
            argument("--until", type=int, metavar="MS", help="move the clock on to MS (epoch ms) at the end"),
        ),
    ),
)
