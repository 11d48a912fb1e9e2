"""The thirteen actions in their wire form, and how each is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from coldwatch.engine.action_rules import check_action, read_property_value
from coldwatch.engine.advice import close_to
from coldwatch.engine.documents import member_path, object_member, refuse_others, text_member
from coldwatch.engine.errors import FindingType
from coldwatch.engine.expressions import read_expression, read_topic
from coldwatch.engine.model import (
    ActionTemplate,
    ClearTimer,
    Expression,
    ExternalAction,
    Field,
    PayloadTemplate,
    ResetTimer,
    SetTimer,
    SetVariable,
)
from coldwatch.engine.report import Report, shown

type FieldForm = Literal["text", "flag", "topic", "expression", "property"]


@dataclass(frozen=True)
class ActionForm:
    """The fields of an external action beside `payload`."""

    required: Mapping[str, FieldForm]
    optional: Mapping[str, FieldForm]
    takes_payload: bool = True


_KEY_FIELDS: Final[dict[str, FieldForm]] = dict.fromkeys(("tableName", "hashKeyField", "hashKeyValue"), "expression")
_TABLE_FIELDS: Final[dict[str, FieldForm]] = dict.fromkeys(
    ("hashKeyType", "rangeKeyField", "rangeKeyType", "rangeKeyValue", "operation", "payloadField"), "expression"
)
_ASSET_FIELDS: Final[dict[str, FieldForm]] = dict.fromkeys(
    ("entryId", "assetId", "propertyId", "propertyAlias"), "expression"
)

EXTERNAL_ACTIONS: Final[dict[str, ActionForm]] = {
    "sns": ActionForm({"targetArn": "text"}, {}),
    "lambda": ActionForm({"functionArn": "text"}, {}),
    "iotTopicPublish": ActionForm({"mqttTopic": "topic"}, {}),
    "sqs": ActionForm({"queueUrl": "text"}, {"useBase64": "flag"}),
    "firehose": ActionForm({"deliveryStreamName": "text"}, {"separator": "text"}),
    "iotEvents": ActionForm({"inputName": "text"}, {}),
    "dynamoDB": ActionForm(_KEY_FIELDS, _TABLE_FIELDS),
    "dynamoDBv2": ActionForm({"tableName": "expression"}, {}),
    "iotSiteWise": ActionForm({}, {**_ASSET_FIELDS, "propertyValue": "property"}, takes_payload=False),
}


def read_action(document: Mapping[str, Any], path: str, report: Report) -> ActionTemplate | None:
    """Exactly one member says which action it is."""
    known = [name for name in document if name in _BUILT_IN or name in EXTERNAL_ACTIONS]
    for name in sorted(document.keys() - set(known)):
        told, advice = f"unknown action `{name}`", close_to(name, (*_BUILT_IN, *EXTERNAL_ACTIONS))
        report.error(member_path(path, name), told, FindingType.SUPPORTED_ACTIONS, advice=advice)
    if len(known) != 1:
        if known or not document:
            report.error(path, f"an action must have exactly one member, not {len(known)}")
        return None
    [name] = known
    fields = document[name]
    if not isinstance(fields, dict):
        report.error(member_path(path, name), f"`{name}` must be an object, not {shown(fields)}")
        return None
    read = _BUILT_IN.get(name)
    if read is not None:
        return read(fields, member_path(path, name), report)
    return _read_external(name, fields, member_path(path, name), report)


def _read_set_variable(fields: Mapping[str, Any], path: str, report: Report) -> SetVariable | None:
    refuse_others(fields, ("variableName", "value"), path, report)
    name = text_member(fields, "variableName", path, report)
    value = read_expression(fields, "value", path, report)
    return SetVariable(name, value) if name is not None and value is not None else None


def _read_set_timer(fields: Mapping[str, Any], path: str, report: Report) -> SetTimer | None:
    refuse_others(fields, ("timerName", "seconds", "durationExpression"), path, report)
    name = text_member(fields, "timerName", path, report)
    given = [member for member in ("seconds", "durationExpression") if member in fields]
    if len(given) != 1:
        report.error(path, "a timer needs either `seconds` or `durationExpression`" + ", not both" * (len(given) == 2))
        return None
    duration = read_expression(fields, given[0], path, report)
    return SetTimer(name, duration) if name is not None and duration is not None else None


def _timer_action[T](build: Callable[[str], T]) -> Callable[[Mapping[str, Any], str, Report], T | None]:
    def read(fields: Mapping[str, Any], path: str, report: Report) -> T | None:
        refuse_others(fields, ("timerName",), path, report)
        name = text_member(fields, "timerName", path, report)
        return None if name is None else build(name)

    return read


_BUILT_IN: Final[dict[str, Callable[[Mapping[str, Any], str, Report], ActionTemplate | None]]] = {
    "setVariable": _read_set_variable,
    "setTimer": _read_set_timer,
    "resetTimer": _timer_action(ResetTimer),
    "clearTimer": _timer_action(ClearTimer),
}


def _read_external(name: str, fields: Mapping[str, Any], path: str, report: Report) -> ExternalAction | None:
    form = EXTERNAL_ACTIONS[name]
    forms = {**form.required, **form.optional}
    before = len(report.errors)
    refuse_others(fields, (*forms, *(("payload",) if form.takes_payload else ())), path, report)
    for member in form.required:
        if member not in fields:
            report.error(member_path(path, member), f"`{member}` is missing")
    read = {
        member: _read_field(kind, fields, member, path, report) for member, kind in forms.items() if member in fields
    }
    payload = read_payload(fields, path, report) if form.takes_payload and "payload" in fields else None
    check_action(name, fields, payload, path, report)
    if len(report.errors) > before:
        return None
    return ExternalAction(
        name, {member: value for member, value in read.items() if value is not None}, payload, form.takes_payload
    )


def _read_field(kind: FieldForm, fields: Mapping[str, Any], member: str, path: str, report: Report) -> Field | None:
    match kind:
        case "text":
            return text_member(fields, member, path, report)
        case "flag":
            return _read_flag(fields[member], member_path(path, member), report)
        case "topic":
            text = text_member(fields, member, path, report)
            return None if text is None else read_topic(text, member_path(path, member))
        case "expression":
            return read_expression(fields, member, path, report)
        case "property":
            return read_property_value(fields, member, path, report)


def _read_flag(value: Any, path: str, report: Report) -> bool | None:
    if isinstance(value, bool):
        return value
    report.error(path, f"expected true or false, found {shown(value)}")
    return None


def read_payload(fields: Mapping[str, Any], path: str, report: Report) -> PayloadTemplate | None:
    place = member_path(path, "payload")
    document = object_member(fields, "payload", path, report)
    refuse_others(document, ("contentExpression", "type"), place, report)
    content: Expression | None = read_expression(document, "contentExpression", place, report)
    kind = document.get("type")
    if kind not in ("STRING", "JSON"):
        report.error(member_path(place, "type"), f"`type` must be STRING or JSON, not {shown(kind)}")
        return None
    return None if content is None else PayloadTemplate(content, kind)
