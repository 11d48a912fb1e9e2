"""What the daily check opens an incident for, and what ends it; entries that cannot be read."""

from typing import Any

import pytest

from coldwatch.adapters.items import to_item
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
