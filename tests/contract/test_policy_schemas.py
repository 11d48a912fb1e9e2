"""The schemas of policies and rotas say outside what their readers do inside: documents with one or two odd members,
given to both. What a reader knows beyond its schema has tests of its own: names, ties, time zones, dates and orders.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.escalation.rota import RotaError
from coldwatch.incidents.escalation.rota_document import read_rota
from coldwatch.incidents.policy import PolicyError

SCHEMAS = Path(__file__).parents[2] / "schemas"
POLICIES, ROTAS = (
    Draft202012Validator(json.loads((SCHEMAS / f"{name}.schema.json").read_text()))
    for name in ("escalation_policy", "rota")
)
MISSING = object()
ODD: list[Any] = [
    MISSING,
    None,
    True,
    1.5,
    5,
    "",
    "ana",
    "a b",
    "a\n",
    "x" * 65,
    "x" * 129,
    [],
    {},
    ["ana"],
    ["ana"] * 2,
]
NUMBERS: list[Any] = [-1, 0, 1, 59, 60, 86_400, 86_401, 604_800, 604_801, 31_536_000, 31_536_001]
BY_SEVERITY: list[Any] = [
    {"critical": 60, "warning": 900},
    {"critical": 60},
    {"critical": 60, "warning": 0},
    {"critical": 60, "warning": 60, "info": 60},
]
KINDS: list[Any] = ["critical", "fatal", ["critical", "warning"], [""], ["x" * 129], ["critical", 5]]
WHOLE: dict[str, Any] = {
    "policy_id": "default",
    "version": "1",
    "about": "All that a policy may say.",
    "plans": {
        "goods": {
            "tiers": [{"contacts": ["eve"], "responders": [{"rota": "r"}], "acknowledge_within_s": 60}],
            "loops": 2,
            "repeat_every_s": 60,
            "acknowledgement_timeout_s": 60,
            "auto_resolve": "never",
            "hold_down_s": 0,
            "snooze_min_s": 60,
            "snooze_max_s": 604_800,
            "commands": ["defrost"],
            "acknowledged_target_s": 60,
        }
    },
    "rules": [{"plan": "goods", "about": "", "when": {"fleet": "f", "severity": "critical", "kind": ["k"]}}],
}
_PLAN = "plans.goods"
POLICY_PLACES = [
    *("policy_id", "version", "about", "severities", "plans", "rules", _PLAN, "plans.a b"),
    *(f"{_PLAN}.{name}" for name in (*WHOLE["plans"]["goods"], "rounds", "resolve_within_s", "more")),
    *(f"{_PLAN}.tiers.0.{name}" for name in ("contacts", "responders", "acknowledge_within_s", "more")),
    *(f"{_PLAN}.tiers.0.responders.0.{name}" for name in ("contact", "rota", "channels", "more")),
    *("rules.0", "rules.0.about", "rules.0.when", "rules.0.more"),
    *(f"rules.0.when.{name}" for name in ("fleet", "device_type", "detector_model", "kind", "severity", "day")),
]
ROTA_LAYER = "layers.0"
ROTA: dict[str, Any] = {
    "rota_id": "r",
    "version": "1",
    "about": "",
    "time_zone": "Europe/Berlin",
    "layers": [
        {
            "name": "l",
            "participants": ["ana"],
            "start_date": "2026-01-05",
            "hand_over_at": "09:00",
            "shift": {"weeks": 1},
            "hours": [{"days": ["monday"], "from": "22:00", "until": "06:00"}],
        }
    ],
    "overrides": [{"contact": "ben", "from": "2026-12-24T12:00", "until": "2026-12-27T09:00", "who": "", "why": ""}],
}
ROTA_PLACES = [
    *("rota_id", "version", "about", "layers", "overrides", ROTA_LAYER),
    *(f"{ROTA_LAYER}.{name}" for name in ("name", "participants", "hand_over_at", "shift", "hours", "more")),
    *(f"{ROTA_LAYER}.shift.{name}" for name in ("days", "weeks", "more")),
    *(f"{ROTA_LAYER}.hours.0.{name}" for name in ("days", "from", "until", "more")),
    *(f"overrides.0.{name}" for name in ("contact", "who", "why", "more")),
]
CLOCKS: list[Any] = ["00:00", "23:59", "24:00", "9:00", "09:00:00", ["monday", "sunday"], ["Monday"], ["monday"] * 2]


def changed(document: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """A copy with the member at a place changed, or taken out. A place that is not there changes nothing."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    *path, name = place.split(".")
    where: Any = copy
    try:
        for each in path:
            where = where[int(each) if isinstance(where, list) else each]
        key = int(name) if isinstance(where, list) else name
        where[key] = value
        if value is MISSING:
            del where[key]
    except (LookupError, TypeError, ValueError):
        return document
    return copy


def is_taken(read: Callable[[dict[str, Any]], object], document: dict[str, Any]) -> bool:
    try:
        read(document)
    except (PolicyError, RotaError):
        return False
    return True


policy_values = st.sampled_from([*ODD, *NUMBERS, *BY_SEVERITY, *KINDS])
rota_values = st.sampled_from([*ODD, 366, 367, *CLOCKS])


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(POLICY_PLACES), policy_values), max_size=2))
def test_schema_and_reader_agree_on_a_policy_with_rules(changes: list[tuple[str, Any]]) -> None:
    document = WHOLE
    for place, value in changes:
        document = changed(document, place, value)
    plans = document.get("plans")
    # That the names of plans are known to the rules, and one bound of a snooze to the other, only the reader knows.
    knows_names = isinstance(plans, dict) and "goods" in plans and "snooze_max_s" not in str(changes)

    if knows_names and "snooze_min_s" not in str(changes):
        assert is_taken(read_policy, document) == POLICIES.is_valid(document)


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ROTA_PLACES), rota_values), max_size=2))
def test_schema_and_reader_agree_on_a_rota(changes: list[tuple[str, Any]]) -> None:
    document = ROTA
    for place, value in changes:
        document = changed(document, place, value)

    assert is_taken(read_rota, document) == ROTAS.is_valid(document)


@pytest.mark.parametrize(("document", "read"), [(WHOLE, read_policy), (ROTA, read_rota)])
def test_the_documents_that_these_tests_change_are_taken(document: dict[str, Any], read: Any) -> None:
    assert is_taken(read, document)


@pytest.mark.parametrize("place", ["snooze_min_s", "snooze_max_s"])
@pytest.mark.parametrize("value", [*ODD, *NUMBERS])
def test_schema_and_reader_agree_on_the_bounds_of_a_snooze(place: str, value: Any) -> None:
    other = {"snooze_min_s": ("snooze_max_s", 604_800), "snooze_max_s": ("snooze_min_s", 60)}[place]
    document = changed(changed(WHOLE, f"{_PLAN}.{other[0]}", other[1]), f"{_PLAN}.{place}", value)

    assert is_taken(read_policy, document) == POLICIES.is_valid(document)
