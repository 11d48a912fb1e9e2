"""Findings on external actions: what their targets would not take."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from coldwatch.engine.constants import constant_value, is_constant
from coldwatch.engine.errors import EvaluationError, FindingType, Level
from coldwatch.engine.model import DetectorModel, Expression, ExternalAction, Field
from coldwatch.engine.report import Report, shown

_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "hashKeyType": ("STRING", "NUMBER"),
    "rangeKeyType": ("STRING", "NUMBER"),
    "operation": ("INSERT", "UPDATE", "DELETE"),
    "quality": ("GOOD", "BAD", "UNCERTAIN"),
}
_SEPARATORS: Final = ("\n", "\t", "\r\n", ",")


def check_actions(model: DetectorModel, report: Report) -> None:
    for state in model.states.values():
        for event in state.events:
            for index, action in enumerate(event.actions):
                if isinstance(action, ExternalAction):
                    check_action(action, f"{event.path}.actions[{index}].{action.type}", model.inputs, report)


def check_action(action: ExternalAction, path: str, inputs: Collection[str], report: Report) -> None:
    _check_choices(action.fields, report)
    match action.type:
        case "sns" | "sqs":
            _check_queue(action, path, report)
        case "firehose":
            _check_separator(action.fields.get("separator", ","), path, report)
        case "iotEvents":
            if action.fields["inputName"] in inputs:
                told = f"the model feeds its own input `{action.fields['inputName']}`, which may go on for ever"
                report.warning(f"{path}.inputName", told)
        case "iotTopicPublish":
            _check_topic(action.fields["mqttTopic"], report)
        case "iotSiteWise":
            _check_names_of_property(action.fields, path, report)


def _check_choices(fields: Mapping[str, Field], report: Report) -> None:
    for name, field in fields.items():
        if isinstance(field, Mapping):
            _check_choices(field, report)
        elif name in _CHOICES and isinstance(field, Expression):
            value = _constant(field)
            if value is not None and value not in _CHOICES[name]:
                told = f"`{name}` is one of {', '.join(_CHOICES[name])}"
                report.found(Level.WARNING, FindingType.STRUCTURE, field, told, advice="in quotes: it is an expression")


def _constant(field: Expression) -> Any:
    """None where it depends on something."""
    try:
        return constant_value(field.node) if is_constant(field.node) else None
    except EvaluationError:
        return None


def _check_queue(action: ExternalAction, path: str, report: Report) -> None:
    member = "targetArn" if action.type == "sns" else "queueUrl"
    if str(action.fields[member]).endswith(".fifo"):
        told = "the service could not send to FIFO topics and queues"
        report.warning(f"{path}.{member}", told, FindingType.SUPPORTED_ACTIONS)


def _check_separator(separator: Field, path: str, report: Report) -> None:
    if separator not in _SEPARATORS:
        told = f"the service took a line break, a tab or a comma for a separator, not {shown(separator)}"
        report.warning(f"{path}.separator", told, FindingType.SERVICE_LIMITS)


def _check_topic(topic: Field, report: Report) -> None:
    value = _constant(topic) if isinstance(topic, Expression) else None
    if isinstance(topic, Expression) and isinstance(value, str) and set(value) & set("+#"):
        report.found(Level.WARNING, FindingType.STRUCTURE, topic, "nothing can be published to a topic with `+` or `#`")


def _check_names_of_property(fields: Mapping[str, Field], path: str, report: Report) -> None:
    if {"propertyAlias", "assetId", "propertyId"} <= fields.keys():
        told = "a property is named twice: by `propertyAlias`, and by `assetId` and `propertyId`"
        report.warning(path, told)
