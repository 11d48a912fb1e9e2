"""The step: phases and their order, what conditions see, and what becomes of failures."""

from typing import Any

import pytest

from coldwatch.engine.errors import KeyMissingError, Level
from coldwatch.engine.evaluation import Outcome
from coldwatch.engine.machine import Message, evaluate, key_value
from coldwatch.engine.model import LifeCycle
from tests.unit.engine.builders import Detector, event, message, model, publish, set_variable, state


def append(what: str) -> dict[str, Any]:
    """Adds to a text, which thereby tells the order of what happened."""
    return set_variable("order", f"$variable.order + '{what} '")


def test_the_creating_message_enters_the_initial_state_and_goes_on_to_its_input() -> None:
    entering = event("enter", "currentInput('i') && triggerType('Message')", set_variable("entered", "$input.i.x"))
    detector = Detector(
        model(state("a", [event("go", "$input.i.x == 1", to="b")], enter=[entering]), state("b"), method="BATCH")
    )

    evaluation = detector.receive({"x": 1})

    assert evaluation.before is None
    assert (evaluation.from_state, evaluation.to_state) == ("a", "b")
    assert detector.variables == {"entered": 1}


def test_a_transition_does_its_actions_then_leaves_then_enters_and_goes_no_further() -> None:
    start = event("start", "isUndefined($variable.order)", set_variable("order", "''"))
    first = state(
        "a",
        [event("ordinary", "$input.i.go", append("event")), event("t", "$input.i.go", append("transition"), to="b")],
        enter=[start],
        leave=[event("x", None, append("exit"), publish("left"))],
    )
    second = state("b", [event("cascade", "true", append("input"))], enter=[event("e", None, append("enter"))])
    detector = Detector(model(first, second))

    detector.receive()
    evaluation = detector.receive({"go": True})

    assert detector.variables["order"] == "event transition exit enter "
    [left] = evaluation.actions
    assert left.payload["payload"]["state"]["stateName"] == "a"


def test_a_transition_to_the_same_state_leaves_and_enters_it() -> None:
    around = state(
        "a",
        [event("again", "$input.i.again", to="a")],
        enter=[event("e", None, publish("entered"))],
        leave=[event("x", None, publish("left"))],
    )
    detector = Detector(model(around))
    detector.receive()

    evaluation = detector.receive({"again": True})

    assert [action.event_name for action in evaluation.actions] == ["x", "e"]
    assert evaluation.has_transitioned
    assert evaluation.has_changed


@pytest.mark.parametrize(("method", "seen", "goes_to"), [("BATCH", None, "a"), ("SERIAL", 1, "b")])
def test_what_conditions_see_of_earlier_events(method: str, seen: int | None, goes_to: str) -> None:
    events = [
        event("first", "true", set_variable("n", "$variable.n + 1")),
        event("second", "$variable.n == 1", set_variable("seen", "$variable.n")),
        event("go", "$variable.n == 1", to="b"),
    ]
    entering = [event("e", None, set_variable("n", "0"))]
    detector = Detector(model(state("a", events, enter=entering), state("b"), method=method))

    evaluation = detector.receive()

    assert evaluation.to_state == goes_to
    assert detector.variables.get("seen") == seen


@pytest.mark.parametrize("method", ["BATCH", "SERIAL"])
def test_an_action_sees_what_the_actions_before_it_did(method: str) -> None:
    actions = [set_variable("a", "1"), set_variable("b", "$variable.a + 1"), publish("t")]
    detector = Detector(model(state("s", [event("e", None, *actions)]), method=method))

    evaluation = detector.receive()

    assert detector.variables == {"a": 1, "b": 2}
    assert evaluation.actions[0].payload["payload"]["state"]["variables"] == {"a": 1, "b": 2}


def test_a_variable_set_in_one_group_is_seen_in_the_next_one_of_a_batch() -> None:
    first = state("a", [event("go", "true", set_variable("flag", "true"), to="b")])
    second = state("b", enter=[event("e", "$variable.flag", publish("told"))])

    evaluation = Detector(model(first, second)).receive()

    assert [action.event_name for action in evaluation.actions] == ["e"]


@pytest.mark.parametrize("method", ["BATCH", "SERIAL"])
def test_the_first_transition_that_holds_is_taken_and_the_later_ones_are_skipped(method: str) -> None:
    """The row of the service's own log: cleared, escalated skipped, then the events of the state that is entered."""
    first = state(
        "alarm",
        [
            event("count", "$variable.n > 0", set_variable("n", "$variable.n - 1")),
            event("not_yet", "false", to="alarm"),
            event("alarm_cleared", "$input.i.ok", to="normal"),
            event("alarm_escalated", "$input.i.ok", to="worse"),
        ],
        enter=[event("begin", None, set_variable("n", "1"))],
    )
    second = state("normal", [event("idle", "true")], enter=[event("rest", "true")])
    detector = Detector(model(first, second, state("worse"), method=method))
    detector.receive()

    evaluation = detector.receive({"ok": True})

    rows = [(row.result, row.event_name, row.state, row.life_cycle, row.has_transition) for row in evaluation.results]
    assert rows == [
        (Outcome.FALSE, "count", "alarm", LifeCycle.ON_INPUT, False),
        (Outcome.FALSE, "not_yet", "alarm", LifeCycle.ON_INPUT, True),
        (Outcome.TRUE, "alarm_cleared", "alarm", LifeCycle.ON_INPUT, True),
        (Outcome.SKIPPED, "alarm_escalated", "alarm", LifeCycle.ON_INPUT, True),
        (Outcome.TRUE, "rest", "normal", LifeCycle.ON_ENTER, False),
    ]
    assert evaluation.results[3].details == "Skipped due to transition from alarm_cleared event"


def test_a_message_replaces_the_one_before_it_and_the_other_inputs_stay() -> None:
    events = [
        event("x", "true", set_variable("seen", "isUndefined($input.i.x)")),
        event("y", "true", set_variable("other", "$input.j.y")),
    ]
    detector = Detector(model(state("s", events)))
    detector.receive({"x": 1})
    detector.receive({"y": 5}, of="j")

    detector.receive({"z": 2})

    assert detector.variables == {"seen": True, "other": 5}


@pytest.mark.parametrize(
    "condition", ["$input.i.temperature", "'true'", "1", "$variable.none", "!$variable.none", "1 / 0 == 1", "1 > 'a'"]
)
def test_a_condition_that_is_not_true_does_not_hold_and_harms_no_other(condition: str) -> None:
    events = [
        event("bad", condition, set_variable("bad", "1")),
        event("good", "$input.i.temperature > 0", set_variable("good", "1")),
    ]
    detector = Detector(model(state("s", events)))

    detector.receive({"temperature": 5})

    assert detector.variables == {"good": 1}


def test_a_condition_that_fails_is_noted_with_its_place_and_span() -> None:
    detector = Detector(model(state("s", [event("bad", "true && 1 > 'a'"), event("gone", "$input.i.x > 1")])))

    failed, undefined = detector.receive().notes

    assert (failed.level, failed.path, failed.event_name) == (
        Level.WARNING,
        "states[0].onInput.events[0].condition",
        "bad",
    )
    assert failed.message == "`>` cannot take Integer and String"
    assert failed.span == (8, 15)
    assert (undefined.level, undefined.message) == (Level.INFO, "`$input.i.x` is not there")


def test_an_action_that_fails_is_left_out_and_noted_and_the_rest_is_done() -> None:
    actions = [
        set_variable("kept", "1"),
        set_variable("kept", "$input.i.none"),
        set_variable("kept", "$input.i.null"),
        set_variable("kept", "$input.i.object"),
        publish("'${$variable.none}'"),
        publish("t", type="STRING", contentExpression="1 / 0"),
        publish("t", type="JSON", contentExpression="1"),
        publish("told"),
    ]
    detector = Detector(model(state("s", [event("e", None, *actions)])))

    evaluation = detector.receive({"null": None, "object": {}})

    assert detector.variables == {"kept": 1}
    assert [action.fields["mqttTopic"] for action in evaluation.actions] == ["told"]
    assert [note.message for note in evaluation.notes] == [
        "`$input.i.none` is not there",
        "a variable cannot hold null; it keeps its value",
        "a variable cannot hold object; it keeps its value",
        "`$variable.none` is not there",
        "division by zero",
        "a JSON payload must be made as a String, not as Integer",
    ]
    assert {note.level for note in evaluation.notes} == {Level.ERROR}
    assert evaluation.notes[0].path == "states[0].onInput.events[0].actions[1]"


def test_a_text_cannot_grow_for_ever() -> None:
    double = set_variable("text", "$variable.text + $variable.text")
    detector = Detector(
        model(state("s", [event("e", None, double)], enter=[event("b", None, set_variable("text", "'ab'"))]))
    )

    notes = [detector.receive().notes for _ in range(40)]

    assert len(detector.variables["text"]) == 262_144
    assert notes[-1][0].message == "the text would be longer than 262,144 characters"


def test_a_detector_whose_state_the_model_no_longer_has_is_noted_and_stays() -> None:
    old = Detector(model(state("s")))
    old.receive()

    evaluation = evaluate(model(state("other")), old.snapshot, message(), key=None, now_ms=1)

    assert evaluation.to_state == "s"
    assert "no state `s`" in evaluation.notes[0].message


@pytest.mark.parametrize(
    ("value", "key"), [("a/b c", "a/b c"), (7, "7"), (1.5, "1.5"), (True, "true"), (False, "false"), (0, "0")]
)
def test_the_key_is_any_single_value_as_text(value: Any, key: str) -> None:
    keyed = model(state("s"), key="meta.`id no`")

    assert key_value(keyed, message({"meta": {"id no": value}})) == key


@pytest.mark.parametrize(
    "payload", [{}, {"id": None}, {"id": ""}, {"id": {}}, {"id": [1]}, {"id": "x" * 1_025}, {"id": 1 << 70}]
)
def test_a_message_without_a_key_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(KeyMissingError, match=r"`id`"):
        key_value(model(state("s"), key="id"), message(payload))


def test_a_model_without_a_key_has_one_detector() -> None:
    assert key_value(model(state("s")), message()) is None


def test_the_default_payload_is_the_services() -> None:
    published = model(state("s", [event("tell", "true", set_variable("text", "'a'"), publish("t"))]), key="id")

    evaluation = evaluate(published, None, Message("i", {"id": "K-1"}, "m-1"), key="K-1", now_ms=1_234)

    [action] = evaluation.actions
    assert action.payload == {
        "eventTime": 1_234,
        "eventName": "tell",
        "payload": {
            "actionExecutionId": action.action_execution_id,
            "detector": {"detectorModelName": "model", "keyValue": "K-1", "detectorModelVersion": "1"},
            "eventTriggerDetails": {"inputName": "i", "messageId": "m-1", "triggerType": "Message"},
            "state": {"stateName": "s", "variables": {"text": "a"}, "timers": {}},
        },
    }


def test_execution_ids_are_the_same_again_and_no_two_actions_share_one() -> None:
    told = model(state("s", [event("e", None, publish("t"), publish("t"), publish("u"))]), key="id")

    def ids(key: str, message_id: str, now_ms: int) -> list[str]:
        sent = Message("i", {"id": key}, message_id)
        return [each.action_execution_id for each in evaluate(told, None, sent, key=key, now_ms=now_ms).actions]

    assert ids("a", "m", 1) == ids("a", "m", 1)
    different = [*ids("a", "m", 1), *ids("b", "m", 1), *ids("a", "n", 1), *ids("a", "m", 2)]
    assert len(set(different)) == 12
