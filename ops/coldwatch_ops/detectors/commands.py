"""`coldwatch detectors ...`; `coldwatch validate` and `coldwatch replay`: offline, from files."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from coldwatch.engine.errors import Level
from coldwatch.engine.evaluation import Evaluation
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.detectors import running
from coldwatch_ops.detectors.files import load_model_file, read_inputs
from coldwatch_ops.detectors.replay import Failure, Replay, evaluation_document
from coldwatch_ops.detectors.trace import read_trace
from coldwatch_ops.detectors.validation import run_validate
from coldwatch_ops.errors import UsageError


def run_replay(options: Namespace, context: Context) -> Answer:
    """The lines are written while the trace is read, which may be longer than memory."""
    replay = Replay(load_model_file(options.model), read_inputs(options.inputs))
    return Answer(None, (), lines=_told(replay, _opened(options.messages), options, context.say))


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
                yield write_line(result.to_document())
                continue
            if options.all or result.actions or result.has_changed:
                yield write_line(evaluation_document(result))
            for note in result.notes:
                if note.level is not Level.INFO and (note.path, note.message) not in told:
                    told.add((note.path, note.message))
                    say(f"{note.level.lower()}: {note.path}: {note.message} (time {result.time_ms}, told once)")


def _results(replay: Replay, trace: Iterable[bytes], until_ms: int | None) -> Iterator[Evaluation | Failure]:
    yield from replay.run(read_trace(trace))
    if until_ms is not None:
        yield from replay.advance(until_ms)


def write_line(document: dict[str, Any]) -> str:
    """Everything but ASCII is escaped, so that a terminal obeys nothing a device has sent."""
    return json.dumps(document, separators=(",", ":"))


INPUTS = argument("--inputs", metavar="DIR", help="a folder of inputs, as CreateInput took them, or a file of some")
MODEL = "a detector or alarm model; TEMPLATE#NAME for one of a template with several"

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
        "detectors preview",
        "say what would become of the detectors of a stack, were its models deployed as they are here",
        running.run_preview,
        (
            argument("model", metavar="MODEL", nargs="?", help="only the detectors of this detector model"),
            argument("--detectors", metavar="DIR", help="the folder with deployment.json and models; ./detectors"),
        ),
    ),
    Command(
        "validate",
        "check detector and alarm models, and tell everything that is wrong with them",
        run_validate,
        (
            argument(
                "files", nargs="+", metavar="FILE", help="a model, an alarm model, a template, or a folder of them"
            ),
            INPUTS,
            argument("--strict-limits", action="store_true", help="what exceeds a limit of the service is an error"),
            argument("--notes", action="store_true", help="tell notes, too: what is inferred, what to keep in mind"),
        ),
    ),
    Command(
        "replay",
        "run messages through a detector model and write what it does, a JSON line each",
        run_replay,
        (
            argument("model", metavar="MODEL", help=MODEL),
            argument("--messages", required=True, metavar="TRACE", help="the messages as JSON lines; - is stdin"),
            INPUTS,
            argument("--all", action="store_true", help="also evaluations that neither acted nor changed anything"),
            argument("--until", type=int, metavar="MS", help="move the clock on to MS (epoch ms) at the end"),
        ),
    ),
)
