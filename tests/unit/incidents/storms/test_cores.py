"""Rules, grouping, budgets and maintenance windows: what they decide, without any store."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.adapters.storm_rules import load_storm_rules
from coldwatch.incidents.incident import Severity
from coldwatch.incidents.storms.budget import Spent, admit, begin_with_digest, is_urgent
from coldwatch.incidents.storms.grouping import groups_of, is_storm, most_of
from coldwatch.incidents.storms.maintenance import LONGEST_MS, MaintenanceError, Scope, make_window, silencing
from coldwatch.incidents.storms.rules import Budget, GroupingRule, StormRulesError, read_rules
from tests.unit.incidents.builders import NOW, incident
from tests.unit.incidents.storms.builders import SECOND, window
from tests.unit.incidents.storms.fakes import RULES

RULE = GroupingRule(by="site", window_s=10, at_least=3)
BUDGET = Budget(messages=4, window_s=600, reserved=1)


def test_the_rules_that_ship_are_rules_with_the_thresholds_that_the_documentation_names() -> None:
    rules = load_storm_rules()

    assert [(each.by, each.window_s, each.at_least) for each in rules.grouping] == [
        ("gateway", 120, 3),
        ("site", 300, 5),
    ]
    assert rules.inhibition.models == ["device_silence"]
    assert (rules.budget_of("anybody").messages, rules.budget_of("anybody").window_s) == (6, 600)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"groping": []}, "unknown field"),
        ({"grouping": [{"by": "planet", "window_s": 1, "at_least": 2}]}, "planet"),
        ({"grouping": [{"by": "site", "window_s": 1, "at_least": 1}]}, ">= 2"),
        ({"grouping": [{"by": "site", "window_s": 1, "at_least": 2}] * 2}, "one rule for gateways"),
        ({"budget": {"messages": 2, "reserved": 2}}, "reserves fewer"),
        ({"budgets": {"ana": {"messages": 1, "reserved": 5}}}, "reserves fewer"),
    ],
)
def test_rules_that_are_none_are_refused_with_the_reason(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(StormRulesError, match=complaint):
        read_rules(json.dumps(changes).encode())


def test_a_contact_may_have_a_budget_of_its_own() -> None:
    rules = read_rules(b'{"budgets": {"desk": {"messages": 60, "window_s": 600, "reserved": 0}}}')

    assert (rules.budget_of("desk").messages, rules.budget_of("ana").messages) == (60, 6)


def test_an_incident_is_of_its_gateway_and_of_its_fleets_site() -> None:
    made = incident(gateway="gw-1", site="Basel")

    assert [each.key for each in groups_of(made, RULES)] == ["gateway:acme/gw-1", "site:acme/Basel"]
    assert [each.key for each in groups_of(replace(made, gateway=None), RULES)] == ["site:acme/Basel"]
    assert groups_of(replace(made, gateway=None, site=None), RULES) == ()
    assert groups_of(replace(made, kind="battery_low"), RULES) == ()


@pytest.mark.parametrize("place", [{"site": "Basel"}, {"gateway": "gw-1"}], ids=["site", "gateway"])
def test_two_fleets_at_a_site_of_one_name_or_behind_one_gateway_do_not_hear_of_each_other(place: Any) -> None:
    here, there = (groups_of(incident(**place, fleet_id=fleet), RULES) for fleet in ("acme", "other"))

    assert {each.key for each in here}.isdisjoint(each.key for each in there)


@settings(deadline=None)
@given(st.lists(st.integers(0, 20_000), max_size=14), st.integers(0, 20_000))
def test_a_storm_is_a_window_with_enough_in_it_wherever_one_looks_from(others: list[int], at: int) -> None:
    times = sorted(each for each in [*others, at] if abs(each - at) <= 10_000)
    starts = {start for each in times for start in (each, each - 10_000) if at - 10_000 <= start <= at}
    windows = [[t for t in times if start <= t <= start + 10_000] for start in starts]
    expected = any(len(each) >= RULE.at_least for each in windows)

    assert is_storm(times, at, RULE) is expected
    assert is_storm(times[: most_of(RULE)], at, RULE) is expected or at not in times[: most_of(RULE)]


def test_the_first_messages_go_out_and_the_rest_waits_for_the_end_of_the_window() -> None:
    spent, fates = None, []
    for number in range(6):
        admission = admit(spent, BUDGET, f"p{number}", urgent=False, now_ms=NOW + number)
        fates.append(admission.due_at)
        spent = admission.after or spent

    assert fates == [None, None, None, NOW + 600_000, NOW + 600_000, NOW + 600_000]


def test_the_last_message_of_a_window_is_for_what_is_urgent() -> None:
    spent = Spent(NOW, 3, ("a", "b", "c"))

    assert admit(spent, BUDGET, "d", urgent=False, now_ms=NOW).due_at
    assert admit(spent, BUDGET, "d", urgent=True, now_ms=NOW).due_at is None
    assert is_urgent(incident(severity=Severity.WARNING, kind="storm"))
    assert not is_urgent(incident(severity=Severity.WARNING))


def test_a_page_that_was_let_through_stays_so() -> None:
    spent = Spent(NOW, 4, ("a",))

    assert admit(spent, BUDGET, "a", urgent=False, now_ms=NOW + 1).due_at is None
    assert admit(spent, BUDGET, "a", urgent=False, now_ms=NOW + 1).after is None


def test_a_window_that_is_full_is_written_once_however_much_waits_for_its_end() -> None:
    spent = Spent(NOW, 4, ())

    first = admit(spent, BUDGET, "x", urgent=True, now_ms=NOW)
    second = admit(first.after, BUDGET, "y", urgent=True, now_ms=NOW)

    assert first.after is not None
    assert second.after is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 120), st.booleans(), st.integers(0, 60)), min_size=1, max_size=80))
def test_no_window_has_more_messages_than_it_may_with_its_digest_among_them(
    steps: list[tuple[int, bool, int]],
) -> None:
    """A digest is sent when the minute comes round in which it is due, before or after the next window's first page."""
    now, spent, by_window, due = NOW, None, Counter[int](), None
    for number, (passes, urgent, late) in enumerate(steps):
        now += passes * SECOND
        if due is not None and now >= due + late * SECOND:
            spent, due = begin_with_digest(spent, BUDGET, now_ms=now) or spent, None
            assert spent is not None
            by_window[spent.since] += 1
        admission = admit(spent, BUDGET, f"p{number}", urgent=urgent, now_ms=now)
        spent = admission.after or spent
        assert spent is not None
        if admission.due_at is None:
            by_window[spent.since] += 1
        else:
            due = min(due or admission.due_at, admission.due_at)

    assert by_window
    assert max(by_window.values()) <= BUDGET.messages


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        (Scope(device="acme-fridge-0001"), True),
        (Scope(device="acme-fridge-0002"), False),
        (Scope(site="Basel"), True),
        (Scope(site="Bern"), False),
        (Scope(gateway="gw-1"), True),
        (Scope(gateway="acme-fridge-0001"), True),
        (Scope(fleet="acme"), True),
        (Scope(kind="too_warm"), True),
        (Scope(kind="silent"), False),
        (Scope(detector_model="shock"), False),
        (Scope(site="Basel", kind="silent"), False),
    ],
    ids=lambda given: given.words if isinstance(given, Scope) else "",
)
def test_a_window_covers_what_all_of_its_words_fit(scope: Scope, *, covers: bool) -> None:
    assert scope.covers(incident(gateway="gw-1", site="Basel")) is covers


def test_a_window_holds_from_its_beginning_to_its_end_and_no_longer() -> None:
    made = window(from_ms=NOW, until_ms=NOW + 10)

    assert [made.holds(NOW + each) for each in (-1, 0, 9, 10)] == [False, True, True, False]
    assert not replace(made, ended_at=NOW + 5).holds(NOW + 5)
    assert replace(made, ended_at=NOW + 50).end_ms == NOW + 10


def test_what_is_critical_is_told_unless_the_window_says_even_that() -> None:
    critical, warning = incident(site="Basel"), incident(site="Basel", severity=Severity.WARNING)

    assert silencing([window()], critical, NOW) is None
    assert silencing([window()], warning, NOW) == window()
    assert silencing([window(is_even_critical=True)], critical, NOW)


def test_of_two_windows_the_one_that_lasts_longer_is_named() -> None:
    longer = window(window_id="w2", until_ms=NOW + 7200 * SECOND)

    assert silencing([window(), longer], incident(site="Basel", severity=Severity.WARNING), NOW) == longer


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"scope": Scope()}, "Say what the window is about"),
        ({"until_ms": NOW - 120 * SECOND}, "over before"),
        ({"until_ms": NOW - 60 * SECOND + LONGEST_MS + 1}, "30 days at most"),
        ({"from_ms": NOW + 40 * 86_400 * SECOND, "until_ms": NOW + 41 * 86_400 * SECOND}, "begins within"),
        ({"why": " "}, "Say why"),
        ({"who": ""}, "Say who"),
        ({"why": "a\nb"}, "printable"),
    ],
)
def test_a_window_that_would_not_end_or_that_nobody_can_explain_is_refused(
    changes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(MaintenanceError, match=complaint):
        make_window(window(**changes))


def test_the_longest_window_is_thirty_days() -> None:
    assert make_window(window(until_ms=NOW - 60 * SECOND + LONGEST_MS))
