"""Whatever the model and the messages: the step answers, changes nothing it was given, and says the same again."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coldwatch.engine.evaluation import Outcome
from coldwatch.engine.loader import load_model
from coldwatch.engine.machine import Evaluation, advance, evaluate, expire
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.snapshot import Snapshot, next_due
from tests.unit.engine.builders import document, message

NAMES = ("a", "b")
STATES = ("s0", "s1", "s2")
VALUES = st.sampled_from(
    [
        *("0", "1", "2.5", "'x'", "true", "$variable.a", "$variable.b", "$variable.a + 1", "$variable.a - $variable.b"),
        *(
            "$input.i.x",
            "$input.j.y",
            "$input.i.list[0]",
            "$variable.a / $variable.b",
            "'${$variable.a}'",
            "timeout('a')",
        ),
        *("convert(Decimal, $input.i.x)", "isUndefined($variable.a)", "triggerType('Timer')", "$input.i"),
    ]
)
CONDITIONS = st.one_of(
    st.none(),
    st.sampled_from(
        [
            *("true", "timeout('a')", "timeout('b')", "timeout('a') && timeout('b')", "currentInput('i')", "1"),
            *("triggerType('Message')", "$input.i.x > $variable.a", "$variable.a != $variable.b", "!$input.i.x"),
        ]
    ),
    st.builds(lambda a, b: f"{a} == {b}", VALUES, VALUES),
    st.builds(lambda a, b: f"{a} < {b} || currentInput('j')", VALUES, VALUES),
)
TIMERS = st.sampled_from(NAMES)
ACTIONS = st.one_of(
    st.builds(lambda n, v: {"setVariable": {"variableName": n, "value": v}}, st.sampled_from(NAMES), VALUES),
    st.builds(lambda n, s: {"setTimer": {"timerName": n, "seconds": s}}, TIMERS, st.integers(1, 5)),
    st.builds(lambda n, v: {"setTimer": {"timerName": n, "durationExpression": v}}, TIMERS, VALUES),
    st.builds(lambda n: {"resetTimer": {"timerName": n}}, TIMERS),
    st.builds(lambda n: {"clearTimer": {"timerName": n}}, TIMERS),
    st.builds(lambda v: {"iotTopicPublish": {"mqttTopic": v}}, VALUES),
    st.builds(
        lambda v, t: {"sns": {"targetArn": "arn", "payload": {"contentExpression": v, "type": t}}},
        VALUES,
        st.sampled_from(["STRING", "JSON"]),
    ),
)


def _event(condition: str | None, actions: list[dict[str, Any]]) -> dict[str, Any]:
    return {"eventName": "e", "condition": condition, "actions": actions}


EVENTS = st.lists(st.builds(_event, CONDITIONS, st.lists(ACTIONS, max_size=3)), max_size=3)
TRANSITIONS = st.lists(
    st.builds(
        lambda c, a, n: {**_event(c or "true", a), "nextState": n},
        CONDITIONS,
        st.lists(ACTIONS, max_size=2),
        st.sampled_from(STATES),
    ),
    max_size=2,
)
MODELS = st.builds(
    lambda groups, method: load_model(
        document(
            *(
                {
                    "stateName": name,
                    "onEnter": {"events": enter},
                    "onInput": {"events": events, "transitionEvents": transitions},
                    "onExit": {"events": leave},
                }
                for name, (enter, events, transitions, leave) in zip(STATES, groups, strict=True)
            ),
            method=method,
        )
    ),
    st.lists(st.tuples(EVENTS, EVENTS, TRANSITIONS, EVENTS), min_size=3, max_size=3),
    st.sampled_from(["BATCH", "SERIAL"]),
)
PAYLOADS = st.fixed_dictionaries(
    {},
    optional={
        "x": st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(), st.text(max_size=3)),
        "y": st.sampled_from([0, 1, "7", True]),
        "list": st.lists(st.integers(0, 3), max_size=2),
    },
)
MESSAGES = st.lists(st.tuples(st.sampled_from("ij"), PAYLOADS, st.integers(0, 4_000)), min_size=1, max_size=6)


def stored(snapshot: Snapshot) -> str:
    return json.dumps(snapshot.to_document())


def run(model: DetectorModel, messages: list[tuple[str, dict[str, Any], int]]) -> list[Evaluation]:
    snapshot: Snapshot | None = None
    now_ms = 0
    evaluations: list[Evaluation] = []
    for number, (name, payload, later_ms) in enumerate(messages):
        now_ms += later_ms
        if snapshot is not None:
            evaluations += advance(model, snapshot, key=None, until_ms=now_ms)
            snapshot = evaluations[-1].after
        sent = message(payload, of=name, message_id=str(number))
        before = None if snapshot is None else stored(snapshot)
        evaluations.append(evaluate(model, snapshot, sent, key=None, now_ms=now_ms))
        assert before == (None if snapshot is None else stored(snapshot)), "the step changed what it was given"
        snapshot = evaluations[-1].after
    return evaluations


@given(MODELS, MESSAGES)
def test_the_step_is_total_and_deterministic(model: DetectorModel, messages: list[Any]) -> None:
    first, second = run(model, messages), run(model, messages)

    assert first == second
    for evaluation in first:
        assert evaluation.to_state in STATES
        assert [row.result for row in evaluation.results if row.has_transition].count(Outcome.TRUE) <= 1
        json.dumps([action.to_document() for action in evaluation.actions])


@given(MODELS, MESSAGES)
def test_a_detector_goes_on_from_its_stored_snapshot(model: DetectorModel, messages: list[Any]) -> None:
    for evaluation in run(model, messages):
        assert Snapshot.from_document(json.loads(stored(evaluation.after))) == evaluation.after


@given(MODELS, MESSAGES)
def test_execution_ids_are_never_shared(model: DetectorModel, messages: list[Any]) -> None:
    ids = [action.action_execution_id for evaluation in run(model, messages) for action in evaluation.actions]

    assert len(set(ids)) == len(ids)


@given(MODELS, MESSAGES, st.integers(0, 20_000))
def test_advancing_is_expiring_one_timer_after_another(
    model: DetectorModel, messages: list[Any], further_ms: int
) -> None:
    last = run(model, messages)[-1]
    until_ms = last.time_ms + further_ms

    advanced = advance(model, last.after, key=None, until_ms=until_ms)

    snapshot = last.after
    for evaluation in advanced:
        due = next_due(snapshot)
        assert due == (evaluation.time_ms, evaluation.trigger.timer_name)
        assert evaluation == expire(model, snapshot, str(evaluation.trigger.timer_name), key=None, now_ms=due[0])
        snapshot = evaluation.after
    later = next_due(snapshot)
    assert later is None or later[0] > until_ms


@given(MODELS, MESSAGES)
def test_what_is_forgotten_of_a_message_is_never_missed(model: DetectorModel, messages: list[Any]) -> None:
    """Keeping every payload whole gives the same answers."""
    hoarding = DetectorModel(
        **{**vars(model), "remembered": {name: frozenset(((),)) for name in model.inputs}}  # a path that is all of it
    )

    def told(evaluations: list[Evaluation]) -> list[Any]:
        return [(each.to_state, each.after.variables, each.after.timers, each.actions) for each in evaluations]

    assert told(run(hoarding, messages)) == told(run(model, messages))
