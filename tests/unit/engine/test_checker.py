"""What the checker tells, each with its level, type and place."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from coldwatch.engine.checker import check
from coldwatch.engine.errors import Finding, FindingType, Level
from coldwatch.engine.inputs import load_inputs
from tests.unit.engine.builders import Document, document, event, publish, set_timer, set_variable, state

E = FindingType
INPUTS = load_inputs(
    [{"inputName": "i", "inputDefinition": {"attributes": [{"jsonPath": "id"}, {"jsonPath": "temps.air"}]}}]
)
READS = event("reads", "currentInput('i') && $input.i.temps.air > 1")


def serious(findings: Iterable[Finding]) -> list[Finding]:
    """Without notes."""
    return [each for each in findings if each.level is not Level.INFO]


def found(*states: Document, **more: Any) -> list[tuple[Level, FindingType, str, str]]:
    return [(each.level, each.type, each.path, each.message) for each in serious(check(document(*states, **more)))]


def findings_of(condition: str, *more: Document) -> list[Finding]:
    return serious(check(document(state("s", [READS, event("e", condition), *more]))))


def test_a_good_model_has_no_findings() -> None:
    good = document(
        state("a", [event("go", "$input.i.temps.air > 8", to="b")], enter=[event("e", None, set_variable("n", "0"))]),
        state("b", [event("back", "$input.i.temps.air <= 8 && $variable.n == 0", publish("t"), to="a")]),
        key="id",
    )

    assert serious(check(good, INPUTS)) == []
    assert serious(check(json.dumps(good))) == []


def test_a_model_that_names_no_input_in_any_condition() -> None:
    assert found(state("s", [event("e", "true", publish("'x'"))])) == [
        (Level.ERROR, E.STRUCTURE, "", "no expression names an input, so no message would ever be evaluated")
    ]
    [told] = found(state("s", [event("e", "true", publish("'${$input.i.x}'"))]))
    assert told[:3] == (Level.WARNING, E.SERVICE_LIMITS, "")
    assert found(state("s", [event("e", "currentInput('i')")])) == []


def test_a_fault_of_syntax_carries_its_expression_and_span() -> None:
    [finding] = findings_of("startWith($input.i.x, 'a')")

    assert (finding.level, finding.type) == (Level.ERROR, E.EXPRESSION_SYNTAX)
    assert finding.path == "states[0].onInput.events[1].condition"
    assert str(finding) == (
        "error: states[0].onInput.events[1].condition: unknown function `startWith`\n"
        "  startWith($input.i.x, 'a')\n  ^^^^^^^^^\n  advice: did you mean `startsWith`?"
    )


def test_the_caret_stands_in_the_line_of_the_fault() -> None:
    [finding] = findings_of("$input.i.x > 1\n  && maxx(\t1)")

    assert str(finding).splitlines()[1:3] == ["    && maxx( 1)", "       ^^^^"]


@pytest.mark.parametrize(
    ("condition", "message", "underlined"),
    [
        ("1 + true == 2", "incompatible data types: `+` cannot take Integer and Boolean", "1 + true"),
        ("'a' && true", "incompatible data types: `&&` cannot take String and Boolean", "'a' && true"),
        ("$input.i.a > 1 > 2", "incompatible data types: `>` cannot take Boolean and Integer", "$input.i.a > 1 > 2"),
        ("2.5 | 1 == 1", "incompatible data types: `|` cannot take Decimal and Boolean", "2.5 | 1 == 1"),
        ("!1", "`!` cannot take Integer", "!1"),
        ("-'a' < 1", "`-` cannot take String", "-'a'"),
        ("'text'", "a condition must be true or false; this is always String", "'text'"),
        (
            "$input.i.a + 1",
            "a condition must be true or false; this is always Integer or Decimal or String",
            "$input.i.a + 1",
        ),
        (
            "convert(Decimal, $input.i.a)",
            "a condition must be true or false; this is always Decimal",
            "convert(Decimal, $input.i.a)",
        ),
    ],
)
def test_what_can_never_be_is_an_error_of_types(condition: str, message: str, underlined: str) -> None:
    errors = [each for each in findings_of(condition) if each.level is Level.ERROR]

    assert [(each.type, each.message) for each in errors[:1]] == [(E.DATA_TYPE, message)]
    assert errors[0].expression is not None
    assert errors[0].span is not None
    assert errors[0].expression[errors[0].span.start : errors[0].span.end] == underlined


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("$variable.flag == true", "incompatible data types: `==` cannot take String and Boolean"),
        ("$variable.n != 'x'", "incompatible data types: `!=` cannot take Integer and String; it is always true"),
        ("$variable.flag", "this is always String, which never holds"),
        ("1 == 1", "this always holds"),
        ("1 == 2", "this never holds"),
        ("startsWith($input.i.a, 5)", "`startsWith` takes no Integer, so this is always undefined"),
        ("false", "this never holds"),
        ("triggerType('message ')", 'a trigger is "Message" or "Timer"; this is never true'),
        ("$variable.none > 1", "no action ever sets the variable `none`"),
        ("timeout('none')", "no action ever sets the timer `none`"),
    ],
)
def test_what_can_hardly_be_meant_is_a_warning(condition: str, message: str) -> None:
    setting = event("set", "true", set_variable("flag", "'true'"), set_variable("n", "1"), set_variable("n", "0"))

    [finding] = findings_of(condition, setting)

    assert (finding.level, finding.message) == (Level.WARNING, message)


@pytest.mark.parametrize(
    ("condition", "advice"),
    [
        ("$variable.n == 'x'", "`convert(Decimal, ...)` makes a number of a text, `'${...}'` a text of anything"),
        ("$variable.flag == true", "true and false need no quotes; `convert(Boolean, ...)` makes one of a text"),
        ("$variable.n == true", None),
    ],
)
def test_what_cannot_be_compared_comes_with_advice_on_how_it_can(condition: str, advice: str | None) -> None:
    setting = event("set", "true", set_variable("flag", "'true'"), set_variable("n", "1"))

    [finding] = findings_of(condition, setting)

    assert finding.advice == advice


@pytest.mark.parametrize("condition", ["timeout($variable.flag)", "timeout(5)", "convert($input.i.a, 1) == 1"])
def test_a_name_that_is_none_is_told_and_stops_nothing(condition: str) -> None:
    setting = event("set", "true", set_variable("flag", "'true'"))

    assert check(document(state("s", [READS, event("e", condition), setting])))


def test_kinds_follow_variables_set_from_variables() -> None:
    setting = event("set", "true", set_variable("a", "1"), set_variable("b", "$variable.a * 2.0"))
    growing = event("grow", "true", set_variable("c", "$variable.c + 1"))

    [finding] = findings_of("$variable.b == 'x'", setting, growing)

    assert finding.message == "incompatible data types: `==` cannot take Decimal and String"
    assert findings_of("$variable.c == 'x'", setting, growing) == []


def test_what_is_negated_is_a_number_whatever_it_was_taken_from() -> None:
    [finding] = findings_of("-$input.i.id == 'x'")

    assert finding.type is FindingType.DATA_TYPE


def test_a_variable_set_from_a_message_may_be_anything() -> None:
    setting = event("set", "true", set_variable("a", "$input.i.a"), set_variable("a", "1"))

    assert findings_of("$variable.a == 'x' || $variable.a == true", setting) == []


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        *((0, Level.ERROR), (1, Level.WARNING), (59, Level.WARNING), (60, None)),
        *((31_622_400, None), (31_622_401, Level.ERROR)),
    ],
)
def test_a_constant_duration_is_checked(seconds: int, level: Level | None) -> None:
    findings = findings_of("timeout('t')", event("set", "true", set_timer("t", seconds)))

    assert [each.level for each in findings] == ([] if level is None else [level])


def test_a_duration_and_a_json_payload_have_their_types() -> None:
    wrong = event(
        "wrong",
        "timeout('t')",
        {"setTimer": {"timerName": "t", "durationExpression": "'60'"}},
        publish("t", type="JSON", contentExpression="1 + 1"),
    )

    messages = [each.message for each in findings_of("true", wrong)]

    assert messages == [
        "a timer's duration must be a number of seconds; this is always String",
        "a JSON payload must be made as a String; this is always Integer",
    ]


def test_timers_that_nobody_sets_or_asks_about() -> None:
    using = event(
        "use",
        "$input.i.id == 1",
        {"resetTimer": {"timerName": "a"}},
        {"clearTimer": {"timerName": "b"}},
        set_timer("c", 60),
    )

    messages = [each.message for each in findings_of("true", using) if each.level is Level.WARNING]

    assert messages == [
        'nothing asks `timeout("c")`, so that timer has no effect',
        "no action ever sets the timer `a`",
        "no action ever sets the timer `b`",
    ]
    assert not [
        each
        for each in findings_of("triggerType('Timer')", event("x", "true", set_timer("c", 60)))
        if each.level is Level.WARNING
    ]


def test_what_a_timer_has_read_again_is_mentioned() -> None:
    setting = event("set", "currentInput('i') && $input.i.id == 1", set_timer("t", 60))
    asking = event("ask", "timeout('t') && $input.i.temps.air > 8")

    findings = check(document(state("s", [setting, asking])))

    [finding] = [each for each in findings if each.type is E.REFERENCED_DATA]
    assert finding.level is Level.INFO
    assert finding.expression is not None
    assert finding.span is not None
    assert finding.expression[finding.span.start : finding.span.end] == "$input.i.temps.air"


def test_inputs_and_attributes_are_compared_with_what_is_declared() -> None:
    reading = document(
        state("s", [event("e", "$input.i.temps.water > 1 && $input.j.x > 1 && currentInput('k')")]), key="serial"
    )

    findings = serious(check(reading, INPUTS))

    assert [(each.level, each.type, each.message) for each in findings] == [
        (Level.WARNING, E.REFERENCED_DATA, "the input `i` does not declare `serial`, which names the detector"),
        (Level.WARNING, E.REFERENCED_DATA, "the input `i` declares no attribute `temps.water`"),
        (Level.ERROR, E.REFERENCED_RESOURCE, "there is no input `j`"),
        (Level.ERROR, E.REFERENCED_RESOURCE, "there is no input `k`"),
    ]
    assert serious(check(reading)) == []


def test_states_and_transitions_that_are_never_reached() -> None:
    first = state("a", [READS, event("go", "true", to="b"), event("late", "$input.i.id == 1", to="c")])

    assert found(first, state("b"), state("c"), state("d", [event("x", "$input.i.id == 1", to="d")])) == [
        (
            Level.WARNING,
            E.STRUCTURE,
            "states[0].onInput.transitionEvents[1]",
            "never reached: `go` stands before it and always holds",
        ),
        (Level.WARNING, E.STRUCTURE, "states[2]", "the state `c` is never reached"),
        (Level.WARNING, E.STRUCTURE, "states[3]", "the state `d` is never reached"),
    ]


def test_a_misspelt_member_is_told() -> None:
    read = {"eventName": "reads", "conditions": "currentInput('i')"}
    misspelt = document(state("s", [READS, read]))
    misspelt["detectorModelDefinition"]["states"][0]["onEntry"] = {}

    assert [(each.message, each.advice) for each in serious(check(misspelt))] == [
        ("unknown member `onEntry` is ignored", None),
        ("unknown member `conditions` is ignored", "did you mean `condition`?"),
    ]


def test_the_services_limits_are_warnings() -> None:
    actions = [set_variable(f"v{number}", "1") for number in range(51)]
    timers = [set_timer(f"t{number}", 60) for number in range(6)]
    asking = [event(f"t{number}", f"timeout('t{number}')") for number in range(6)]
    long = event("x" * 129, "$input.i.id == 1 && '" + "x" * 512 + "' != ''", *actions, *timers)
    more = [event("more", "$input.i.id == 1", publish("t" * 129)) for _ in range(14)]
    payload = event("p", "true", publish("t", type="STRING", contentExpression="'" + "é" * 600 + "'"))
    unnamed = event("v", "true", set_variable("odd-name", "'" + "x" * 1_030 + "'"))
    states = [state(f"s{number}", [event("n", "true", to=f"s{number + 1}")]) for number in range(1, 21)]
    first = state("odd state", [long, payload, unnamed, *asking, *more, event("n", "true", to="s1")])

    warnings = check(document(first, *states, state("s21"), key="k" * 129))

    limits = [each for each in warnings if each.type is E.SERVICE_LIMITS]
    assert {each.level for each in limits} == {Level.WARNING}
    raised = check(document(first, *states, state("s21"), key="k" * 129), strict_limits=True)
    assert {each.message for each in raised if each.level is Level.ERROR} == {each.message for each in limits}
    assert {each.message.partition(":")[0] for each in limits} == {
        "6 timers",
        "52 variables",
        "22 states",
        "129 characters of key",
        "129 characters of name",
        "23 events",
        "57 actions",
        "540 characters",
        "1,032 characters",
        "129 characters",
        "1,202 bytes of content expression",
        "the service took letters, digits, `_` and `-` for a state's name, not `odd state`",
        "the service took letters, digits and `_`, a letter first, for a variable's name, not `odd-name`",
    }


def test_a_definition_that_is_too_large_for_the_service() -> None:
    large = document(state("s", [READS])) | {"detectorModelDescription": "x" * (512 * 1024)}

    [finding] = serious(check(json.dumps(large)))

    assert finding.type is E.SERVICE_LIMITS


def test_findings_stand_in_the_order_of_the_document() -> None:
    events = [event(f"e{number}", "1 +") for number in range(12)]

    paths = [each.path for each in check(document(state("s", events)))]

    assert paths == [f"states[0].onInput.events[{number}].condition" for number in range(12)]


def test_what_an_action_says_that_the_service_did_not_take_or_that_has_no_effect() -> None:
    actions: list[Document] = [
        {"firehose": {"deliveryStreamName": "d", "separator": ";"}},
        {"firehose": {"deliveryStreamName": "d", "separator": "\r\n"}},
        {"iotSiteWise": {"propertyAlias": "'p'"}},
        {"iotSiteWise": {"propertyAlias": "'p'", "propertyValue": {"value": {"stringValue": "'a'"}, "note": "1"}}},
    ]

    told = [
        (each.path.rpartition("actions")[2], each.message) for each in findings_of("true", event("f", "true", *actions))
    ]

    assert told == [
        ("[0].firehose.separator", "the service took a line break, a tab or a comma for a separator, not ';'"),
        ("[2].iotSiteWise.propertyValue", "there is no `propertyValue`, so nothing is written"),
        ("[3].iotSiteWise.propertyValue.note", "unknown member `note` is ignored"),
    ]


@pytest.mark.parametrize("condition", ["!$input.i.a", "-$input.i.a < 1", "~$input.i.a == 1", "$variable.n == 2.5"])
def test_what_can_be_is_not_told(condition: str) -> None:
    assert findings_of(condition, event("set", "true", set_variable("n", "1"))) == []


def limits_told(*states: Document, **more: Any) -> list[str]:
    return [each.message for each in check(document(*states, **more)) if each.type is E.SERVICE_LIMITS]


def built(**parts: Any) -> dict[str, Any]:
    """A model with one state, and whatever is said of it."""
    enter = parts.get("enter", [event("set", "true", set_variable("v", "1"))])
    first = state("a", parts.get("events", [READS]), enter=enter)
    return {"states": (first, *parts.get("states", ())), "more": {"key": parts.get("key", "k")}}


def in_tens(actions: list[Document]) -> list[Document]:
    return [event("set", "true", *actions[begin : begin + 10]) for begin in range(0, len(actions), 10)]


def sends(content: str) -> Document:
    return event("e", "currentInput('i')", publish("t", type="STRING", contentExpression=content))


SIZED: dict[str, Callable[[int], dict[str, Any]]] = {
    "states": lambda count: built(states=[state(f"s{number}") for number in range(count - 1)]),
    "characters of key": lambda count: built(key="k" * count),
    "timers": lambda count: built(enter=in_tens([set_timer(f"t{number}", 60) for number in range(count)])),
    "variables": lambda count: built(enter=in_tens([set_variable(f"v{number}", "1") for number in range(count)])),
    "events": lambda count: built(events=[READS] * count),
    "transition events": lambda count: built(events=[event("t", "currentInput('i')", to="a")] * count),
    "actions": lambda count: built(enter=[event("set", "true", *[set_variable("v", "1")] * count)]),
    "characters of name": lambda count: built(enter=[event("e" * count, "true")]),
    "condition": lambda count: built(events=[event("e", "currentInput('i')".ljust(count))]),
    "value": lambda count: built(enter=[event("set", "true", set_variable("v", "1".ljust(count)))]),
    "topic": lambda count: built(events=[event("e", "currentInput('i')", publish("t" * count))]),
    "bytes of content expression": lambda count: built(events=[sends("'" + "x" * (count - 2) + "'")]),
}


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        *(("states", 20), ("characters of key", 128), ("timers", 5), ("variables", 50), ("events", 20)),
        *(("transition events", 20), ("actions", 10), ("characters of name", 128), ("condition", 512)),
        *(("value", 1_024), ("topic", 128), ("bytes of content expression", 1_024)),
    ],
)
def test_a_limit_is_told_from_the_first_that_is_too_many(what: str, limit: int) -> None:
    within, beyond = SIZED[what](limit), SIZED[what](limit + 1)
    name = "characters" if what in {"condition", "value", "topic"} else what

    assert limits_told(*within["states"], **within["more"]) == []
    assert limits_told(*beyond["states"], **beyond["more"]) == [f"{limit + 1:,} {name}: the service took {limit:,}"]


def test_the_size_of_a_definition_is_that_of_its_bytes() -> None:
    text = json.dumps(document(state("s", [READS])))

    assert not [each for each in check(text.ljust(512 * 1024)) if each.type is E.SERVICE_LIMITS]
    [told] = [each for each in check(text.encode().ljust(512 * 1024 + 1)) if each.type is E.SERVICE_LIMITS]
    assert told.message == "524,289 bytes of definition: the service took 524,288"


def test_a_state_and_a_variable_named_as_the_service_did_not() -> None:
    told = limits_told(state("odd state", [READS], enter=[event("e", "true", set_variable("_v", "1"))]))

    assert len(told) == 2
    assert limits_told(state("a_-9", [READS], enter=[event("e", "true", set_variable("v_9", "1"))])) == []
