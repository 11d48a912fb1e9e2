"""`coldwatch detectors ...`; `coldwatch validate` and `coldwatch replay`: offline, from files."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Final

from coldwatch.engine.alarm_model import AlarmModel
from coldwatch.engine.errors import Level
from coldwatch.engine.evaluation import Evaluation
from coldwatch.engine.inputs import Input
from coldwatch.engine.layout import Packed
from coldwatch.engine.machines import AlarmMachine
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.program import Program
from coldwatch.engine.snapshot import Snapshot
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.detectors import running
from coldwatch_ops.detectors.compiled_replay import CompiledReplay
from coldwatch_ops.detectors.files import load_model_file, read_inputs
from coldwatch_ops.detectors.replay import AlarmReplay, Failure, Replay, evaluation_document
from coldwatch_ops.detectors.validation import run_validate
from coldwatch_ops.errors import UsageError

_LINE: Final = json.JSONEncoder(separators=(",", ":"))


def run_replay(options: Namespace, context: Context) -> Answer:
    """The lines are written while the trace is read, which may be longer than memory."""
    replay = replay_of(load_model_file(options.model), read_inputs(options.inputs), tells_all=options.all)
    opened = _opened(options.messages)
    lines = written(replay, opened, tells_all=options.all, until_ms=options.until, say=context.say)
    return Answer(None, (), lines=lines)


def replay_of(
    model: DetectorModel | AlarmModel, inputs: Mapping[str, Input] | None, *, tells_all: bool
) -> Replay[Packed] | Replay[Snapshot]:
    if isinstance(model, AlarmModel):
        return AlarmReplay(AlarmMachine(model), inputs)
    return CompiledReplay(Program(model), inputs, tells_all=tells_all)


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    """Opened at once, so that a wrong name is told before anything is written."""
    if path == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None


def written(
    replay: Replay[Any],
    opened: AbstractContextManager[Iterable[bytes]],
    *,
    tells_all: bool,
    until_ms: int | None,
    say: Callable[[str], None],
) -> Iterator[str]:
    """The lines of a replay; what its model's expressions failed at is said beside them."""
    told = set[tuple[str, str]]()
    with opened as trace:
        for result in _results(replay, trace, until_ms):
            if isinstance(result, Failure):
                yield write_line(result.to_document())
                continue
            if tells_all or result.actions or result.has_changed:
                yield write_line(evaluation_document(result))
            for note in result.notes:
                if note.level is not Level.INFO and (note.path, note.message) not in told:
                    told.add((note.path, note.message))
                    say(f"{note.level.lower()}: {note.path}: {note.message} (time {result.time_ms}, told once)")


def _results(replay: Replay[Any], trace: Iterable[bytes], until_ms: int | None) -> Iterator[Evaluation | Failure]:
    yield from replay.read(trace)
    if until_ms is not None:
        yield from replay.advance(until_ms)


def write_line(document: dict[str, Any]) -> str:
    """Everything but ASCII is escaped, so that a terminal obeys nothing a device has sent."""
    return _LINE.encode(document)


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
