"""Contacts with their real adapters: who is subscribed, with which filter, and what the check finds."""

import json
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from coldwatch.adapters.items import to_item
from coldwatch.incidents.contacts import filter_policy
from manage_contacts import handler as managing
from tests.integration.aws.contacts_world import ANA, MAIL, MOVED, OTHER, PHONE, Cloud, ask, found
from tests.integration.aws.contacts_world import cloud as _cloud
from tests.integration.aws.stack import REGION, Calls, Killed
from tests.unit.incidents.builders import NOW

cloud = _cloud


def test_a_contact_is_kept_and_each_address_subscribed_with_its_filter(cloud: Cloud) -> None:
    answer = ask(ANA)

    assert json.loads(json.dumps(answer)) == {
        "contact": {
            "contact_id": "ana",
            "name": "Ana",
            "time_zone": "",
            "addresses": [
                {"protocol": "email", "endpoint": MAIL, "verified_at": NOW, "secret_name": None, "is_waiting": False},
                {"protocol": "sms", "endpoint": PHONE, "verified_at": None, "secret_name": None, "is_waiting": False},
            ],
        }
    }
    assert cloud.subscribed() == {MAIL: '{"contact_id":["ana"]}', PHONE: '{"contact_id":["ana~test"]}'}
    assert found() == []


def test_a_contacts_clock_is_kept_until_another_one_is_given(cloud: Cloud) -> None:
    ask(ANA | {"time_zone": "Europe/Berlin"})
    ask(ANA)
    kept = cloud.ports().contacts.find_recipient("ana")

    refused = ask(ANA | {"time_zone": "Mars/Olympus"})

    assert kept is not None
    assert str(kept.zone) == "Europe/Berlin"
    assert refused == {"error": "There is no time zone 'Mars/Olympus'; give one such as Europe/Berlin, or UTC."}
    assert cloud.ports().contacts.find_recipient("ana") == kept


def test_adding_twice_is_as_good_as_once(cloud: Cloud) -> None:
    ask(ANA)
    once = cloud.final()

    ask(ANA)

    assert cloud.final() == once


def test_a_change_of_address_ends_the_old_one(cloud: Cloud) -> None:
    ask(ANA)

    ask(MOVED)

    assert cloud.subscribed() == {OTHER: filter_policy("ana")}
    assert found() == []


def test_an_address_of_somebody_else_is_refused_and_nothing_changes(cloud: Cloud) -> None:
    ask(ANA)
    before = cloud.final()

    answer = ask(ANA | {"contact_id": "ben", "name": "Ben", "phones": []})

    assert answer == {"error": f"{MAIL} belongs to ana already."}
    assert cloud.final() == before


def test_an_address_can_be_given_up_and_become_anothers(cloud: Cloud) -> None:
    ask(ANA)
    ask(MOVED)

    ask(ANA | {"contact_id": "ben", "name": "Ben"})

    assert cloud.subscribed() == {
        OTHER: filter_policy("ana"),
        MAIL: filter_policy("ben"),
        PHONE: filter_policy("ben~test"),
    }


def test_who_is_removed_is_told_nothing_any_more(cloud: Cloud) -> None:
    ask(ANA)

    answer, again = ask({"action": "remove", "contact_id": "ana"}), ask({"action": "remove", "contact_id": "ana"})

    assert answer["contact"]["contact_id"] == "ana"
    assert again == {"error": "There is no contact 'ana'."}
    assert cloud.final() == ([], {})


def test_contacts_are_listed_by_their_ids(cloud: Cloud) -> None:
    ask(ANA | {"contact_id": "zoe", "emails": [OTHER], "phones": []})
    ask(ANA)

    assert [each["contact_id"] for each in ask({"action": "list"})["contacts"]] == ["ana", "zoe"]


def test_a_token_confirms_so_that_no_link_can_unsubscribe(cloud: Cloud) -> None:
    answer = ask({"action": "confirm", "token": "t" * 64})

    assert answer == {"confirmed": True}
    assert cloud.sns.confirmations == [
        {"TopicArn": cloud.topic, "Token": "t" * 64, "AuthenticateOnUnsubscribe": "true"}
    ]


@pytest.mark.parametrize("code", ["InvalidParameter", "NotFound"])
def test_a_token_that_confirms_nothing_is_said_to(cloud: Cloud, code: str) -> None:
    cloud.sns.refusal = code

    assert ask({"action": "confirm", "token": "x"})["error"].startswith("This token confirms nothing")


def test_that_sns_does_not_work_is_no_answer_to_who_asks(cloud: Cloud) -> None:
    cloud.sns.refusal = "InternalError"

    with pytest.raises(cloud.sns.exceptions.ClientError, match="InternalError"):
        ask({"action": "confirm", "token": "x"})


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"action": None},
        {"action": ["add"]},
        {"action": "drop"},
        {"action": "add"},
        {"action": "add", "contact_id": {"S": "ana"}, "name": "Ana", "emails": [MAIL]},
        {"action": "add", "contact_id": "ana", "name": "Ana", "emails": [f"{MAIL}\n"]},
        {"action": "remove"},
        {"action": "remove", "contact_id": ""},
        {"action": "remove", "contact_id": "x" * 5000},
        {"action": "confirm"},
        {"action": "confirm", "token": 5},
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence_and_changes_nothing(
    cloud: Cloud, event: dict[str, Any]
) -> None:
    answer = ask(event)

    assert list(answer) == ["error"]
    assert answer["error"].endswith(".")
    assert cloud.final() == ([], {})


def test_the_check_finds_what_is_wrong_and_logs_and_counts_it(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    ask(ANA)
    ask(ANA | {"contact_id": "ben", "emails": ["ben@example.com"], "phones": ["+4915100000001"]})
    cloud.mark("ben@example.com", PendingConfirmation="true")
    cloud.mark(MAIL, FilterPolicy='{"contact_id": ["ana", "ben"]}')
    cloud.mark(PHONE, FilterPolicy="")
    cloud.subscribe("email", "mallory@example.com", FilterPolicy=filter_policy("ana"))
    cloud.subscribe("sqs", f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:queue")
    gone = cloud.subscribe("sms", "+4915100000001")
    cloud.sns.unsubscribe(SubscriptionArn=gone)
    capsys.readouterr()

    findings = sorted(found())

    metrics = [line for line in capsys.readouterr().out.splitlines() if "ContactFindings" in line]
    assert findings == [
        ("missing", "ben"),
        ("pending", "ben"),
        ("stranger", f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:queue"),
        ("stranger", "mallory@example.com"),
        ("wrong_filter", "ana"),
        ("wrong_filter", "ana"),
        ("wrong_filter", f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:queue"),
    ]
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 7
    assert [json.loads(line)["ContactFindings"] for line in metrics] == [7]


def test_no_finding_is_counted_too(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    ask({"action": "check"})

    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (cloud.subscribed(), line["stage"], line["ContactFindings"]) == ({}, "test", 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"FilterPolicy": '{"contact_id": ["ana", "ben"]}'},
        {"FilterPolicy": ""},
        {"ConfirmationWasAuthenticated": "false"},
    ],
)
def test_a_wrong_subscription_of_a_contact_is_mended_by_adding_again(cloud: Cloud, wrong: dict[str, str]) -> None:
    ask(ANA)
    cloud.mark(MAIL, **wrong)
    before = found()

    ask(ANA)

    assert len(before) == 1
    assert found() == []


def test_what_waits_for_its_confirmation_is_left_to_wait(cloud: Cloud) -> None:
    ask(ANA)
    cloud.mark(MAIL, PendingConfirmation="true")

    ask(ANA)
    ask({"action": "remove", "contact_id": "ana"})

    assert cloud.subscribed() == {MAIL: filter_policy("ana")}
    assert found() == [("stranger", MAIL)]


@pytest.mark.parametrize("is_carried_out", [False, True])
@pytest.mark.parametrize("before", [[], [ANA], [MOVED]], ids=["new", "same", "moved"])
def test_whenever_it_dies_adding_again_repairs_it(
    cloud: Cloud, before: list[dict[str, Any]], *, is_carried_out: bool
) -> None:
    kills = 0
    for kill_at in range(1, 30):
        _reset(cloud, before)
        if not _dies(cloud, ANA, Calls(kill_at, is_carried_out)):
            break
        kills += 1
        ask(ANA)
        assert found() == []
        assert set(cloud.subscribed()) == {MAIL, PHONE}

    assert kills >= 3


@pytest.mark.parametrize("is_carried_out", [False, True])
def test_whenever_it_dies_removing_again_repairs_it(cloud: Cloud, *, is_carried_out: bool) -> None:
    kills = 0
    for kill_at in range(1, 30):
        _reset(cloud, [ANA])
        if not _dies(cloud, {"action": "remove", "contact_id": "ana"}, Calls(kill_at, is_carried_out)):
            break
        kills += 1
        ask({"action": "remove", "contact_id": "ana"})
        assert cloud.final() == ([], {})

    assert kills >= 4


def _reset(cloud: Cloud, before: list[dict[str, Any]]) -> None:
    sns_backends[DEFAULT_ACCOUNT_ID][REGION].subscriptions.clear()
    cloud.dynamodb.delete_item(TableName="ContactTable", Key=to_item({"contact_id": "ana"}))
    for event in before:
        ask(event)


def _dies(cloud: Cloud, event: dict[str, Any], calls: Calls) -> bool:
    """Whether the function was killed on the way."""
    whole = managing.ports
    managing.ports = lambda: cloud.ports(calls)  # type: ignore[assignment] # a function with no cache
    try:
        ask(event)
    except Killed:
        return True
    finally:
        managing.ports = whole
    return False
