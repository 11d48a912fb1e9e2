"""Escalation policies as documents (`schemas/escalation_policy.schema.json`), in two forms.

The short one has a plan per severity. The long one names its plans, and rules say which of them holds for what.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import UNSET, UnsetType

from coldwatch.incidents.escalation.checks import is_name, plan_faults, rule_faults
from coldwatch.incidents.escalation.forms import (
    BySeverity,
    PlanForm,
    PolicyForm,
    RuleForm,
    Seconds,
    TierForm,
    read_form,
    said,
)
from coldwatch.incidents.escalation.ties import find_ties
from coldwatch.incidents.policy import (
    EscalationPolicy,
    Plan,
    PolicyError,
    Responder,
    Rule,
    Severity,
    Tier,
    by_severity,
)

_MOST_PLANS, _MOST_RULES = 50, 200


def read_policy(document: Mapping[str, object]) -> EscalationPolicy:
    """A policy from its document. Raises `PolicyError` with every fault that it has."""
    faults: list[str] = []
    policy = read_form(document, PolicyForm, "", faults)
    read = _read(policy, faults) if policy else None
    if read is None or faults:
        raise PolicyError(str(document.get("policy_id", "")), *faults)
    return read


def _read(policy: PolicyForm, faults: list[str]) -> EscalationPolicy | None:
    if not 0 < len(policy.policy_id) <= 64 or {"#", "@"} & set(policy.policy_id):
        faults.append("policy_id: 1 to 64 characters, without # and @")
    if not 0 < len(policy.version) <= 64:
        faults.append("version: 1 to 64 characters")
    match policy:
        case PolicyForm(severities=dict(given), plans=UnsetType(), rules=UnsetType()):
            return _short(policy, given, faults)
        case PolicyForm(severities=UnsetType(), plans=dict(given), rules=list(rules)):
            return _long(policy, given, rules, faults)
    faults.append("a policy has `severities`, a plan for each; or `plans`, and `rules` that say which holds when")
    return None


def _short(policy: PolicyForm, given: dict[str, Any], faults: list[str]) -> EscalationPolicy:
    if strange := sorted(given.keys() - set(Severity)):
        faults.append(f"severities: there is no severity {', '.join(strange)}; there are {', '.join(Severity)}")
    forms = _plans(given, "severities", faults)
    severities = [each for each in Severity if each in forms]
    plans = {each: _plan(policy, each.value, forms[each], each) for each in severities}
    return by_severity(policy.policy_id, policy.version, plans)


def _long(policy: PolicyForm, given: dict[str, Any], rules: list[Any], faults: list[str]) -> EscalationPolicy:
    forms = _plans(given, "plans", faults)
    read = [_rule(each, f"rules[{number}]", given, faults) for number, each in enumerate(rules)]
    if not 0 < len(rules) <= _MOST_RULES:
        faults.append(f"rules: there are between 1 and {_MOST_RULES}")
    if faults:
        return EscalationPolicy(policy.policy_id, policy.version, ())
    made = tuple(
        Rule(_when(each), {severity: _plan(policy, each.plan, forms[each.plan], severity) for severity in Severity})
        for each in read
        if each
    )
    faults.extend(_ties(made))
    return EscalationPolicy(policy.policy_id, policy.version, made)


def _plans(given: dict[str, Any], where: str, faults: list[str]) -> dict[str, PlanForm]:
    if len(given) > _MOST_PLANS:
        faults.append(f"{where}: there are at most {_MOST_PLANS}")
    found = {}
    for name, each in given.items():
        place = f"{where}.{name}"
        if not is_name(name):
            faults.append(said(place, "a plan's name is 1 to 64 letters, digits, - and _"))
        if form := read_form(each, PlanForm, place, faults):
            faults.extend(plan_faults(form, place))
            found[name] = form
    return found


def _rule(given: Any, where: str, plans: Mapping[str, Any], faults: list[str]) -> RuleForm | None:
    form = read_form(given, RuleForm, where, faults)
    if form:
        faults.extend(rule_faults(form, where, plans))
    return form


def _when(rule: RuleForm) -> dict[str, frozenset[str]]:
    return {name: frozenset([given] if isinstance(given, str) else given) for name, given in rule.when.items()}


def _ties(rules: tuple[Rule, ...]) -> Iterator[str]:
    for one, other, incident in find_ties(rules):
        about = ", ".join(f"{name} {value}" for name, value in incident.items())
        yield (
            f"rules[{one}] and rules[{other}] both hold for an incident of {about}, and name equally many conditions: "
            "add a rule that names those of both, or narrow one"
        )


def _plan(policy: PolicyForm, name: str, form: PlanForm, severity: Severity) -> Plan:
    timeout = form.resolve_within_s if form.acknowledgement_timeout_s is UNSET else form.acknowledgement_timeout_s
    target = form.acknowledged_target_s
    return Plan(
        tiers=tuple(_tier(each, severity) for each in form.tiers),
        rounds=form.loops or form.rounds or 1,
        repeat_every_s=_of(form.repeat_every_s, severity),
        resolve_within_s=0 if timeout is UNSET else _of(timeout, severity),
        auto_resolve=form.auto_resolve,
        policy_id=policy.policy_id,
        policy_version=policy.version,
        hold_down_s=_of(form.hold_down_s, severity),
        snooze_min_s=form.snooze_min_s,
        snooze_max_s=form.snooze_max_s,
        commands=form.commands,
        acknowledged_target_s=None if target is UNSET else _of(target, severity),
        plan_name=name,
    )


def _tier(form: TierForm, severity: Severity) -> Tier:
    """A contact by no certain channels is a contact like those of `contacts`."""
    contacts, others = list(form.contacts or ()), []
    for each in form.responders or ():
        responder = Responder(each.contact or None, each.rota or None, tuple(each.channels or ()))
        if responder.contact and not responder.channels:
            contacts.append(responder.contact)
        else:
            others.append(responder)
    return Tier(tuple(contacts), _of(form.acknowledge_within_s, severity), tuple(others))


def _of(given: Seconds, severity: Severity) -> int:
    return given.of(severity) if isinstance(given, BySeverity) else given
