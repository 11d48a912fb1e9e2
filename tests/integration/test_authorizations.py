"""Every statement of the main path's roles is needed: a call of the running system passes by it, and by no other.

The local cloud enforces IAM and writes down which statement let a call pass (local/cloud/authorizations.py). The story
below makes each function do all that it may; whatever statement no call needed stands out.
"""

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch_ops.times import rfc3339
from local.demo.responders import press
from simulator.api import Fleet
from tests.conftest import Cloud
from tests.contract.test_roles import ROLES
from tests.e2e.duty import COOL, HOT, MINUTE_MS, PATIENCE_S, Duty, Readings, post
from tests.integration.old_boto3 import OldClient

pytestmark = [pytest.mark.cloud, pytest.mark.long]
ROOT = Path(__file__).parents[2]

PROBED_ELSEWHERE = ("AuthorizeProvisioningRole", "RecordPresenceRole", "StoreTelemetryRole")
"""By taking out each statement: test_least_privilege_of_functions.py."""

SERVICES = ("TelemetryRuleRole", "ProvisioningRole", "ArchiveDeliveryRole", "IotLoggingRole", "SchedulerRole")
"""Roles of services: some are asked by mends with tests of their own, none by a function."""

HELD_ELSEWHERE = {
    "WriteItsLog": "Lambda writes a function's log for it; the local cloud does not ask the role",
    "SendFailedBatches": "the event source's own contract tests",
    "SendFailedEvents": "the local cloud's asynchronous invocations do not ask the role",
    "ReceiveTimers": "Lambda's poller receives; the local cloud's does not ask the role",
    "DeliverItsLog": "the local cloud's state machines write no log",
    "SendItsTraces": "nor traces",
    "SeeWhatIsNotThere": "S3 asks for it to say that an object is not there; the local cloud says so anyway",
}
RARE = {
    (
        "DataPlaneRole",
        "LookWhereTheStreamEnds",
    ): "a message as a timer is due: tests/unit/data_plane",
    ("OpenIncidentRole", "GiveBackLocks"): "an excursion that comes after its own recovery: tests/unit/incidents",
    ("OpenIncidentRole", "SeeWhetherItRuns"): "an effect of an incident that has its workflow: tests/integration/aws",
    (
        "SendTestPagesRole",
        "WakeTheIncidentWorkflow",
    ): "begun again, a test page whose acknowledgement died before it told the workflow: tests/unit/incidents",
    **{
        (role, sid): "channels besides SNS, test pages of one's own addresses: tests/integration/aws/test_channels.py"
        for role, sids in {
            "NotifyTierRole": ("SendMails", "ReadSecretsOfChannels"),
            "AwaitResolutionRole": ("ReadContacts", "ReadKeysOfPagerDuty"),
            "RecordIncidentRole": ("ReadContacts", "ReadKeysOfPagerDuty"),
            "ManageContactsRole": (
                *("SendTestPages", "KeepPace", "SendTestMails", "PutTestEvents", "ReadTheKeyOfCodes"),
                *("KeepSecretsOfChannels", "OpenAndRecoverIncidents"),
            ),
        }.items()
        for sid in sids
    },
    ("OpenIncidentRole", "LookAtStorms"): "three devices of a gateway at once: tests/integration/aws",
    ("OpenIncidentRole", "GatherInStorms"): "a device of a gateway or site: tests/integration/aws",
    ("OpenIncidentRole", "WakeTheIncidentWorkflow"): "a storm that becomes graver: tests/unit/incidents/storms",
    ("NotifyTierRole", "GiveBackLocks"): "what recovered in a storm that was resolved: tests/unit/incidents/storms",
    ("RecordIncidentRole", "ReadTheRegistry"): "what nobody could add when people were told: tests/integration/aws",
    ("RecordIncidentRole", "GiveBackLocks"): "a storm's child that is over: tests/integration/aws",
    ("RecordIncidentRole", "WakeTheIncidentWorkflow"): "the end of a storm: tests/unit/incidents/storms",
    ("DispatchCommandRole", "WakeTheCommandWorkflow"): "a response that overtakes its own request: tests/unit/commands",
}

CASES = [
    (role, sid)
    for role, statements in ROLES.items()
    if role not in (*PROBED_ELSEWHERE, *SERVICES)
    for sid in statements
    if sid not in HELD_ELSEWHERE and (role, sid) not in RARE
]


@pytest.fixture(scope="module")
def passed(cloud: Cloud) -> set[tuple[str, str]]:
    """(role, statement) of every call that only one statement allowed, after the whole story."""
    duty = Duty(cloud, "rights")
    with cloud.provision(*(f"RIGHTS{number}" for number in range(1, 7)), fleet="rights", is_watched=True) as fleet:
        for chapter in (
            *(answer_and_recover, recover_before_anybody_answers, fall_silent),
            *(answer_without_the_link, lose_the_workflow, send_test_pages),
            *(send_commands, fail_to_carry_out, use_the_api),
        ):
            chapter(duty, fleet)
    names = logical_names(cloud)
    calls = [call for call in cloud.authorizations() if len(call["sids"]) == 1]
    return {(names.get(call["principal"], ""), call["sids"][0]) for call in calls}


def logical_names(cloud: Cloud) -> dict[str, str]:
    """What the template calls each role, by the name that the stack gave it."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=cloud.stack_name)
    found = [each for page in pages for each in page["StackResourceSummaries"]]
    return {each["PhysicalResourceId"]: each["LogicalResourceId"] for each in found}


def call(duty: Duty, function: str, event: dict[str, Any]) -> Any:
    """What a function answers that the template calls so; its error, where it answers with one."""
    (name,) = (physical for physical, logical in logical_names(duty.cloud).items() if logical == function)
    answer = duty.cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return json.loads(answer["Payload"].read())


def thing(number: int) -> str:
    return f"rights-fridge-RIGHTS{number}"


def answer_and_recover(duty: Duty, fleet: Fleet) -> None:
    ana = duty.responder("ana")
    duty.policy((ana, 60))
    fridge = Readings(fleet, thing(1))
    fridge.publish(*HOT)
    press(duty.page(fridge.thing).link)
    duty.incident(fridge.thing, "ACKNOWLEDGED")
    fridge.publish(*COOL)
    duty.incident(fridge.thing, "RESOLVED")


def recover_before_anybody_answers(duty: Duty, fleet: Fleet) -> None:
    """The first tier cannot be reached any more: its contact is gone; the second one answers when all is over."""
    gone = duty.responder("gone")
    duty.policy((gone, 60), ("rights-ana", 60))
    duty.run("contacts", "remove", gone, "--yes")
    call(duty, "ManageContactsFunction", {"action": "check"})  # the command would fail: a policy names who is gone
    fridge = Readings(fleet, thing(2))
    fridge.publish(*HOT, *COOL)
    page = duty.page(fridge.thing)
    duty.cloud.wait_for("it has recovered", lambda: duty.incidents(fridge.thing)[0]["recovered_at"])
    press(page.link)
    duty.incident(fridge.thing, "RESOLVED")


def fall_silent(duty: Duty, fleet: Fleet) -> None:
    duty.policy(("rights-ana", 60), auto_resolve="always")
    duty.run("devices", "profile", thing(3), "--set", "silence_s=4", "--why", "a test")
    Readings(fleet, thing(3)).publish(4.0)

    def is_noticed() -> bool | None:
        """A sweep that comes between the reading and its time-out finds the timer, and wakes for it."""
        duty.cloud.client("lambda").invoke(FunctionName=duty.cloud.output("FireTimersFunctionName"), Payload=b"{}")
        return bool(duty.incidents(thing(3))) or None

    duty.cloud.wait_for("silence is noticed", is_noticed, within_s=90)


def answer_without_the_link(duty: Duty, fleet: Fleet) -> None:
    """Told by a rota, they type the code of the message; the page sends a command, resolves, and has the report."""
    ben, path = duty.responder("ben"), duty.cloud.places.folder / "rota-rights.json"
    layer = {"participants": [ben], "start_date": "2026-01-05", "hand_over_at": "09:00", "shift": {"days": 1}}
    path.write_text(json.dumps({"rota_id": "rights-nights", "time_zone": "Europe/Berlin", "layers": [layer]}))
    duty.run("rota", "put", str(path), "--why", "who is on duty")
    tier = {"responders": [{"rota": "rights-nights"}], "acknowledge_within_s": 60}
    duty.policy(tiers=[tier], commands=["identify"])
    fleet.listen([thing(5)])
    Readings(fleet, thing(5)).publish(*HOT)
    page = duty.page(thing(5))

    typed = re.search(r"type (?P<incident>\S+) and the code (?P<code>\d{6}) at (?P<page>\S+)", page.text)
    assert typed, page.text
    assert "you have it" in post(typed["page"], {"incident": typed["incident"], "code": typed["code"]})[1]
    pressed, link = urllib.parse.urljoin(page.link, "../act"), page.link.rpartition("/")[2]
    assert post(pressed, {"link": link, "action": "command", "command": "identify"})[0] == 200
    assert post(pressed, {"link": link, "action": "resolve", "cause": "test"})[0] == 200
    duty.cloud.wait_for("the report", lambda: is_pdf(f"{page.link}/report.pdf"))


def is_pdf(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            return bool(answer.read().startswith(b"%PDF"))
    except urllib.error.HTTPError:
        return False


def lose_the_workflow(duty: Duty, fleet: Fleet) -> None:
    """A mail comes back. The execution ends and hands over; the next one is stopped, and the hourly look finds that."""
    duty.policy(("rights-ben", 300))
    fridge = Readings(fleet, thing(6))
    fridge.publish(*HOT)
    page, machine = duty.page(fridge.thing), duty.cloud.output("IncidentStateMachineArn")
    incident = duty.incident(fridge.thing, "OPEN")["incident_id"]
    send_back_the_mail(duty, incident)
    stop(duty, incident)
    place = {"incident_id": incident, "number": 1, "round": 1, "step": 1, "state_machine_arn": machine}
    for _ in range(2):  # the second finds that the first has started it
        assert call(duty, "HandOverIncidentFunction", place)["number"] == 2
    stop(duty, f"{incident}-2")
    duty.cloud.wait_for("another execution", lambda: is_taken_up(duty, incident))
    press(page.link)
    duty.incident(fridge.thing, "ACKNOWLEDGED")
    fridge.publish(*COOL)
    duty.incident(fridge.thing, "RESOLVED")


def send_back_the_mail(duty: Duty, incident: str) -> None:
    """What SES would say of the page, had it been a mail by SES."""
    store = DynamoIncidentStore(duty.cloud.client("dynamodb"), duty.cloud.output("IncidentTableName"))
    page = duty.cloud.wait_for("a page", lambda: next((each for each in store.pages(incident) if each.is_sent), None))
    event = json.loads((ROOT / "events/record_delivery.json").read_text())
    where = {"incident_id": incident, "round": "1", "contact_id": page.contact_id, "channel": page.channel}
    event["detail"]["mail"] |= {"messageId": page.message_id, "tags": {name: [value] for name, value in where.items()}}
    assert call(duty, "RecordDeliveryFunction", event) == {"delivery": "failed"}


def stop(duty: Duty, execution: str) -> None:
    machine = duty.cloud.output("IncidentStateMachineArn").replace(":stateMachine:", ":execution:")
    duty.cloud.client("stepfunctions").stop_execution(executionArn=f"{machine}:{execution}")


def is_taken_up(duty: Duty, incident: str) -> bool:
    """What was opened a moment ago is left alone, so it was opened ten minutes ago."""
    duty.cloud.client("dynamodb").update_item(
        TableName=duty.cloud.output("IncidentTableName"),
        Key={"incident_id": {"S": incident}, "part": {"S": "incident"}},
        UpdateExpression="SET opened_at = :then",
        ExpressionAttributeValues={":then": {"N": str(time.time_ns() // 1_000_000 - 10 * MINUTE_MS)}},
    )
    call(duty, "ReconcileIncidentsFunction", {"with_unrecorded": False})
    timeline = duty.run("incidents", "show", incident)["timeline"]
    return "reattached" in {event["type"] for event in timeline}


def send_test_pages(duty: Duty, _fleet: Fleet) -> None:
    """Begun twice for one time, they are begun once."""
    event = {"action": "begin", "at": rfc3339(time.time_ns() // 1_000_000)}
    first, again = (call(duty, "SendTestPagesFunction", event)["begun"] for _ in range(2))
    assert first == again
    assert "contact:rights-ben" in first
    assert call(duty, "SendTestPagesFunction", {"action": "check"}) == {"overdue": []}


def fail_to_carry_out(duty: Duty, _fleet: Fleet) -> None:
    """One effect that nobody carries out, and one whose target the role may not reach."""
    for action in ("iotEvents", "sns"):
        sample = json.loads((ROOT / "events/run_effects.json").read_text())
        (record,) = sample["Records"]
        effect = json.loads(record["body"])
        effect["effect_id"] = record["messageId"] = f"rights-{action}"
        effect["action"] |= {"type": action, "fields": {"targetArn": "arn:aws:sns:us-east-1:000000000000:nobody"}}
        record["body"] = json.dumps(effect)
        name, payload = duty.cloud.output("RunEffectsFunctionName"), json.dumps(sample).encode()
        duty.cloud.client("lambda").invoke(FunctionName=name, Payload=payload)


def send_commands(duty: Duty, fleet: Fleet) -> None:
    fleet.listen([thing(4)])
    answered = duty.run("command", "send", thing(4), "identify", "--wait")
    assert answered["status"] == "SUCCEEDED"
    sent = duty.run("command", "send", thing(1), "identify", "--timeout", "5", "--attempts", "1")

    def is_given_up() -> bool | None:
        return duty.run("command", "show", sent["execution_id"])["status"] == "TIMED_OUT" or None

    duty.cloud.wait_for("nobody answers", is_given_up)


def use_the_api(duty: Duty, _fleet: Fleet) -> None:
    """A device that falls silent within seconds, and was shaken."""
    reading = {"device_id": thing(3), "timestamp": time.time_ns() // 1_000_000, "shock_g": 50.0}
    message = {"messageId": "m1", "inputName": "telemetry", "payload": json.dumps(reading)}
    client = OldClient(duty.cloud.output("DataPlaneUrl"), duty.cloud.address["region"])
    answers, _ = client.calls(
        ("batch_put_message", {"messages": [message]}), ("list_detectors", {"detectorModelName": "shock"})
    )
    assert answers[0]["BatchPutMessageErrorEntries"] == []


def test_every_role_is_probed_somewhere() -> None:
    assert {role for role, _ in CASES} | {*PROBED_ELSEWHERE, *SERVICES} == set(ROLES)


@pytest.mark.parametrize(("role", "sid"), CASES)
def test_a_statement_is_needed(passed: set[tuple[str, str]], role: str, sid: str) -> None:
    assert (role, sid) in passed
