"""A small alarm model, and an alarm that is kept from step to step."""

from typing import Any

from coldwatch.engine.alarm import evaluate, expire, respond
from coldwatch.engine.alarm_model import AlarmModel, load_alarm_model
from coldwatch.engine.customer_action import CustomerAction, CustomerActionName
from coldwatch.engine.evaluation import Evaluation, Message
from coldwatch.engine.snapshot import Snapshot, next_due

type Document = dict[str, Any]


def alarm_document(
    *,
    compared: str = "$input.room.celsius",
    comparison: Any = "GREATER",
    threshold: Any = "8",
    is_disabled: bool | None = False,
    has_flow: bool | None = True,
    **more: Any,
) -> Document:
    capabilities: Document = {}
    if is_disabled is not None:
        capabilities["initializationConfiguration"] = {"disabledOnInitialization": is_disabled}
    if has_flow is not None:
        capabilities["acknowledgeFlow"] = {"enabled": has_flow}
    rule = {"inputProperty": compared, "comparisonOperator": comparison, "threshold": threshold}
    return {
        "alarmModelName": "too_warm",
        "roleArn": "arn:r",
        "alarmRule": {"simpleRule": rule},
        "alarmEventActions": {"alarmActions": [{"sns": {"targetArn": "arn:t"}}]},
        "alarmCapabilities": capabilities,
        **more,
    }


class Alarm:
    """One without a key; time passes only as it is told."""

    def __init__(self, document: Document | None = None) -> None:
        self.model: AlarmModel = load_alarm_model(document or alarm_document())
        self.snapshot: Snapshot | None = None
        self.now_ms = 1_000

    def receive(self, payload: Document, *, of: str = "room") -> Evaluation:
        return self._kept(evaluate(self.model, self.snapshot, Message(of, payload, "m"), key=None, now_ms=self.now_ms))

    def respond(self, name: str, *, note: str | None = None, snooze_s: int | None = None) -> Evaluation:
        assert self.snapshot is not None
        action = CustomerAction(CustomerActionName(name), "r", note, snooze_s or (60 if name == "SNOOZE" else None))
        return self._kept(respond(self.model, self.snapshot, action, key=None, now_ms=self.now_ms))

    def expire(self) -> Evaluation:
        """The timer that is due next."""
        assert self.snapshot is not None
        due = next_due(self.snapshot)
        assert due is not None
        self.now_ms, name = due
        return self._kept(expire(self.model, self.snapshot, name, key=None, now_ms=self.now_ms))

    @property
    def state(self) -> str:
        assert self.snapshot is not None
        return self.snapshot.state

    def _kept(self, evaluation: Evaluation) -> Evaluation:
        self.snapshot = evaluation.after
        return evaluation
