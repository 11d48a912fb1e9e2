"""The functions of the workflow with their real adapters, from the sample event to the record."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from await_resolution import handler as await_resolution
from coldwatch.adapters import clients
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.items import to_item
from coldwatch.incidents import lifecycle
from coldwatch.incidents.incident import EventType, Severity, Status
from coldwatch.incidents.lifecycle import Change
from enrich_incident import handler as enrich_incident
from hand_over_incident import handler as hand_over_incident
from keep_evidence import handler as keep_evidence
from notify_tier import handler as notify_tier
from open_incident import handler as open_incident
from reconcile_incidents import handler as reconcile_incidents
from record_incident import handler as record_incident
from recover_incident import handler as recover_incident
from tests.integration.aws.incident_world import account as _account
from tests.integration.aws.incident_world import dynamodb as _dynamodb
from tests.integration.aws.incident_world import running, sample, stop
from tests.integration.aws.incident_world import states as _states
from tests.integration.aws.stack import IN_TIME, AwsStack
from tests.unit.incidents.builders import FRIDGE

account, dynamodb, states = _account, _dynamodb, _states


def test_from_the_sample_event_to_the_record(account: AwsStack, dynamodb: Any) -> None:
    made = open_incident.handler(sample("open_incident"), None)
    incident_id = made["incident_id"]
    assert made == {"incident_id": sample("keep_evidence")["incident_id"], "outcome": "opened"}
    assert open_incident.handler(sample("open_incident"), None)["outcome"] == "known"

    assert keep_evidence.handler(sample("keep_evidence"), None)["outcome"] == "not_stored_yet"
    at = sample("open_incident")["coldwatch"]["occurred_at"]
    stored: dict[str, Any] = {"device_id": FRIDGE, "reading_key": f"{at:013d}#-#1", "timestamp": at, "temp_c": 9.5}
    account.dynamodb.put_item(TableName="ReadingTable", Item=to_item(stored))
    assert keep_evidence.handler(sample("keep_evidence"), None)["outcome"] == "kept"
    assert enrich_incident.handler(sample("enrich_incident"), None)["incident_id"] == incident_id
    assert notify_tier.handler(sample("notify_tier"), IN_TIME) == {"status": "OPEN", "fates": {"ana": "sent"}}
    assert recover_incident.handler(sample("recover_incident"), None)["outcome"] == "recorded"
    store = DynamoIncidentStore(dynamodb, "IncidentTable")
    known = store.find(incident_id)
    assert known
    taken = lifecycle.acknowledge(known, who="ana", note=None, now_ms=time.time_ns() // 1_000_000)
    assert taken
    assert store.apply(taken)
    with Stubber(clients.step_functions_client()) as stub:
        for _ in range(2):  # it is resolved here, and answers for itself
            stub.add_client_error("send_task_success", "TaskDoesNotExist")
        asked = sample("await_resolution") | {"standing": taken.after.standing}
        assert await_resolution.handler(asked, None)["status"] == "RESOLVED"
    final = {"incident_id": incident_id, "is_final": True}
    recovered: dict[str, Any] = stored | {"reading_key": f"{at + 1:013d}#-#2", "timestamp": at + 3_600_000}
    account.dynamodb.put_item(TableName="ReadingTable", Item=to_item(recovered))
    assert keep_evidence.handler(final, None)["outcome"] == "kept"
    assert record_incident.handler(sample("record_incident"), None)["resolution"] == "recovered"
    assert record_incident.handler({"incident_id": incident_id, "part": "report"}, None)["manifest_sha256"]

    folder = f"incidents/{incident_id}"
    kept = ("evidence.json", "evidence-final.json", "record.json", "window.json", "report.json", "report.pdf")
    assert set(account.objects("evidence")) == {f"{folder}/{name}" for name in (*kept, "manifest.json")}
    record = json.loads(account.objects("evidence")[f"{folder}/record.json"])
    assert [event["type"] for event in record["timeline"]] == [
        "opened",
        "evidence_kept",
        "enriched",
        "paged",
        "recovered",
        "acknowledged",
        "resolved",
        "evidence_kept",
    ]
    over = store.find(incident_id)
    assert over
    assert (over.severity, over.began_at, over.status) == (Severity.CRITICAL, 1767225600000, Status.RESOLVED)


def test_a_workflow_that_is_missing_is_started_and_said_once(
    account: AwsStack, dynamodb: Any, states: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account
    incident_id = open_incident.handler(sample("open_incident"), None)["incident_id"]
    store = DynamoIncidentStore(dynamodb, "IncidentTable")
    stop(states, incident_id)

    early = reconcile_incidents.handler(sample("reconcile_incidents"), None)
    known = store.find(incident_id)
    assert known
    older = replace(known, opened_at=known.opened_at - 600_000, revision=known.revision + 1)
    assert store.apply(Change(known, older, None))
    later = [reconcile_incidents.handler(sample("reconcile_incidents"), None) for _ in range(2)]

    assert early["reattached"] == []
    assert [each["reattached"] for each in later] == [[incident_id], []]
    assert running(states)[f"{incident_id}-2"] == "RUNNING"
    assert [each.type for each in store.timeline(incident_id)][1:] == [EventType.REATTACHED]
    assert '"UnattendedIncidents":1' in capsys.readouterr().out


def test_a_workflow_hands_over_once_however_often_it_asks(account: AwsStack, dynamodb: Any, states: Any) -> None:
    assert account
    incident_id = open_incident.handler(sample("open_incident"), None)["incident_id"]
    (machine,) = states.list_state_machines()["stateMachines"]
    asked = sample("hand_over_incident") | {"state_machine_arn": machine["stateMachineArn"]}

    answers = [hand_over_incident.handler(asked, None) for _ in range(2)]

    assert answers == [{"incident_id": incident_id, "number": 2}] * 2
    store = DynamoIncidentStore(dynamodb, "IncidentTable")
    assert [each.type for each in store.timeline(incident_id)][1:] == [EventType.HANDED_OVER]
    arn = machine["stateMachineArn"].replace(":stateMachine:", ":execution:")
    given = json.loads(states.describe_execution(executionArn=f"{arn}:{incident_id}-2")["input"])
    assert (given["round"], given["step"], given["number"]) == (300, 300, 2)


def test_a_recovery_of_nothing_is_no_fault(account: AwsStack) -> None:
    assert account

    assert recover_incident.handler(sample("recover_incident"), None) == {"incident_id": None, "outcome": "noted"}
