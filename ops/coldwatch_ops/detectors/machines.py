"""What a replay runs: the detectors of a detector model, or the alarms of an alarm model."""

from dataclasses import dataclass

from coldwatch.engine import alarm, machine
from coldwatch.engine.alarm_model import AlarmModel
from coldwatch.engine.customer_action import CustomerAction
from coldwatch.engine.evaluation import Evaluation, Message
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.snapshot import Snapshot


@dataclass(frozen=True)
class DetectorMachine:
    model: DetectorModel

    @property
    def inputs(self) -> frozenset[str]:
        return self.model.inputs

    def key_value(self, message: Message) -> str | None:
        return machine.key_value(self.model, message)

    def evaluate(self, snapshot: Snapshot | None, message: Message, *, key: str | None, now_ms: int) -> Evaluation:
        return machine.evaluate(self.model, snapshot, message, key=key, now_ms=now_ms)

    def expire(self, snapshot: Snapshot, timer_name: str, *, key: str | None, now_ms: int) -> Evaluation:
        return machine.expire(self.model, snapshot, timer_name, key=key, now_ms=now_ms)


@dataclass(frozen=True)
class AlarmMachine:
    model: AlarmModel

    @property
    def inputs(self) -> frozenset[str]:
        return self.model.inputs

    def key_value(self, message: Message) -> str | None:
        return machine.key_value(self.model.frame, message)

    def evaluate(self, snapshot: Snapshot | None, message: Message, *, key: str | None, now_ms: int) -> Evaluation:
        return alarm.evaluate(self.model, snapshot, message, key=key, now_ms=now_ms)

    def expire(self, snapshot: Snapshot, timer_name: str, *, key: str | None, now_ms: int) -> Evaluation:
        return alarm.expire(self.model, snapshot, timer_name, key=key, now_ms=now_ms)

    def respond(self, snapshot: Snapshot, action: CustomerAction, *, key: str | None, now_ms: int) -> Evaluation:
        return alarm.respond(self.model, snapshot, action, key=key, now_ms=now_ms)


def machine_of(model: DetectorModel | AlarmModel) -> DetectorMachine | AlarmMachine:
    return AlarmMachine(model) if isinstance(model, AlarmModel) else DetectorMachine(model)
