"""The stores of storms keep what `storms.ports` promises: the fakes of the unit tests and the real ones.

And a storm through the functions, with their real adapters: how much each device's incident writes.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from coldwatch.adapters.family_store import DynamoFamilyStore
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.items import to_item
from coldwatch.adapters.storm_store import DynamoStormStore
from coldwatch.incidents import lifecycle
from coldwatch.incidents.incident import STORM, Incident, Status
from coldwatch.incidents.storms import forming
from coldwatch.incidents.storms.budget import Spent
from coldwatch.incidents.storms.grouping import Member
from coldwatch.incidents.storms.ports import DigestEntry
from notify_tier import handler as notify_tier
from open_incident import handler as open_incident
from record_incident import handler as record_incident
from recover_incident import handler as recover_incident
from tests.integration.aws.incident_world import account as _account
from tests.integration.aws.incident_world import dynamodb as _dynamodb
from tests.integration.aws.incident_world import sample
from tests.integration.aws.stack import IN_TIME, AwsStack
from tests.unit.incidents.builders import NOW, incident
from tests.unit.incidents.fakes import FakeIncidents
from tests.unit.incidents.storms.builders import window
from tests.unit.incidents.storms.fakes import FakeFamilies, FakeStorms

SITE = "site:acme/Basel"
PARENT = incident(
    incident_id="storm", detector_model=STORM, key=SITE, kind=STORM, device_id=SITE, thing_type="site", profile={}
)
account, dynamodb = _account, _dynamodb
"""Fixtures are known by the module that names them."""

type Storms = FakeStorms | DynamoStormStore
type Families = FakeFamilies | DynamoFamilyStore


@pytest.fixture(params=["fake", "dynamodb"])
def storms(request: pytest.FixtureRequest) -> Storms:
    if request.param == "fake":
        return FakeStorms()
    return DynamoStormStore(request.getfixturevalue("dynamodb"), "StormTable")


@pytest.fixture(params=["fake", "dynamodb"])
def families(request: pytest.FixtureRequest) -> tuple[Families, Any]:
    """With the store of the incidents that are children of one another."""
    if request.param == "fake":
        incidents = FakeIncidents()
        return FakeFamilies(incidents), incidents
    client = request.getfixturevalue("dynamodb")
    return DynamoFamilyStore(client, "IncidentTable"), DynamoIncidentStore(client, "IncidentTable")


def test_who_entered_a_group_is_found_by_time_once_and_in_order(storms: Storms) -> None:
    for at, name in ((5, "c"), (3, "a"), (3, "b"), (5, "c"), (9, "d")):
        storms.enter(SITE, Member(name, NOW + at), forget_at=NOW + 100)
    storms.enter("site:acme/Bern", Member("x", NOW + 4), forget_at=NOW + 100)

    assert [each.incident_id for each in storms.members(SITE, NOW + 3, NOW + 5, at_most=9)] == ["a", "b", "c"]
    assert [each.incident_id for each in storms.members(SITE, NOW, NOW + 99, at_most=2)] == ["a", "b"]
    assert storms.members(SITE, NOW + 6, NOW + 8, at_most=9) == []


def test_of_two_who_spend_at_once_one_does(storms: Storms) -> None:
    first, second = Spent(NOW, 1, ("a",)), Spent(NOW, 1, ("b",))

    assert [storms.spend("ana", None, first), storms.spend("ana", None, second)] == [True, False]
    assert storms.spent("ana") == first
    assert storms.spent("ben") is None
    assert storms.spend("ana", first, replace(first, sent=2))
    assert not storms.spend("ana", first, replace(first, sent=3))


def test_pages_wait_in_the_order_of_their_digests_until_they_are_taken_out(storms: Storms) -> None:
    early = DigestEntry("ben", NOW, "i1", 1, 1, True)  # noqa: FBT003 - is_urgent
    late = DigestEntry("ana", NOW + 1, "i2", 2, 1, False)  # noqa: FBT003 - is_urgent
    for each in (late, early, early):
        storms.queue(each)

    assert storms.due(NOW - 1) == []
    assert storms.due(NOW) == [early]
    assert storms.due(NOW + 1) == [early, late]
    storms.unqueue(early)
    storms.unqueue(early)
    assert storms.due(NOW + 1) == [late]


def test_what_a_digest_said_is_remembered_by_contact(storms: Storms) -> None:
    entries = [DigestEntry("ana", NOW, f"i{n}", 1, 1, False) for n in range(3)]  # noqa: FBT003 - is_urgent
    ways = {"ses_email": "m-1", "sns": "m-2"}

    storms.note_digest("ana", NOW, {each: {"": "m-1"} for each in entries} | {entries[0]: ways})

    others = {(f"i{n}", 1): (NOW, {"": "m-1"}) for n in (1, 2)}
    assert storms.noted_digests("ana") == {("i0", 1): (NOW, ways), **others}
    assert storms.noted_digests("ben") == {}


def test_of_two_who_claim_the_digests_of_a_contact_one_has_them_until_its_claim_is_over(storms: Storms) -> None:
    assert storms.claim_digest("ana", now_ms=NOW, until_ms=NOW + 60)
    assert not storms.claim_digest("ana", now_ms=NOW + 59, until_ms=NOW + 119)
    assert storms.claim_digest("ben", now_ms=NOW, until_ms=NOW + 60)
    assert storms.claim_digest("ana", now_ms=NOW + 60, until_ms=NOW + 120)

    storms.release_digest("ana", until_ms=NOW + 60)
    assert not storms.claim_digest("ana", now_ms=NOW + 61, until_ms=NOW + 121), (
        "only the claim that ended was given back"
    )
    storms.release_digest("ana", until_ms=NOW + 120)
    storms.release_digest("ana", until_ms=NOW + 120)
    assert storms.claim_digest("ana", now_ms=NOW + 61, until_ms=NOW + 121)
    assert storms.spent("ana") is None


def test_a_maintenance_window_is_never_overwritten_but_by_whoever_ends_it(storms: Storms) -> None:
    made = window()
    ended = replace(made, ended_at=NOW, ended_by="op", ended_why="done")

    assert [storms.put_window(made), storms.put_window(made)] == [True, False]
    assert storms.put_window(ended, before=made)
    assert not storms.put_window(replace(ended, ended_by="another"), before=made)

    assert storms.windows() == [ended]
    assert storms.unfinished(made.until_ms + 1) == []
    assert storms.unfinished(NOW) == [ended]


def test_a_storm_opens_once_with_a_mark_for_whoever_is_expected(families: tuple[Families, Any]) -> None:
    store, incidents = families
    other = replace(PARENT, incident_id="another")

    assert store.last_storm(SITE) is None
    assert store.open_storm(PARENT, lifecycle.opened(PARENT, "x"), ["a", "b"])
    assert not store.open_storm(other, lifecycle.opened(other, "x"), ["a"])

    assert store.last_storm(SITE) == incidents.find_open(STORM, SITE) == PARENT
    assert (store.open_children("storm"), store.children("storm")) == (["a", "b"], [])


def test_the_last_storm_of_a_place_is_known_after_its_end(families: tuple[Families, Any]) -> None:
    store, incidents = families
    store.open_storm(PARENT, lifecycle.opened(PARENT, "x"), [])
    over = lifecycle.resolve(PARENT, who="op", resolution="by op", note=None, now_ms=NOW)
    assert over
    incidents.apply(over)

    found = store.last_storm(SITE)

    assert found is not None
    assert found.status is Status.RESOLVED
    assert incidents.find_open(STORM, SITE) is None


def test_a_child_joins_whole_or_not_at_all_and_leaves_without_being_forgotten(families: tuple[Families, Any]) -> None:
    store, incidents = families
    child = incident()
    incidents.open(child, lifecycle.opened(child, "x"))
    store.open_storm(PARENT, lifecycle.opened(PARENT, "x"), [])
    change = forming.join(child, PARENT, now_ms=NOW)
    assert change

    said = forming.joined(child, PARENT, now_ms=NOW)
    assert [store.attach(change, "storm", said), store.attach(change, "storm", said)] == [True, False]

    assert incidents.find(child.incident_id).parent_id == "storm"
    assert [e.type for e in incidents.timeline("storm")] == ["opened", "joined"]
    assert store.has_open_child("storm")
    store.leave("storm", child.incident_id)
    store.leave("storm", child.incident_id)
    assert not store.has_open_child("storm")
    assert (store.children("storm"), store.count_children("storm")) == ([child.incident_id], 1)


# --- through the functions


def registered(client: Any, count: int, **place: str) -> list[str]:
    names = [f"acme-fridge-{number:04d}" for number in range(count)]
    for name in names:
        entry = {"device_id": name, "fleet_id": "acme", "device_type": "fridge", "application": "coldchain", **place}
        client.put_item(TableName="DeviceTable", Item=to_item(entry))
    return names


def event_of(device_id: str) -> dict[str, Any]:
    """The sample event as a detector of another device says it."""
    text = json.dumps(sample("open_incident")).replace("acme-fridge-0001", device_id)
    event: dict[str, Any] = json.loads(text)
    event["coldwatch"] |= {"effect_id": f"effect-{device_id}", "device_id": device_id, "key": device_id}
    return event


def by_kind(client: Any) -> dict[str, list[Incident]]:
    store = DynamoIncidentStore(client, "IncidentTable")
    found = list(store.listed(Status.OPEN))
    return {kind: [each for each in found if (each.kind == STORM) is (kind == STORM)] for kind in (STORM, "child")}


def counted(client: Any, names: Counter[str]) -> Callable[..., None]:
    def count(model: Any, **_: Any) -> None:
        names[model.name] += 1

    client.meta.events.register("before-call.dynamodb", count)
    return count


def test_a_child_of_a_storm_in_dynamodb_writes_nothing_that_others_write(account: AwsStack, dynamodb: Any) -> None:
    names, calls = registered(account.dynamodb, 16, site="Basel"), Counter[str]()
    client = open_incident.ports().incidents.client  # type: ignore[attr-defined] # DynamoDB's, behind the port
    for name in names[:6]:
        open_incident.handler(event_of(name), None)
    counted(client, calls)

    for name in names[6:]:
        open_incident.handler(event_of(name), None)

    (storm,) = by_kind(dynamodb)[STORM]
    assert DynamoFamilyStore(dynamodb, "IncidentTable").count_children(storm.incident_id) == 16
    assert {each.parent_id for each in by_kind(dynamodb)["child"]} == {storm.incident_id}
    per_child = {name: number / 10 for name, number in calls.items()}
    assert per_child["TransactWriteItems"] == 2, "the incident, and its joining: nothing that others write"
    assert per_child.get("PutItem", 0) == per_child.get("UpdateItem", 0) == 0
    assert per_child["GetItem"] <= 16


def test_who_has_had_enough_messages_cannot_be_read_and_is_told(account: AwsStack, dynamodb: Any) -> None:
    (name,) = registered(account.dynamodb, 1)
    open_incident.handler(event_of(name), None)
    (made,) = by_kind(dynamodb)["child"]
    dynamodb.put_item(
        TableName="StormTable", Item=to_item({"subject": "budget#ana", "part": "spent", "state": "no JSON"})
    )

    told = notify_tier.handler({**sample("notify_tier"), "incident_id": made.incident_id}, IN_TIME)

    assert told["fates"] == {"ana": "sent"}


def test_a_digest_that_is_due_and_reaches_nobody_is_counted(
    account: AwsStack, dynamodb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account
    made = open_incident.handler(sample("open_incident"), None)["incident_id"]
    entry = DigestEntry("nobody", NOW, made, 0, 1, True)  # noqa: FBT003 - is_urgent
    DynamoStormStore(dynamodb, "StormTable").queue(entry)

    assert notify_tier.handler({"action": "send_digests"}, None) == {"digests": 1, "told": 0}
    DynamoStormStore(dynamodb, "StormTable").unqueue(entry)
    assert notify_tier.handler({"action": "send_digests"}, None) == {"digests": 0, "told": 0}

    told = [line for line in capsys.readouterr().out.splitlines() if "UndeliveredDigests" in line]
    assert [(each["stage"], each["UndeliveredDigests"]) for each in map(json.loads, told)] == [("test", 1)]


def test_a_child_is_told_with_its_storm_and_the_end_of_the_last_ends_it(account: AwsStack, dynamodb: Any) -> None:
    for name in registered(account.dynamodb, 3, gateway="acme-gw-1"):
        open_incident.handler(event_of(name), None)
    (storm,) = by_kind(dynamodb)[STORM]
    children = by_kind(dynamodb)["child"]

    told = notify_tier.handler({**sample("notify_tier"), "incident_id": children[0].incident_id}, IN_TIME)
    parent = notify_tier.handler({**sample("notify_tier"), "incident_id": storm.incident_id}, IN_TIME)

    assert (told["fates"], parent["fates"]) == ({}, {"ana": "sent"})
    assert notify_tier.handler({"action": "send_digests"}, None) == {"digests": 0, "told": 0}
    store = DynamoIncidentStore(dynamodb, "IncidentTable")
    for child in children:
        over = lifecycle.resolve(child_now(store, child), who="op", resolution="x", note=None, now_ms=NOW)
        assert over
        assert store.apply(over)
    recovery = sample("recover_incident")
    assert recover_incident.handler(recovery, None)["outcome"] == "noted"
    for child in children:
        record_incident.handler({"incident_id": child.incident_id}, None)
    ended = store.find(storm.incident_id)
    assert ended is not None
    assert ended.status is Status.RESOLVED


def child_now(store: DynamoIncidentStore, child: Incident) -> Incident:
    found = store.find(child.incident_id)
    assert found is not None
    return found
