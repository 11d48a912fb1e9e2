"""A detector model from its document: a `CreateDetectorModel` body, a console export, a bare definition, or one of
CloudFormation's: a resource or a template.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coldwatch.engine.action_forms import read_action
from coldwatch.engine.advice import close_to
from coldwatch.engine.cloudformation import model_document
from coldwatch.engine.documents import (
    decode,
    list_member,
    member_path,
    object_member,
    objects,
    refuse_others,
    text_member,
)
from coldwatch.engine.errors import ExpressionError, ModelError
from coldwatch.engine.expressions import read_expression
from coldwatch.engine.inputs import Input, load_inputs
from coldwatch.engine.model import (
    ActionTemplate,
    DetectorModel,
    EvaluationMethod,
    Expression,
    ModelEvent,
    SetTimer,
    State,
    TransitionEvent,
)
from coldwatch.engine.parser import parse_path
from coldwatch.engine.report import Report, shown
from coldwatch.engine.survey import mentioned_inputs, remembered

__all__ = ["Input", "load_inputs", "load_model", "read_key", "read_model", "read_name"]

_UNNAMED: Final = "detectorModel"
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_BODY_MEMBERS: Final = (
    *("detectorModelName", "detectorModelDefinition", "detectorModelDescription", "key", "roleArn"),
    *("evaluationMethod", "tags", "detectorModelVersion", "detectorModelArn", "creationTime", "lastUpdateTime"),
    "status",
)


def load_model(
    document: bytes | str | Mapping[str, Any], *, name: str = _UNNAMED, resource: str | None = None
) -> DetectorModel:
    """The model, ready to run; raises ModelError with everything that keeps it from running.

    `name` is for a document that names no model, `resource` for a template with several: its first one otherwise.
    """
    report = Report()
    model = read_model(document, report, name=name, resource=resource)
    if report.errors or model is None:
        raise ModelError(report.errors)
    return model


def read_model(
    document: bytes | str | Mapping[str, Any], report: Report, *, name: str = _UNNAMED, resource: str | None = None
) -> DetectorModel | None:
    """As much of a model as can be read; what cannot be is reported and left out."""
    decoded = decode(document, report)
    described = None if decoded is None else model_document(decoded, report, resource)
    body = None if described is None else _body(described, report)
    return None if body is None else _read_body(body, name, report)


def _read_body(body: "_Body", name: str, report: Report) -> DetectorModel:
    states = _read_states(body.definition, report)
    initial = text_member(body.definition, "initialStateName", "", report) or ""
    _check_state_names(states, initial, report)
    by_name = {state.name: state for state in reversed(states)}
    ordered = {state.name: by_name[state.name] for state in states}
    key, key_path = read_key(body.attributes, report)
    inputs = mentioned_inputs(ordered.values())
    has_timers = any(isinstance(a, SetTimer) for s in states for e in s.events for a in e.actions)
    return DetectorModel(
        name=read_name(body.attributes, "detectorModelName", name, report),
        version=str(body.attributes.get("detectorModelVersion", "1")),
        key=key,
        evaluation_method=_read_method(body.attributes, report),
        states=ordered,
        initial_state=initial,
        inputs=inputs,
        has_timers=has_timers,
        key_path=key_path,
        remembered=remembered(ordered.values(), inputs) if has_timers or len(inputs) > 1 else {},
    )


@dataclass(frozen=True)
class _Body:
    attributes: Mapping[str, Any]
    """Name, key, method and version."""
    definition: Mapping[str, Any]


def _body(document: Mapping[str, Any], report: Report) -> _Body | None:
    if "detectorModel" in document:
        export = object_member(document, "detectorModel", "", report)
        attributes = object_member(export, "detectorModelConfiguration", "", report)
        return _Body(attributes, object_member(export, "detectorModelDefinition", "", report))
    if "detectorModelDefinition" in document:
        refuse_others(document, _BODY_MEMBERS, "", report)
        return _Body(document, object_member(document, "detectorModelDefinition", "", report))
    if "states" in document:
        return _Body({}, document)
    told = (
        "no detector model: expected `detectorModelDefinition`, `detectorModel`, `states` or a template's `Resources`"
    )
    report.error("", told)
    return None


def read_name(attributes: Mapping[str, Any], member: str, otherwise: str, report: Report) -> str:
    """A slash would be mistaken for the one between a model's name and a key."""
    name = attributes.get(member, otherwise)
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    report.error(member, f"`{member}` must be letters, digits, `_` and `-`, at most 128, not {shown(name)}")
    return otherwise


def read_key(attributes: Mapping[str, Any], report: Report) -> tuple[str | None, tuple[str, ...]]:
    key = attributes.get("key")
    if key is None or key == "":
        return None, ()
    if not isinstance(key, str):
        report.error("key", f"`key` must be the path of an attribute, not {shown(key)}")
        return None, ()
    try:
        return key, parse_path(key)
    except ExpressionError as error:
        report.unreadable("key", error)
        return None, ()


def _read_method(attributes: Mapping[str, Any], report: Report) -> EvaluationMethod:
    method = attributes.get("evaluationMethod", "BATCH")
    if method in tuple(EvaluationMethod):
        return EvaluationMethod(method)
    report.error("evaluationMethod", f"`evaluationMethod` must be BATCH or SERIAL, not {shown(method)}")
    return EvaluationMethod.BATCH


def _read_states(definition: Mapping[str, Any], report: Report) -> list[State]:
    refuse_others(definition, ("states", "initialStateName"), "", report)
    found = objects(list_member(definition, "states", "", report), "states", report)
    if not found:
        report.error("states", "a model needs at least one state")
    states = [_read_state(document, path, report) for path, document in found]
    return [state for state in states if state is not None]


def _read_state(document: Mapping[str, Any], path: str, report: Report) -> State | None:
    refuse_others(document, ("stateName", "onEnter", "onInput", "onExit"), path, report)
    name = text_member(document, "stateName", path, report)
    groups = {member: object_member(document, member, path, report) for member in ("onEnter", "onInput", "onExit")}
    events: dict[str, tuple[ModelEvent, ...]] = {}
    for member, group in groups.items():
        place = member_path(path, member)
        allowed = ("events", "transitionEvents") if member == "onInput" else ("events",)
        refuse_others(group, allowed, place, report)
        events[member] = _read_events(group, "events", place, report, _read_event)
    place = member_path(path, "onInput")
    transitions = _read_events(groups["onInput"], "transitionEvents", place, report, _read_transition)
    if name is None:
        return None
    return State(name, events["onEnter"], events["onInput"], transitions, events["onExit"], path)


def _read_events[E: ModelEvent](
    group: Mapping[str, Any],
    member: str,
    path: str,
    report: Report,
    read: Callable[[Mapping[str, Any], str, Report], E | None],
) -> tuple[E, ...]:
    found = objects(list_member(group, member, path, report), member_path(path, member), report)
    events = [read(document, place, report) for place, document in found]
    return tuple(event for event in events if event is not None)


def _read_event(document: Mapping[str, Any], path: str, report: Report) -> ModelEvent | None:
    refuse_others(document, ("eventName", "condition", "actions"), path, report)
    name = text_member(document, "eventName", path, report)
    return ModelEvent(name or "", _read_condition(document, path, report), _read_actions(document, path, report), path)


def _read_transition(document: Mapping[str, Any], path: str, report: Report) -> TransitionEvent | None:
    refuse_others(document, ("eventName", "condition", "actions", "nextState"), path, report)
    name = text_member(document, "eventName", path, report)
    next_state = text_member(document, "nextState", path, report)
    if document.get("condition", "") == "":
        report.error(member_path(path, "condition"), "a transition needs a condition; `true` always holds")
    condition, actions = _read_condition(document, path, report), _read_actions(document, path, report)
    return TransitionEvent(name or "", condition, actions, path, next_state or "")


def _read_condition(document: Mapping[str, Any], path: str, report: Report) -> Expression | None:
    """None for a condition that is absent or empty, which always holds."""
    if document.get("condition", "") == "":
        return None
    return read_expression(document, "condition", path, report)


def _read_actions(document: Mapping[str, Any], path: str, report: Report) -> tuple[ActionTemplate, ...]:
    found = objects(list_member(document, "actions", path, report), member_path(path, "actions"), report)
    actions = [read_action(action, place, report) for place, action in found]
    return tuple(action for action in actions if action is not None)


def _check_state_names(states: Iterable[State], initial: str, report: Report) -> None:
    names: set[str] = set()
    for state in states:
        if state.name in names:
            report.error(f"{state.path}.stateName", f"there is already a state `{state.name}`")
        names.add(state.name)
    if initial and initial not in names:
        report.error("initialStateName", f"there is no state `{initial}`", advice=close_to(initial, names))
    for state in states:
        for transition in state.transitions:
            target = transition.next_state
            if target and target not in names:
                told, advice = f"there is no state `{target}`", close_to(target, names)
                report.error(f"{transition.path}.nextState", told, advice=advice)
