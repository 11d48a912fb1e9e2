"""Every statement of the main path's roles is needed: a call of the running system passes by it, and by no other.

The local cloud enforces IAM and writes down which statement let a call pass (local/cloud/authorizations.py). The story
below makes each function do all that it may; whatever statement no call needed stands out.
"""

import json
import time
from pathlib import Path

import pytest

from local.demo.responders import press
from simulator.api import Fleet
from tests.conftest import Cloud
from tests.contract.test_roles import ROLES
from tests.e2e.duty import COOL, HOT, Duty, Readings
from tests.integration.old_boto3 import OldClient

pytestmark = pytest.mark.cloud
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
    ("IncidentPageRole", "GiveBackLocks"): "nobody presses resolve in this story: tests/e2e",
    ("OpenIncidentRole", "SeeWhetherItRuns"): "an effect of an incident that has its workflow: tests/integration/aws",
    **{
        (role, sid): "channels besides SNS, test pages, mails that come back: tests/integration/aws/test_channels.py"
        for role, sids in {
            "NotifyTierRole": ("SendMails", "ReadSecretsOfChannels"),
            "AwaitResolutionRole": ("ReadContacts", "ReadKeysOfPagerDuty"),
            "RecordIncidentRole": ("ReadContacts", "ReadKeysOfPagerDuty"),
            "ManageContactsRole": (
                *("SendTestPages", "KeepPace", "SendTestMails", "PutTestEvents", "ReadTheKeyOfCodes"),
                *("KeepSecretsOfChannels", "OpenAndRecoverIncidents"),
            ),
            "RecordDeliveryRole": ("KeepIncidents", "TellTheNextWay"),
        }.items()
        for sid in sids
    },
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
    with cloud.provision(*(f"RIGHTS{number}" for number in range(1, 5)), fleet="rights", is_watched=True) as fleet:
        for chapter in (
            *(answer_and_recover, recover_before_anybody_answers, fall_silent),
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
    duty.run("contacts", "check")
    fridge = Readings(fleet, thing(2))
    fridge.publish(*HOT, *COOL)
    page = duty.page(fridge.thing)
    duty.cloud.wait_for("it has recovered", lambda: duty.incidents(fridge.thing)[0]["recovered_at"])
    press(page.link)
    duty.incident(fridge.thing, "RESOLVED")


def fall_silent(duty: Duty, fleet: Fleet) -> None:
    duty.policy(("rights-ana", 60), auto_resolve="always")
    duty.run("devices", "profile", thing(3), "--set", "silence_s=4")
    Readings(fleet, thing(3)).publish(4.0)

    def is_noticed() -> bool | None:
        """A sweep that comes between the reading and its time-out finds the timer, and wakes for it."""
        duty.cloud.client("lambda").invoke(FunctionName=duty.cloud.output("FireTimersFunctionName"), Payload=b"{}")
        return bool(duty.incidents(thing(3))) or None

    duty.cloud.wait_for("silence is noticed", is_noticed, within_s=90)


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
