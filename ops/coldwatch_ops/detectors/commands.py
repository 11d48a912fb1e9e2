"""`coldwatch detectors ...`; `coldwatch validate` and `coldwatch replay`: offline, from files."""

import json
import re
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from coldwatch.engine.alarm_model import AlarmModel, load_alarm_model
from coldwatch.engine.errors import Level, ModelError
from coldwatch.engine.evaluation import Evaluation
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import DetectorModel
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.detectors import running
from coldwatch_ops.detectors.files import finding_lines, has_member, read_file, read_inputs
from coldwatch_ops.detectors.replay import Failure, Replay, evaluation_document
from coldwatch_ops.detectors.trace import read_trace
from coldwatch_ops.detectors.validation import run_validate
from coldwatch_ops.errors import FailedError, UsageError


def run_replay(options: Namespace, context: Context) -> Answer:
    """The lines are written while the trace is read, which may be longer than memory."""
    replay = Replay(_model(options.model), read_inputs(options.inputs))
    return Answer(None, (), lines=_told(replay, _opened(options.messages), options, context.say))


def _model(path: str) -> DetectorModel | AlarmModel:
    content = read_file(Path(path))
    load = load_alarm_model if has_member(content, "alarmRule") else load_model
    try:
        return load(content, name=re.sub(r"[^a-zA-Z0-9_-]", "_", Path(path).stem)[:128] or "model")
    except ModelError as error:
        raise FailedError(f"{path} cannot run:", finding_lines(error.findings)) from None


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    """Opened at once, so that a wrong name is told before anything is written."""
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def _told(
    replay: Replay, opened: AbstractContextManager[BinaryIO], options: Namespace, say: Callable[[str], None]
) -> Iterator[str]:
    told = set[tuple[str, str]]()
    with opened as trace:
        for result in _results(replay, trace, options.until):
            if isinstance(result, Failure):
                yield _line(result.to_document())
                continue
            if options.all or result.actions or result.has_changed:
                yield _line(evaluation_document(result))
            for note in result.notes:
                if note.level is not Level.INFO and (note.path, note.message) not in told:
                    told.add((note.path, note.message))
                    say(f"{note.level.lower()}: {note.path}: {note.message} (time {result.time_ms}, told once)")


def _results(replay: Replay, trace: Iterable[bytes], until_ms: int | None) -> Iterator[Evaluation | Failure]:
    yield from replay.run(read_trace(trace))
    if until_ms is not None:
        yield from replay.advance(until_ms)


def _line(document: dict[str, Any]) -> str:
    """Everything but ASCII is escaped, so that a terminal obeys nothing a device has sent."""
    return json.dumps(document, separators=(",", ":"))


INPUTS = argument("--inputs", metavar="DIR", help="a folder of inputs, as CreateInput took them")

COMMANDS = (
    Command(
        "detectors list",
        "list detectors: their state, their next timer, what they owe",
        running.run_list,
        (
            argument("--model", metavar="MODEL", help="only of this detector model"),
            argument("--device", metavar="DEVICE", help="only those that this device changed last"),
        ),
    ),
    Command(
        "detectors show",
        "show one detector: state, variables, timers, last change, effects it still owes",
        running.run_show,
        (
            argument("model", metavar="MODEL", help="the detector model, such as sustained_excursion_high"),
            argument("key", metavar="KEY", help="which one: the device, or device:sensor"),
        ),
    ),
    Command(
        "validate",
        "check detector and alarm models, and tell everything that is wrong with them",
        run_validate,
        (argument("files", nargs="+", metavar="FILE", help="a detector or alarm model, or a folder of them"), INPUTS),
    ),
    Command(
        "replay",
        "run messages through a detector model and write what it does, a JSON line each",
        run_replay,
        (
            argument("model", metavar="MODEL", help="the detector or alarm model"),
            argument("--messages", required=True, metavar="TRACE", help="the messages as JSON lines; - is stdin"),
            INPUTS,
            argument("--all", action="store_true", help="also evaluations that neither acted nor changed anything"),
            argument("--until", type=int, metavar="MS", help="move the clock on to MS (epoch ms) at the end"),
        ),
    ),
)
