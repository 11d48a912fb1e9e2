"""Where nobody can be told of an incident, whoever looks after the stack is: by a metric that has an alarm."""

import json
from typing import Any

import pytest

from coldwatch.adapters.items import to_item
from notify_tier import handler as notify_tier
from open_incident import handler as open_incident
from tests.integration.aws.incident_world import account as _account
from tests.integration.aws.incident_world import dynamodb as _dynamodb
from tests.integration.aws.incident_world import sample
from tests.integration.aws.stack import IN_TIME, AwsStack

account, dynamodb = _account, _dynamodb
"""Fixtures are known by the module that names them."""


def counted(name: str, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, int]]:
    """With its stage, which the alarm asks for."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    return [(each["stage"], each[name]) for each in lines if name in each]


def without_contacts(dynamodb: Any, *gone: str) -> None:
    for each in gone:
        dynamodb.delete_item(TableName="ContactTable", Key=to_item({"contact_id": each}))


def test_a_round_of_which_nobody_can_be_told_is_counted(
    account: AwsStack, dynamodb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account
    open_incident.handler(sample("open_incident"), None)
    without_contacts(dynamodb, "ana")

    assert notify_tier.handler(sample("notify_tier"), IN_TIME)["fates"] == {"ana": "unreachable"}

    assert counted("NobodyTold", capsys) == [("test", 1)]


def test_a_round_that_tells_somebody_or_is_settled_is_not_counted(
    account: AwsStack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account
    open_incident.handler(sample("open_incident"), None)

    assert notify_tier.handler(sample("notify_tier"), IN_TIME)["fates"] == {"ana": "sent"}
    assert notify_tier.handler({**sample("notify_tier"), "round": 0, "step": 0}, IN_TIME)["fates"] == {}

    assert counted("NobodyTold", capsys) == []


def test_an_incident_that_no_policy_is_for_is_counted_when_it_is_opened_and_when_nobody_is_told(
    account: AwsStack, dynamodb: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account
    dynamodb.delete_item(TableName="PolicyTable", Key=to_item({"policy_id": "default"}))

    open_incident.handler(sample("open_incident"), None)
    open_incident.handler(sample("open_incident"), None)
    assert counted("NotToldAsPlanned", capsys) == [("test", 1)]

    assert notify_tier.handler(sample("notify_tier"), IN_TIME)["fates"] == {"": "unreachable"}
    assert counted("NobodyTold", capsys) == [("test", 1)]
