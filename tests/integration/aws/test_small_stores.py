"""Links, policies and the readings of a device, as they are stored."""

import json
from typing import Any

import pytest

from coldwatch.adapters.items import to_item
from coldwatch.adapters.link_store import DynamoLinkStore
from coldwatch.adapters.policy_store import DynamoPolicyStore
from coldwatch.adapters.reading_history import DynamoReadingHistory
from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.links import Link
from coldwatch.incidents.policy import PolicyError
from tests.integration.aws.incident_world import MADE, ROOT
from tests.integration.aws.incident_world import dynamodb as _dynamodb
from tests.integration.aws.stack import AwsStack
from tests.unit.incidents.builders import FRIDGE, NOW

dynamodb = _dynamodb


def test_a_link_is_found_by_its_hash_and_forgotten_long_after_it_has_expired(dynamodb: Any) -> None:
    links = DynamoLinkStore(dynamodb, "LinkTable")
    link = Link("f" * 64, MADE.incident_id, "ana", 1, 1, NOW, NOW + 5000)

    links.put(link)

    assert links.find("f" * 64) == link
    assert links.find("0" * 64) is None
    item = dynamodb.get_item(TableName="LinkTable", Key={"link_hash": {"S": "f" * 64}})["Item"]
    assert item["forget_at"] == {"N": str(NOW // 1000 + 5 + 90 * 86_400)}


def test_a_policy_is_kept_only_if_it_is_one(dynamodb: Any) -> None:
    policies = DynamoPolicyStore(dynamodb, "PolicyTable")
    document = json.loads((ROOT / "local/demo/policy.json").read_text())

    is_kept = policies.put(document)
    with pytest.raises(PolicyError):
        policies.put({"policy_id": "bad"})

    assert is_kept
    assert policies.find("default") == read_policy(document)
    assert list(policies.kept.each()) == [document | {"version": "1"}]
    assert policies.find("bad") is None
    policies.remove("default")
    assert policies.find("default") is None


@pytest.mark.parametrize("stored", [{}, {"document": "[]"}, {"document": "{}"}])
def test_a_stored_policy_that_is_none_is_said_to_be_none(dynamodb: Any, stored: dict[str, str]) -> None:
    dynamodb.put_item(TableName="PolicyTable", Item=to_item({"policy_id": "x", **stored}))

    with pytest.raises(PolicyError):
        DynamoPolicyStore(dynamodb, "PolicyTable").find("x")


def test_readings_are_found_by_device_time_however_late_they_came(aws: AwsStack) -> None:
    for at in (NOW - 1, NOW, NOW + 5, NOW + 6):
        item: dict[str, Any] = {"device_id": FRIDGE, "reading_key": f"{at:013d}#-#1", "timestamp": at, "temp_c": 9.5}
        aws.dynamodb.put_item(TableName="ReadingTable", Item=to_item(item))
    history = DynamoReadingHistory(aws.dynamodb, "ReadingTable")

    found = history.between(FRIDGE, NOW, NOW + 5, at_most=10)

    assert [each["timestamp"] for each in found] == [NOW, NOW + 5]


def test_of_too_many_readings_the_newest_are_found_in_order(aws: AwsStack) -> None:
    for second in range(10):
        at = NOW + second * 1000
        item: dict[str, Any] = {"device_id": FRIDGE, "reading_key": f"{at:013d}#-#1", "timestamp": at}
        aws.dynamodb.put_item(TableName="ReadingTable", Item=to_item(item))
    history = DynamoReadingHistory(aws.dynamodb, "ReadingTable")

    found = history.between(FRIDGE, NOW, NOW + 8000, at_most=3)

    assert [each["timestamp"] for each in found] == [NOW + 6000, NOW + 7000, NOW + 8000]
