"""The step of an alarm: a message, the end of a snooze or what a customer does, to the alarm afterwards.

| in | rule holds | rule does not | acknowledge |
| --- | --- | --- | --- |
| NORMAL | ACTIVE | | |
| ACTIVE | | LATCHED with the acknowledge flow, else NORMAL | ACKNOWLEDGED |
| ACKNOWLEDGED | | NORMAL | |
| LATCHED | ACTIVE | | NORMAL |

SNOOZE_DISABLED and DISABLED evaluate nothing. Snooze, disable, enable and reset work in every state; the end of a
snooze, enable and reset make it NORMAL. With a new state, and only then, the model's actions and notifications go out.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from coldwatch.engine.actions import Standard, attempt
from coldwatch.engine.alarm_model import ACTIONS_PATH, COMPARISONS, AlarmModel, AlarmState
from coldwatch.engine.alarm_payloads import (
    SNOOZE,
    SNOOZE_TIMEOUT,
    Record,
    action_payload,
    execution_id,
    notification_payload,
)
from coldwatch.engine.customer_action import CustomerAction, CustomerActionName
from coldwatch.engine.errors import EvaluationError, Level
from coldwatch.engine.evaluation import Evaluation, Message, Trigger
from coldwatch.engine.interpreter import follow
from coldwatch.engine.model import Expression, ExternalAction
from coldwatch.engine.operators import BINARY, is_comparable
from coldwatch.engine.run import Run
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.engine.values import UNDEFINED, Value, checked_value, type_name

_RULE_PATH: Final = "alarmRule.simpleRule"
_EVALUATING: Final = frozenset(AlarmState) - {AlarmState.SNOOZE_DISABLED, AlarmState.DISABLED}
_BY_RULE: Final[Mapping[tuple[str, bool], AlarmState]] = {
    (AlarmState.NORMAL, True): AlarmState.ACTIVE,
    (AlarmState.ACTIVE, False): AlarmState.NORMAL,
    (AlarmState.ACKNOWLEDGED, False): AlarmState.NORMAL,
    (AlarmState.LATCHED, True): AlarmState.ACTIVE,
}
_BY_ACKNOWLEDGEMENT: Final[Mapping[str, AlarmState]] = {
    AlarmState.ACTIVE: AlarmState.ACKNOWLEDGED,
    AlarmState.LATCHED: AlarmState.NORMAL,
}
_BY_CUSTOMER: Final[Mapping[CustomerActionName, AlarmState]] = {
    CustomerActionName.SNOOZE: AlarmState.SNOOZE_DISABLED,
    CustomerActionName.ENABLE: AlarmState.NORMAL,
    CustomerActionName.DISABLE: AlarmState.DISABLED,
    CustomerActionName.RESET: AlarmState.NORMAL,
}
"""In whichever state the alarm is."""


def evaluate(
    model: AlarmModel, snapshot: Snapshot | None, message: Message, *, key: str | None, now_ms: int
) -> Evaluation:
    """What a message does to an alarm, which it creates where there is none."""
    before = snapshot or Snapshot(model.first_state.value, {}, {}, {})
    run = Run(model.frame, before, Trigger("message", message.input_name, message.message_id), key=key, now_ms=now_ms)
    run.inputs[message.input_name] = message.payload
    if run.state in _EVALUATING and _brings_property(model, message):
        _apply_rule(model, run)
    return run.finished(snapshot)


def expire(model: AlarmModel, snapshot: Snapshot, timer_name: str, *, key: str | None, now_ms: int) -> Evaluation:
    """What the end of a snooze does. One that is not pending changes nothing, and is noted: it was told twice."""
    run = Run(model.frame, snapshot, Trigger("timer", timer_name=timer_name), key=key, now_ms=now_ms)
    timer = run.timers.get(timer_name)
    if timer is None or not timer.is_pending:
        run.note(Level.INFO, "", EvaluationError(f"the timer `{timer_name}` is not pending"))
        return run.finished(snapshot)
    _forget_cause(run)
    run.variables[Record.SYSTEM_EVENT] = SNOOZE_TIMEOUT
    del run.timers[timer_name]
    _enter(model, run, AlarmState.NORMAL)
    return run.finished(snapshot)


def respond(
    model: AlarmModel, snapshot: Snapshot, action: CustomerAction, *, key: str | None, now_ms: int
) -> Evaluation:
    """What a customer does. An acknowledgement of what waits for none changes nothing, and is noted."""
    trigger = Trigger("customerAction", message_id=action.request_id, action_name=action.name)
    run = Run(model.frame, snapshot, trigger, key=key, now_ms=now_ms)
    if action.name is CustomerActionName.ACKNOWLEDGE:
        state = _BY_ACKNOWLEDGEMENT.get(run.state) if model.has_acknowledge_flow else None
    else:
        state = _BY_CUSTOMER[action.name]
    if state is None:
        because = f"it is {run.state}" if model.has_acknowledge_flow else "its model has no acknowledge flow"
        told = EvaluationError(f"the alarm cannot be acknowledged: {because}")
        run.note(Level.WARNING, "", told, path="customerAction")
        return run.finished(snapshot)
    _record_response(run, action)
    _enter(model, run, state)
    if action.name is CustomerActionName.RESET:
        _forget_property(model, run)
    return run.finished(snapshot)


def _brings_property(model: AlarmModel, message: Message) -> bool:
    """Whether the message holds anything of what the rule compares."""
    return any(
        each.input_name == message.input_name and follow(message.payload, each.path) is not UNDEFINED
        for each in model.property_references
    )


def _apply_rule(model: AlarmModel, run: Run) -> None:
    """A comparison that fails says nothing of the data: the alarm stays as it is, and it is noted."""
    rule = model.rule
    try:
        compared, threshold = _compared(run, rule.property), _compared(run, rule.threshold)
        run.reading = None  # where they do not fit together, neither is to blame alone
        is_true = _holds(rule.comparison, compared, threshold)
    except EvaluationError as error:
        run.note(Level.WARNING, "", error, run.reading, path=None if run.reading else _RULE_PATH)
        return
    state = _BY_RULE.get((run.state, is_true))
    if run.state == AlarmState.ACTIVE and not is_true and model.has_acknowledge_flow:
        state = AlarmState.LATCHED
    if state is not None:
        _forget_cause(run)
        run.variables.update({Record.PROPERTY: compared, Record.THRESHOLD: threshold})
        _enter(model, run, state)


def _compared(run: Run, expression: Expression) -> Value:
    return checked_value(run.value(expression), "{} cannot be compared")


def _holds(comparison: str, compared: Value, threshold: Value) -> bool:
    """Unlike the `!=` of an expression, NOT_EQUAL says nothing of values of different types."""
    if not is_comparable(compared, threshold):
        told = f"{type_name(compared)} cannot be compared with {type_name(threshold)}"
        raise EvaluationError(f"{comparison}: {told}")
    return bool(BINARY[COMPARISONS[comparison]](compared, threshold))


def _record_response(run: Run, action: CustomerAction) -> None:
    _forget_cause(run)
    if action.name is CustomerActionName.RESET:
        run.variables.clear()
    run.variables[Record.ACTION] = action.name.value
    if action.note:
        run.variables[Record.NOTE] = action.note
    if action.name is not CustomerActionName.ACKNOWLEDGE:
        run.timers.pop(SNOOZE, None)
    if action.snooze_s is not None:
        run.timers[SNOOZE] = Timer(run.now_ms + action.snooze_s * 1000, action.snooze_s)


def _forget_cause(run: Run) -> None:
    for name in (Record.ACTION, Record.NOTE, Record.SYSTEM_EVENT):
        run.variables.pop(name, None)


def _forget_property(model: AlarmModel, run: Run) -> None:
    """A reset clears the latest value. What is sent with the new state may still have told of it."""
    for reference in model.property_references:
        run.inputs.pop(reference.input_name, None)


def _enter(model: AlarmModel, run: Run, state: AlarmState) -> None:
    """The state changes first: what is sent tells of the new one."""
    if state == run.state:
        return
    run.state = state.value
    run.has_transitioned = True
    for index, action in enumerate(model.actions):
        _attempt(run, action, f"{ACTIONS_PATH}[{index}]", partial(action_payload, model))
    for notification in model.notifications:
        payload = partial(notification_payload, model, notification)
        _attempt(run, notification.action, f"{notification.path}.action", payload)


def _attempt(run: Run, action: ExternalAction, path: str, payload: Callable[[Run, str, str], Any]) -> None:
    attempt(run, action, run.state, path, standard=Standard(execution_id, payload))
