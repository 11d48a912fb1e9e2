"""Which plan of a policy holds for what, and what a document with rules may not say."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.escalation.ties import find_ties
from coldwatch.incidents.kinds import HEAT, QUICK
from coldwatch.incidents.opening import choose_plan
from coldwatch.incidents.policy import (
    EscalationPolicy,
    IncidentFacts,
    Plan,
    PolicyError,
    Responder,
    Rule,
    Severity,
    by_severity,
    usual_resolve_within_s,
)
from coldwatch.profiles.deployment import IncidentForm
from tests.unit.incidents.builders import HIGH, effect, opened, plan, world
from tests.unit.incidents.fakes import FakeDirectory

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas/escalation_policy.schema.json").read_text())
EXAMPLE: dict[str, Any] = SCHEMA["examples"][1]
CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
FACTS = IncidentFacts("acme", "fridge", HIGH, "too_warm", CRITICAL)
TIER = {"contacts": ["ana"], "acknowledge_within_s": 60}


def document(*rules: dict[str, Any], **plans: dict[str, Any]) -> dict[str, Any]:
    """Plans that need not say anything are there under the names that rules give."""
    named = {rule["plan"]: {"tiers": [TIER]} for rule in rules}
    return {"policy_id": "default", "plans": named | plans, "rules": list(rules)}


def rule(name: str, **when: Any) -> dict[str, Any]:
    return {"plan": name, "when": when}


def chosen(policy: EscalationPolicy, **changes: Any) -> str | None:
    found = policy.plan_for(replace(FACTS, **changes))
    return found.plan_name if found else None


def only(**plan_members: Any) -> Plan:
    """A plan as its document makes it, for a critical incident of warmth."""
    found = read_policy(document(rule("a"), a={"tiers": [TIER], **plan_members})).plan_for(FACTS)
    assert found is not None
    return found


def faults(given_document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as raised:
        read_policy(given_document)
    return raised.value.faults


def test_the_rule_that_names_more_decides_wherever_it_stands() -> None:
    rules = [
        rule("everything"),
        rule("vaccines", device_type="vaccine_fridge", kind=["too_cold", "too_warm"]),
        rule("grave", severity="critical"),
        rule("one_model", detector_model=HIGH, fleet="acme", severity="critical"),
    ]

    for order in (rules, rules[::-1]):
        policy = read_policy(document(*order))

        assert chosen(policy) == "one_model"
        assert chosen(policy, fleet_id="other") == "grave"
        assert chosen(policy, severity=WARNING) == "everything"
        assert chosen(policy, severity=WARNING, device_type="vaccine_fridge") == "vaccines"
        assert chosen(policy, fleet_id="other", device_type="vaccine_fridge", kind="too_cold") == "vaccines"
        assert chosen(policy, fleet_id="other", device_type="vaccine_fridge", kind="shock") == "grave"


def test_where_no_rule_holds_there_is_no_plan() -> None:
    policy = read_policy(document(rule("grave", severity="critical")))

    assert chosen(policy, severity=WARNING) is None


def test_two_rules_that_name_equally_many_and_meet_are_a_fault_that_names_an_incident() -> None:
    (fault,) = faults(document(rule("a", kind=["too_cold", "silent"]), rule("b", device_type="reefer")))

    assert fault.startswith("rules[0] and rules[1] both hold for an incident of severity critical, kind silent, ")
    assert "device_type reefer" in fault


def test_two_rules_that_name_the_same_twice_are_a_fault() -> None:
    assert "rules[0] and rules[1]" in faults(document(rule("a"), rule("b")))[0]


def test_rules_that_can_never_meet_are_none() -> None:
    assert read_policy(document(rule("a", kind="too_cold"), rule("b", kind="too_warm")))
    assert read_policy(document(rule("a", kind="x", fleet="f"), rule("b", kind="x", fleet="g")))


def test_a_third_rule_settles_what_two_leave_open_and_half_of_it_does_not() -> None:
    tied = rule("a", kind=["too_cold", "too_warm"]), rule("b", device_type="reefer")

    assert read_policy(document(*tied, rule("c", device_type="reefer", kind=["too_warm", "too_cold"])))
    assert "kind too_warm" in faults(document(*tied, rule("c", device_type="reefer", kind="too_cold")))[0]
    both = [rule("c", device_type="reefer", kind="too_cold"), rule("d", device_type="reefer", kind="too_warm")]
    assert read_policy(document(*tied, *both))


def test_rules_for_both_severities_settle_what_names_none() -> None:
    tied = rule("a", kind="x"), rule("b", fleet="f")
    settling = [rule("c", kind="x", fleet="f", severity=each) for each in Severity]

    assert read_policy(document(*tied, *settling))
    assert "severity warning" in faults(document(*tied, settling[0]))[0]


VALUES: dict[str, list[str]] = {
    "fleet": ["f", "g", "other"],
    "device_type": ["t", "u", "other"],
    "detector_model": ["other"],
    "kind": ["k", "l", "other"],
    "severity": list(Severity),
}
NAMED: dict[str, list[str]] = {
    "fleet": ["f", "g"],
    "device_type": ["t", "u"],
    "kind": ["k", "l"],
    "severity": list(Severity),
}
whens = st.fixed_dictionaries(
    {}, optional={name: st.frozensets(st.sampled_from(values), min_size=1) for name, values in NAMED.items()}
)


def all_facts() -> Iterator[IncidentFacts]:
    for fleet, device_type, model, kind, severity in product(*VALUES.values()):
        yield IncidentFacts(fleet, device_type, model, kind, Severity(severity))


@settings(max_examples=400, deadline=None)
@given(st.lists(whens, min_size=1, max_size=6))
def test_ties_are_found_exactly_and_without_one_every_incident_has_one_rule(whens: list[dict[str, Any]]) -> None:
    rules = tuple(Rule(when, {}) for when in whens)
    undecided = False
    for facts in all_facts():
        holding = sorted(each.specificity for each in rules if each.holds(facts))
        undecided |= len(holding) > 1 and holding[-1] == holding[-2]

    assert bool(list(find_ties(rules))) == undecided
    for one, other, incident in find_ties(rules):
        facts = IncidentFacts(
            incident.get("fleet", "other"),
            incident.get("device_type", "other"),
            incident.get("detector_model", "other"),
            incident.get("kind", "other"),
            Severity(incident["severity"]),
        )
        assert rules[one].holds(facts)
        assert rules[other].holds(facts)


def test_each_severity_may_have_its_own_times() -> None:
    times = {"tiers": [TIER | {"acknowledge_within_s": {"critical": 60, "warning": 3600}}], "hold_down_s": 30}
    policy = read_policy(document(rule("a"), a={**times, "repeat_every_s": {"critical": 600, "warning": 7200}}))

    plans = [policy.plan_for(replace(FACTS, severity=each)) for each in (CRITICAL, WARNING)]

    assert [each and each.tiers[0].acknowledge_within_s for each in plans] == [60, 3600]
    assert [each and each.repeat_every_s for each in plans] == [600, 7200]
    assert [each and each.hold_down_s for each in plans] == [30, 30]


@pytest.mark.parametrize(
    ("kind", "severity", "minutes"),
    [
        ("too_warm", CRITICAL, 30),
        ("too_warm", WARNING, 30),
        ("too_cold", CRITICAL, 15),
        ("too_cold", WARNING, 15),
        ("power_loss", CRITICAL, 15),
        ("power_loss", WARNING, 15),
        ("cumulative_high", CRITICAL, 30),
        ("cumulative_second", WARNING, 30),
        ("silent", CRITICAL, 15),
        ("silent", WARNING, 240),
        ("storm", CRITICAL, 30),
        ("battery_low", WARNING, 240),
    ],
)
def test_an_acknowledgement_holds_by_kind_where_the_policy_does_not_say(
    kind: str, severity: Severity, minutes: int
) -> None:
    policy = read_policy(document(rule("a")))

    found = policy.plan_for(replace(FACTS, kind=kind, severity=severity))

    assert found is not None
    assert found.resolve_within_s == minutes * 60
    assert only(acknowledgement_timeout_s=7).resolve_within_s == only(resolve_within_s=7).resolve_within_s == 7


def test_every_kind_that_a_model_may_have_and_every_other_one_has_its_time() -> None:
    """So that no word stands among the quick ones that no incident can have."""
    form = get_type_hints(IncidentForm)["kind"]
    kinds = {*get_args(form), "command_timed_out", "contact_unreachable", "storm", "test", "power", "freeze"}

    minutes = {kind: usual_resolve_within_s(replace(FACTS, kind=kind, severity=WARNING)) // 60 for kind in kinds}

    assert {kind for kind in kinds if minutes[kind] == 15} == {"too_cold", "power_loss"}
    assert {kind for kind in kinds if minutes[kind] == 30} == {"too_warm", "cumulative_high", "cumulative_second"}
    assert set(get_args(form)) >= QUICK | HEAT


def test_a_plan_says_what_it_leaves_out() -> None:
    made = only()

    assert (made.rounds, made.repeat_every_s, made.auto_resolve) == (1, 1800, "acknowledged")
    assert (made.hold_down_s, made.snooze_min_s, made.snooze_max_s, made.commands) == (0, 300, 14_400, ())
    assert (made.target_s, only(hold_down_s=30).target_s, only(acknowledged_target_s=5).target_s) == (60, 90, 5)
    assert only(loops=3).rounds == only(rounds=3).rounds == 3


def test_a_tiers_responders_are_contacts_by_any_channel_or_by_some_and_rotas() -> None:
    given_tier = {
        "contacts": ["ana"],
        "responders": [{"contact": "ben"}, {"contact": "cem", "channels": ["sms", "email"]}, {"rota": "nights"}],
        "acknowledge_within_s": 60,
    }

    (tier,) = only(tiers=[given_tier]).tiers

    assert tier.contacts == ("ana", "ben")
    assert tier.others == (Responder(contact="cem", channels=("sms", "email")), Responder(rota="nights"))
    assert [each.contact or each.rota for each in tier.responders] == ["ana", "ben", "cem", "nights"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"plans": {}, "rules": []}, "rules: there are between 1 and 200"),
        ({"plans": {}}, "a policy has `severities`"),
        (document(rule("a")) | {"severities": {}}, "a policy has `severities`"),
        (document(rule("a")) | {"policy_id": "a@b"}, "policy_id: "),
        (document(rule("a")) | {"rules": [{"plan": "b"}]}, "rules[0]: there is no plan 'b'; there are a"),
        (document(rule("a", day="monday")), "rules[0].when.day: a rule cannot ask for that; it can for fleet, "),
        (document(rule("a", kind=[])), "rules[0].when.kind: give between 1 and 50 values"),
        (document(rule("a", kind=["x", "x"])), "rules[0].when.kind: each value is named once, and x is there again"),
        (document(rule("a", severity="fatal")), "rules[0].when.severity: there is no severity fatal"),
        (document(rule("a", kind=5)), "rules[0].when[...]: Expected `str | array`, got `int`"),
        (document(rule("a"), a={"tiers": [{"acknowledge_within_s": 60}]}), "plans.a.tiers[0]: it names nobody"),
        (
            document(rule("a"), a={"tiers": [{"contacts": ["x"], "acknowledge_within_s": "60"}]}),
            "plans.a.tiers[0].acknowledge_within_s: Expected `int | object`, got `str`",
        ),
        (
            document(rule("a"), a={"tiers": [TIER | {"responders": [{"rota": "r", "contact": "c"}]}]}),
            "plans.a.tiers[0].responders[0]: a responder is a contact or a rota: give one of the two",
        ),
        (
            document(rule("a"), a={"tiers": [TIER | {"responders": [{"contact": "ana"}]}]}),
            "plans.a.tiers[0]: each contact is named once, and ana is there again",
        ),
        (
            document(rule("a"), a={"tiers": [TIER | {"responders": [{"contact": "b", "channels": ["fax"]}]}]}),
            "plans.a.tiers[0].responders[0]: there is no channel fax; there are email, ",
        ),
        (document(rule("a"), a={"tiers": [TIER], "loops": 1, "rounds": 1}), "`rounds` and `loops` say the same"),
        (document(rule("a"), a={"tiers": [TIER], "hold_down_s": 86_401}), "plans.a.hold_down_s: nobody is told for"),
        (
            document(rule("a"), a={"tiers": [TIER], "snooze_min_s": 600, "snooze_max_s": 300}),
            "plans.a.snooze_max_s: it is below `snooze_min_s`, 600; 0 allows no snooze",
        ),
        (document(rule("a"), a={"tiers": [TIER], "commands": ["rm -rf"]}), "plans.a.commands: at most 20 names"),
        (
            document(rule("a"), a={"tiers": [TIER], "repeat_every_s": {"critical": 59, "warning": 60}}),
            "plans.a.repeat_every_s: the last tier is told again every 60 seconds at most",
        ),
        (document(rule("a"), **{"a b": {"tiers": [TIER]}}), "plans.a b: a plan's name is 1 to 64 letters"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(wrong: dict[str, Any], said: str) -> None:
    assert any(said in fault for fault in faults({"policy_id": "default"} | wrong))


def test_every_fault_is_told_at_once() -> None:
    wrong = document(
        rule("a", severity="fatal"), a={"tiers": [TIER], "loops": 0}, b={"tiers": [TIER | {"contacts": [""]}]}
    )

    assert [fault.partition(":")[0] for fault in faults(wrong)] == [
        "plans.a",
        "plans.b.tiers[0].contacts",
        "rules[0].when.severity",
    ]


def test_the_example_has_a_plan_for_everything() -> None:
    policy = read_policy(EXAMPLE)

    Draft202012Validator(SCHEMA).validate(EXAMPLE)
    assert chosen(policy) == "goods"
    assert chosen(policy, severity=WARNING) == "tidy"
    assert chosen(policy, severity=WARNING, device_type="vaccine_fridge", kind="too_cold") == "vaccines"


def test_the_policy_that_the_page_about_policies_offers_is_one() -> None:
    text = (Path(__file__).parents[3] / "docs/policies.md").read_text()
    offered = json.loads(text.partition("```json\n")[2].partition("```")[0])

    Draft202012Validator(SCHEMA).validate(offered)
    assert chosen(read_policy(offered), device_type="vaccine_fridge") == "goods"


def policies(**made: EscalationPolicy) -> FakeDirectory:
    return FakeDirectory(policies=made)


def test_a_fleets_policy_of_whose_rules_none_holds_leaves_it_to_the_default_one() -> None:
    own = read_policy(document(rule("ours", kind="too_cold")) | {"policy_id": "acme"})
    both = policies(acme=own, default=read_policy(document(rule("all"))))

    assert choose_plan(both, FACTS)[0].plan_name == "all"
    assert choose_plan(both, replace(FACTS, kind="too_cold"))[0].plan_name == "ours"
    assert choose_plan(both, replace(FACTS, kind="too_cold", fleet_id="other"))[0].plan_name == "all"


def test_a_short_policy_of_a_fleet_leaves_nothing_to_the_default_one() -> None:
    both = policies(
        acme=by_severity("acme", "2", {WARNING: plan()}), default=by_severity("default", "1", {CRITICAL: plan()})
    )

    found, complaint = choose_plan(both, FACTS)

    assert (found.tiers, found.policy_id, found.policy_version) == ((), "acme", "2")
    assert complaint == "Policy acme names nobody for critical incidents."


def test_an_incident_for_which_no_rule_holds_opens_and_says_so() -> None:
    here = world()
    here.directory.policies["default"] = read_policy(document(rule("tidy", severity="warning")) | {"version": "5"})

    made = opened(here, effect())

    assert (made.plan.tiers, made.plan.policy_id, made.plan.policy_version) == ((), "default", "5")
    assert (
        "No rule of policy default holds for it: nobody is told." in here.incidents.timeline(made.incident_id)[0].what
    )


def test_an_incident_is_stamped_with_policy_version_and_plan() -> None:
    here = world()
    here.directory.policies["default"] = read_policy(document(rule("grave", severity="critical")) | {"version": "5"})

    made = opened(here, effect())

    assert (made.plan.policy_id, made.plan.policy_version, made.plan.plan_name) == ("default", "5", "grave")
    assert made.plan.resolve_within_s == 1800
