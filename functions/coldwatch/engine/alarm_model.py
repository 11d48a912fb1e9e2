"""An alarm model from its document, a `CreateAlarmModel` body: one comparison, and who is told of its state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from coldwatch.engine.action_forms import EXTERNAL_ACTIONS, read_action
from coldwatch.engine.alarm_notifications import Notification, read_notifications
from coldwatch.engine.documents import decode, list_member, member_path, object_member, objects, refuse_others
from coldwatch.engine.errors import FindingType, ModelError
from coldwatch.engine.expressions import read_expression
from coldwatch.engine.loader import read_key, read_name
from coldwatch.engine.model import DetectorModel, EvaluationMethod, Expression, ExternalAction
from coldwatch.engine.report import Report, shown
from coldwatch.engine.survey import action_expressions, named_input
from coldwatch.engine.syntax import BinaryOperator, InputReference, Step, walk


class AlarmState(StrEnum):
    NORMAL = "NORMAL"
    ACTIVE = "ACTIVE"
    """The rule holds."""
    ACKNOWLEDGED = "ACKNOWLEDGED"
    """It holds, and somebody knows."""
    LATCHED = "LATCHED"
    """It held and does no more, and nobody has said that they know."""
    SNOOZE_DISABLED = "SNOOZE_DISABLED"
    """Not evaluated until the snooze is over."""
    DISABLED = "DISABLED"
    """Not evaluated until it is enabled."""


COMPARISONS: Final[Mapping[str, BinaryOperator]] = {
    "GREATER": ">",
    "GREATER_OR_EQUAL": ">=",
    "LESS": "<",
    "LESS_OR_EQUAL": "<=",
    "EQUAL": "==",
    "NOT_EQUAL": "!=",
}


@dataclass(frozen=True, slots=True)
class SimpleRule:
    property: Expression
    comparison: str
    """One of COMPARISONS."""
    threshold: Expression


@dataclass(frozen=True)
class AlarmModel:
    frame: DetectorModel
    """What an alarm has in common with a detector: name, key, inputs, what is remembered of them. It has no states."""
    severity: int | None
    rule: SimpleRule
    actions: tuple[ExternalAction, ...]
    """Carried out whenever the state changes."""
    notifications: tuple[Notification, ...]
    """Likewise."""
    first_state: AlarmState
    has_acknowledge_flow: bool

    @property
    def inputs(self) -> frozenset[str]:
        return self.frame.inputs

    @property
    def property_references(self) -> tuple[InputReference, ...]:
        return tuple(_references(self.rule.property))


ACTIONS_PATH: Final = "alarmEventActions.alarmActions"
_UNNAMED: Final = "alarmModel"
_MEMBERS: Final = (
    *("alarmModelName", "alarmModelDescription", "roleArn", "tags", "key", "severity", "alarmRule"),
    *("alarmNotification", "alarmEventActions", "alarmCapabilities"),
    *("alarmModelArn", "alarmModelVersion", "creationTime", "lastUpdateTime", "status", "statusMessage"),
)
_MAX_SEVERITY: Final = 2**31 - 1


def is_alarm_model(document: Mapping[str, Any]) -> bool:
    return "alarmRule" in document


def load_alarm_model(document: bytes | str | Mapping[str, Any], *, name: str = _UNNAMED) -> AlarmModel:
    """The model, ready to run; raises ModelError with everything that keeps it from running.

    `name` is for a document that names no model.
    """
    report = Report()
    decoded = decode(document, report)
    model = None if decoded is None else read_alarm_model(decoded, report, name=name)
    if report.errors or model is None:
        raise ModelError(report.errors)
    return model


def read_alarm_model(document: Mapping[str, Any], report: Report, *, name: str = _UNNAMED) -> AlarmModel | None:
    """None where there is no rule to evaluate. The document holds no nulls."""
    refuse_others(document, _MEMBERS, "", report)
    rule = _read_rule(document, report)
    actions, notifications = _read_actions(document, report), read_notifications(document, report)
    first_state, has_acknowledge_flow = _read_capabilities(document, report)
    severity = _read_severity(document, report)
    told = (*actions, *(each.action for each in notifications))
    frame = _frame(document, name, _reads(rule, told), report)
    if rule is None:
        return None
    return AlarmModel(frame, severity, rule, actions, notifications, first_state, has_acknowledge_flow)


@dataclass(frozen=True)
class _Reads:
    inputs: frozenset[str]
    remembered: Mapping[str, frozenset[tuple[Step, ...]]]


def _frame(document: Mapping[str, Any], name: str, reads: _Reads, report: Report) -> DetectorModel:
    key, key_path = read_key(document, report)
    return DetectorModel(
        name=read_name(document, "alarmModelName", name, report),
        version=str(document.get("alarmModelVersion", "1")),
        key=key,
        evaluation_method=EvaluationMethod.BATCH,
        states={},
        initial_state=AlarmState.NORMAL,
        inputs=reads.inputs,
        has_timers=False,
        key_path=key_path,
        remembered=reads.remembered,
    )


def _reads(rule: SimpleRule | None, actions: tuple[ExternalAction, ...]) -> _Reads:
    """The rule is evaluated when a message brings its property: of that input's messages it needs no memory, unless
    the property is made of more than one input. An action may also be due when a customer or a timer changes the state.
    """
    compared = () if rule is None else tuple(_references(rule.property))
    against = () if rule is None else tuple(_references(rule.threshold))
    in_actions = tuple(each for action in actions for read in action_expressions(action) for each in _references(read))
    bringing = {each.input_name for each in compared}
    paths: dict[str, set[tuple[Step, ...]]] = {}
    for reference in (*compared, *against):
        if bringing != {reference.input_name}:
            paths.setdefault(reference.input_name, set()).add(reference.path)
    for reference in in_actions:
        paths.setdefault(reference.input_name, set()).add(reference.path)
    inputs = frozenset(each.input_name for each in (*compared, *against, *in_actions))
    return _Reads(inputs, {name: frozenset(found) for name, found in paths.items()})


def _references(expression: Expression) -> Iterator[InputReference]:
    return (node for node in walk(expression.node) if isinstance(node, InputReference))


def _read_rule(document: Mapping[str, Any], report: Report) -> SimpleRule | None:
    path = "alarmRule.simpleRule"
    rules = object_member(document, "alarmRule", "", report)
    refuse_others(rules, ("simpleRule",), "alarmRule", report)
    if "simpleRule" not in rules:
        report.error(path, "`simpleRule` is missing")
        return None
    rule = object_member(rules, "simpleRule", "alarmRule", report)
    refuse_others(rule, ("inputProperty", "comparisonOperator", "threshold"), path, report)
    compared, threshold = (read_expression(rule, member, path, report) for member in ("inputProperty", "threshold"))
    comparison = rule.get("comparisonOperator")
    if comparison not in tuple(COMPARISONS):
        told = f"`comparisonOperator` must be one of {', '.join(COMPARISONS)}, not {shown(comparison)}"
        report.error(f"{path}.comparisonOperator", told)
    if compared is not None and not any(named_input(node) for node in walk(compared.node)):
        report.error(compared.path, "this reads no input, so no message would ever be evaluated")
    if compared is None or threshold is None or comparison not in tuple(COMPARISONS):
        return None
    return SimpleRule(compared, str(comparison), threshold)


def _read_severity(document: Mapping[str, Any], report: Report) -> int | None:
    severity = document.get("severity")
    if severity is None or (type(severity) is int and 0 <= severity <= _MAX_SEVERITY):
        return severity
    report.error("severity", f"`severity` must be a whole number from 0 to {_MAX_SEVERITY:,}, not {shown(severity)}")
    return None


def _read_capabilities(document: Mapping[str, Any], report: Report) -> tuple[AlarmState, bool]:
    """In which state an alarm begins, and whether it must be acknowledged.

    `disabledOnInitialization` is true by default, says the service's reference, and must be there where its
    configuration is: the default is that of a model without one. The acknowledge flow has no documented default.
    """
    path = "alarmCapabilities"
    capabilities = object_member(document, path, "", report)
    refuse_others(capabilities, ("initializationConfiguration", "acknowledgeFlow"), path, report)
    is_disabled = _read_switch(capabilities, "initializationConfiguration", "disabledOnInitialization", report)
    has_flow = _read_switch(capabilities, "acknowledgeFlow", "enabled", report)
    return (AlarmState.NORMAL if is_disabled is False else AlarmState.DISABLED), has_flow is True


def _read_switch(capabilities: Mapping[str, Any], name: str, member: str, report: Report) -> bool | None:
    if name not in capabilities:
        return None
    place = f"alarmCapabilities.{name}"
    switch = object_member(capabilities, name, "alarmCapabilities", report)
    refuse_others(switch, (member,), place, report)
    value = switch.get(member)
    if not isinstance(value, bool):
        report.error(member_path(place, member), f"`{member}` must be true or false, not {shown(value)}")
    return value if isinstance(value, bool) else None


def _read_actions(document: Mapping[str, Any], report: Report) -> tuple[ExternalAction, ...]:
    place = "alarmEventActions"
    group = object_member(document, place, "", report)
    refuse_others(group, ("alarmActions",), place, report)
    found = objects(list_member(group, "alarmActions", place, report), ACTIONS_PATH, report)
    actions = [_read_action(action, path, report) for path, action in found]
    return tuple(action for action in actions if action is not None)


def _read_action(document: Mapping[str, Any], path: str, report: Report) -> ExternalAction | None:
    action = read_action(document, path, report)
    if action is None or isinstance(action, ExternalAction):
        return action
    told = f"an alarm has no variables and timers to act on; its actions are {', '.join(EXTERNAL_ACTIONS)}"
    report.error(path, told, FindingType.SUPPORTED_ACTIONS)
    return None
