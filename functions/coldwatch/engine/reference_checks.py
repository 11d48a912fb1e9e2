"""Findings on names: inputs, attributes, variables and timers that are used and never come from anywhere."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from coldwatch.engine.advice import close_to
from coldwatch.engine.errors import FindingType, Level
from coldwatch.engine.inputs import Input
from coldwatch.engine.model import ClearTimer, DetectorModel, Expression, ResetTimer, SetTimer, SetVariable
from coldwatch.engine.report import Report
from coldwatch.engine.survey import expressions, named_input
from coldwatch.engine.syntax import Call, InputReference, Literal, Node, Span, VariableReference, walk

_TRIGGERS: Final = frozenset(("message", "timer"))


@dataclass(frozen=True)
class Use:
    name: str
    expression: Expression
    span: Span


def check_references(
    model: DetectorModel, inputs: Mapping[str, Input] | None, report: Report, *, are_all_inputs: bool
) -> None:
    if inputs is not None:
        _check_inputs(model, inputs, report, are_all=are_all_inputs)
    _check_variables(model, report)
    _check_timers(model, report)
    _check_triggers(model, report)


def _nodes(model: DetectorModel) -> Iterator[tuple[Expression, Node]]:
    for expression in expressions(model.states.values()):
        for node in walk(expression.node):
            yield expression, node


def _check_inputs(model: DetectorModel, inputs: Mapping[str, Input], report: Report, *, are_all: bool) -> None:
    for expression, node in _nodes(model):
        name = named_input(node)
        if name is not None and name not in inputs:
            if not are_all:
                continue
            told, advice = f"there is no input `{name}`", close_to(name, inputs)
            report.found(Level.ERROR, FindingType.REFERENCED_RESOURCE, expression, told, node.span, advice=advice)
        elif isinstance(node, InputReference):
            path = tuple(step for step in node.path if isinstance(step, str))
            if path and not inputs[node.input_name].declares(path):
                told = f"the input `{node.input_name}` declares no attribute `{'.'.join(path)}`"
                advice = close_to(".".join(path), map(".".join, inputs[node.input_name].attributes))
                report.found(Level.WARNING, FindingType.REFERENCED_DATA, expression, told, node.span, advice=advice)
    for name in sorted(model.inputs & inputs.keys()):
        if model.key_path and not inputs[name].declares(model.key_path):
            told = f"the input `{name}` does not declare `{model.key}`, which names the detector"
            report.warning("key", told, FindingType.REFERENCED_DATA)


def _check_variables(model: DetectorModel, report: Report) -> None:
    known = {action.name for _, action in _actions(model) if isinstance(action, SetVariable)}
    for expression, node in _nodes(model):
        if isinstance(node, VariableReference) and node.name not in known:
            told, advice = f"no action ever sets the variable `{node.name}`", close_to(node.name, known)
            report.found(Level.WARNING, FindingType.REFERENCED_DATA, expression, told, node.span, advice=advice)


def _check_timers(model: DetectorModel, report: Report) -> None:
    known = {action.name for _, action in _actions(model) if isinstance(action, SetTimer)}
    asked = [(expression, node) for expression, node in _nodes(model) if _calls(node, "timeout")]
    uses = [Use(name, expression, node.span) for expression, node in asked for name in _literal_texts(node)]
    for use in uses:
        if use.name not in known:
            told, advice = f"no action ever sets the timer `{use.name}`", close_to(use.name, known)
            report.found(Level.WARNING, FindingType.REFERENCED_DATA, use.expression, told, use.span, advice=advice)
    for place, action in _actions(model):
        if isinstance(action, ResetTimer | ClearTimer) and action.name not in known:
            told = f"no action ever sets the timer `{action.name}`"
            report.warning(place, told, FindingType.REFERENCED_DATA, advice=close_to(action.name, known))
    listens = any(_calls(node, "triggerType") for _, node in _nodes(model))
    if len(uses) == len(asked) and not listens:
        for name in sorted(known - {use.name for use in uses}):
            report.warning("", f'nothing asks `timeout("{name}")`, so that timer has no effect', FindingType.STRUCTURE)


def _check_triggers(model: DetectorModel, report: Report) -> None:
    for expression, node in _nodes(model):
        if _calls(node, "triggerType") and any(text.casefold() not in _TRIGGERS for text in _literal_texts(node)):
            told = 'a trigger is "Message" or "Timer"; this is never true'
            report.found(Level.WARNING, FindingType.REFERENCED_DATA, expression, told, node.span)


def _actions(model: DetectorModel) -> Iterator[tuple[str, object]]:
    for state in model.states.values():
        for event in state.events:
            for index, action in enumerate(event.actions):
                yield f"{event.path}.actions[{index}]", action


def _calls(node: Node, function: str) -> bool:
    return isinstance(node, Call) and node.function == function


def _literal_texts(node: Node) -> Iterable[str]:
    if isinstance(node, Call):
        for argument in node.arguments:
            if isinstance(argument, Literal) and isinstance(argument.value, str):
                yield argument.value
