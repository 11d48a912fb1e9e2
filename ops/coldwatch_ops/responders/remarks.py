"""What is not wrong with a policy, and probably not meant either."""

from collections.abc import Iterator, Mapping
from typing import Any

from coldwatch.incidents.kinds import Kind
from coldwatch.incidents.policy import EscalationPolicy
from coldwatch_ops.responders.shipped_models import forms

_OTHER_KINDS = frozenset({Kind.COMMAND_TIMED_OUT, "contact_unreachable", Kind.STORM, Kind.POWER_LOSS})
_OTHER_MODELS = frozenset({"storm"})


def remarks_on(document: Mapping[str, Any], policy: EscalationPolicy) -> Iterator[str]:
    if "severities" in document:
        for severity in sorted({"critical", "warning"} - document["severities"].keys()):
            yield f"severities: nobody is told of what is {severity}"
    else:
        used = {rule["plan"] for rule in document["rules"]}
        for name in document["plans"].keys() - used:
            yield f"plans.{name}: no rule uses it"
        if all(rule.when for rule in policy.rules) and not _is_all_covered(policy):
            heir = "is told to nobody" if policy.policy_id == "default" else "goes by the policy `default`"
            yield f"rules: none holds for everything; what none holds for {heir}"
        yield from _unknown(policy)
    if any(not plan.tiers for plan in policy.plans):
        yield "a plan has no tiers: nobody is told of its incidents"
    for each in tiers_of_nobody(document):
        yield f"{each} names nobody: the next tier is told at once, and where there is none, nobody"


def tiers_of_nobody(document: Mapping[str, Any]) -> Iterator[str]:
    """Where an empty list stands, in plans that no rule uses, too. A policy that is in force with one stays so, and its
    incidents say that nobody was told; another such is not put in force.
    """
    plans = document["severities"] if "severities" in document else document["plans"]
    for name, plan in plans.items():
        for number, tier in enumerate(plan["tiers"], start=1):
            if not tier.get("contacts") and not tier.get("responders"):
                yield f"tier {number} of plan {name}"


def _is_all_covered(policy: EscalationPolicy) -> bool:
    """Two rules that name nothing but a severity each cover everything."""
    return {"critical", "warning"} <= {
        each for rule in policy.rules if set(rule.when) == {"severity"} for each in rule.when["severity"]
    }


def _unknown(policy: EscalationPolicy) -> Iterator[str]:
    """A model of one's own has names of its own; a slip has, too."""
    models = forms()
    known = {
        "kind": {form.kind for form in models.values()} | _OTHER_KINDS,
        "detector_model": models.keys() | _OTHER_MODELS,
    }
    for number, rule in enumerate(policy.rules):
        for condition, names in known.items():
            for each in sorted(rule.when.get(condition, frozenset()) - names):
                yield f"rules[{number}].when.{condition}: {each} is none of those that come with Coldwatch"
