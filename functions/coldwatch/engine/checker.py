"""Everything that can be said about a model before it runs: all findings at once, in the order of the document."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from coldwatch.engine.action_checks import check_actions
from coldwatch.engine.errors import Finding, FindingType, Level
from coldwatch.engine.flow_checks import check_flow
from coldwatch.engine.inputs import Input
from coldwatch.engine.limit_checks import check_limits, size_of
from coldwatch.engine.loader import read_model
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.reference_checks import check_references
from coldwatch.engine.report import Report
from coldwatch.engine.survey import named_input
from coldwatch.engine.syntax import walk
from coldwatch.engine.type_checks import check_types

_NUMBER: Final = re.compile(r"(\d+)")


def check(
    model_document: bytes | str | Mapping[str, Any],
    inputs: Mapping[str, Input] | None = None,
    *,
    are_all_inputs: bool = True,
    resource: str | None = None,
    strict_limits: bool = False,
) -> tuple[Finding, ...]:
    """Without `inputs` nothing is said about what they declare; where they are not all, nothing about one missing.

    `resource` names a model of a template. With `strict_limits`, what the service's limits refused is an error.
    """
    report = Report()
    model = read_model(model_document, report, resource=resource)
    if model is not None:
        is_whole = not report.errors
        _check_that_an_input_is_named(model, report)
        check_references(model, inputs, report, are_all_inputs=are_all_inputs)
        check_types(model.states.values(), report)
        if is_whole:
            check_flow(model, report)
        check_actions(model, report)
        check_limits(model, report, size=size_of(model_document))
    return in_order(report.findings, strict_limits=strict_limits)


def in_order(findings: Iterable[Finding], *, strict_limits: bool) -> tuple[Finding, ...]:
    """As the document has them, each once."""
    told = dict.fromkeys(_raised(each) if strict_limits else each for each in findings)
    return tuple(sorted(told, key=_place))


def _raised(finding: Finding) -> Finding:
    return replace(finding, level=Level.ERROR) if finding.type is FindingType.SERVICE_LIMITS else finding


def _place(finding: Finding) -> list[tuple[int, str]]:
    """Numbers count as numbers: `states[2]` stands before `states[10]`."""
    return [
        (int(part), "") if part.isdigit() and part.isascii() else (-1, part) for part in _NUMBER.split(finding.path)
    ]


def _check_that_an_input_is_named(model: DetectorModel, report: Report) -> None:
    if report.errors:
        return  # what could not be read may well name one
    if not model.inputs:
        report.error("", "no expression names an input, so no message would ever be evaluated")
        return
    conditions = [event.condition for state in model.states.values() for event in state.events if event.condition]
    if not any(named_input(node) for condition in conditions for node in walk(condition.node)):
        report.warning(
            "",
            "only actions name an input: the service's guide asked for one in a condition; Coldwatch does not",
            FindingType.SERVICE_LIMITS,
            advice='a condition `currentInput("...")` does',
        )
