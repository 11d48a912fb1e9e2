"""Fuzzing: no exception but ours, no hang, no memory that grows, and nothing executed.

`make test` tries 500 inputs of each kind, `make test-long` 5,000.
"""

import difflib
import gc
import json
import random
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldwatch.engine.checker import check
from coldwatch.engine.errors import EngineError, EvaluationError, ExpressionError
from coldwatch.engine.inputs import load_inputs
from coldwatch.engine.interpreter import evaluate
from coldwatch.engine.loader import load_model
from coldwatch.engine.machine import Evaluation, Message, advance
from coldwatch.engine.machine import evaluate as step
from coldwatch.engine.machines import DetectorMachine
from coldwatch.engine.parser import parse, parse_path, parse_text
from coldwatch.engine.program import Program
from coldwatch.engine.scope import Scope
from coldwatch.engine.snapshot import Snapshot
from coldwatch_ops.detectors.commands import write_line
from coldwatch_ops.detectors.compiled_replay import CompiledReplay
from coldwatch_ops.detectors.machines import InterpretedMachine
from coldwatch_ops.detectors.replay import Failure, Replay, evaluation_document
from coldwatch_ops.detectors.yaml_documents import json_of
from tests.fuzz.inputs import DEEP, EXPRESSIONS, JSON, MODELS, TRACES, damaged, mutated
from tests.fuzz.watching import nothing_executed
from tests.unit.engine.test_cloudformation import TEMPLATE

assert difflib  # advice loads it when it first needs it

type Check[Input] = Callable[[Input], None]

SHORT: Final = 500
LONG: Final = 5_000
SCOPE: Final = Scope(
    {"n": 1, "a": "x"}, {"i": {"a": [1, None, {"b": 2.5}], "t": "text"}}, message_input="i", expired=frozenset(("t",))
)
PAYLOADS: Final = (
    {"id": "d", "motorid": "m", "deviceId": "x", "value": 9, "sensorData": {"pressure": 80, "temperature": 5.5}},
    {"id": 1, "temperature_c": 8.1, "timestamp": 1, "profile": {"high_c": 8}, "list": [1]},
)


def trying(inputs: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(max_examples=inputs, deadline=timedelta(seconds=10), suppress_health_check=slow, database=None)


def answer(call: Callable[..., Any], *arguments: Any) -> Any:
    """What it gives, or the error of ours that it raises: any other ends the test."""
    try:
        return call(*arguments)
    except EngineError as error:
        told = str(error)
        assert told
        return error


def fuzz_expression(source: str) -> None:
    for read in (parse, parse_text):
        node = answer(read, source)
        if isinstance(node, ExpressionError):
            assert 0 <= node.span.start <= len(source)
        else:
            failed = answer(evaluate, node, SCOPE)
            assert not isinstance(failed, EvaluationError) or failed.span is not None
    answer(parse_path, source)


def fuzz_document(document: Any) -> None:
    """A model is checked, and runs if it loads; whatever it is told to do, the step comes to an end."""
    for finding in check(document):
        assert str(finding)
    answer(load_inputs, [document])
    answer(run_model, document)


def run_model(document: Any) -> None:
    model = load_model(document)
    for name in sorted(model.inputs)[:2] or ["none"]:
        snapshot = None
        for number, payload in enumerate(PAYLOADS):
            message = Message(name, payload, f"m{number}")
            evaluation = step(model, snapshot, message, key="k", now_ms=number * 1_000)
            line = write_line(evaluation_document(evaluation))
            snapshot = Snapshot.from_document(json.loads(json.dumps(evaluation.after.to_document())))
            assert line
        assert snapshot is not None
        advance(model, snapshot, key="k", until_ms=400_000)


def fuzz_line(raw: bytes) -> None:
    """A trace of one damaged line and a good one behind it: the good one is evaluated all the same."""
    good = b'{"inputName":"door","payload":{"id":"d","open":true}}'
    results = list(CompiledReplay(DOOR, tells_all=True).read([raw, good]))
    oracle = Replay(InterpretedMachine(DetectorMachine(DOOR.model))).read([raw, good])
    assert list(map(told, results)) == list(map(told, oracle))
    assert any(not isinstance(result, Failure) and result.key == "d" for result in results)


def told(result: Evaluation | Failure) -> str:
    return write_line(result.to_document() if isinstance(result, Failure) else evaluation_document(result))


DOOR_MODEL: Final = load_model(
    {
        "key": "id",
        "detectorModelDefinition": {
            "initialStateName": "s",
            "states": [
                {
                    "stateName": "s",
                    "onInput": {
                        "events": [
                            {
                                "eventName": "e",
                                "condition": "$input.door.open == true || $input.PressureInput.sensorData.pressure > 1",
                                "actions": [
                                    {"setVariable": {"variableName": "n", "value": "$input.door.open"}},
                                    {"setTimer": {"timerName": "t", "seconds": 60}},
                                    {
                                        "iotTopicPublish": {
                                            "mqttTopic": "t",
                                            "payload": {"contentExpression": "$input.door.text", "type": "JSON"},
                                        }
                                    },
                                    {"iotTopicPublish": {"mqttTopic": "$input.door.text"}},
                                ],
                            }
                        ]
                    },
                }
            ],
        },
    }
)
DOOR: Final = Program(DOOR_MODEL)


def fuzz_snapshot(document: Any) -> None:
    if isinstance(document, dict):
        answer(Snapshot.from_document, {"format": 1, "state": "s", **document})


def fuzz_yaml(raw: bytes) -> None:
    read = answer(json_of, raw)
    if isinstance(read, bytes):
        check(read)


DOOR_LINES = st.builds(
    lambda payload: json.dumps({"messageId": "m", "inputName": "door", "payload": payload}).encode(),
    st.dictionaries(st.sampled_from(("id", "open", "text")), JSON | DEEP, max_size=3),
)
KINDS: dict[str, tuple[st.SearchStrategy[Any], Check[Any]]] = {
    "expressions": (EXPRESSIONS, fuzz_expression),
    "random documents": (JSON.map(json.dumps) | DEEP, fuzz_document),
    "mutated models": (mutated(MODELS), fuzz_document),
    "mutated templates": (mutated([TEMPLATE]), fuzz_document),
    "damaged models": (damaged(st.sampled_from([json.dumps(each).encode() for each in MODELS])), fuzz_document),
    "replay lines": (damaged(st.sampled_from(TRACES) | DOOR_LINES) | DOOR_LINES | st.binary(max_size=60), fuzz_line),
    "snapshots": (JSON, fuzz_snapshot),
}
YAML = damaged(st.just(json.dumps(TEMPLATE, indent=1).encode()) | st.sampled_from((b"a: !Sub x\n", b"- &a [*a]\n")))


def run(kind: str, inputs: int) -> None:
    strategy, feed = KINDS[kind]

    @trying(inputs)
    @given(strategy)
    def trial(drawn: Any) -> None:
        with nothing_executed():
            feed(drawn)

    trial()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_our_own_errors(kind: str) -> None:
    run(kind, SHORT)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_our_own_errors_in_the_long_run(kind: str) -> None:
    run(kind, LONG)


@trying(200)
@given(YAML)
def test_yaml_is_read_or_refused(raw: bytes) -> None:
    fuzz_yaml(raw)


def shaken(chance: random.Random) -> str:
    """A model's text with a few characters exchanged."""
    text = list(json.dumps(chance.choice(MODELS)))
    for _ in range(chance.randrange(6)):
        text[chance.randrange(len(text))] = chance.choice("\"'${}[]()`:,.0 9a\\&|=!<>")
    return "".join(text)


def test_memory_does_not_grow() -> None:
    """What three hundred other inputs leave behind is less than one of them."""
    chance = random.Random(1)
    for _ in range(100):
        fuzz_document(shaken(chance))
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(300):
            fuzz_document(shaken(chance))
        gc.collect()
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert grown < 20_000


def test_the_watch_sees_what_it_should() -> None:
    with pytest.raises(AssertionError, match="compile"), nothing_executed():
        compile("1", "x", "eval")
    with pytest.raises(EngineError):
        load_model(b"")
