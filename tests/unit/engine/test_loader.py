"""The wire forms of a model, and what is refused."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.engine.checker import check
from coldwatch.engine.errors import EngineError, FindingType, ModelError
from coldwatch.engine.inputs import load_inputs
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import EvaluationMethod, Expression, ExternalAction
from coldwatch.engine.survey import kept
from tests.unit.engine.builders import Detector, document, event, model, publish, set_timer, set_variable, state

DEFINITION = {"states": [{"stateName": "s"}], "initialStateName": "s"}
CONFIGURATION = {"detectorModelName": "m", "detectorModelVersion": "7", "key": "id", "evaluationMethod": "SERIAL"}


def test_the_body_of_create_detector_model() -> None:
    loaded = load_model({"detectorModelName": "m", "key": "a.b", "detectorModelDefinition": DEFINITION})

    assert (loaded.name, loaded.version, loaded.key, loaded.key_path) == ("m", "1", "a.b", ("a", "b"))
    assert loaded.evaluation_method is EvaluationMethod.BATCH
    assert loaded.initial_state == "s"


def test_a_console_export() -> None:
    export = {"detectorModel": {"detectorModelDefinition": DEFINITION, "detectorModelConfiguration": CONFIGURATION}}

    loaded = load_model(json.dumps(export))

    assert (loaded.name, loaded.version, loaded.key) == ("m", "7", "id")
    assert loaded.evaluation_method is EvaluationMethod.SERIAL


def test_a_bare_definition_has_the_name_it_is_given() -> None:
    loaded = load_model(json.dumps(DEFINITION).encode(), name="pump")

    assert (loaded.name, loaded.key) == ("pump", None)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert load_model(b"\xef\xbb\xbf" + json.dumps(DEFINITION).encode()).initial_state == "s"
    assert load_model("\ufeff" + json.dumps(DEFINITION)).initial_state == "s"


def test_explicit_nulls_are_as_good_as_absent() -> None:
    nulls = document(state("s", [event("e", None, {"setTimer": {"timerName": "t", "seconds": 60}})]))
    definition = nulls["detectorModelDefinition"]
    definition["states"][0]["onExit"] = None
    definition["states"][0]["onInput"]["events"][0]["condition"] = None
    definition["states"][0]["onInput"]["events"][0]["actions"][0]["setTimer"]["durationExpression"] = None

    loaded = load_model(nulls | {"key": None, "detectorModelDescription": None, "evaluationMethod": None})

    assert loaded.has_timers
    assert loaded.states["s"].on_input[0].condition is None


def test_bare_booleans_and_numbers_are_expressions() -> None:
    bare = document(state("s", [event("e", None, {"setVariable": {"variableName": "n", "value": 5}})]), state("b"))
    bare["detectorModelDefinition"]["states"][0]["onInput"]["transitionEvents"] = [
        {"eventName": "go", "condition": True, "nextState": "b"}
    ]
    detector = Detector(load_model(bare))

    evaluation = detector.receive()

    assert (evaluation.to_state, detector.variables) == ("b", {"n": 5})


def test_a_bare_number_too_large_for_an_integer_is_reported_where_it_stands() -> None:
    huge = document(state("s", [event("e", None, {"setVariable": {"variableName": "n", "value": 1 << 64}})]))

    finding, *_ = check(huge)

    assert finding.path == "states[0].onInput.events[0].actions[0].setVariable.value"
    assert "does not fit in a 64-bit Integer" in finding.message


def test_an_empty_condition_holds() -> None:
    detector = Detector(model(state("s", [event("e", "", set_variable("n", "1"))])))

    detector.receive()

    assert detector.variables == {"n": 1}


@pytest.mark.parametrize(
    ("topic", "published"),
    [
        ("hvac/Heating/Off", "hvac/Heating/Off"),
        ("debug", "debug"),
        ("$aws/things/x/shadow/update", "$aws/things/x/shadow/update"),
        ("true", "true"),
        ("1/2", "1/2"),
        ("'alerts/${$input.i.x}'", "alerts/7"),
        ('"quoted"', "quoted"),
        ("'a/' + $input.i.x", "a/7"),
        ("$input.i.topic", "t/7"),
        ("alerts/${$input.i.x}/on", "alerts/7/on"),
        ("costs/${5 dollars}", "costs/${5 dollars}"),
    ],
)
def test_a_topic_is_an_expression_or_plain_text(topic: str, published: str) -> None:
    detector = Detector(model(state("s", [event("e", None, publish(topic))])))

    [action] = detector.receive({"x": 7, "topic": "t/7"}).actions

    assert action.fields == {"mqttTopic": published}


EXTERNAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sns": ({"targetArn": "arn:t"}, {"targetArn": "arn:t"}),
    "lambda": ({"functionArn": "arn:f"}, {"functionArn": "arn:f"}),
    "sqs": ({"queueUrl": "https://q", "useBase64": True}, {"queueUrl": "https://q", "useBase64": True}),
    "firehose": ({"deliveryStreamName": "d", "separator": "\n"}, {"deliveryStreamName": "d", "separator": "\n"}),
    "iotEvents": ({"inputName": "other"}, {"inputName": "other"}),
    "iotTopicPublish": ({"mqttTopic": "t"}, {"mqttTopic": "t"}),
    "dynamoDB": (
        {"tableName": "'t'", "hashKeyField": "'id'", "hashKeyValue": "$input.i.x", "hashKeyType": "'NUMBER'"},
        {"tableName": "t", "hashKeyField": "id", "hashKeyValue": 7, "hashKeyType": "NUMBER"},
    ),
    "dynamoDBv2": ({"tableName": "'t' + $input.i.x"}, {"tableName": "t7"}),
    "iotSiteWise": (
        {
            "entryId": "'e'",
            "propertyAlias": "'/a/${$input.i.x}'",
            "propertyValue": {"value": {"doubleValue": "$input.i.x + 0.5"}, "timestamp": {"timeInSeconds": "1"}},
        },
        {
            "entryId": "e",
            "propertyAlias": "/a/7",
            "propertyValue": {"value": {"doubleValue": 7.5}, "timestamp": {"timeInSeconds": 1}},
        },
    ),
}


@pytest.mark.parametrize("name", EXTERNAL)
def test_every_external_action_is_evaluated_to_its_fields(name: str) -> None:
    given_fields, expected = EXTERNAL[name]
    detector = Detector(model(state("s", [event("e", None, {name: given_fields})])))

    [action] = detector.receive({"x": 7}).actions

    assert (action.type, action.fields) == (name, expected)
    if name == "iotSiteWise":
        assert action.payload is None
    else:
        assert action.payload["eventName"] == "e"


def test_payloads_of_text_json_and_text_that_is_no_json() -> None:
    detector = Detector(
        model(
            state(
                "s",
                [
                    event(
                        "e",
                        None,
                        publish("t", type="STRING", contentExpression="$input.i.x"),
                        publish("t", type="JSON", contentExpression="'{\"x\": ${$input.i.x}}'"),
                        publish("t", type="JSON", contentExpression="'{x}'"),
                    )
                ],
            )
        )
    )

    evaluation = detector.receive({"x": 7})

    assert [action.payload for action in evaluation.actions] == ["7", {"x": 7}, "{x}"]
    assert [note.level for note in evaluation.notes] == ["WARNING"]


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"detectorModelDefinition": {}}, "states", "at least one state"),
    ({"detectorModelDefinition": {}}, "initialStateName", "is missing"),
    ({"detectorModelName": "a/b"}, "detectorModelName", "letters"),
    ({"key": "a..b"}, "key", "expected a name"),
    ({"key": 5}, "key", "must be the path"),
    ({"evaluationMethod": "FAST"}, "evaluationMethod", "BATCH or SERIAL"),
    ({"evaluationMethod": []}, "evaluationMethod", "BATCH or SERIAL, not a list"),
]


@pytest.mark.parametrize(("change", "path", "message"), FAULTS)
def test_a_fault_of_the_body_is_told_with_its_path(change: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        load_model(document(state("s")) | change)

    assert any(each.path == path and message in each.message for each in raised.value.findings)


def asset(**fields: Any) -> dict[str, Any]:
    return {"iotSiteWise": fields}


STATE = "states[0]"
EVENT = "states[0].onInput.events[0]"
ACTION = f"{EVENT}.actions[0]"


@pytest.mark.parametrize(
    ("action", "path", "message"),
    [
        ({}, ACTION, "exactly one member"),
        ({"sns": {"targetArn": "a"}, "lambda": {"functionArn": "b"}}, ACTION, "exactly one member, not 2"),
        ({"email": {}}, f"{ACTION}.email", "unknown action `email`"),
        ({"sns": {}}, f"{ACTION}.sns.targetArn", "`targetArn` is missing"),
        ({"sns": "arn"}, f"{ACTION}.sns", "must be an object"),
        ({"sns": {"targetArn": 5}}, f"{ACTION}.sns.targetArn", "must be text, not 5"),
        ({"sqs": {"queueUrl": "q", "useBase64": "yes"}}, f"{ACTION}.sqs.useBase64", "true or false"),
        ({"setVariable": {"value": "1"}}, f"{ACTION}.setVariable.variableName", "is missing"),
        ({"setVariable": {"variableName": "n"}}, f"{ACTION}.setVariable.value", "is missing"),
        ({"setVariable": {"variableName": "n", "value": "1 +"}}, f"{ACTION}.setVariable.value", "expected a value"),
        ({"setVariable": {"variableName": "n", "value": []}}, f"{ACTION}.setVariable.value", "must be an expression"),
        ({"setTimer": {"timerName": "t"}}, f"{ACTION}.setTimer", "either `seconds` or `durationExpression`"),
        (
            {"setTimer": {"timerName": "t", "seconds": 60, "durationExpression": "60"}},
            f"{ACTION}.setTimer",
            "not both",
        ),
        ({"clearTimer": {}}, f"{ACTION}.clearTimer.timerName", "is missing"),
        ({"dynamoDB": {"tableName": "plain words"}}, f"{ACTION}.dynamoDB.tableName", "unknown word"),
        (
            {"dynamoDB": {"tableName": "'t'", "hashKeyField": "'h'", "hashKeyValue": "'v'", "rangeKeyField": "'r'"}},
            f"{ACTION}.dynamoDB.rangeKeyValue",
            "is missing beside `rangeKeyField`",
        ),
        (
            {"dynamoDBv2": {"tableName": "'t'", "payload": {"contentExpression": "'{}'", "type": "STRING"}}},
            f"{ACTION}.dynamoDBv2.payload.type",
            "must be JSON here",
        ),
        (asset(assetId="'a'"), f"{ACTION}.iotSiteWise", "named by `propertyAlias`, or by"),
        (asset(propertyAlias="'p'", assetId="'a'"), f"{ACTION}.iotSiteWise", "named by `propertyAlias`, or by"),
        (asset(propertyAlias="'p'", propertyValue=5), f"{ACTION}.iotSiteWise.propertyValue", "must be an object"),
        (
            asset(propertyAlias="'p'", propertyValue={"value": {"stringValue": "'a'", "integerValue": "1"}}),
            f"{ACTION}.iotSiteWise.propertyValue.value",
            "a value is one of `stringValue`",
        ),
        (
            asset(propertyAlias="'p'", propertyValue={"value": {"stringValue": "'a'"}, "timestamp": {}}),
            f"{ACTION}.iotSiteWise.propertyValue.timestamp.timeInSeconds",
            "is missing",
        ),
        (
            asset(propertyAlias="'p'", propertyValue={"value": {"stringValue": "a b"}}),
            f"{ACTION}.iotSiteWise.propertyValue.value.stringValue",
            "unknown word",
        ),
        (publish("t", type="XML", contentExpression="'x'"), f"{ACTION}.iotTopicPublish.payload.type", "STRING or JSON"),
        (
            {"sns": {"targetArn": "a", "payload": {"type": [], "contentExpression": "'x'"}}},
            f"{ACTION}.sns.payload.type",
            "not a list",
        ),
        (publish("t", type="JSON"), f"{ACTION}.iotTopicPublish.payload.contentExpression", "is missing"),
        ("sns", ACTION, "expected an object"),
    ],
)
def test_a_fault_of_an_action_is_told_with_its_path(action: Any, path: str, message: str) -> None:
    with pytest.raises(ModelError) as raised:
        model(state("s", [event("e", "true", action)]))

    assert any(each.path == path and message in each.message for each in raised.value.findings)


def test_every_fault_is_told_at_once() -> None:
    broken = document(
        state("s", [event("e", "1 +"), event("", "true", to="nowhere"), {"eventName": "t", "nextState": "s"}]),
        state("s"),
    )

    with pytest.raises(ModelError) as raised:
        load_model(broken)

    assert {finding.path for finding in raised.value.findings} == {
        "states[0].onInput.events[0].condition",
        "states[0].onInput.transitionEvents[0].eventName",
        "states[0].onInput.transitionEvents[0].nextState",
        "states[0].onInput.transitionEvents[1].condition",
        "states[1].stateName",
    }
    assert "^" in str(raised.value)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"5", b"null", b"{}", b"\xff\xfe", b'{"a": "\xff"}', b"[" * 100_000, b'{"states": 5}']
)
def test_what_is_no_model_is_refused(text: bytes) -> None:
    with pytest.raises(ModelError):
        load_model(text)


def test_the_errors_survive_pickling() -> None:
    with pytest.raises(ModelError) as raised:
        model(state("s", [event("e", "1 +")]))

    again = pickle.loads(pickle.dumps(raised.value))  # noqa: S301 - written on the line itself

    assert again.findings == raised.value.findings


MEMBERS = (
    *("states", "stateName", "initialStateName", "onInput", "onEnter", "events", "transitionEvents", "actions"),
    *("eventName", "condition", "nextState", "setVariable", "variableName", "value", "sns", "key", "payload"),
    *("detectorModel", "detectorModelDefinition", "detectorModelName", "inputDefinition", "attributes"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_a_model_or_is_refused(value: Any) -> None:
    text = json.dumps(value)

    check(text)
    for load in (load_model, lambda each: load_inputs([each])):
        try:
            load(text)
        except EngineError as error:
            told = str(error)
            assert told


def test_the_inputs_of_a_model_are_those_that_its_expressions_mention() -> None:
    mentioned = model(
        state(
            "s",
            [
                event("a", "$input.one.x > 1", publish("'${$input.two.y}'")),
                event("b", "currentInput('three')"),
                event("c", "isUndefined($input.`four 4`)"),
            ],
        )
    )

    assert mentioned.inputs == {"one", "two", "three", "four 4"}


@pytest.mark.parametrize(
    ("condition", "remembered"),
    [
        ("$input.i.a.b > 1", {"i": {("a", "b")}}),
        ("currentInput('i') && $input.i.a > 1", {}),
        ("triggerType('Message') && $input.i.a > 1", {}),
        ("$variable.on && (currentInput('i') && $input.i.a[0].b > 1)", {}),
        ("$input.i.a > 1 && currentInput('i')", {"i": {("a",)}}),
        ("currentInput('i') || $input.i.a > 1", {"i": {("a",)}}),
    ],
)
def test_what_only_a_message_itself_reads_is_not_remembered(condition: str, remembered: dict[str, Any]) -> None:
    watched = model(state("s", [event("e", condition, set_timer("t", 60))]))

    assert watched.remembered == remembered


def test_the_guard_of_an_event_guards_its_actions() -> None:
    events = [event("e", "currentInput('i')", set_variable("a", "$input.i.a")), event("f", "timeout('t')")]
    unguarded = event("g", "$variable.x > 1", set_variable("b", "$input.i.b"), set_timer("t", 60))

    assert model(state("s", [*events, unguarded])).remembered == {"i": {("b",)}}


def test_with_one_input_and_no_timer_nothing_has_to_be_remembered() -> None:
    detector = Detector(model(state("s", [event("e", "$input.i.a > 1")])))

    assert detector.receive({"a": 1}).after.inputs == {}


def test_with_two_inputs_some_message_is_not_yet_this_input() -> None:
    two = model(state("s", [event("e", "triggerType('Message') && $input.i.a > 1 && $input.j.b > 1")]))

    assert two.remembered == {"i": {("a",)}, "j": {("b",)}}


def test_of_a_payload_only_what_can_be_read_again_is_kept() -> None:
    payload = {"a": {"b": 1, "c": 2}, "list": [1, {"x": 1}], "null": None, "other": "x"}

    assert kept(payload, {("a", "b"), ("list", 1, "x"), ("null",), ("gone", "x")}) == {
        "a": {"b": 1},
        "list": [1, {"x": 1}],
        "null": None,
    }
    assert kept(payload, {("a",), ("a", "b")}) == {"a": {"b": 1, "c": 2}}
    assert kept(payload, {()}) == payload
    assert kept({"a": 5}, {("a", "b")}) == {"a": 5}


def test_inputs_are_read_as_create_input_took_them() -> None:
    attributes = [{"jsonPath": "sensorData.pressure"}, {"jsonPath": "`two words`"}]
    body = {"inputName": "p", "inputDefinition": {"attributes": attributes}}
    described = {"input": {"inputConfiguration": {"inputName": "q"}, "inputDefinition": {"attributes": attributes}}}

    inputs = load_inputs([json.dumps(body), described])

    assert inputs.keys() == {"p", "q"}
    assert inputs["p"].declares(("sensorData", "pressure"))
    assert inputs["p"].declares(("sensorData",))
    assert inputs["q"].declares(("two words", "below"))
    assert not inputs["p"].declares(("sensorData", "temperature"))


def test_faults_of_inputs_are_told_together() -> None:
    body = {"inputName": "p", "inputDefinition": {"attributes": [{"jsonPath": "a["}]}}

    with pytest.raises(ModelError) as raised:
        load_inputs([body, body, {"inputName": "q"}, "nothing"])

    assert [finding.type for finding in raised.value.findings].count(FindingType.EXPRESSION_SYNTAX) == 2
    assert len(raised.value.findings) == 5


def test_an_expression_knows_where_it_stands() -> None:
    loaded = model(state("s", [event("e", "true", publish("'t'", type="JSON", contentExpression="'1'"))]))

    [action] = loaded.states["s"].on_input[0].actions
    assert isinstance(action, ExternalAction)
    topic = action.fields["mqttTopic"]
    assert isinstance(topic, Expression)
    assert topic.path == f"{ACTION}.iotTopicPublish.mqttTopic"
    assert action.payload is not None
    assert action.payload.content.path == f"{ACTION}.iotTopicPublish.payload.contentExpression"
