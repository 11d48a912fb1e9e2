"""Everything that can be said about an alarm model before it runs: all findings at once."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from coldwatch.engine.action_checks import check_action
from coldwatch.engine.alarm_model import ACTIONS_PATH, COMPARISONS, AlarmModel, SimpleRule, read_alarm_model
from coldwatch.engine.checker import in_order
from coldwatch.engine.documents import decode
from coldwatch.engine.errors import Finding, FindingType
from coldwatch.engine.inputs import Input
from coldwatch.engine.kinds import accepts, kinds_of
from coldwatch.engine.limit_checks import check_alarm_limits
from coldwatch.engine.model import Expression, ModelEvent, State
from coldwatch.engine.reference_checks import check_references
from coldwatch.engine.report import Report
from coldwatch.engine.type_checks import check_nodes, check_types


def check_alarm(
    document: bytes | str | Mapping[str, Any],
    inputs: Mapping[str, Input] | None = None,
    *,
    strict_limits: bool = False,
) -> tuple[Finding, ...]:
    """Without `inputs` nothing is said about what they declare. `strict_limits` raises limits to errors."""
    report = Report()
    decoded = decode(document, report)
    model = None if decoded is None else read_alarm_model(decoded, report)
    if decoded is not None and model is not None:
        _check_first_state(decoded, report)
        _check_rule(model.rule, report)
        check_references(replace(model.frame, states=_as_states(model)), inputs, report, are_all_inputs=True)
        check_types([_acting(model)], report)
        for index, action in enumerate(model.actions):
            check_action(action, f"{ACTIONS_PATH}[{index}].{action.type}", model.inputs, report)
        check_alarm_limits(model, report)
    return in_order(report.findings, strict_limits=strict_limits)


def _check_first_state(document: Mapping[str, Any], report: Report) -> None:
    if "initializationConfiguration" not in document.get("alarmCapabilities", {}):
        told = (
            "without `initializationConfiguration` an alarm begins DISABLED and evaluates nothing until it is enabled;"
            " say `disabledOnInitialization` false, or true if that is meant"
        )
        report.warning("alarmCapabilities", told)


def _check_rule(rule: SimpleRule, report: Report) -> None:
    check_nodes((rule.property, rule.threshold), report)
    compared, threshold = kinds_of(rule.property.node, {}), kinds_of(rule.threshold.node, {})
    if compared and threshold and not accepts(COMPARISONS[rule.comparison], compared, threshold):
        told = f"{rule.comparison} can never compare what the rule's two sides are"
        report.error("alarmRule.simpleRule", told, FindingType.DATA_TYPE)


def _as_states(model: AlarmModel) -> Mapping[str, State]:
    """The expressions where those of a detector model stand, for the checks that know only of those."""
    rule = (_event(model.rule.property), _event(model.rule.threshold))
    return {"rule": State("rule", (), rule, (), (), "alarmRule"), "acting": _acting(model)}


def _event(condition: Expression) -> ModelEvent:
    return ModelEvent("", condition, (), condition.path)


def _acting(model: AlarmModel) -> State:
    actions = (*model.actions, *(each.action for each in model.notifications))
    return State("acting", (), (ModelEvent("", None, actions, ACTIONS_PATH),), (), (), ACTIONS_PATH)
