"""Plans: the row of their steps, what a document says, and what it may not say. The schema says the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.policy import (
    AutoResolve,
    IncidentFacts,
    PolicyError,
    Severity,
    Tier,
    plan_without_tiers,
    step_of,
    waits_of,
)
from tests.unit.incidents.builders import plan

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas/escalation_policy.schema.json").read_text())
EXAMPLE: dict[str, Any] = SCHEMA["examples"][0]
BY_SEVERITY: dict[str, Any] = {
    "policy_id": "default",
    "version": "1",
    "severities": {
        "critical": {
            "tiers": [
                {"contacts": ["first"], "acknowledge_within_s": 900},
                {"contacts": ["second"], "acknowledge_within_s": 900},
            ],
            "rounds": 2,
            "repeat_every_s": 1800,
            "resolve_within_s": 7200,
            "auto_resolve": "acknowledged",
        },
        "warning": {
            "tiers": [{"contacts": ["first"], "acknowledge_within_s": 3600}],
            "rounds": 2,
            "repeat_every_s": 14400,
            "resolve_within_s": 86400,
            "auto_resolve": "always",
        },
    },
}


def facts(**changes: Any) -> IncidentFacts:
    made = IncidentFacts("acme", "fridge", "sustained_excursion_high", "too_warm", Severity.CRITICAL)
    return replace(made, **changes)


def changed(**changes: Any) -> dict[str, Any]:
    """The policy by severity with its critical plan changed."""
    critical = BY_SEVERITY["severities"]["critical"] | changes
    return BY_SEVERITY | {"severities": BY_SEVERITY["severities"] | {"critical": critical}}


def test_tiers_come_in_order_as_often_as_there_are_rounds_and_then_the_last_one_for_ever() -> None:
    steps = [step_of(plan(), number) for number in range(1, 8)]

    assert [step.tier for step in steps] == [1, 2, 1, 2, 2, 2, 2]
    assert [step.wait_s for step in steps] == [60, 120, 60, 120, 600, 600, 600]
    assert [step.has_next_tier for step in steps] == [True, False, True, False, False, False, False]


def test_a_plan_without_tiers_still_has_a_step_that_ends() -> None:
    step = step_of(plan_without_tiers(), 7)

    assert (step.contacts, step.wait_s) == ((), 3600)


@given(st.lists(st.integers(1, 9), max_size=4), st.integers(1, 3), st.integers(1, 20))
def test_the_workflow_waits_as_long_as_the_plan_says(waits: list[int], rounds: int, number: int) -> None:
    made = plan(rounds=rounds) if not waits else plan(*(Tier(("a",), wait) for wait in waits), rounds=rounds)
    told: dict[str, Any] = waits_of(made)

    at_once = told["acknowledge_s"]
    waited = at_once[number - 1] if number <= len(at_once) else told["repeat_s"]

    assert waited == step_of(made, number).wait_s


def test_a_document_becomes_a_policy_whose_plans_know_where_they_are_from() -> None:
    policy = read_policy(BY_SEVERITY)

    critical, warning = policy.plan_for(facts()), policy.plan_for(facts(severity=Severity.WARNING))
    assert critical is not None
    assert warning is not None
    assert critical.tiers == (Tier(("first",), 900), Tier(("second",), 900))
    assert (critical.policy_id, critical.policy_version) == ("default", "1")
    assert warning.auto_resolve is AutoResolve.ALWAYS


def test_a_severity_that_is_left_out_has_nobody_to_be_told() -> None:
    policy = read_policy({"policy_id": "acme", "severities": {}})

    plan = policy.plan_for(facts())
    assert plan is not None
    assert (plan.tiers, plan.policy_id) == ((), "acme")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "policy_id"),
        ({"policy_id": "x"}, "severities"),
        (changed(rounds=0), "between 1 and 100 rounds"),
        (changed(rounds=101), "between 1 and 100 rounds"),
        (changed(repeat_every_s=0), "at least one second"),
        (changed(repeat_every_s=59), "every 60 seconds at most"),
        (changed(resolve_within_s=-1), "at least one second"),
        (changed(resolve_within_s=40_000_000), "a year"),
        (changed(auto_resolve="sometimes"), "sometimes"),
        (changed(tiers=[{"contacts": ["a"]}]), "acknowledge_within_s"),
        (changed(tiers=[{"contacts": ["a"], "acknowledge_within_s": 0}]), "at least one second"),
        (changed(tiers=[{"contacts": ["a", "a"], "acknowledge_within_s": 1}]), "once"),
        (changed(tiers=[{"contacts": [""], "acknowledge_within_s": 1}]), "no name"),
        (changed(tiers=[{"contacts": ["a"], "acknowledge_within_s": 1}] * 21), "at most 20 tiers"),
        (changed(tiers=[{"contacts": ["a"], "acknowledge_within_s": 1, "sms": True}]), "sms"),
        (BY_SEVERITY | {"severities": {"fatal": {}}}, "fatal"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_reason_and_fits_no_schema(document: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        read_policy(document)

    assert not Draft202012Validator(SCHEMA).is_valid(document)


def test_the_policy_of_the_demonstration_is_one() -> None:
    document = json.loads((Path(__file__).parents[3] / "local/demo/policy.json").read_text())

    assert [plan.first_steps for plan in read_policy(document).plans] == [4, 2]


def test_the_policy_that_the_documents_offer_is_the_schemas_example() -> None:
    text = (Path(__file__).parents[3] / "docs/incidents.md").read_text()
    offered = json.loads(text.partition("```json\n")[2].partition("```")[0])

    assert offered == {name: value for name, value in EXAMPLE.items() if name != "about"}
    assert read_policy(offered) == read_policy(EXAMPLE)


@pytest.mark.parametrize(("kind", "holds_s"), [("too_cold", 15 * 60), ("power_loss", 15 * 60), ("too_warm", 30 * 60)])
def test_the_policy_that_the_documents_offer_keeps_the_usual_time_of_an_acknowledgement(
    kind: str, holds_s: int
) -> None:
    critical = read_policy(EXAMPLE).plan_for(facts(kind=kind))

    assert critical is not None
    assert (critical.first_steps, critical.repeat_every_s, critical.resolve_within_s) == (4, 1800, holds_s)
    assert critical.auto_resolve is AutoResolve.ACKNOWLEDGED
