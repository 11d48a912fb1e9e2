"""`coldwatch incidents`, `contacts`, `policy`, `devices profile` and `detectors` against moto."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.stub import Stubber

from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.link_store import DynamoLinkStore
from coldwatch.detection.detector import encode_detector
from coldwatch.incidents import lifecycle
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.links import LIFETIME_MS, Link
from coldwatch_ops.errors import DeclinedError, FailedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Clients, Stack
from tests.integration.ops_stack import NOW, Person, deployed, run
from tests.unit.detection.builders import FRIDGE, detector
from tests.unit.incidents.builders import incident
from tests.unit.ops.telling import text_of

WAITS = 300
WHY = ("--why", "ticket 4711")
PLAN = {
    "tiers": [{"contacts": ["ana"], "acknowledge_within_s": WAITS}],
    "rounds": 1,
    "repeat_every_s": 600,
    "resolve_within_s": 900,
    "auto_resolve": "acknowledged",
}
POLICY = {"policy_id": "default", "severities": {"critical": PLAN, "warning": PLAN}}
ANA = {"contact_id": "ana", "name": "Ana", "addresses": [{"protocol": "email", "endpoint": "ana@example.com"}]}


class Contacts:
    """`manage_contacts`, as it answers."""

    def __init__(self, *answers: Any, error: bool = False) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answers = list(answers)
        self._error = {"FunctionError": "Unhandled"} if error else {}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's own names
        assert FunctionName == "manage_contacts"
        self.asked.append(json.loads(Payload))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return {"Payload": io.BytesIO(json.dumps(answer).encode())} | self._error


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        yield found


def asking(stack: Stack, contacts: Contacts) -> Stack:
    class Replaced:
        def __getattr__(self, name: str) -> Any:
            return contacts if name == "lambda_" else getattr(stack.clients, name)

    outputs = {**stack.outputs, "ManageContactsFunctionName": "manage_contacts"}
    return replace(stack, outputs=outputs, clients=cast("Clients", Replaced()))


def store(stack: Stack) -> DynamoIncidentStore:
    return DynamoIncidentStore(stack.clients.dynamodb_client, stack.output("IncidentTableName"))


def opened(stack: Stack, number: int = 1, **changes: Any) -> Incident:
    made = incident(incident_id=f"i{number}", key=f"k{number}", opened_at=NOW - number * 60_000, **changes)
    assert store(stack).open(made, lifecycle.opened(made, "Too warm."))
    return made


def test_incidents_are_listed_newest_first_and_narrowed(stack: Stack) -> None:
    opened(stack, 2)
    opened(stack, 1, device_id="acme-fridge-0002")
    opened(stack, 3, status=Status.RESOLVED)

    def listed(*words: str) -> list[str]:
        return [each["incident_id"] for each in run(stack, "incidents", "list", *words).document["incidents"]]

    assert listed() == ["i1", "i2"]
    assert listed("--status", "all") == ["i1", "i2", "i3"]
    assert listed("--status", "resolved") == ["i3"]
    assert listed("--device", "acme-fridge-0002") == ["i1"]
    assert listed("--since", "90s") == ["i1"]
    assert listed("--status", "all", "--limit", "1") == ["i1"]


def test_an_operator_takes_an_incident_once_and_resolves_it_with_a_note(stack: Stack) -> None:
    opened(stack)

    taken = run(stack, "incidents", "ack", "i1", "--as", "ben", "--note", "on my way")
    again = run(stack, "incidents", "ack", "i1", "--as", "ana")
    over = run(stack, "incidents", "resolve", "i1", "--as", "ben", "--note", "door was ajar")
    late = run(stack, "incidents", "resolve", "i1", "--as", "ana", "--note", "me, too")

    assert [each.exit_code for each in (taken, again, over, late)] == [0, 1, 0, 1]
    assert "ben was first" in text_of(again)
    story = run(stack, "incidents", "show", "i1")
    assert (story.document["status"], story.document["resolved_by"]) == ("RESOLVED", "ben")
    assert "door was ajar" in text_of(story)
    assert "me, too" not in text_of(story)


def test_an_operator_snoozes_within_the_plans_bounds_escalates_and_says_what_it_was(stack: Stack) -> None:
    opened(stack)

    short = run(stack, "incidents", "snooze", "i1", "--for", "10s", "--as", "ben")
    snoozed = run(stack, "incidents", "snooze", "i1", "--for", "30m", "--as", "ben")
    taken = run(stack, "incidents", "ack", "i1", "--as", "ana")
    listed = run(stack, "incidents", "list", "--status", "snoozed").document["incidents"]
    escalated = run(stack, "incidents", "escalate", "i1", "--as", "ana", "--note", "nobody comes")
    told = ("--note", "door was ajar", "--cause", "door_left_open", "--disposition", "released")
    over = run(stack, "incidents", "resolve", "i1", "--as", "ana", *told)

    assert [each.exit_code for each in (short, snoozed, taken, escalated, over)] == [1, 0, 1, 0, 0]
    assert "300 to 14400 s" in text_of(short)
    assert "nobody is told until" in text_of(snoozed)
    assert [each["snoozed_by"] for each in listed] == ["ben"]
    story = run(stack, "incidents", "show", "i1")
    assert (story.document["cause"], story.document["disposition"]) == ("door_left_open", "released")
    assert "gives it back" in text_of(story)


def test_an_operator_says_whether_it_was_useful_once_somebody_has_had_it(stack: Stack) -> None:
    opened(stack)

    early = run(stack, "incidents", "rate", "i1", "--useful", "--as", "ben")
    run(stack, "incidents", "ack", "i1", "--as", "ana")
    rated = run(stack, "incidents", "rate", "i1", "--useful", "--as", "ben")
    run(stack, "incidents", "resolve", "i1", "--as", "ana", "--note", "door was ajar")
    over = run(stack, "incidents", "rate", "i1", "--not-useful", "--as", "ben")
    again = run(stack, "incidents", "rate", "i1", "--not-useful", "--as", "ben")

    assert [each.exit_code for each in (early, rated, over, again)] == [1, 0, 0, 0]
    assert "Nobody has had it" in text_of(early)
    assert text_of(rated).startswith("Kept as useful, by ben: ")
    assert text_of(over).startswith("Kept as not useful, by ben: ")
    story = run(stack, "incidents", "show", "i1").document
    assert (story["useful"], story["useful_by"]) == (False, "ben")
    assert [each["who"] for each in story["timeline"] if each["type"] == "feedback"] == ["ben", "ben"]


@pytest.mark.parametrize("words", [(), ("--useful", "--not-useful")])
def test_an_incident_is_rated_one_way(stack: Stack, words: tuple[str, ...]) -> None:
    opened(stack)

    with pytest.raises(UsageError, match="either --useful or --not-useful"):
        run(stack, "incidents", "rate", "i1", *words)


def test_an_operators_answer_wakes_the_workflow_that_waits(stack: Stack) -> None:
    made = opened(stack)
    store(stack).keep_token(made, "token-1")
    with Stubber(stack.clients.step_functions) as workflow:
        workflow.add_client_error("send_task_success", "TaskTimedOut", expected_params=None)

        answer = run(stack, "incidents", "ack", "i1", "--as", "ben")

        workflow.assert_no_pending_responses()
    assert answer.exit_code is ExitCode.OK


@pytest.mark.parametrize("words", [("show", "i9"), ("ack", "i9"), ("resolve", "i9", "--note", "x")])
def test_an_incident_that_is_not_there_is_not_found(stack: Stack, words: tuple[str, ...]) -> None:
    with pytest.raises(NotFoundError, match="no incident i9"):
        run(stack, "incidents", *words)


def test_links_are_taken_back_of_one_contact_or_of_all_and_once(stack: Stack) -> None:
    opened(stack)
    links = DynamoLinkStore(stack.clients.dynamodb_client, stack.output("LinkTableName"))
    for number, (incident_id, contact) in enumerate([("i1", "ana"), ("i1", "ana"), ("i1", "ben"), ("i2", "ana")]):
        links.put(Link(f"hash-{number}", incident_id, contact, 1, 1, NOW, NOW + LIFETIME_MS))

    of_ana = run(stack, "incidents", "revoke-links", "i1", "--contact", "ana")
    of_all = run(stack, "incidents", "revoke-links", "i1")
    again = run(stack, "incidents", "revoke-links", "i1")

    assert of_ana.document == {"incident_id": "i1", "links": 2, "revoked": 2, "contacts": ["ana"]}
    assert of_all.document == {"incident_id": "i1", "links": 3, "revoked": 1, "contacts": ["ben"]}
    assert again.document["revoked"] == 0
    assert "2 links of ana taken back" in text_of(of_ana)
    found = [links.find(f"hash-{number}") for number in range(4)]
    assert [each is not None and each.is_over(NOW) for each in found] == [True, True, True, False]
    with pytest.raises(NotFoundError, match="no incident i9"):
        run(stack, "incidents", "revoke-links", "i9")


def test_a_moment_is_not_taken_for_how_long_to_snooze(stack: Stack) -> None:
    with pytest.raises(UsageError, match="not a length of time"):
        run(stack, "incidents", "snooze", "i1", "--for", "2026-01-01T00:00:00Z", "--as", "ben")


def test_contacts_are_managed_by_their_function_alone(stack: Stack) -> None:
    contacts = Contacts({"contact": ANA})
    answering = asking(stack, contacts)

    added = run(answering, "contacts", "add", "ana", "--name", "Ana", "--email", "ana@example.com")
    run(answering, "contacts", "remove", "ana", "--yes")

    nothing_else: dict[str, Any] = {"phones": [], "time_zone": None}
    assert contacts.asked == [
        {"action": "add", "contact_id": "ana", "name": "Ana", "emails": ["ana@example.com"]} | nothing_else,
        {"action": "remove", "contact_id": "ana"},
    ]
    assert "coldwatch contacts confirm TOKEN" in text_of(added)


def test_a_contact_is_removed_only_when_somebody_says_yes(stack: Stack) -> None:
    contacts = Contacts({"contact": ANA})

    with pytest.raises(DeclinedError):
        run(asking(stack, contacts), "contacts", "remove", "ana", person=Person("no"))

    assert contacts.asked == []


def test_what_the_function_refuses_or_fails_at_is_told(stack: Stack) -> None:
    with pytest.raises(RefusedError, match="confirms nothing"):
        run(asking(stack, Contacts({"error": "This token confirms nothing."})), "contacts", "confirm", "t")
    with pytest.raises(FailedError, match="its log says why"):
        run(asking(stack, Contacts({}, error=True)), "contacts", "list")


def test_findings_about_contacts_fail_the_check(stack: Stack) -> None:
    finding = {"kind": "pending", "subject": "ana", "sentence": "ana gets nothing."}

    found = run(asking(stack, Contacts({"findings": [finding]})), "contacts", "check")
    clean = run(asking(stack, Contacts({"findings": []})), "contacts", "check")

    assert (found.exit_code, clean.exit_code) == (ExitCode.FAILED, ExitCode.OK)
    assert text_of(found) == "ana gets nothing."


def policy_file(tmp_path: Path, document: Any) -> str:
    path = tmp_path / "policy.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return str(path)


def test_a_policy_is_numbered_when_it_changes_and_only_then(stack: Stack, tmp_path: Path) -> None:
    answering = asking(stack, Contacts({"contacts": [ANA]}))

    first = run(answering, "policy", "put", policy_file(tmp_path, POLICY))
    same = run(answering, "policy", "put", policy_file(tmp_path, POLICY))
    other = run(answering, "policy", "put", policy_file(tmp_path, POLICY | {"about": "everybody"}))

    assert [each.document["policy"]["version"] for each in (first, same, other)] == ["1", "1", "2"]
    assert "as it was" in text_of(same)
    shown = text_of(run(answering, "policy", "show"))
    assert "version 2" in shown
    assert f"{WAITS // 60} min" in shown
    assert [each["policy_id"] for each in run(answering, "policy", "list").document["policies"]] == ["default"]


def test_a_policy_that_names_somebody_unknown_is_refused_and_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    answering = asking(stack, Contacts({"contacts": []}))

    with pytest.raises(RefusedError, match="Nobody knows ana"):
        run(answering, "policy", "put", policy_file(tmp_path, POLICY))

    assert run(answering, "policy", "list").document == {"policies": []}
    with pytest.raises(NotFoundError):
        run(answering, "policy", "show")


def test_a_stored_policy_that_is_none_is_told_and_can_be_put_anew(stack: Stack, tmp_path: Path) -> None:
    answering = asking(stack, Contacts({"contacts": [ANA]}))
    broken = {"policy_id": "default", "version": "mine", "document": json.dumps({"version": "mine"})}
    stack.table("PolicyTableName").put_item(Item=broken)

    with pytest.raises(FailedError, match="default"):
        run(answering, "policy", "show")
    put = run(answering, "policy", "put", policy_file(tmp_path, POLICY))

    assert put.document["policy"]["version"] == "1"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ({"policy_id": "default"}, "severities"),
        (POLICY | {"severities": {"critical": PLAN | {"rounds": -1}, "warning": PLAN}}, "rounds"),
    ],
)
def test_a_file_that_holds_no_policy_is_told(stack: Stack, tmp_path: Path, document: Any, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        run(stack, "policy", "put", policy_file(tmp_path, document))


def registered(stack: Stack, **more: Any) -> None:
    item = {"device_id": FRIDGE, "fleet_id": "acme", "application": "coldchain", "device_type": "fridge"}
    stack.table("DeviceTableName").put_item(Item=item | more)


def entry(stack: Stack) -> dict[str, Any]:
    return stack.table("DeviceTableName").get_item(Key={"device_id": FRIDGE})["Item"]


def test_a_device_gets_a_profile_and_members_of_its_own_and_loses_them_again(stack: Stack) -> None:
    registered(stack)

    given = run(stack, "devices", "profile", FRIDGE, "who_refrigerator", "--set", "silence_s=900", *WHY).document
    shown = run(stack, "devices", "profile", FRIDGE).document
    kept = entry(stack)
    run(stack, "devices", "profile", FRIDGE, "--clear", *WHY)

    assert given == shown
    assert (given["profile"]["name"], given["profile"]["silence_s"]) == ("who_refrigerator", 900)
    assert (kept["profile"], json.loads(kept["profile_changes"])) == ("who_refrigerator", {"silence_s": 900})
    assert not {"profile", "profile_changes"} & entry(stack).keys()


@pytest.mark.parametrize("words", [("no_such_profile",), ("--set", "silence_s=-1"), ("--set", "no_such_member=1")])
def test_a_profile_that_no_detector_could_follow_is_refused_and_changes_nothing(
    stack: Stack, words: tuple[str, ...]
) -> None:
    registered(stack)

    with pytest.raises(RefusedError) as refused:
        run(stack, "devices", "profile", FRIDGE, *words, *WHY)

    assert refused.value.details
    assert not {"profile", "profile_changes"} & entry(stack).keys()


@pytest.mark.parametrize("word", ["silence_s", "silence_s=", "silence_s=null"])
def test_a_member_without_a_value_is_a_wrong_call(stack: Stack, word: str) -> None:
    registered(stack)

    with pytest.raises(UsageError, match="NAME=VALUE"):
        run(stack, "devices", "profile", FRIDGE, "--set", word)


def test_a_fault_in_the_registry_is_told(stack: Stack) -> None:
    registered(stack, profile="no_such_profile")

    answer = run(stack, "devices", "profile", FRIDGE)

    assert answer.exit_code is ExitCode.FAILED
    assert "no_such_profile" in text_of(answer)


def test_a_device_can_be_left_alone_and_is_listed_so(stack: Stack) -> None:
    registered(stack)
    before = text_of(run(stack, "devices", "list"))

    left = run(stack, "devices", "unwatch", FRIDGE, *WHY)
    told = text_of(run(stack, "devices", "list"))
    run(stack, "devices", "watch", FRIDGE, *WHY)

    assert "watched" not in before
    assert "watched" in told
    assert left.document["device"]["watched"] is False
    assert f"devices watch {FRIDGE}" in text_of(left)
    assert entry(stack)["watched"] is True


@pytest.mark.parametrize("words", [("watch", *WHY), ("unwatch", *WHY), ("profile",), ("trip", "t", *WHY)])
def test_a_device_that_is_not_registered_is_not_found(stack: Stack, words: tuple[str, ...]) -> None:
    with pytest.raises(NotFoundError):
        run(stack, "devices", words[0], "acme-fridge-9999", *words[1:])


def stored(stack: Stack, *items: dict[str, Any]) -> None:
    table = stack.table("DetectorTableName")
    for item in items:
        table.put_item(Item={"version": 1, **item})


def test_detectors_are_listed_without_what_else_is_in_their_table(stack: Stack) -> None:
    silence, shock = detector(), detector(model="shock", key="acme-fridge-0002")
    stored(
        stack,
        *({"detector_id": each.detector_id, "body": encode_detector(each)} for each in (silence, shock)),
        {"detector_id": "shard/shardId-000000000000", "last_sequence": "1"},
        {"detector_id": "effect/e", "done_at": 1},
    )

    def listed(*words: str) -> list[str]:
        return [each["model"] for each in run(stack, "detectors", "list", *words).document["detectors"]]

    assert listed() == ["device_silence", "shock"]
    assert listed("--model", "shock") == ["shock"]
    assert listed("--device", FRIDGE) == ["device_silence"]
    assert listed("--model", "shock", "--device", FRIDGE) == []
    assert run(stack, "detectors", "show", "device_silence", FRIDGE).document["state"] == "heard"


def test_a_detector_that_cannot_be_read_hides_no_other(stack: Stack) -> None:
    good = detector()
    stored(
        stack,
        {"detector_id": good.detector_id, "body": encode_detector(good)},
        {"detector_id": "shock/broken", "body": "{"},
    )

    answer = run(stack, "detectors", "list")

    assert answer.exit_code is ExitCode.FAILED
    assert len(answer.document["detectors"]) == 1
    assert "shock/broken" in answer.document["faults"][0]
    with pytest.raises(FailedError, match="shock/broken"):
        run(stack, "detectors", "show", "shock", "broken")


@pytest.mark.parametrize(("model", "key"), [("shock", "nobody"), ("shard", "shardId-000000000000")])
def test_a_detector_that_is_not_there_is_not_found(stack: Stack, model: str, key: str) -> None:
    stored(stack, {"detector_id": "shard/shardId-000000000000", "last_sequence": "1"})

    with pytest.raises(NotFoundError):
        run(stack, "detectors", "show", model, key)
