"""`coldwatch`: the rule as a detector model, compiled."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from benchmarks.candidates.streaming import decode_each
from benchmarks.reference import Alarm, paired
from coldwatch.engine.batch import Batch
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.program import Program

if TYPE_CHECKING:
    from coldwatch.engine.evaluation import Happening

INPUT: Final = "telemetry"
TIME: Final = ("timestamp",)
MODELS: Final = Path(__file__).parents[1] / "models"


def model(name: str) -> DetectorModel:
    return load_model((MODELS / f"{name}.json").read_bytes())


class Candidate:
    model_name = "sustained"

    def __init__(self) -> None:
        program = Program(model(self.model_name))
        _, struct = program.feed(INPUT, TIME)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(struct).decode
        self._batch = Batch(program, input_name=INPUT, time=TIME)
        self._happened: list[Happening] = []

    def decode(self, lines: Sequence[bytes]) -> None:
        decode_each(self._decode, lines)

    def feed(self, lines: Sequence[bytes]) -> None:
        self._happened += self._batch.feed(lines)

    def answer(self) -> list[Any]:
        return alarms(self._happened)


def alarms(happened: Sequence[Any]) -> list[Alarm]:
    """Of happenings or evaluations."""
    began = ("pending", "alarm")
    told = {began: True, ("clearing", "normal"): False}
    ways = ((each, (each.from_state, each.to_state)) for each in happened)
    return paired((each.key, each.time_ms, told[way]) for each, way in ways if way in told)
