"""What an alarm model knows of an alarm; that of detector models is in `tests/unit/detection/test_migration.py`."""

from coldwatch.engine import alarm
from coldwatch.engine.alarm_model import AlarmModel, load_alarm_model
from coldwatch.engine.customer_action import read_customer_action
from coldwatch.engine.evaluation import Message
from coldwatch.engine.vocabulary import NO_LOSSES, vocabulary


def threshold(value: int) -> AlarmModel:
    rule = {"inputProperty": "$input.pump.bar", "comparisonOperator": "GREATER", "threshold": str(value)}
    body = {"alarmModelName": "bar", "key": "id", "alarmRule": {"simpleRule": rule}}
    return load_alarm_model(body)


def test_an_alarm_goes_on_whole_under_another_version() -> None:
    model = threshold(5)
    message = Message("pump", {"id": "a", "bar": 9}, "m")
    active = alarm.evaluate(model, None, message, key="a", now_ms=0).after
    document = {"actionName": "SNOOZE", "snoozeActionConfiguration": {"snoozeDuration": 60, "note": "cleaning"}}
    snoozed = alarm.respond(model, active, read_customer_action(document, "r"), key="a", now_ms=1).after
    known = vocabulary(threshold(7))

    assert known.has_state(snoozed.state)
    assert known.fitted(snoozed) == (snoozed, NO_LOSSES)
    assert known.lacking(snoozed) == ()
