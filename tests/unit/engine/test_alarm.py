"""Alarms: the whole table of transitions, what is sent with them, and what is remembered."""

import json
from typing import Any

import pytest

from coldwatch.engine.alarm import expire
from coldwatch.engine.alarm_payloads import alarm_state
from coldwatch.engine.errors import Level
from coldwatch.engine.snapshot import Snapshot, Timer
from tests.unit.engine.alarms import Alarm, Document, alarm_document

COLD, HOT = {"celsius": 5}, {"celsius": 9}
NORMAL, ACTIVE, ACKNOWLEDGED = "NORMAL", "ACTIVE", "ACKNOWLEDGED"
LATCHED, SNOOZED, DISABLED = "LATCHED", "SNOOZE_DISABLED", "DISABLED"
RESPONSES = ("ACKNOWLEDGE", "SNOOZE", "ENABLE", "DISABLE", "RESET")
PATHS = {
    NORMAL: ("cold",),
    ACTIVE: ("hot",),
    ACKNOWLEDGED: ("hot", "ACKNOWLEDGE"),
    LATCHED: ("hot", "cold"),
    SNOOZED: ("cold", "SNOOZE"),
    DISABLED: ("cold", "DISABLE"),
}
TABLE = {
    #              hot      cold     other     bad       ACKNOWLEDGE   SNOOZE   ENABLE  DISABLE   RESET
    NORMAL: (ACTIVE, NORMAL, NORMAL, NORMAL, NORMAL, SNOOZED, NORMAL, DISABLED, NORMAL),
    ACTIVE: (ACTIVE, LATCHED, ACTIVE, ACTIVE, ACKNOWLEDGED, SNOOZED, NORMAL, DISABLED, NORMAL),
    ACKNOWLEDGED: (ACKNOWLEDGED, NORMAL, ACKNOWLEDGED, ACKNOWLEDGED, ACKNOWLEDGED, SNOOZED, NORMAL, DISABLED, NORMAL),
    LATCHED: (ACTIVE, LATCHED, LATCHED, LATCHED, NORMAL, SNOOZED, NORMAL, DISABLED, NORMAL),
    SNOOZED: (SNOOZED, SNOOZED, SNOOZED, SNOOZED, SNOOZED, SNOOZED, NORMAL, DISABLED, NORMAL),
    DISABLED: (DISABLED, DISABLED, DISABLED, DISABLED, DISABLED, SNOOZED, NORMAL, DISABLED, NORMAL),
}
TRIGGERS = ("hot", "cold", "other", "bad", *RESPONSES)
ROWS = [(start, trigger, row[index]) for start, row in TABLE.items() for index, trigger in enumerate(TRIGGERS)]
MESSAGES: dict[str, Document] = {"hot": HOT, "cold": COLD, "other": {"door": "open"}, "bad": {"celsius": "warm"}}


def happen(alarm: Alarm, trigger: str) -> Any:
    return alarm.receive(MESSAGES[trigger]) if trigger in MESSAGES else alarm.respond(trigger)


def alarm_in(state: str, document: Document | None = None) -> Alarm:
    alarm = Alarm(document)
    for trigger in PATHS[state]:
        happen(alarm, trigger)
    assert alarm.state == state
    return alarm


@pytest.mark.parametrize(("start", "trigger", "end"), ROWS)
def test_the_table_with_the_acknowledge_flow(start: str, trigger: str, end: str) -> None:
    alarm = alarm_in(start)

    evaluation = happen(alarm, trigger)

    assert alarm.state == end
    assert (evaluation.from_state, evaluation.to_state) == (start, end)
    assert evaluation.has_transitioned == (start != end)
    assert len(evaluation.actions) == (start != end), "whoever is told is told of each new state, and of nothing else"


@pytest.mark.parametrize("start", [NORMAL, ACTIVE, SNOOZED, DISABLED])
@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("has_flow", [False, None])
def test_the_table_without_the_acknowledge_flow(start: str, trigger: str, *, has_flow: bool | None) -> None:
    alarm = alarm_in(start, alarm_document(has_flow=has_flow))
    end = dict(zip(TRIGGERS, TABLE[start], strict=True))[trigger]
    if start == ACTIVE and trigger in {"cold", "ACKNOWLEDGE"}:
        end = NORMAL if trigger == "cold" else ACTIVE

    happen(alarm, trigger)

    assert alarm.state == end


@pytest.mark.parametrize(
    ("start", "has_flow", "because"),
    [
        (NORMAL, True, "it is NORMAL"),
        (ACKNOWLEDGED, True, "it is ACKNOWLEDGED"),
        (SNOOZED, True, "it is SNOOZE_DISABLED"),
        (DISABLED, True, "it is DISABLED"),
        (ACTIVE, False, "its model has no acknowledge flow"),
    ],
)
def test_an_acknowledgement_that_nothing_waits_for_changes_nothing_and_is_noted(
    *, start: str, has_flow: bool, because: str
) -> None:
    alarm = alarm_in(start, alarm_document(has_flow=has_flow))
    before = alarm.snapshot

    evaluation = alarm.respond("ACKNOWLEDGE")

    assert (evaluation.after, evaluation.has_changed) == (before, False)
    [note] = evaluation.notes
    assert (note.level, note.path) == (Level.WARNING, "customerAction")
    assert note.message == f"the alarm cannot be acknowledged: {because}"


@pytest.mark.parametrize(
    ("comparison", "below", "at", "above"),
    [
        ("GREATER", False, False, True),
        ("GREATER_OR_EQUAL", False, True, True),
        ("LESS", True, False, False),
        ("LESS_OR_EQUAL", True, True, False),
        ("EQUAL", False, True, False),
        ("NOT_EQUAL", True, False, True),
    ],
)
def test_the_six_comparisons(comparison: str, *, below: bool, at: bool, above: bool) -> None:
    for value, is_active in ((7.9, below), (8, at), (8.0, at), (8.1, above)):
        alarm = Alarm(alarm_document(comparison=comparison))

        alarm.receive({"celsius": value})

        assert (alarm.state == ACTIVE) is is_active


@pytest.mark.parametrize(
    ("is_disabled", "state"), [(False, ACTIVE), (True, DISABLED), (None, DISABLED)], ids=["false", "true", "absent"]
)
def test_an_alarm_begins_disabled_unless_its_model_says_otherwise(*, is_disabled: bool | None, state: str) -> None:
    alarm = Alarm(alarm_document(is_disabled=is_disabled))

    evaluation = alarm.receive(HOT)

    assert (evaluation.before, evaluation.has_changed, alarm.state) == (None, True, state)
    assert len(evaluation.actions) == (state == ACTIVE), "that it begins is no change of its state"


def test_a_snooze_ends_by_itself_and_the_next_message_is_evaluated_again() -> None:
    alarm = alarm_in(ACTIVE)
    alarm.respond("SNOOZE", snooze_s=90)
    assert alarm.receive(HOT).actions == ()

    ended = alarm.expire()

    assert (ended.time_ms, ended.from_state, ended.to_state) == (91_000, SNOOZED, NORMAL)
    assert ended.after.timers == {}
    assert len(ended.actions) == 1
    alarm.receive(HOT)
    assert alarm.state == ACTIVE


def test_a_second_snooze_takes_the_place_of_the_first() -> None:
    alarm = alarm_in(SNOOZED)
    alarm.now_ms = 30_000

    evaluation = alarm.respond("SNOOZE", snooze_s=10)

    assert evaluation.has_changed
    assert evaluation.after.timers == {"snooze": Timer(40_000, 10)}
    assert evaluation.actions == ()


@pytest.mark.parametrize("response", ["ENABLE", "DISABLE", "RESET"])
def test_what_ends_a_snooze_takes_its_timer_away(response: str) -> None:
    alarm = alarm_in(SNOOZED)

    assert alarm.respond(response).after.timers == {}


def test_the_end_of_a_snooze_that_is_told_twice_changes_nothing() -> None:
    alarm = alarm_in(SNOOZED)
    alarm.expire()
    assert alarm.snapshot is not None

    again = expire(alarm.model, alarm.snapshot, "snooze", key=None, now_ms=99_000)

    assert (again.after, again.has_changed) == (alarm.snapshot, False)
    assert [note.message for note in again.notes] == ["the timer `snooze` is not pending"]


def test_a_threshold_may_come_with_an_input_of_its_own() -> None:
    alarm = Alarm(alarm_document(threshold="$input.settings.limit"))
    unknown = alarm.receive(HOT)
    assert [(note.level, note.path, note.message) for note in unknown.notes] == [
        (Level.WARNING, "alarmRule.simpleRule.threshold", "`$input.settings.limit` is not there")
    ]

    alarm.receive({"limit": 8, "more": "not kept"}, of="settings")
    assert alarm.state == NORMAL, "a message without the property is not evaluated"
    assert alarm.snapshot is not None
    assert alarm.snapshot.inputs == {"settings": {"limit": 8}}
    alarm.receive(HOT)
    assert alarm.state == ACTIVE
    alarm.receive({"limit": 20}, of="settings")
    assert alarm.state == ACTIVE
    alarm.receive(HOT)
    assert alarm.state == LATCHED


def test_a_property_may_be_made_of_two_inputs() -> None:
    difference = "$input.room.celsius - $input.outside.celsius"
    alarm = Alarm(alarm_document(compared=difference, threshold="$input.settings.limit"))

    alarm.receive({"limit": 8}, of="settings")
    alarm.receive({"celsius": 20})
    alarm.receive({"celsius": 5}, of="outside")
    assert alarm.state == ACTIVE

    alarm.receive({"limit": 30}, of="settings")
    assert alarm.state == ACTIVE, "only what is compared starts a comparison"


@pytest.mark.parametrize(
    ("start", "trigger"),
    [(ACTIVE, "other"), (SNOOZED, "other"), (SNOOZED, "bad"), (DISABLED, "bad"), (DISABLED, "hot")],
)
def test_what_is_not_evaluated_cannot_fail(start: str, trigger: str) -> None:
    alarm = alarm_in(start)

    assert happen(alarm, trigger).notes == ()


def test_a_message_that_changes_nothing_leaves_nothing_to_store() -> None:
    alarm = alarm_in(ACTIVE)
    before = alarm.snapshot

    evaluation = alarm.receive({"celsius": 11.5, "door": "open"})

    assert (evaluation.after, evaluation.has_changed) == (before, False)


@pytest.mark.parametrize(
    ("value", "place", "message"),
    [
        (None, ".inputProperty", "null cannot be compared"),
        ({"a": 1}, ".inputProperty", "object cannot be compared"),
        ([9], ".inputProperty", "array cannot be compared"),
        ("9", "", "NOT_EQUAL: String cannot be compared with Integer"),
        (True, "", "NOT_EQUAL: Boolean cannot be compared with Integer"),
        (1 << 70, ".inputProperty", "the result does not fit in a 64-bit Integer"),
        ("x" * 262_145, ".inputProperty", "the text would be longer than 262,144 characters"),
    ],
    ids=["null", "object", "array", "text", "flag", "vast", "long"],
)
def test_a_comparison_that_fails_leaves_the_alarm_as_it_is(value: Any, place: str, message: str) -> None:
    alarm = Alarm(alarm_document(comparison="NOT_EQUAL"))
    alarm.receive(HOT)
    before = alarm.snapshot

    evaluation = alarm.receive({"celsius": value})

    assert evaluation.after == before
    [note] = evaluation.notes
    assert (note.level, note.path, note.message) == (Level.WARNING, f"alarmRule.simpleRule{place}", message)


def test_texts_and_booleans_can_be_compared() -> None:
    text = Alarm(alarm_document(compared="$input.room.door", comparison="EQUAL", threshold="'open'"))
    flag = Alarm(alarm_document(compared="$input.room.door", comparison="EQUAL", threshold="true"))

    text.receive({"door": "open"})
    flag.receive({"door": True})

    assert (text.state, flag.state) == (ACTIVE, ACTIVE)


def test_an_action_knows_the_message_that_came_before_what_a_customer_does() -> None:
    telling = {"contentExpression": "'${$input.room.name} is ${$input.room.celsius}'", "type": "STRING"}
    actions = {"alarmActions": [{"sns": {"targetArn": "arn:t", "payload": telling}}]}
    alarm = Alarm(alarm_document(alarmEventActions=actions))

    payloads = [alarm.receive({"celsius": 9, "name": "Hall 3"}).actions[0].payload]
    payloads.append(alarm.respond("RESET").actions[0].payload)

    assert payloads == ["Hall 3 is 9", "Hall 3 is 9"]
    assert alarm.snapshot is not None
    assert alarm.snapshot.inputs == {}, "a reset clears the latest value"


def test_an_action_that_fails_is_left_out_and_noted_with_its_place() -> None:
    failing = {"iotTopicPublish": {"mqttTopic": "'a/${$input.room.name}'"}}
    notified = [{"action": {"lambdaAction": {"functionArn": "arn:f"}}}]
    alarm = Alarm(
        alarm_document(
            alarmEventActions={"alarmActions": [failing, {"sns": {"targetArn": "arn:t"}}]},
            alarmNotification={"notificationActions": notified},
        )
    )

    evaluation = alarm.receive(HOT)

    assert [action.type for action in evaluation.actions] == ["sns", "lambda"]
    [note] = evaluation.notes
    assert (note.level, note.event_name, note.path) == (Level.ERROR, ACTIVE, "alarmEventActions.alarmActions[0]")
    assert note.expression == "'a/${$input.room.name}'"


def test_the_payload_of_an_action() -> None:
    alarm = Alarm(alarm_document(severity=3, alarmModelVersion="7"))

    [action] = alarm.receive(HOT).actions

    assert (action.type, action.event_name, action.fields) == ("sns", ACTIVE, {"targetArn": "arn:t"})
    rule = {"simpleRule": {"inputProperty": 9, "operator": "GREATER", "threshold": 8}}
    assert action.payload == {
        "eventTime": 1_000,
        "payload": {
            "actionExecutionId": action.action_execution_id,
            "alarm": {"alarmModelName": "too_warm", "alarmModelVersion": "7", "severity": 3},
            "eventTriggerDetails": {"inputName": "room", "messageId": "m", "triggerType": "Message"},
            "alarmState": {"stateName": "ACTIVE", "ruleEvaluation": rule},
        },
        "eventName": "ACTIVE",
    }


def test_what_led_to_a_state_is_told_with_it() -> None:
    alarm = Alarm()
    compared = {"simpleRule": {"inputProperty": 9, "operator": "GREATER", "threshold": 8}}

    def told(evaluation: Any) -> tuple[Any, Any]:
        payload = evaluation.actions[0].payload["payload"]
        assert payload["alarmState"] == alarm_state(alarm.model, evaluation.after)
        return payload["eventTriggerDetails"], payload["alarmState"]

    alarm.receive(HOT)
    assert told(alarm.respond("ACKNOWLEDGE", note="on my way")) == (
        {"triggerType": "CustomerAction", "actionName": "ACKNOWLEDGE"},
        {
            "stateName": "ACKNOWLEDGED",
            "ruleEvaluation": compared,
            "customerAction": {"actionName": "ACKNOWLEDGE", "acknowledgeActionConfiguration": {"note": "on my way"}},
        },
    )
    assert told(alarm.respond("SNOOZE", snooze_s=300))[1]["customerAction"] == {
        "actionName": "SNOOZE",
        "snoozeActionConfiguration": {"snoozeDuration": 300},
    }
    assert told(alarm.expire()) == (
        {"triggerType": "Timer", "timerName": "snooze"},
        {
            "stateName": "NORMAL",
            "ruleEvaluation": compared,
            "systemEvent": {
                "eventType": "STATE_CHANGE",
                "stateChangeConfiguration": {"triggerType": "SNOOZE_TIMEOUT"},
            },
        },
    )
    alarm.respond("DISABLE")
    assert told(alarm.respond("RESET"))[1] == {
        "stateName": "NORMAL",
        "ruleEvaluation": None,
        "customerAction": {"actionName": "RESET", "resetActionConfiguration": {}},
    }


def user(name: str) -> Document:
    return {"ssoIdentity": {"identityStoreId": "d-1", "userId": name}}


def test_a_notification_is_what_the_services_own_function_reads() -> None:
    notification = {
        "action": {"lambdaAction": {"functionArn": "arn:f"}},
        "emailConfigurations": [
            {
                "from": "alarms@example.com",
                "content": {"subject": "Too warm", "additionalMessage": "Close the door."},
                "recipients": {"to": [user("ana"), user("bo")]},
            },
            {"from": "alarms@example.com", "recipients": {"to": [user("cy")]}},
        ],
        "smsConfigurations": [{"senderId": "Cold", "additionalMessage": "Go.", "recipients": [user("ana")]}],
    }
    alarm = Alarm(alarm_document(severity=1, alarmNotification={"notificationActions": [notification]}))

    action = alarm.receive(HOT).actions[1]

    assert (action.type, action.fields) == ("lambda", {"functionArn": "arn:f"})
    assert json.loads(action.payload.pop("notificationEventPayload")) == {
        "alarmModelName": "too_warm",
        "severity": 1,
        "stateUpdateTime": 1_000,
        "alarmState": {
            "stateName": "ACTIVE",
            "ruleEvaluation": {"simpleRule": {"inputProperty": 9, "operator": "GREATER", "threshold": 8}},
        },
    }
    assert action.payload == {
        "emailConfigurations": [
            {
                "from": "alarms@example.com",
                "to": ["ana", "bo"],
                "cc": [],
                "bcc": [],
                "subject": "Too warm",
                "additionalMessage": "Close the door.",
            },
            {"from": "alarms@example.com", "to": ["cy"], "cc": [], "bcc": []},
        ],
        "smsConfigurations": [{"phoneNumbers": ["ana"], "senderId": "Cold", "additionalMessage": "Go."}],
    }


def test_a_notification_with_a_payload_of_its_own_sends_that() -> None:
    payload = {"contentExpression": "'{\"warm\": ${$input.room.celsius}}'", "type": "JSON"}
    notification = {"action": {"lambdaAction": {"functionArn": "arn:f", "payload": payload}}}
    alarm = Alarm(alarm_document(alarmNotification={"notificationActions": [notification]}))

    assert alarm.receive(HOT).actions[1].payload == {"warm": 9}


def test_execution_ids_differ_from_action_to_action_and_from_one_response_to_the_next() -> None:
    alarm = Alarm(alarm_document(alarmEventActions={"alarmActions": [{"sns": {"targetArn": "arn:t"}}] * 2}))
    evaluations = [alarm.receive(HOT), *(alarm.respond(name) for name in ("SNOOZE", "ENABLE", "DISABLE", "RESET"))]

    ids = [action.action_execution_id for each in evaluations for action in each.actions]

    assert len(set(ids)) == len(ids) == 10


def test_an_alarm_goes_on_from_its_stored_snapshot() -> None:
    alarm = alarm_in(SNOOZED)
    assert alarm.snapshot is not None

    stored = json.loads(json.dumps(alarm.snapshot.to_document()))

    assert Snapshot.from_document(stored) == alarm.snapshot
