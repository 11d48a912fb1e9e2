"""`coldwatch policy` and `coldwatch rota` against moto and, offline, against files; and the store of their versions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coldwatch.adapters.policy_store import DynamoPolicyStore, DynamoRotaStore
from coldwatch.adapters.versioned_documents import Change, UnreadableError
from coldwatch.incidents.escalation.rota import RotaError
from coldwatch_ops.errors import FailedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from tests.integration.ops_stack import NOW, deployed, run
from tests.integration.test_ops_incidents import Contacts, asking
from tests.unit.detection.builders import FRIDGE
from tests.unit.ops.telling import text_of

ROOT = Path(__file__).parents[2]
WHY = ("--why", "ticket 4711")
NAMES = ("ana", "ben", "boss")
PEOPLE: dict[str, Any] = {"contacts": [{"contact_id": each, "name": each.title(), "addresses": []} for each in NAMES]}
TIER = {"responders": [{"rota": "week"}], "acknowledge_within_s": 600}
POLICY: dict[str, Any] = {
    "policy_id": "default",
    "plans": {
        "grave": {"tiers": [TIER, {"contacts": ["boss"], "acknowledge_within_s": 900}], "loops": 2, "hold_down_s": 60},
        "tidy": {"tiers": [{"contacts": ["boss"], "acknowledge_within_s": 28_800}]},
    },
    "rules": [{"plan": "grave", "when": {"severity": "critical"}}, {"plan": "tidy", "when": {"severity": "warning"}}],
}
ROTA: dict[str, Any] = {
    "rota_id": "week",
    "time_zone": "Europe/Berlin",
    "layers": [
        {"participants": ["ana", "ben"], "start_date": "2026-01-05", "hand_over_at": "09:00", "shift": {"weeks": 1}}
    ],
}
HAND_OVER = "2026-11-23T09:00:00+01:00"  # Ben's to Ana's
BEFORE = "2026-11-23T08:55:00+01:00"


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as found:
        found.table("DeviceTableName").put_item(
            Item={"device_id": FRIDGE, "fleet_id": "acme", "application": "coldchain", "device_type": "fridge"}
        )
        yield asking(found, Contacts(PEOPLE))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write(tmp_path, "policy.json", POLICY)
    write(tmp_path, "rota.json", ROTA)
    return tmp_path


def write(folder: Path, name: str, document: Any) -> str:
    (folder / name).write_text(json.dumps(document))
    return str(folder / name)


def put_both(stack: Stack, files: Path) -> None:
    run(stack, "rota", "put", str(files / "rota.json"), *WHY)
    run(stack, "policy", "put", str(files / "policy.json"), "--as", "ana", "--why", "first")


def policies(stack: Stack) -> DynamoPolicyStore:
    return DynamoPolicyStore(stack.clients.dynamodb_client, stack.output("PolicyTableName"))


def rotas(stack: Stack) -> DynamoRotaStore:
    return DynamoRotaStore(stack.clients.dynamodb_client, stack.output("PolicyTableName"))


def test_a_change_keeps_the_version_before_with_who_when_and_why(stack: Stack, files: Path) -> None:
    put_both(stack, files)
    slower = json.loads(json.dumps(POLICY))
    slower["plans"]["grave"]["tiers"][1]["acknowledge_within_s"] = 1200
    run(stack, "policy", "put", write(files, "other.json", slower), "--as", "ben", "--why", "too hasty")

    history = run(stack, "policy", "history")

    assert [(each["version"], each["who"], each["why"], each["at"]) for each in history.document["versions"]] == [
        ("1", "ana", "first", NOW),
        ("2", "ben", "too hasty", NOW),
    ]
    assert history.document["versions"][1]["changes"] == ["plans.grave.tiers[1].acknowledge_within_s: 900 → 1200"]
    assert "too hasty" in text_of(history)
    assert "15 min" in text_of(run(stack, "policy", "show", "--version", "1"))
    assert "20 min" in text_of(run(stack, "policy", "show"))
    with pytest.raises(NotFoundError, match="no version 3"):
        run(stack, "policy", "show", "--version", "3")
    assert [each["version"] for each in run(stack, "policy", "list").document["policies"]] == ["2"]


def test_a_policy_from_before_versions_were_kept_is_kept_when_it_changes(stack: Stack, files: Path) -> None:
    run(stack, "rota", "put", str(files / "rota.json"), *WHY)
    old = {"policy_id": "default", "version": "7", "severities": {}}
    item = {"policy_id": "default", "version": "7", "document": json.dumps(old)}
    stack.table("PolicyTableName").put_item(Item=item)

    put = run(stack, "policy", "put", str(files / "policy.json"))

    assert put.document["policy"]["version"] == "8"
    versions = run(stack, "policy", "history").document["versions"]
    assert [(each["version"], each["document"].get("severities")) for each in versions] == [("7", {}), ("8", None)]


def test_of_two_who_put_the_same_version_one_is_refused(stack: Stack) -> None:
    first, second = Change(1, "ana", "mine"), Change(2, "ben", "mine")

    assert policies(stack).put(POLICY, first)
    assert not policies(stack).put(POLICY | {"about": "another"}, second)

    assert [each.change.who for each in policies(stack).kept.history("default")] == ["ana"]
    assert "about" not in (policies(stack).document("default") or {})


def test_a_number_is_not_used_again_after_its_document_was_taken_out_of_force(stack: Stack, files: Path) -> None:
    put_both(stack, files)
    policies(stack).remove("default")

    put = run(stack, "policy", "put", str(files / "policy.json"))

    assert put.document["policy"]["version"] == "2"


def test_policies_rotas_and_versions_do_not_take_each_other_for_their_own(stack: Stack) -> None:
    policy, rota = POLICY | {"policy_id": "week"}, ROTA
    for number in ("1", "2"):
        assert policies(stack).put(policy | {"version": number}, Change())
        assert rotas(stack).put(rota | {"version": number}, Change())

    assert [each.policy_id for each in policies(stack).each()] == ["week"]
    assert [each.rota_id for each in rotas(stack).each()] == ["week"]
    assert [each.version for each in rotas(stack).kept.history("week")] == ["1", "2"]
    assert policies(stack).find("rota") is None


def test_what_is_stored_as_a_rota_and_is_none_is_said_to_be_none(stack: Stack) -> None:
    stack.table("PolicyTableName").put_item(Item={"policy_id": "rota#week", "version": "1", "document": "[]"})

    with pytest.raises(RotaError, match="no JSON object"):
        rotas(stack).find("week")
    with pytest.raises(UnreadableError):
        rotas(stack).kept.find("week")
    with pytest.raises(FailedError, match="rota put FILE"):
        run(stack, "rota", "show", "week")


def test_one_that_cannot_be_read_is_listed_as_such_and_hides_no_other(stack: Stack, files: Path) -> None:
    put_both(stack, files)
    for key, document in (
        ("acme", "[]"),
        ("odd", '{"policy_id": "odd"}'),
        ("rota#a", "[]"),
        ("rota#b", '{"rota_id": "b"}'),
    ):
        stack.table("PolicyTableName").put_item(Item={"policy_id": key, "version": "1", "document": document})

    listed, turns, tests = run(stack, "policy", "list"), run(stack, "rota", "list"), run(stack, "policy", "test-pages")

    assert [(each["policy_id"], "fault" in each) for each in listed.document["policies"]] == [
        ("acme", True),
        ("default", False),
        ("odd", True),
    ]
    assert [(each["rota_id"], "fault" in each) for each in turns.document["rotas"]] == [
        ("a", True),
        ("b", True),
        ("week", False),
    ]
    assert {each["policy_id"] for each in tests.document["unreadable"]} == {"acme", "odd"}
    assert [each["key"] for each in tests.document["tests"]] == ["contact:boss", "rota:week"]
    for each in (listed, turns, tests):
        assert each.exit_code is ExitCode.FAILED
        assert "cannot be read: " in text_of(each)


def test_a_policy_that_names_a_rota_that_is_not_there_is_refused(stack: Stack, files: Path) -> None:
    with pytest.raises(RefusedError, match="There is no rota week: coldwatch rota put"):
        run(stack, "policy", "put", str(files / "policy.json"))


def test_a_tier_of_nobody_is_remarked_on_and_not_put_in_force(stack: Stack, files: Path) -> None:
    empty = {"contacts": [], "acknowledge_within_s": 60}
    plans = POLICY["plans"] | {"tidy": {"tiers": [TIER, empty]}, "spare": {"tiers": [empty]}}
    path = write(files, "nobody.json", POLICY | {"plans": plans})
    put_both(stack, files)

    with pytest.raises(
        RefusedError, match=r"Nobody is named by tier 2 of plan tidy, tier 1 of plan spare: name somebody"
    ):
        run(stack, "policy", "put", path)

    (checked,) = run(stack, "policy", "validate", path).document["files"]
    assert checked["is_valid"]
    assert checked["remarks"] == [
        "plans.spare: no rule uses it",
        "tier 2 of plan tidy names nobody: the next tier is told at once, and where there is none, nobody",
        "tier 1 of plan spare names nobody: the next tier is told at once, and where there is none, nobody",
    ]
    assert run(stack, "policy", "show").document["policy"]["version"] == "1"


def test_whom_policies_and_rotas_name_is_not_removed_before_somebody_says_yes(stack: Stack, files: Path) -> None:
    put_both(stack, files)
    boss = {"contact": {"contact_id": "boss", "name": "Boss", "addresses": []}}
    contacts = Contacts(boss)
    asked = asking(stack, contacts)

    with pytest.raises(RefusedError, match=r"^boss is still named: .* --yes ") as refused:
        run(asked, "contacts", "remove", "boss")
    with pytest.raises(RefusedError) as of_the_rota:
        run(asked, "contacts", "remove", "ben")
    assert contacts.asked == []
    removed = run(asked, "contacts", "remove", "boss", "--yes")

    tiers = ["policy default, plan grave, tier 2", "policy default, plan tidy, tier 1"]
    assert refused.value.details == tuple(f"{each}." for each in tiers)
    assert of_the_rota.value.details == ("rota week.",)
    assert removed.document == boss | {"named_by": tiers}
    assert tiers[1] in text_of(removed)


def test_what_cannot_be_read_may_name_a_contact(stack: Stack) -> None:
    policies(stack).kept.put("acme", {"version": "1", "policy_id": "acme"}, Change())

    with pytest.raises(RefusedError) as refused:
        run(stack, "contacts", "remove", "ana")

    assert "acme" in refused.value.details[0]


def test_a_rota_that_names_somebody_unknown_is_refused(stack: Stack, files: Path) -> None:
    stranger = write(files, "x.json", ROTA | {"overrides": [{"contact": "eve", "from": BEFORE, "until": HAND_OVER}]})

    with pytest.raises(RefusedError, match="Nobody knows eve"):
        run(stack, "rota", "put", stranger, *WHY)


def test_a_trial_shows_who_would_be_told_when_through_a_hand_over(stack: Stack, files: Path) -> None:
    put_both(stack, files)

    found = run(
        *(stack, "policy", "test", "--device", FRIDGE, "--severity", "critical", "--at", BEFORE),
        *("--time-zone", "Europe/Berlin"),
    )

    told = [
        (each["offset_s"], each["tier"], [who["contact_id"] for who in each["told"]])
        for each in found.document["steps"]
    ]
    assert told == [
        (60, 1, ["ben"]),
        (660, 2, ["boss"]),
        (1560, 1, ["ana"]),
        (2160, 2, ["boss"]),
        (3060, 2, ["boss"]),
    ]
    assert found.document["incident"]["fleet_id"] == "acme"
    assert found.document["incident"]["device_type"] == "fridge"
    assert found.document["steps"][0]["at"] == "2026-11-23T07:56:00.000Z"
    shown = text_of(found)
    assert "0:01:00" in shown
    assert "Mon 2026-11-23 08:56:00 CET" in shown
    assert "Ben (ben), on call in week" in shown
    assert "plan grave, by rules[0] (severity critical)" in shown
    assert "Held down for 1 min" in shown
    assert found.exit_code is ExitCode.OK


def test_a_trial_without_a_stack_takes_policy_and_rota_from_files(files: Path) -> None:
    no_stack: Any = None
    words = ("policy", "test", "--device", "any", "--severity", "critical", "--at", BEFORE)

    found = run(no_stack, *words, "--file", str(files / "policy.json"), "--rota", str(files / "rota.json"))
    without = run(no_stack, *words, "--file", str(files / "policy.json"))

    assert [each["contact_id"] for each in found.document["steps"][0]["told"]] == ["ben"]
    assert without.document["steps"][0]["not_told"] == [{"who": "rota week", "why": "There is no rota week."}]
    assert [(each["offset_s"], each["tier"]) for each in without.document["steps"]][:2] == [(60, 1), (60, 2)]


def test_a_trial_takes_kind_from_the_model_and_fleet_and_type_from_its_words(files: Path) -> None:
    no_stack: Any = None
    rules = [*POLICY["rules"], {"plan": "grave", "when": {"device_type": "reefer", "kind": "silent"}}]
    path = write(files, "more.json", POLICY | {"policy_id": "acme", "rules": rules})
    words = ("policy", "test", "--device", "any", "--severity", "warning", "--file", path)

    by_type = run(no_stack, *words, "--type", "reefer", "--model", "device_silence").document
    other = run(no_stack, *words, "--type", "reefer", "--kind", "shock").document

    assert (by_type["plan"]["plan_name"], by_type["incident"]["kind"]) == ("grave", "silent")
    assert by_type["incident"]["fleet_id"] == "acme"
    assert (other["plan"]["plan_name"], other["incident"]["detector_model"]) == ("tidy", "shock")
    with pytest.raises(UsageError, match="say --kind, too"):
        run(no_stack, *words, "--model", "my_own")
    with pytest.raises(UsageError, match="There is no time zone Mars"):
        run(no_stack, *words, "--time-zone", "Mars")


def test_a_trial_that_tells_nobody_says_so_and_fails(stack: Stack) -> None:
    found = run(stack, "policy", "test", "--device", FRIDGE, "--severity", "critical")

    assert found.exit_code is ExitCode.FAILED
    assert "There is no escalation policy: nobody is told." in text_of(found)


def test_a_trial_knows_that_a_contact_is_gone(stack: Stack) -> None:
    gone = {"policy_id": "default", "plans": {"p": {"tiers": [{"contacts": ["eve"], "acknowledge_within_s": 60}]}}}
    assert policies(stack).put(gone | {"rules": [{"plan": "p"}]}, Change())

    found = run(stack, "policy", "test", "--device", FRIDGE, "--severity", "critical")

    assert found.exit_code is ExitCode.FAILED
    assert "not eve: There is no contact eve." in text_of(found)


def test_validate_tells_every_fault_of_every_file_offline_and_remarks_on_the_rest(files: Path) -> None:
    no_stack: Any = None
    bad = write(files, "bad.json", POLICY | {"rules": [{"plan": "x"}, {"plan": "grave", "when": {"day": "monday"}}]})
    odd = write(files, "odd.json", POLICY | {"rules": [{"plan": "grave", "when": {"kind": "too_hot"}}]})

    found = run(no_stack, "policy", "validate", bad, odd, str(files / "policy.json"))

    assert found.exit_code is ExitCode.FAILED
    first, second, third = found.document["files"]
    assert [fault.partition(":")[0] for fault in first["faults"]] == ["rules[0]", "rules[1].when.day"]
    assert [remark.partition(":")[0] for remark in second["remarks"]] == ["plans.tidy", "rules", "rules[0].when.kind"]
    assert (third["is_valid"], third["faults"], third["remarks"]) == (True, [], [])
    assert "rules[1].when.day" in text_of(found)
    shipped = ROOT / "local/demo/policy.json"
    assert run(no_stack, "policy", "validate", str(shipped)).exit_code is ExitCode.OK


def test_check_answers_as_it_did_before_there_was_validate(files: Path) -> None:
    """What outsiders' scripts have of it since there are policies: JSON, table, and 2 for a file that holds none."""
    no_stack: Any = None
    rest = {"rounds": 1, "repeat_every_s": 600, "resolve_within_s": 900, "auto_resolve": "always"}
    tiers = {
        "warning": [
            {"contacts": ["ana", "ben"], "acknowledge_within_s": 300},
            {"contacts": ["boss"], "acknowledge_within_s": 900},
        ],
        "critical": [{"contacts": ["ana"], "acknowledge_within_s": 90}],
    }
    severities = {severity: {"tiers": each, **rest} for severity, each in tiers.items()}
    path = write(files, "short.json", {"policy_id": "default", "severities": severities})

    found = run(no_stack, "policy", "check", path)

    assert found.document == {"policy": {"policy_id": "default", "severities": severities}}
    assert [line.rstrip() for line in text_of(found).splitlines()] == [
        f"{path} is a policy.",
        "severity   tier   who is told   acknowledges within",
        "─" * 51,
        "warning       1   ana, ben      300 s",
        "warning       2   boss          900 s",
        "critical      1   ana           90 s",
    ]
    with pytest.raises(UsageError, match="short") as refused:
        run(no_stack, "policy", "check", write(files, "short.json", {"policy_id": "x"}))
    assert refused.value.exit_code == 2


def test_check_knows_the_other_form_of_a_policy_too(files: Path) -> None:
    no_stack: Any = None

    found = run(no_stack, "policy", "check", str(files / "policy.json"))

    assert found.document == {"policy": POLICY}
    assert "rota week" in text_of(found)


def test_a_policy_may_be_put_without_a_reason_and_the_answer_says_so(stack: Stack, files: Path) -> None:
    run(stack, "rota", "put", str(files / "rota.json"), *WHY)
    path = str(files / "policy.json")
    words = "No reason was given"

    without = run(stack, "policy", "put", path)
    again = run(stack, "policy", "put", path)
    reasoned = run(stack, "policy", "put", write(files, "policy.json", POLICY | {"about": "new"}), *WHY)

    assert [words in text_of(each) for each in (without, again, reasoned)] == [True, False, False]


@pytest.mark.parametrize("reason", [(), ("--why", ""), ("--why", " ")])
@pytest.mark.parametrize(
    "words",
    [
        ("put", "rota.json"),
        ("override", "week", "--contact", "boss", "--from", BEFORE, "--until", HAND_OVER),
    ],
)
def test_a_rota_changes_for_a_reason(
    words: tuple[str, ...], reason: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    no_stack: Any = None

    with pytest.raises(SystemExit) as refused:
        run(no_stack, "rota", *words, *reason)

    assert refused.value.code == 2
    assert "--why" in capsys.readouterr().err


def test_who_is_on_call_until_when_and_who_is_next(stack: Stack, files: Path) -> None:
    put_both(stack, files)

    found = run(stack, "rota", "on-call", "week", "--at", BEFORE)

    assert found.document["now"]["contact"] == "ben"
    assert found.document["now"]["until"] == "2026-11-23T08:00:00.000Z"
    assert found.document["next"]["contact"] == "ana"
    assert text_of(found).startswith("ben is on call in week at Mon 2026-11-23 08:55:00 CET, until ")
    early = run(stack, "rota", "on-call", "--file", str(files / "rota.json"), "--at", "2026-01-01")
    assert early.exit_code is ExitCode.FAILED
    assert "nobody is on call" in text_of(early)
    (listed,) = run(stack, "rota", "list").document["rotas"]
    assert listed["on_call"] in {"ana", "ben"}


def test_an_override_is_another_version_and_ends_when_it_says(stack: Stack, files: Path) -> None:
    put_both(stack, files)

    put = run(
        *(stack, "rota", "override", "week", "--contact", "boss", "--from", "2026-11-23T08:00"),
        *("--until", "2026-11-23T10:00", "--as", "ben", "--why", "dentist"),
    )
    shown = run(stack, "rota", "show", "week", "--from", "2026-11-22T00:00:00Z", "--days", "3")

    assert put.document["rota"]["version"] == "2"
    assert [each["contact"] for each in shown.document["shifts"]] == ["ben", "boss", "ana"]
    assert "override by ben: dentist" in text_of(shown)
    assert [each["version"] for each in run(stack, "rota", "history", "week").document["versions"]] == ["1", "2"]
    with pytest.raises(UsageError, match="not after its beginning"):
        run(stack, "rota", "override", "week", "--contact", "boss", "--from", HAND_OVER, "--until", BEFORE, *WHY)
    with pytest.raises(NotFoundError, match="There is no rota other"):
        run(stack, "rota", "override", "other", "--contact", "boss", "--from", BEFORE, "--until", HAND_OVER, *WHY)


def test_hours_without_anybody_are_said_when_a_rota_is_put(stack: Stack, files: Path) -> None:
    nights = {**ROTA["layers"][0], "hours": [{"from": "20:00", "until": "08:00"}]}

    put = run(stack, "rota", "put", write(files, "nights.json", ROTA | {"layers": [nights]}), *WHY)
    same = run(stack, "rota", "put", str(files / "nights.json"), *WHY)

    assert "Nobody is on call for 168.0 h of it" in text_of(put)
    assert "as it was" in text_of(same)


def test_a_file_that_holds_no_rota_is_told(files: Path, stack: Stack) -> None:
    bad = write(files, "bad.json", ROTA | {"time_zone": "Mars", "layers": []})

    with pytest.raises(UsageError, match="no time zone 'Mars'"):
        run(stack, "rota", "put", bad, *WHY)
    assert run(stack, "rota", "validate", bad, str(files / "rota.json")).exit_code is ExitCode.FAILED
    with pytest.raises(UsageError, match="Say which rota"):
        run(stack, "rota", "on-call")
