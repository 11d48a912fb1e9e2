"""What the checker concludes from the way a detector takes through its states."""

from typing import Any

import pytest

from coldwatch.engine.checker import check
from coldwatch.engine.errors import Finding, FindingType, Level
from coldwatch.engine.flow import Flow
from tests.unit.engine.builders import Document, document, event, model, publish, set_timer, set_variable, state

IS_INPUT = "currentInput('i')"


def told(*states: Document, method: str = "BATCH", level: Level = Level.WARNING) -> list[tuple[str, str]]:
    findings = check(document(*states, method=method))
    return [
        (each.path, each.message) for each in findings if each.level is level and each.type is not FindingType.DATA_TYPE
    ]


def by_then(name: str, kind: str = "variable") -> str:
    return f"no action can have set the {kind} `{name}` by then"


def test_a_variable_that_is_set_later_alone_is_read_too_early() -> None:
    first = state("a", [event("go", f"{IS_INPUT} && $variable.n > 1", to="b")])
    second = state("b", enter=[event("set", None, set_variable("n", "1"))])

    [finding] = [each for each in check(document(first, second)) if each.level is Level.WARNING]

    assert (finding.path, finding.message) == ("states[0].onInput.transitionEvents[0].condition", by_then("n"))
    assert str(finding).splitlines()[-2:] == [
        "                       ^^^^^^^^^^^",
        "  advice: it is set in `b`, but on no way that leads here",
    ]


@pytest.mark.parametrize(("count", "listed"), [(3, "`b0`, `b1`, `b2`"), (4, "`b0`, `b1`, `b2`, ...")])
def test_of_the_states_that_set_it_three_are_named(count: int, listed: str) -> None:
    first = state("a", [event("go", f"{IS_INPUT} && $variable.n > 1", to="b0")])
    later = [state(f"b{number}", enter=[event("set", None, set_variable("n", "1"))]) for number in range(count)]

    advices = [each.advice for each in check(document(first, *later)) if each.message == by_then("n")]

    assert advices == [f"it is set in {listed}, but on no way that leads here"]


def test_what_a_state_sets_itself_may_have_been_set_by_its_next_message() -> None:
    counting = event("count", f"{IS_INPUT} && $variable.n > 1", set_variable("n", "1"))

    assert told(state("a", [counting])) == []


def test_on_exit_and_the_transition_set_it_for_the_next_state() -> None:
    leaving = [event("out", None, set_variable("m", "1"))]
    first = state("a", [event("go", IS_INPUT, set_variable("n", "1"), to="b")], leave=leaving)
    second = state("b", [event("e", f"{IS_INPUT} && $variable.n == $variable.m")])

    assert told(first, second) == []


def test_on_enter_is_read_before_the_message_has_set_anything() -> None:
    entering = [event("e", "$variable.n > 1", publish("t"))]
    setting = event("set", IS_INPUT, set_variable("n", "1"))

    assert told(state("a", [setting], enter=entering)) == [("states[0].onEnter.events[0].condition", by_then("n"))]


@pytest.mark.parametrize(("method", "count"), [("BATCH", 1), ("SERIAL", 0)])
def test_a_condition_sees_what_an_event_before_it_set_in_serial_only(method: str, count: int) -> None:
    entering = [event("set", None, set_variable("n", "1")), event("e", "$variable.n > 1", publish("t"))]

    assert len(told(state("a", [event("x", IS_INPUT)], enter=entering), method=method)) == count


def test_a_value_sees_what_an_action_before_it_set() -> None:
    entering = [event("set", None, set_variable("n", "1"), set_variable("m", "$variable.n + 1"))]

    assert told(state("a", [event("x", IS_INPUT)], enter=entering)) == []


def test_a_value_may_be_sure_of_what_an_action_of_its_event_has_set() -> None:
    setting = event("e", IS_INPUT, set_variable("n", "1"), set_variable("m", "$variable.n + 1"))

    assert told(state("a", [setting]), level=Level.INFO) == []


def test_behind_a_variable_that_nothing_sets_others_are_looked_at() -> None:
    first = state("a", [event("go", f"{IS_INPUT} && $variable.none > 1 && $variable.n > 1", to="b")])
    second = state("b", enter=[event("set", None, set_variable("n", "1"))])

    assert by_then("n") in [message for _, message in told(first, second)]


@pytest.mark.parametrize("asking", ["isUndefined($variable.n)", "$variable.n != 'x'", "$variable.n != $variable.n"])
def test_asking_whether_it_is_set_is_not_reading_it(asking: str) -> None:
    first = state("a", [event("go", f"{IS_INPUT} && {asking}", to="b")])
    second = state("b", enter=[event("set", None, set_variable("n", "'x'"))])

    assert told(first, second) == []


def test_a_part_of_what_is_compared_is_read() -> None:
    first = state("a", [event("go", f"{IS_INPUT} && $variable.n + 1 != 2", to="b")])
    second = state("b", enter=[event("set", None, set_variable("n", "1"))])

    assert [message for _, message in told(first, second)] == [by_then("n")]


def test_a_timer_that_is_set_later_alone_cannot_expire_here() -> None:
    again = event("again", IS_INPUT, {"resetTimer": {"timerName": "t"}})
    first = state("a", [again, event("late", "timeout('t')", publish("t")), event("go", IS_INPUT, to="b")])
    second = state("b", [event("x", "timeout('t')")], enter=[event("set", None, set_timer("t", 60))])

    assert told(first, second) == [
        ("states[0].onInput.events[0].actions[0].resetTimer.timerName", by_then("t", "timer")),
        ("states[0].onInput.events[1].condition", by_then("t", "timer")),
    ]


def test_a_variable_that_some_way_leaves_unset_is_noted_once() -> None:
    setting = event("set", f"{IS_INPUT} && $input.i.x == 1", set_variable("n", "1"))
    reading = event("e", f"{IS_INPUT} && $variable.n > 1", publish("'${$variable.n}'"))

    [(path, message), *others] = told(state("a", [setting, reading, reading]), level=Level.INFO)

    assert path == "states[0].onInput.events[1].condition"
    assert message.startswith("the variable `n` may not be set by then")
    assert others == []


def test_what_the_initial_state_sets_for_sure_is_there_everywhere() -> None:
    first = state("a", [event("go", IS_INPUT, to="b")], enter=[event("set", "true", set_variable("n", "1"))])
    second = state("b", [event("e", f"{IS_INPUT} && $variable.n > 1")])

    assert told(first, second, level=Level.INFO) == []


def test_a_state_that_is_left_alone_by_what_never_holds_is_not_reached() -> None:
    first = state("a", [event("x", IS_INPUT), event("no", "1 > 2", set_variable("n", "1"), to="b")])

    assert told(first, state("b", [event("on", IS_INPUT, to="c")]), state("c")) == [
        ("states[0].onInput.transitionEvents[0].condition", "this never holds, so its actions are never reached"),
        ("states[1]", "the state `b` is never reached"),
        ("states[2]", "the state `c` is never reached"),
    ]


def test_actions_of_leaving_a_state_that_nothing_leaves_are_never_reached() -> None:
    leaving = [event("out", None, publish("t"))]

    assert told(state("a", [event("x", IS_INPUT)], leave=leaving)) == [
        ("states[0].onExit", "the actions of `onExit` are never reached: nothing leads out of `a`")
    ]
    assert told(state("a", [event("x", IS_INPUT, to="a")], leave=leaving)) == []


TIMER = event("start", IS_INPUT, set_timer("t", 60))
ASKS = event("asks", "timeout('t')", publish("late"))


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        ("$input.i.x > 8", 'put `currentInput("i") &&` before the condition if it must act on messages alone'),
        ("$variable.n > 8", 'put `triggerType("Message") &&` before the condition if it must act on messages alone'),
        (None, 'put `triggerType("Message") &&` before the condition if it must act on messages alone'),
        ("$input.i.x > 8 && triggerType('Message')", None),
        ("currentInput('i') && $input.i.x > 8", None),
        ("timeout('t') && $input.i.x > 8", None),
        ("false", None),
    ],
)
def test_a_timer_that_expires_can_make_other_events_act_again(condition: str | None, advice: str | None) -> None:
    entering = [event("set", None, set_variable("n", "1"))]
    findings = check(document(state("a", [TIMER, ASKS, event("act", condition, publish("t"))], enter=entering)))

    floods = [each.advice for each in findings if "every timer that expires" in each.message]

    assert floods == ([] if advice is None else [advice])


def test_no_timer_no_flood() -> None:
    acting = event("act", "$input.i.x > 8", publish("t"))

    assert told(state("a", [acting])) == []
    assert told(state("a", [acting, event("go", "$input.i.x > 9", to="b")]), state("b", [TIMER, ASKS])) == []


@pytest.mark.parametrize("value", ["1 / 0", "-'a'", "convert(Decimal, 'x')", "9223372036854775807 + 1"])
def test_a_constant_that_fails_is_an_error(value: str) -> None:
    findings = check(document(state("a", [event("e", IS_INPUT, set_variable("n", value))])))

    [error] = [each for each in findings if each.level is Level.ERROR]
    assert (error.type, error.path) == (
        FindingType.DATA_TYPE,
        "states[0].onInput.events[0].actions[0].setVariable.value",
    )


def test_a_condition_that_fails_leads_nowhere() -> None:
    first = state("a", [event("x", IS_INPUT), event("go", "1 / 0 == 1", to="b")])

    findings: list[Finding] = [each for each in check(document(first, state("b"))) if each.level is not Level.INFO]

    assert [each.message for each in findings] == [
        "this can never be evaluated: division by zero",
        "the state `b` is never reached",
    ]


def test_of_a_model_that_cannot_be_read_whole_no_way_is_told() -> None:
    """What is missing may well be what leads on."""
    states = [state("a", [event("x", IS_INPUT), event("go", "1 +", to="b")]), state("b")]
    lost = document(state("a", [event("x", IS_INPUT)]))
    lost["detectorModelDefinition"]["initialStateName"] = "nobody"

    assert told(*states) == []
    assert not any("never reached" in each.message for each in check(lost))


def test_what_two_ways_bring_is_joined() -> None:
    """From `a` by one way n is set, by the other it is not; `c` knows that it may be."""
    first = state("a", [event("x", "$input.i.x == 1", set_variable("n", "1"), to="b"), event("y", IS_INPUT, to="c")])
    watched = model(first, state("b", [event("z", IS_INPUT, to="c")]), state("c", [event("e", IS_INPUT)]))

    known: dict[str, Any] = dict(Flow(watched).entered)

    assert {name: len(each.possible) for name, each in known.items()} == {"a": 0, "b": 1, "c": 1}
    assert {name: len(each.certain) for name, each in known.items()} == {"a": 0, "b": 1, "c": 0}


@pytest.mark.parametrize(("method", "count"), [("BATCH", 1), ("SERIAL", 0)])
def test_a_transition_sees_what_an_event_of_its_message_set_in_serial_only(method: str, count: int) -> None:
    setting = event("set", None, set_variable("n", "1"))
    watched = state("a", [event("x", IS_INPUT), setting, event("go", "$variable.n == 1", to="a")])

    assert len(told(watched, method=method, level=Level.INFO)) == count
