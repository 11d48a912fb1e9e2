"""Timers: set, reset, clear, expiry, and what `timeout()` says when."""

import pytest

from coldwatch.engine.machine import expire
from coldwatch.engine.snapshot import Snapshot, Timer, next_due
from tests.unit.engine.builders import Detector, Document, event, model, publish, set_timer, set_variable, state

RESET: Document = {"resetTimer": {"timerName": "t"}}
CLEAR: Document = {"clearTimer": {"timerName": "t"}}


def commanded(*more: Document, method: str = "BATCH") -> Detector:
    """Sets, resets or clears the timer as the message says, and counts its timeouts."""
    events = [
        event("set", "currentInput('i') && $input.i.do == 'set'", set_timer("t", 60)),
        event("reset", "currentInput('i') && $input.i.do == 'reset'", RESET),
        event("clear", "currentInput('i') && $input.i.do == 'clear'", CLEAR),
        *more,
    ]
    counting = event("fired", "timeout('t')", set_variable("n", "$variable.n + 1"))
    entering = [event("begin", None, set_variable("n", "0"))]
    return Detector(model(state("s", [*events, counting], enter=entering), method=method))


def do(detector: Detector, what: str, at: int) -> None:
    detector.wait(at)
    detector.receive({"do": what}, at=at)


def test_a_timer_fires_once_at_its_own_time() -> None:
    detector = commanded()
    do(detector, "set", 1_500)

    fired = detector.wait(1_000_000)

    assert [(each.time_ms, each.trigger.timer_name) for each in fired] == [(61_500, "t")]
    assert detector.variables == {"n": 1}
    do(detector, "nothing", 2_000_000)
    assert detector.variables == {"n": 1}


def test_the_evaluation_of_a_timer_has_no_current_input() -> None:
    asking = event(
        "ask",
        "timeout('t')",
        set_variable("of_i", "currentInput('i')"),
        set_variable("timer", "triggerType('Timer')"),
        set_variable("message", "triggerType('Message')"),
        set_variable("remembered", "$input.i.do"),
    )
    detector = commanded(asking)
    do(detector, "set", 0)

    detector.wait(60_000)

    assert detector.variables == {"n": 1, "of_i": False, "timer": True, "message": False, "remembered": "set"}


def test_setting_it_again_restarts_it() -> None:
    detector = commanded()
    do(detector, "set", 0)
    do(detector, "set", 30_000)

    assert [each.time_ms for each in detector.wait(500_000)] == [90_000]


def test_a_reset_restarts_the_full_duration() -> None:
    detector = commanded()
    do(detector, "set", 0)
    do(detector, "reset", 59_999)

    assert [each.time_ms for each in detector.wait(500_000)] == [119_999]


def test_a_reset_after_it_fired_starts_it_anew() -> None:
    detector = commanded()
    do(detector, "set", 0)
    do(detector, "reset", 100_000)

    assert [each.time_ms for each in detector.wait(500_000)] == [160_000]
    assert detector.variables == {"n": 2}


def test_a_reset_after_it_was_cleared_starts_it_with_the_duration_it_had() -> None:
    detector = commanded()
    do(detector, "set", 0)
    do(detector, "clear", 10_000)
    assert detector.wait(90_000) == []
    do(detector, "reset", 100_000)

    assert [each.time_ms for each in detector.wait(500_000)] == [160_000]


def test_a_reset_of_a_timer_that_was_never_set_is_noted_and_does_nothing() -> None:
    detector = commanded()

    evaluation = detector.receive({"do": "reset"})

    assert evaluation.after.timers == {}
    assert [note.message for note in evaluation.notes] == ["the timer `t` was never set, so there is nothing to reset"]


def test_clearing_what_was_never_set_or_has_fired_is_harmless() -> None:
    detector = commanded()
    do(detector, "clear", 0)
    do(detector, "set", 1)
    detector.wait(100_000)

    evaluation = detector.receive({"do": "clear"}, at=100_000)

    assert evaluation.notes == ()
    assert evaluation.after.timers == {}


def test_a_timer_is_listed_until_it_is_cleared() -> None:
    detector = commanded()
    do(detector, "set", 0)

    [fired] = detector.wait(60_000)

    assert fired.after.timers == {"t": Timer(60_000, 60, is_read=True)}
    assert next_due(fired.after) is None


def test_a_duration_is_evaluated_and_floored() -> None:
    timer: Document = {"setTimer": {"timerName": "t", "durationExpression": "$input.i.minutes * 60 + 0.99"}}
    detector = Detector(model(state("s", [event("e", None, timer)])))

    evaluation = detector.receive({"minutes": 2}, at=5)

    assert evaluation.after.timers == {"t": Timer(120_005, 120)}


@pytest.mark.parametrize("duration", ["0.5", "-60", "31622401", "'60'", "true", "$variable.none", "1 / 0"])
def test_a_duration_that_is_none_sets_no_timer(duration: str) -> None:
    timer: Document = {"setTimer": {"timerName": "t", "durationExpression": duration}}
    detector = Detector(model(state("s", [event("e", None, timer, publish("after"))])))

    evaluation = detector.receive()

    assert evaluation.after.timers == {}
    assert len(evaluation.actions) == len(evaluation.notes) == 1


def test_a_timer_below_the_services_minimum_is_set() -> None:
    detector = Detector(model(state("s", [event("e", None, set_timer("t", 1))])))

    assert detector.receive().after.timers == {"t": Timer(1_000, 1)}


@pytest.mark.parametrize("method", ["BATCH", "SERIAL"])
def test_timeout_says_the_same_throughout_an_evaluation_and_then_no_more(method: str) -> None:
    events = [
        event("first", "timeout('t')", set_variable("first", "true")),
        event("second", "timeout('t')", set_variable("second", "true")),
        event("go", "timeout('t')", to="b"),
    ]
    entered = [event("e", "timeout('t')", set_variable("third", "true"))]
    later = [event("late", "timeout('t')", set_variable("late", "true"))]
    detector = Detector(
        model(
            state("a", events, enter=[event("set", None, set_timer("t", 60))]),
            state("b", later, enter=entered),
            method=method,
        )
    )
    detector.receive()

    detector.wait(60_000)
    detector.receive(at=70_000)

    assert detector.variables == {"first": True, "second": True, "third": True}


def test_a_timer_that_nobody_asks_about_stays_until_it_is_asked() -> None:
    first = state("a", [event("go", "$input.i.go", to="b")], enter=[event("set", None, set_timer("t", 60))])
    second = state("b", [event("ask", "timeout('t')", set_variable("n", "$input.i.n"))])
    detector = Detector(model(first, second))
    detector.receive()
    [unheard] = detector.wait(60_000)
    assert unheard.after.timers["t"].is_expired

    detector.receive({"go": True}, at=70_000)
    detector.receive({"n": 1}, at=80_000)
    detector.receive({"n": 2}, at=90_000)

    assert detector.variables == {"n": 1}


def test_a_timeout_beside_a_condition_that_is_false_is_used_up() -> None:
    """Published models latch it in a variable for this reason."""
    lost = event("lost", "timeout('t') && $input.i.ready", set_variable("told", "true"))
    detector = Detector(model(state("s", [lost], enter=[event("set", None, set_timer("t", 60))])))
    detector.receive({"ready": False})
    detector.wait(60_000)

    detector.receive({"ready": True}, at=70_000)

    assert detector.variables == {}


def test_a_timer_set_anew_in_the_evaluation_that_read_it_is_pending() -> None:
    detector = commanded(event("again", "timeout('t')", RESET))
    do(detector, "set", 0)

    fired = detector.wait(200_000)

    assert [each.time_ms for each in fired] == [60_000, 120_000, 180_000]
    assert detector.variables == {"n": 3}


def test_timers_that_are_due_fire_in_order_each_at_its_own_time() -> None:
    setting = event("set", "currentInput('i')", set_timer("b", 60), set_timer("a", 60), set_timer("c", 30))
    asking = [event(f"{name} fired", f"timeout('{name}')", publish(name)) for name in "abc"]
    detector = Detector(model(state("s", [setting, *asking])))
    detector.receive()

    fired = detector.wait(60_000)

    assert [(each.time_ms, each.trigger.timer_name) for each in fired] == [(30_000, "c"), (60_000, "a"), (60_000, "b")]
    assert [[action.fields["mqttTopic"] for action in each.actions] for each in fired] == [["c"], ["a"], ["b"]]


def test_an_expiry_that_is_told_twice_changes_nothing() -> None:
    detector = commanded()
    do(detector, "set", 0)
    detector.wait(60_000)
    assert detector.snapshot is not None

    again = expire(detector.model, detector.snapshot, "t", key=None, now_ms=60_000)
    unknown = expire(detector.model, detector.snapshot, "x", key=None, now_ms=60_000)

    for evaluation in (again, unknown):
        assert evaluation.after == detector.snapshot
        assert not evaluation.has_changed
        assert "is not pending" in evaluation.notes[0].message


def test_the_payload_of_a_timer_names_it_and_lists_when_timers_are_due() -> None:
    detector = commanded(event("tell", "timeout('t')", publish("told")))
    do(detector, "set", 0)

    [evaluation] = detector.wait(60_000)

    [action] = evaluation.actions
    assert action.payload["payload"]["eventTriggerDetails"] == {"triggerType": "Timer", "timerName": "t"}
    assert action.payload["payload"]["state"]["timers"] == {"t": 60_000}
    assert "keyValue" not in action.payload["payload"]["detector"]


def test_the_next_timer_due_is_the_earliest_that_is_pending() -> None:
    timers = {
        "read": Timer(1, 1, is_read=True),
        "fired": Timer(2, 1, is_expired=True),
        "b": Timer(9, 1),
        "a": Timer(9, 1),
    }

    assert next_due(Snapshot("s", {}, timers, {})) == (9, "a")
    assert next_due(Snapshot("s", {}, {}, {})) is None
