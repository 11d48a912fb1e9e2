"""Test pages with the real store of policies: what cannot be read there tests nobody, and keeps nobody from a test."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coldwatch.adapters.items import to_item
from coldwatch.adapters.policy_store import DynamoPolicyStore
from coldwatch.incidents.incident import Incident
from send_test_pages import handler as send_test_pages
from tests.integration.aws.incident_world import dynamodb as _dynamodb
from tests.unit.incidents.builders import world
from tests.unit.incidents.fakes import FakeExecutions

dynamodb = _dynamodb
"""Fixtures are known by the module that names them."""

POLICY = json.loads((Path(__file__).parents[3] / "local/demo/policy.json").read_text())
DAMAGED = {"before": "{", "nothing": None, "list": "[]", "other": "{}"}


def test_a_policy_that_cannot_be_read_keeps_nobody_of_another_from_being_tested(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here, store = world(), DynamoPolicyStore(dynamodb, "PolicyTable")
    for policy_id, text in DAMAGED.items():
        dynamodb.put_item(TableName="PolicyTable", Item=to_item({"policy_id": policy_id, "document": text}))
    store.put(POLICY)
    monkeypatch.setattr(send_test_pages, "policies", lambda: store)
    monkeypatch.setattr(send_test_pages, "ports", here.opening)

    begun = send_test_pages.handler({"action": "begin", "at": "2026-01-01T00:00:00Z"}, None)["begun"]

    assert "contact:ana" in begun
    told = {vars(each)["policy_id"] for each in caplog.records if each.message == "policy not readable"}
    assert len(told) == len(DAMAGED)


class _NotForAna(FakeExecutions):
    def start(self, incident: Incident, *, now_ms: int) -> int:
        if incident.key == "contact:ana":
            raise RuntimeError("throttled")
        return super().start(incident, now_ms=now_ms)


def test_a_test_page_that_cannot_be_begun_keeps_nobody_else_from_being_tested(
    dynamodb: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here, store = world(), DynamoPolicyStore(dynamodb, "PolicyTable")
    store.put(POLICY)
    monkeypatch.setattr(send_test_pages, "policies", lambda: store)
    monkeypatch.setattr(send_test_pages, "ports", lambda: replace(here.opening(), executions=_NotForAna()))

    with pytest.raises(send_test_pages.NotBegunError, match="1 of 2"):
        send_test_pages.handler({"action": "begin", "at": "2026-01-01T00:00:00Z"}, None)

    assert [list(vars(each)["faults"]) for each in caplog.records if each.message == "test pages not begun"] == [
        ["contact:ana"]
    ]
    assert [list(vars(each)["incident_ids"]) for each in caplog.records if each.message == "test pages begun"] == [
        ["contact:ben"]
    ]
