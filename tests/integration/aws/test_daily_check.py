"""What the daily check opens an incident for, and what ends it; entries that cannot be read."""

from typing import Any

import pytest

from coldwatch.adapters.items import to_item
from coldwatch.adapters.versioned_documents import Change
from coldwatch.incidents.contacts import filter_policy
from tests.integration.aws.contacts_world import ANA, MAIL, OTHER, Cloud, ask, found
from tests.integration.aws.contacts_world import cloud as _cloud

cloud = _cloud


def test_who_cannot_be_told_for_a_day_opens_an_incident_and_who_can_again_ends_it(cloud: Cloud) -> None:
    ask(ANA)
    cloud.mark(MAIL, PendingConfirmation="true")

    fresh = ask({"action": "reconcile"})
    cloud.now_ms += 86_400_000
    found_first = ask({"action": "reconcile"})
    cloud.now_ms += 86_400_000
    found_again = ask({"action": "reconcile"})
    cloud.mark(MAIL, PendingConfirmation="false")
    mended = ask({"action": "reconcile"})
    quiet = ask({"action": "reconcile"})

    assert (fresh["unreachable"], fresh["findings"][0]["kind"]) == ([], "pending")
    assert (found_first["unreachable"], found_again["unreachable"]) == (["ana"], ["ana"])
    assert (mended["reachable_again"], quiet["reachable_again"]) == (["ana"], [])
    first, second = cloud.calls.opened
    assert first["effect_id"] != second["effect_id"]
    assert (first["detector_model"], first["key"], first["kind"]) == (
        "contact_reachability",
        "ana",
        "contact_unreachable",
    )
    assert [each["key"] for each in cloud.calls.recovered] == ["ana"]


def test_whom_a_subscription_with_anothers_filter_cuts_off_opens_an_incident(cloud: Cloud) -> None:
    ask(ANA)
    cloud.mark(MAIL, FilterPolicy=filter_policy("ben"))
    cloud.now_ms += 86_400_000

    found_first = ask({"action": "reconcile"})
    ask(ANA)
    mended = ask({"action": "reconcile"})

    assert (found_first["unreachable"], mended["reachable_again"]) == (["ana"], ["ana"])
    assert "the filter of the email subscription of ana@example.com" in cloud.calls.opened[0]["event_name"]


def test_a_check_by_hand_opens_no_incident(cloud: Cloud) -> None:
    ask(ANA)
    cloud.mark(MAIL, PendingConfirmation="true")
    cloud.now_ms += 86_400_000

    ask({"action": "check"})

    assert cloud.calls.opened == []


def damage(cloud: Cloud, contact_id: str, **changes: str) -> None:
    """As somebody does who writes past the commands."""
    entry: dict[str, Any] = {"contact_id": contact_id, "name": "Zoe", "addresses": "[{", "form": 2} | changes
    cloud.dynamodb.put_item(TableName="ContactTable", Item=to_item(entry))


def test_an_entry_that_cannot_be_read_is_a_finding_and_stops_nobody_elses(
    cloud: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    ask(ANA)
    cloud.mark(MAIL, PendingConfirmation="true")
    for number, addresses in enumerate(["[{", "{}", '[{"protocol": "fax", "endpoint": "1"}]']):
        damage(cloud, f"zoe{number}", addresses=addresses)
    cloud.dynamodb.put_item(TableName="ContactTable", Item=to_item({"contact_id": "nameless"}))
    cloud.now_ms += 86_400_000

    checked = ask({"action": "reconcile"})
    listed = ask({"action": "list"})
    ben = ask(ANA | {"contact_id": "ben", "emails": [OTHER], "phones": []})

    kinds = sorted((each["subject"], each["kind"]) for each in checked["findings"])
    damaged = [(name, "unreadable") for name in ("nameless", "zoe0", "zoe1", "zoe2")]
    assert kinds == [("ana", "pending"), *damaged]
    assert sorted(checked["unreachable"]) == ["ana", "nameless", "zoe0", "zoe1", "zoe2"]
    assert [each["contact_id"] for each in listed["contacts"]] == ["ana"]
    assert ben["contact"]["contact_id"] == "ben"
    assert {vars(each)["contact_id"] for each in caplog.records if each.message == "contact not readable"} == {
        *("nameless", "zoe0", "zoe1", "zoe2")
    }


def test_a_policy_or_rota_that_names_nobody_we_know_is_a_finding_and_opens_no_incident(cloud: Cloud) -> None:
    tier = {"responders": [{"contact": "ana"}, {"contact": "gone"}, {"rota": "night"}], "acknowledge_within_s": 600}
    plans, rules = {"p": {"tiers": [tier]}}, [{"plan": "p"}, {"plan": "p", "when": {"severity": "critical"}}]
    cloud.ports().policies.put({"policy_id": "default", "plans": plans, "rules": rules})
    turns = {"start_date": "2026-01-05", "hand_over_at": "09:00", "shift": {"weeks": 1}, "participants": ["ben", "ana"]}
    over = {"contact": "old", "from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}
    week = {"rota_id": "week", "time_zone": "Europe/Berlin", "layers": [turns], "overrides": [over]}
    cloud.ports().rotas.put(week, Change())
    cloud.dynamodb.put_item(TableName="PolicyTable", Item=to_item({"policy_id": "acme", "document": "[{"}))
    ask(ANA)

    checked = ask({"action": "reconcile"})

    assert [(each["kind"], each["subject"]) for each in checked["findings"]] == [
        ("unknown", "policy default"),
        ("unknown", "policy default"),
        ("unknown", "rota week"),
        ("unreadable", "escalation policy 'acme'"),
    ]
    assert checked["findings"][0]["sentence"].startswith("Policy default, plan p, tier 1 names contact gone")
    assert checked["unreachable"] == cloud.calls.opened == []


def test_an_entry_that_cannot_be_read_is_mended_by_adding_again(cloud: Cloud) -> None:
    damage(cloud, "ana")
    refused = ask({"action": "remove", "contact_id": "ana"})

    ask(ANA)

    assert refused["error"].startswith("The entry of contact ana cannot be read (")
    assert found() == []
    assert list(ask({"action": "remove", "contact_id": "ana"})) == ["contact"]


def test_who_is_removed_while_unreachable_leaves_no_incident_behind(cloud: Cloud) -> None:
    ask(ANA)
    ask(ANA | {"contact_id": "ben", "emails": [OTHER], "phones": []})
    cloud.mark(MAIL, PendingConfirmation="true")
    cloud.now_ms += 86_400_000
    opened = ask({"action": "reconcile"})["unreachable"]

    for contact_id in ("ana", "ben"):
        ask({"action": "remove", "contact_id": contact_id})

    assert opened == ["ana"]
    assert [each["key"] for each in cloud.calls.recovered] == ["ana"], "Ben's was never open"
    assert cloud.calls.recovered[0]["detector_model"] == cloud.calls.opened[0]["detector_model"]
