"""Detector models that hear the same messages, compiled into one function for the messages at which nothing is done.

Mostly nothing is. The function tells which detectors changed all the same, as by a timer that is set anew, or a
transition. Where a model acts on the world outside, or a value is of an unexpected kind, it raises with nothing done,
and whoever called it evaluates the message in another way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from coldwatch.engine.actions import whole_seconds
from coldwatch.engine.course import Course
from coldwatch.engine.evaluation import Happening
from coldwatch.engine.expression_code import NAMES, Constants
from coldwatch.engine.layout import Layout, Packed, SharedForm, fits, soonest
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.program import Irregular
from coldwatch.engine.source import Source

type Changes = Sequence[tuple[int, Packed]] | None
"""The detectors that are other tuples now, by their places; None if all are the very same."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A model, and the name of the time that its detectors go by: `event` or `wall`."""

    model: DetectorModel
    now: str


class Chorus:
    """`hear(detectors, message, key, event, wall)`: what a message does to a packed detector of each model. Raises one
    of `program.IRREGULAR`.
    """

    def __init__(self, voices: Sequence[Voice], input_name: str, form: SharedForm) -> None:
        """Raises UnreadableInputError if a model remembers messages."""
        self.layouts = [Layout(each.model, {input_name: form}) for each in voices]
        constants, source = Constants(), Source()
        _write(voices, self.layouts, constants, source, input_name)
        self.source = source.text()
        self.hear = _run(self.source, constants.by_name)


def _write(
    voices: Sequence[Voice], layouts: Sequence[Layout], constants: Constants, source: Source, input_name: str
) -> None:
    """Each model's course in a loop that is left at once, so that `break` ends it wherever it gets to."""
    with source.block("def hear(detectors, m, key, event, wall)"):
        source.add("changes = None")
        source.add(f"{', '.join(f's{number}' for number in range(len(voices)))}, = detectors")
        for number, (voice, layout) in enumerate(zip(voices, layouts, strict=True)):
            source.add(f"s = s{number}")
            with source.block("while True"):
                Course(layout, constants, source, input_name, "break", now=voice.now).body()
            with source.block(f"if s is not s{number}"):
                source.add(f"changes = [({number}, s)] if changes is None else [*changes, ({number}, s)]")
        source.add("return changes")


def _run(source: str, constants: Mapping[str, Any]) -> Callable[[Sequence[Packed], Any, str, int, int], Changes]:
    names = {
        **NAMES,
        **constants,
        "Happening": Happening,
        "Irregular": Irregular,
        "act": _acts,
        "fits": fits,
        "happened": _is_told,
        "soonest": soonest,
        "trigger": None,
        "whole_seconds": whole_seconds,
    }
    exec(compile(source, "<chorus>", "exec"), names)  # noqa: S102 - ours: no text of a model is in it
    hear: Callable[[Sequence[Packed], Any, str, int, int], Changes] = names["hear"]
    return hear


def _acts(*_: Any) -> NoReturn:
    raise Irregular


def _is_told(_: Happening) -> None:
    """The detector shows it."""
