"""The end of an incident, in the order in which a death or a fault on the way costs nothing: the record, the numbers,
PagerDuty, the storm.
"""

import json
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.incidents import announcing, lifecycle
from coldwatch.incidents.contacts import Address, ChannelKind, Contact
from coldwatch.incidents.incident import EventType, Incident, Page
from coldwatch.incidents.paging import page_event
from coldwatch.incidents.ports import NotSentError
from open_incident import handler as open_incident
from record_incident import handler as record_incident
from tests.integration.aws.incident_world import account as _account
from tests.integration.aws.incident_world import dynamodb as _dynamodb
from tests.integration.aws.incident_world import sample
from tests.integration.aws.stack import AwsStack
from tests.unit.incidents.builders import NOW

account, dynamodb = _account, _dynamodb
"""Fixtures are known by the module that names them."""

PAGER = Address(ChannelKind.PAGERDUTY, "quality", 1, "s/pd")


@dataclass
class Outside:
    """PagerDuty, the contact that has it, and the storm; each may fail."""

    store: DynamoIncidentStore
    fault: Exception | None = None
    is_storm_stuck: bool = False
    heard: list[str] = field(default_factory=list)

    def find(self, contact_id: str) -> Contact:
        return Contact(contact_id, "Ana", (PAGER,))

    def update_pagerduty(self, address: Address, action: str, alert_key: str) -> None:
        if self.fault:
            raise self.fault
        self.heard.append(f"{address.channel} {action} {alert_key}")

    def leave(self, _incident: Incident, _now_ms: int) -> None:
        if self.is_storm_stuck:
            raise ConnectionError
        self.heard.append("left")


@pytest.fixture
def outside(account: AwsStack, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Around an incident that is over, and of which PagerDuty was told."""
    assert account
    incident_id = open_incident.handler(sample("open_incident"), None)["incident_id"]
    store = DynamoIncidentStore(dynamodb, "IncidentTable")
    made = store.find(incident_id)
    assert made
    page = Page(incident_id, 1, 1, "ana", NOW, is_sent=True, channel=PAGER.channel)
    store.keep_page(page, page_event(page, EventType.PAGED, "Ana is told.", made))
    over = lifecycle.resolve(made, who="op", resolution="by op", note=None, now_ms=NOW)
    assert over
    assert store.apply(over)
    found = Outside(store)
    monkeypatch.setattr(record_incident, "announced", lambda: announcing.Ports(store, found, found))
    monkeypatch.setattr(record_incident, "_leave_storm", found.leave)
    return found


def ended() -> dict[str, Any]:
    return record_incident.handler(sample("record_incident"), None)


def numbers(capsys: pytest.CaptureFixture[str]) -> int:
    lines = [line for line in capsys.readouterr().out.splitlines() if '"TimeToResolve"' in line]
    return len([each for each in map(json.loads, lines) if "_aws" in each])


def closed() -> str:
    return f"pagerduty:quality resolve {sample('record_incident')['incident_id']}/0"


def test_a_storm_that_cannot_be_left_keeps_pagerduty_and_the_numbers_from_nothing(
    outside: Outside, capsys: pytest.CaptureFixture[str]
) -> None:
    outside.is_storm_stuck = True
    with pytest.raises(ConnectionError):
        ended()
    first = numbers(capsys), list(outside.heard)
    outside.is_storm_stuck = False
    ended()

    assert first == (1, [closed()])
    assert (numbers(capsys), outside.heard[-1]) == (0, "left")


def test_what_pagerduty_does_not_take_for_now_is_asked_for_again_after_all_else_is_done(
    outside: Outside, capsys: pytest.CaptureFixture[str]
) -> None:
    outside.fault = NotSentError("It answered 503.")
    with pytest.raises(announcing.NotAnnouncedError):
        ended()
    first = numbers(capsys), list(outside.heard)
    outside.fault = None
    answer = ended()

    assert first == (1, ["left"])
    assert (outside.heard[1:], answer["status"]) == ([closed(), "left"], "RESOLVED")


def test_what_pagerduty_never_takes_is_left_alone(outside: Outside) -> None:
    outside.fault = NotSentError("The secret is gone.", is_permanent=True)

    assert ended()["status"] == "RESOLVED"
    assert outside.heard == ["left"]


def kept_events(outside: Outside) -> list[EventType]:
    return [each.type for each in outside.store.timeline(sample("record_incident")["incident_id"])]


def test_what_could_not_be_added_when_people_were_told_is_in_the_record(outside: Outside) -> None:
    ended()

    told = kept_events(outside)
    assert told.index(EventType.RESOLVED) < told.index(EventType.ENRICHED) < told.index(EventType.RECORDED)


def test_the_record_does_not_wait_for_what_cannot_be_known(
    outside: Outside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = record_incident.enrichment_ports()
    monkeypatch.setattr(record_incident, "enrichment_ports", lambda: replace(own, devices=_NoRegistry()))

    assert ended()["status"] == "RESOLVED"
    told = kept_events(outside)
    assert (EventType.RECORDED in told, EventType.ENRICHED in told) == (True, False)
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "incident recorded without what is known of its device"
    ]


class _NoRegistry:
    def find(self, device_id: str) -> None:
        raise ConnectionError(device_id)
