"""What a replay runs. A machine decides how a detector is kept: compiled code has tuples, the runtime's machines
(`coldwatch.engine.machines`) have snapshots.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from coldwatch.engine import machine, machines
from coldwatch.engine.evaluation import Evaluation, Message, Trigger
from coldwatch.engine.layout import Packed
from coldwatch.engine.program import Program
from coldwatch.engine.snapshot import Snapshot, pending


class Machine[Kept](Protocol):
    """Each step gives the detector as it is afterwards, and what is to be told of it."""

    @property
    def inputs(self) -> frozenset[str]: ...
    def key_value(self, message: Message) -> str | None:
        """Raises KeyMissingError."""

    def evaluate(
        self, before: Kept | None, message: Message, *, key: str | None, now_ms: int
    ) -> tuple[Kept, Evaluation | None]: ...
    def expire(self, before: Kept, timer_name: str, *, key: str | None, now_ms: int) -> tuple[Kept, Evaluation]: ...
    def pending(self, detector: Kept) -> Mapping[str, int]:
        """When its pending timers are due (epoch ms), by their names."""


@dataclass(frozen=True)
class CompiledMachine:
    program: Program
    tells_all: bool = False
    """Also of evaluations in which nothing happened."""

    @property
    def inputs(self) -> frozenset[str]:
        return self.program.model.inputs

    def key_value(self, message: Message) -> str | None:
        return machine.key_value(self.program.model, message)

    def evaluate(
        self, before: Packed | None, message: Message, *, key: str | None, now_ms: int
    ) -> tuple[Packed, Evaluation | None]:
        after, told = self.program.step(before, message, key=key, now_ms=now_ms)
        if told is None and self.tells_all:
            trigger = Trigger("message", message.input_name, message.message_id)
            told = self.program.unchanged(after, trigger, key=key, now_ms=now_ms)
        return after, told

    def expire(self, before: Packed, timer_name: str, *, key: str | None, now_ms: int) -> tuple[Packed, Evaluation]:
        return self.program.expire(before, timer_name, key=key, now_ms=now_ms)

    def pending(self, detector: Packed) -> Mapping[str, int]:
        return self.program.layout.pending(detector)


@dataclass(frozen=True)
class InterpretedMachine:
    """As the runtime does it, without compiled code: the only way of an alarm, and what that code is held to."""

    machine: machines.Machine

    @property
    def inputs(self) -> frozenset[str]:
        return self.machine.inputs

    def key_value(self, message: Message) -> str | None:
        return self.machine.key_value(message)

    def evaluate(
        self, before: Snapshot | None, message: Message, *, key: str | None, now_ms: int
    ) -> tuple[Snapshot, Evaluation]:
        evaluation = self.machine.evaluate(before, message, key=key, now_ms=now_ms)
        return evaluation.after, evaluation

    def expire(self, before: Snapshot, timer_name: str, *, key: str | None, now_ms: int) -> tuple[Snapshot, Evaluation]:
        evaluation = self.machine.expire(before, timer_name, key=key, now_ms=now_ms)
        return evaluation.after, evaluation

    def pending(self, detector: Snapshot) -> Mapping[str, int]:
        return pending(detector)
