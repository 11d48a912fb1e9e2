"""What runs: the detectors of a detector model, or the alarms of an alarm model, through one set of words."""

from collections.abc import Iterator
from dataclasses import dataclass

from coldwatch.engine import alarm, machine
from coldwatch.engine.alarm_model import AlarmModel
from coldwatch.engine.customer_action import CustomerAction
from coldwatch.engine.evaluation import Evaluation, Message
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.snapshot import Snapshot, next_due

type Model = DetectorModel | AlarmModel
type Machine = DetectorMachine | AlarmMachine


@dataclass(frozen=True, slots=True)
class DetectorMachine:
    model: DetectorModel

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def inputs(self) -> frozenset[str]:
        return self.model.inputs

    @property
    def first_state(self) -> str:
        return self.model.initial_state

    @property
    def key(self) -> str | None:
        return self.model.key

    @property
    def key_path(self) -> tuple[str, ...]:
        return self.model.key_path

    def key_value(self, message: Message) -> str | None:
        return machine.key_value(self.model, message)

    def evaluate(self, snapshot: Snapshot | None, message: Message, *, key: str | None, now_ms: int) -> Evaluation:
        return machine.evaluate(self.model, snapshot, message, key=key, now_ms=now_ms)

    def expire(self, snapshot: Snapshot, timer_name: str, *, key: str | None, now_ms: int) -> Evaluation:
        return machine.expire(self.model, snapshot, timer_name, key=key, now_ms=now_ms)

    def expirations(self, snapshot: Snapshot, *, key: str | None, until_ms: int) -> Iterator[Evaluation]:
        """Of every timer that is due by then, one by one, each at its own time."""
        return machine.expirations(self.model, snapshot, key=key, until_ms=until_ms)

    def without_unseen(self, snapshot: Snapshot) -> Snapshot:
        """Without remembered messages that no later evaluation can see: the next message of the only input takes their
        place, and there is no timer that could look at them before.
        """
        if not snapshot.inputs or len(self.model.inputs) > 1 or snapshot.has_pending_timer:
            return snapshot
        return Snapshot(snapshot.state, snapshot.variables, snapshot.timers, {}, snapshot.cleared)

    def is_as_new(self, snapshot: Snapshot) -> bool:
        """Whether a new detector is as any other new one, so that nothing is lost if it is not kept."""
        kept = snapshot.variables or snapshot.timers or snapshot.inputs or snapshot.cleared
        is_first = not kept and snapshot.state == self.model.initial_state
        return is_first and not self.model.states[snapshot.state].on_enter


@dataclass(frozen=True, slots=True)
class AlarmMachine:
    model: AlarmModel

    @property
    def name(self) -> str:
        return self.model.frame.name

    @property
    def inputs(self) -> frozenset[str]:
        return self.model.inputs

    @property
    def first_state(self) -> str:
        return self.model.first_state

    @property
    def key(self) -> str | None:
        return self.model.frame.key

    @property
    def key_path(self) -> tuple[str, ...]:
        return self.model.frame.key_path

    def key_value(self, message: Message) -> str | None:
        return machine.key_value(self.model.frame, message)

    def evaluate(self, snapshot: Snapshot | None, message: Message, *, key: str | None, now_ms: int) -> Evaluation:
        return alarm.evaluate(self.model, snapshot, message, key=key, now_ms=now_ms)

    def expire(self, snapshot: Snapshot, timer_name: str, *, key: str | None, now_ms: int) -> Evaluation:
        return alarm.expire(self.model, snapshot, timer_name, key=key, now_ms=now_ms)

    def expirations(self, snapshot: Snapshot, *, key: str | None, until_ms: int) -> Iterator[Evaluation]:
        """An alarm has one timer, its snooze, and no end of it begins another."""
        due = next_due(snapshot)
        if due is not None and due[0] <= until_ms:
            yield self.expire(snapshot, due[1], key=key, now_ms=due[0])

    def respond(self, snapshot: Snapshot, action: CustomerAction, *, key: str | None, now_ms: int) -> Evaluation:
        return alarm.respond(self.model, snapshot, action, key=key, now_ms=now_ms)

    def without_unseen(self, snapshot: Snapshot) -> Snapshot:
        """All of it: what a customer does may send any message that is remembered."""
        return snapshot

    def is_as_new(self, _snapshot: Snapshot) -> bool:
        """Never: a customer can list, disable or enable an alarm from its first message on, so it has to be kept."""
        return False


def machine_of(model: Model) -> Machine:
    return AlarmMachine(model) if isinstance(model, AlarmModel) else DetectorMachine(model)
