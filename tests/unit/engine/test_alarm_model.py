"""The loader of alarm models, and what can be said about one before it runs."""

import json
from typing import Any

import pytest

from coldwatch.engine.alarm_checks import check_alarm
from coldwatch.engine.alarm_model import AlarmState, load_alarm_model
from coldwatch.engine.customer_action import CustomerAction, CustomerActionName, read_customer_action
from coldwatch.engine.errors import EvaluationError, FindingType, Level, ModelError
from coldwatch.engine.inputs import load_inputs
from tests.unit.engine.alarms import Document, alarm_document

ROOM = {"inputName": "room", "inputDefinition": {"attributes": [{"jsonPath": "id"}, {"jsonPath": "celsius"}]}}
INPUTS = load_inputs([ROOM])
RULE = "alarmRule.simpleRule"
NOTIFICATION = "alarmNotification.notificationActions[0]"
USER = {"ssoIdentity": {"identityStoreId": "d-1", "userId": "ana"}}
LONG = {"type": "STRING", "contentExpression": f"'{'x' * 1024}'"}


def notifying(**members: Any) -> Document:
    action = {"lambdaAction": {"functionArn": "arn:f"}}
    return {"alarmNotification": {"notificationActions": [{"action": action, **members}]}}


def test_a_model_is_read_from_its_text_with_what_the_service_added() -> None:
    document = alarm_document(
        key="id",
        severity=2,
        alarmModelDescription=None,
        alarmModelArn="arn:m",
        alarmModelVersion="4",
        creationTime=1.5,
        lastUpdateTime=1.5,
        status="ACTIVE",
        statusMessage="",
        tags=[],
    )

    model = load_alarm_model(json.dumps(document))

    assert (model.frame.name, model.frame.version, model.frame.key, model.severity) == ("too_warm", "4", "id", 2)
    assert (model.first_state, model.has_acknowledge_flow) == (AlarmState.NORMAL, True)
    assert model.inputs == {"room"}
    assert check_alarm(json.dumps(document), INPUTS) == ()


def test_a_model_without_a_name_takes_the_one_it_is_given() -> None:
    document = alarm_document()
    del document["alarmModelName"]

    assert load_alarm_model(document, name="cold_room").frame.name == "cold_room"


def test_a_threshold_may_be_a_bare_number() -> None:
    assert load_alarm_model(alarm_document(threshold=8.5)).rule.threshold.source == "8.5"


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"alarmRule": {}}, RULE, "`simpleRule` is missing"),
        ({"alarmRule": []}, "alarmRule", "must be an object"),
        ({"alarmRule": {"simpleRule": {}}}, f"{RULE}.inputProperty", "is missing"),
        ({"alarmRule": {"simpleRule": {}}}, f"{RULE}.threshold", "is missing"),
        ({"alarmRule": {"simpleRule": {}}}, f"{RULE}.comparisonOperator", "must be one of GREATER, GREATER_OR_EQUAL"),
        (alarm_document(comparison=[]), f"{RULE}.comparisonOperator", "not a list"),
        (alarm_document(comparison=">"), f"{RULE}.comparisonOperator", "not '>'"),
        (alarm_document(compared="$input.room."), f"{RULE}.inputProperty", "expected"),
        (alarm_document(compared="7"), f"{RULE}.inputProperty", "reads no input"),
        (alarm_document(threshold="1 +"), f"{RULE}.threshold", "expected a value"),
        ({"alarmModelName": "a/b"}, "alarmModelName", "`alarmModelName` must be letters"),
        ({"key": "a..b"}, "key", "expected a name"),
        ({"severity": -1}, "severity", "from 0 to 2,147,483,647, not -1"),
        ({"severity": 2**31}, "severity", "whole number"),
        ({"severity": True}, "severity", "not true"),
        (
            {"alarmCapabilities": {"initializationConfiguration": {}}},
            "alarmCapabilities.initializationConfiguration.disabledOnInitialization",
            "must be true or false, not nothing",
        ),
        (
            {"alarmCapabilities": {"acknowledgeFlow": {"enabled": "yes"}}},
            "alarmCapabilities.acknowledgeFlow.enabled",
            "must be true or false, not 'yes'",
        ),
        (
            {"alarmEventActions": {"alarmActions": [{"clearTimer": {"timerName": "t"}}]}},
            "alarmEventActions.alarmActions[0]",
            "an alarm has no variables and timers",
        ),
        (
            {"alarmEventActions": {"alarmActions": [{"sns": {}}]}},
            "alarmEventActions.alarmActions[0].sns.targetArn",
            "is missing",
        ),
        ({"alarmEventActions": {"alarmActions": {}}}, "alarmEventActions.alarmActions", "must be a list"),
        (notifying(action={}), f"{NOTIFICATION}.action.lambdaAction.functionArn", "is missing"),
        (notifying(emailConfigurations=[{}]), f"{NOTIFICATION}.emailConfigurations[0].from", "is missing"),
        (
            notifying(emailConfigurations=[{"from": "a@b"}]),
            f"{NOTIFICATION}.emailConfigurations[0].recipients.to",
            "at least one recipient",
        ),
        (
            notifying(smsConfigurations=[{"recipients": [{"ssoIdentity": {"identityStoreId": "d"}}]}]),
            f"{NOTIFICATION}.smsConfigurations[0].recipients[0].ssoIdentity.userId",
            "is missing",
        ),
        (
            notifying(smsConfigurations=[{"recipients": [USER], "senderId": 5}]),
            f"{NOTIFICATION}.smsConfigurations[0].senderId",
            "must be text",
        ),
    ],
)
def test_a_fault_is_told_with_its_path(change: Document, path: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        load_alarm_model(alarm_document() | change)

    assert any(each.path == path and message in each.message for each in raised.value.findings)
    assert set(raised.value.findings) <= set(check_alarm(alarm_document() | change))


@pytest.mark.parametrize("document", ["", "[]", "{", b"\xff", "[" * 100_000])
def test_what_is_no_object_is_told(document: str | bytes) -> None:
    with pytest.raises(ModelError):
        load_alarm_model(document)


def found(document: Document) -> list[tuple[Level, FindingType, str, str]]:
    return [(each.level, each.type, each.path, each.message) for each in check_alarm(document, INPUTS)]


def test_a_model_whose_alarms_begin_disabled_by_default_is_told_so() -> None:
    [(level, _, path, message)] = found(alarm_document(is_disabled=None))

    assert (level, path) == (Level.WARNING, "alarmCapabilities")
    assert "begins DISABLED" in message
    assert found(alarm_document(is_disabled=True)) == []


@pytest.mark.parametrize(
    ("document", "level", "kind", "path", "message"),
    [
        (
            alarm_document(compared="$input.hall.celsius"),
            Level.ERROR,
            FindingType.REFERENCED_RESOURCE,
            f"{RULE}.inputProperty",
            "there is no input `hall`",
        ),
        (
            alarm_document(threshold="$input.room.limit"),
            Level.WARNING,
            FindingType.REFERENCED_DATA,
            f"{RULE}.threshold",
            "the input `room` declares no attribute `limit`",
        ),
        (
            alarm_document(threshold="$variable.limit"),
            Level.WARNING,
            FindingType.REFERENCED_DATA,
            f"{RULE}.threshold",
            "no action ever sets the variable `limit`",
        ),
        (
            alarm_document(key="device"),
            Level.WARNING,
            FindingType.REFERENCED_DATA,
            "key",
            "the input `room` does not declare `device`, which names the detector",
        ),
        (
            alarm_document(compared="$input.room.celsius * 2", threshold="'8'"),
            Level.ERROR,
            FindingType.DATA_TYPE,
            RULE,
            "GREATER can never compare what the rule's two sides are",
        ),
        (
            alarm_document(threshold="true + 1"),
            Level.ERROR,
            FindingType.DATA_TYPE,
            f"{RULE}.threshold",
            "incompatible data types: `+` cannot take Boolean and Integer",
        ),
        (
            alarm_document(threshold="1 / 0"),
            Level.ERROR,
            FindingType.DATA_TYPE,
            f"{RULE}.threshold",
            "this can never be evaluated: division by zero",
        ),
        (
            alarm_document(alarmEventActions={"alarmActions": [{"sns": {"targetArn": "arn:t.fifo"}}]}),
            Level.WARNING,
            FindingType.SUPPORTED_ACTIONS,
            "alarmEventActions.alarmActions[0].sns.targetArn",
            "the service could not send to FIFO topics and queues",
        ),
        (
            alarm_document(threshold=f"8{' ' * 512}"),
            Level.WARNING,
            FindingType.SERVICE_LIMITS,
            f"{RULE}.threshold",
            "513 characters: the service took 512",
        ),
        (
            alarm_document(alarmEventActions={"alarmActions": [{"sns": {"targetArn": "arn:t"}}] * 11}),
            Level.WARNING,
            FindingType.SERVICE_LIMITS,
            "alarmEventActions",
            "11 actions and notifications: the service took 10",
        ),
        (
            alarm_document(alarmEventActions={"alarmActions": [{"sns": {"targetArn": "a", "payload": LONG}}]}),
            Level.WARNING,
            FindingType.SERVICE_LIMITS,
            "alarmEventActions.alarmActions[0].sns.payload.contentExpression",
            "1,026 bytes of content expression: the service took 1,024",
        ),
        (
            alarm_document(**notifying(smsConfigurations=[{"recipients": [USER] * 11}])),
            Level.WARNING,
            FindingType.SERVICE_LIMITS,
            NOTIFICATION,
            "11 recipients: the service took 10",
        ),
        (
            alarm_document(**notifying(smsConfigurations=[{"recipients": [USER], "additionalMessage": "x" * 201}])),
            Level.WARNING,
            FindingType.SERVICE_LIMITS,
            NOTIFICATION,
            "201 characters of message: the service took 200",
        ),
        (
            alarm_document(note="x"),
            Level.WARNING,
            FindingType.STRUCTURE,
            "note",
            "unknown member `note` is ignored",
        ),
    ],
)
def test_what_is_odd_is_told(document: Document, level: Level, kind: FindingType, path: str, message: str) -> None:
    assert (level, kind, path, message) in found(document)


def test_a_customer_action_is_read_as_the_service_told_of_one() -> None:
    snooze = {"actionName": "SNOOZE", "snoozeActionConfiguration": {"snoozeDuration": 60, "note": "lunch"}}

    assert read_customer_action(snooze, "r") == CustomerAction(CustomerActionName.SNOOZE, "r", "lunch", 60)
    assert read_customer_action({"actionName": "RESET"}, "r") == CustomerAction(CustomerActionName.RESET, "r")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "actionName must be one of ACKNOWLEDGE, SNOOZE, ENABLE, DISABLE, RESET, not nothing"),
        ({"actionName": "acknowledge"}, "not 'acknowledge'"),
        ({"actionName": []}, "not a list"),
        ({"actionName": "RESET", "snoozeActionConfiguration": {}}, "and no `snoozeActionConfiguration`"),
        ({"actionName": "RESET", "resetActionConfiguration": "why"}, "takes `resetActionConfiguration`, an object"),
        ({"actionName": "RESET", "resetActionConfiguration": {"note": "x" * 257}}, "at most 256 characters"),
        ({"actionName": "SNOOZE"}, "snoozeDuration must be 1 to 31,622,400 seconds, not nothing"),
        ({"actionName": "SNOOZE", "snoozeActionConfiguration": {"snoozeDuration": 0}}, "not 0"),
        ({"actionName": "SNOOZE", "snoozeActionConfiguration": {"snoozeDuration": 1.5}}, "not 1.5"),
    ],
)
def test_a_customer_action_that_is_none_is_refused(document: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        read_customer_action(document, "r")

    assert message in raised.value.message
