"""The service's limits, told as warnings: nothing binds Coldwatch to them, but a model that keeps them was accepted."""

import re
from collections.abc import Mapping
from typing import Any, Final

from coldwatch.engine.alarm_model import AlarmModel
from coldwatch.engine.errors import FindingType
from coldwatch.engine.model import (
    DetectorModel,
    Expression,
    ExternalAction,
    ModelEvent,
    SetTimer,
    SetVariable,
    State,
)
from coldwatch.engine.report import Report

_STATE_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")
_VARIABLE_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_STATES: Final = 20
_EVENTS_OF_A_STATE: Final = 20
_ACTIONS: Final = 10
_TIMERS: Final = 5
_VARIABLES: Final = 50
_DEFINITION_BYTES: Final = 512 * 1024
_NAME: Final = 128
_CONDITION: Final = 512
_VALUE: Final = 1024
_TOPIC: Final = 128
_RECIPIENTS: Final = 10
_MESSAGE: Final = 200


def check_limits(model: DetectorModel, report: Report, *, size: int | None) -> None:
    """`size` is the definition's in bytes, where it is known."""
    if size is not None:
        _check("", size, _DEFINITION_BYTES, "bytes of definition", report)
    _check("states", len(model.states), _STATES, "states", report)
    _check("key", len(model.key or ""), _NAME, "characters of key", report)
    actions = [action for state in model.states.values() for event in state.events for action in event.actions]
    variables = {action.name for action in actions if isinstance(action, SetVariable)}
    _check("", len({action.name for action in actions if isinstance(action, SetTimer)}), _TIMERS, "timers", report)
    _check("", len(variables), _VARIABLES, "variables", report)
    for name in sorted(variables):
        if not _VARIABLE_NAME.fullmatch(name):
            told = f"the service took letters, digits and `_`, a letter first, for a variable's name, not `{name}`"
            report.warning("", told, FindingType.SERVICE_LIMITS)
    for state in model.states.values():
        _check_state(state, report)


def _check_state(state: State, report: Report) -> None:
    path = f"{state.path}.stateName"
    _check(path, len(state.name), _NAME, "characters of name", report)
    if not _STATE_NAME.fullmatch(state.name):
        told = f"the service took letters, digits, `_` and `-` for a state's name, not `{state.name}`"
        report.warning(path, told, FindingType.SERVICE_LIMITS)
    for member, events in (("onEnter", state.on_enter), ("onInput", state.on_input), ("onExit", state.on_exit)):
        _check(f"{state.path}.{member}.events", len(events), _EVENTS_OF_A_STATE, "events", report)
    path = f"{state.path}.onInput.transitionEvents"
    _check(path, len(state.transitions), _EVENTS_OF_A_STATE, "transition events", report)
    for event in state.events:
        _check_event(event, report)


def _check_event(event: ModelEvent, report: Report) -> None:
    _check(f"{event.path}.eventName", len(event.name), _NAME, "characters of name", report)
    _check(f"{event.path}.actions", len(event.actions), _ACTIONS, "actions", report)
    if event.condition is not None:
        _check_expression(event.condition, _CONDITION, report)
    for action in event.actions:
        match action:
            case SetVariable(value=value):
                _check_expression(value, _VALUE, report)
            case SetTimer(duration=duration):
                _check_expression(duration, _VALUE, report)
            case ExternalAction():
                _check_external(action, report)


def _check_external(action: ExternalAction, report: Report) -> None:
    topic = action.fields.get("mqttTopic")
    if isinstance(topic, Expression):
        _check_expression(topic, _TOPIC, report)
    if action.payload is not None:
        content = action.payload.content
        _check(content.path, len(content.source.encode()), _VALUE, "bytes of content expression", report)


def _check_expression(expression: Expression, limit: int, report: Report) -> None:
    _check(expression.path, len(expression.source), limit, "characters", report)


def _check(path: str, number: int, limit: int, what: str, report: Report) -> None:
    if number > limit:
        told = f"{number:,} {what}: the service took {limit:,}"
        report.warning(path, told, FindingType.SERVICE_LIMITS, advice="Coldwatch takes it")


def check_alarm_limits(model: AlarmModel, report: Report) -> None:
    for expression in (model.rule.property, model.rule.threshold):
        _check_expression(expression, _CONDITION, report)
    actions = (*model.actions, *(each.action for each in model.notifications))
    _check("alarmEventActions", len(actions), _ACTIONS, "actions and notifications", report)
    for action in actions:
        _check_external(action, report)
    for notification in model.notifications:
        emails, texts = notification.emails, notification.text_messages
        recipients = sum(len(each.to) for each in emails) + sum(len(each.to) for each in texts)
        messages = [*(each.additional_message for each in emails), *(each.additional_message for each in texts)]
        longest = max((len(each or "") for each in messages), default=0)
        _check(notification.path, recipients, _RECIPIENTS, "recipients", report)
        _check(notification.path, longest, _MESSAGE, "characters of message", report)


def size_of(document: bytes | str | Mapping[str, Any]) -> int | None:
    match document:
        case bytes():
            return len(document)
        case str():
            return len(document.encode())
    return None
