"""What a compiled model is like: its source, its faults, and messages that do not fit."""

import io
import keyword
import os
import re
import subprocess
import sys
import tokenize
from typing import Any

import msgspec
import pytest

from coldwatch.adapters.detector_files import load_detectors
from coldwatch.engine.batch import Batch
from coldwatch.engine.evaluation import Message
from coldwatch.engine.expression_code import DEEPEST, NAMES
from coldwatch.engine.loader import load_model
from coldwatch.engine.program import Program
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.engine.source import MOST_LINES
from tests.unit.detection.builders import detector_model
from tests.unit.engine.builders import event, model, publish, set_timer, set_variable, state
from tests.unit.engine.random_models import Writer, as_bytes

HOSTILE = "'); import os; os.system('true') #\n\"\"\"\\"
NUMBERED = re.compile(r"[efhknrtvx]\d+|(evaluate|feed)_\d+")
OWN = {
    *NAMES,
    *(
        "a",
        "d",
        "decode",
        "evaluate",
        "expire",
        "act",
        "trigger",
        "happened",
        "Happening",
        "Irregular",
        "BLANK",
        "states",
    ),
    *("key", "now", "m", "s", "i", "k", "x", "_", "get", "find", "fits", "soonest", "whole_seconds", "line", "lines"),
    *("create", "advance", "interpret", "irregular", "len", "tuple", "None", "True", "False"),
}


def line(**members: Any) -> bytes:
    return as_bytes({"id": "k", "timestamp": 0, **members})


def rising(*actions: Any, value: str = "$input.i.x + 1") -> Program:
    rises = event("rises", "$input.i.x > 1", set_variable("v", value), *actions, to="high")
    falls = event("falls", "$input.i.x <= 1", to="low")
    return Program(model(state("low", [rises]), state("high", [falls]), key="id"))


def words(source: str) -> set[str]:
    """All names in the source, but for numbered ones and keywords."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    assert not [each for each in tokens if each.type == tokenize.STRING], "a text would be a constant"
    names = {each.string for each in tokens if each.type == tokenize.NAME} - set(keyword.kwlist)
    return {each for each in names if not NUMBERED.fullmatch(each)}


@pytest.mark.parametrize("seed", range(40))
def test_no_name_of_a_model_is_a_name_in_its_source(seed: int) -> None:
    assert words(Program(load_model(Writer(seed).model())).source) <= OWN


def test_hostile_names_and_texts_stay_data() -> None:
    odd = "`two words; import os`"
    runs = Program(
        model(
            state(HOSTILE, [event(HOSTILE, f"$input.i.{odd} == 'x) #'", publish("t"), to="s")]),
            state("s", [event("e", '"\\" or __import__(\'os\')" == $input.i.name', set_variable("v", "'__class__'"))]),
        )
    )

    assert words(runs.source) <= OWN
    assert "import os;" not in runs.source.replace(ascii(HOSTILE)[1:-1], "")
    assert all(each.lstrip().startswith("#") for each in runs.source.splitlines() if "system" in each)


def test_the_same_model_gives_the_same_source_in_every_process() -> None:
    program = (
        "from coldwatch.adapters.detector_files import load_detectors\n"
        "from coldwatch.engine.program import Program\n"
        "print(*(Program(each).source for each in load_detectors().models.values()))"
    )

    sources = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }

    assert len(sources) == 1


@pytest.mark.parametrize("name", load_detectors().models)
def test_our_own_detectors_are_compiled_whole(name: str) -> None:
    assert "left to the interpreter" not in Program(detector_model(load_detectors().models[name])).source


def test_a_message_that_changes_nothing_leaves_the_same_detector() -> None:
    batch = Batch(rising())

    batch.feed([line(x=2)])
    before = batch._states["k"]
    assert batch.feed([line(x=3), line(x=2.5), line(id="other", x=0)]) == []

    assert batch._states["k"] is before
    assert (batch.slow, batch.keys) == (0, ["k"]), "a detector that nothing happened to takes no memory"


def test_what_happens_is_told_with_its_time_and_actions() -> None:
    batch = Batch(rising(publish("t")))

    told = batch.feed([line(x=0), line(x=2, timestamp=5), line(x=0, timestamp=9)])

    assert [(each.key, each.time_ms, each.from_state, each.to_state) for each in told] == [
        ("k", 5, "low", "high"),
        ("k", 9, "high", "low"),
    ]
    assert [[action.type for action in each.actions] for each in told] == [["iotTopicPublish"], []]
    assert told[0].actions[0].payload["payload"]["eventTriggerDetails"]["messageId"] == "1"
    assert batch.slow == 0


def test_a_fault_is_told_with_the_models_own_place_and_harms_only_its_message() -> None:
    batch = Batch(rising(value="$input.i.name + true"))

    told = batch.feed([line(x=0), line(x=2, name="n"), line(x=0), line(x=3)])

    assert [each.to_state for each in told] == ["high", "low", "high"]
    places = {place for place, _ in batch.faults}
    assert places == {"states[0].onInput.transitionEvents[0].actions[0]"}
    assert batch.slow == 2


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{", "the message is not JSON"),
        (b"\xff", "the message is not JSON"),
        (b"[" * 100_000, "the message is not JSON"),
        (b'{"id": "k", "timestamp": 1, "x": 2, "unread": ' + b"[" * 100_000, "the message is not JSON"),
        (b'{"id": "\xff", "timestamp": 1, "x": 2}', "the message is not JSON"),
        (b"[]", "the message is not a JSON object"),
        (b'{"timestamp": 1, "x": 1}', "the message has no `id`"),
        (b'{"id": "", "timestamp": 1}', "the message has no `id`"),
        (b'{"id": "k", "x": 1}', "the message has no `timestamp`"),
        (b'{"id": "k", "timestamp": 1.5}', "the message has no `timestamp`"),
        (as_bytes({"id": "k" * 2_000, "timestamp": 1}), "`id` names the detector, but is longer"),
    ],
)
def test_a_message_that_no_detector_can_take_is_told_and_harms_only_itself(payload: bytes, reason: str) -> None:
    batch = Batch(rising())

    batch.feed([line(x=0)])
    told = batch.feed([payload, line(x=2)])

    assert [each.to_state for each in told] == ["high"]
    ((number, why),) = batch.unreadable
    assert (number, batch.keys) == (1, ["k"])
    assert why.startswith(reason)


def test_a_value_of_another_kind_is_the_interpreters() -> None:
    batch = Batch(rising())

    told = batch.feed([line(x="2"), line(x=None), line(x=True), line(x=1 << 80), line(x=0)])

    assert [(each.from_state, each.to_state) for each in told] == [("low", "high"), ("high", "low")]
    assert batch.slow == 4


@pytest.mark.parametrize("asks", ["$input.i.id == 5", "$input.i.timestamp == '5'", "$input.i.timestamp == true"])
def test_a_key_or_time_that_is_compared_with_another_type_fails_its_condition(asks: str) -> None:
    fails = event("e", f"{asks} || $input.i.x > 1", to="high")
    batch = Batch(Program(model(state("low", [fails]), state("high"), key="id")))

    assert batch.feed([line(x=2, timestamp=5)]) == []
    assert [place for place, _ in batch.faults] == ["states[0].onInput.transitionEvents[0].condition"]


def test_a_model_that_would_come_to_endless_code_is_compiled_as_far_as_it_goes() -> None:
    names = [f"s{number}" for number in range(30)]
    enter = [event("e", "$input.i.x > 5", set_variable("v", "1")) for _ in range(30)]
    runs = Program(
        model(*(state(each, [event("e", "$input.i.x > 1", to=to) for to in names], enter=enter) for each in names))
    )

    assert len(runs.source.splitlines()) < MOST_LINES + 10 * len(names)
    for name, has_results in (("s0", False), ("s29", True)):
        before = runs.layout.pack(Snapshot(name, {}, {}, {}))
        _, told = runs.step(before, Message("i", {"x": 2}, "m"), key=None, now_ms=0)
        assert told is not None
        assert told.to_state == "s0"
        assert bool(told.results) is has_results, "the results of single conditions are the interpreter's alone"


def test_timers_fire_before_the_message_and_at_the_end() -> None:
    beats = event("beat", "$input.i.x > 0", set_timer("t", 5))
    silent = event("silent", "timeout('t')", publish("silent"), to="silent")
    batch = Batch(Program(model(state("s", [beats, silent]), state("silent"), key="id")))

    told = batch.feed([line(x=1), line(x=0, timestamp=5_000), line(x=1, id="late", timestamp=6_000)])
    assert [(each.key, each.time_ms, each.to_state) for each in told] == [("k", 5_000, "silent")]

    assert batch.finish(10_999) == []
    assert [(each.key, each.time_ms) for each in batch.finish(11_000)] == [("late", 11_000)]


def test_times_may_come_beside_the_messages() -> None:
    batch = Batch(rising(), time=None)

    told = batch.feed([b'{"id":"k","x":0}', b'{"id":"k","x":2}'], [10, 20])

    assert [each.time_ms for each in told] == [20]


def test_an_input_that_is_read_as_a_whole_is_the_interpreters() -> None:
    batch = Batch(Program(model(state("s", [event("e", "isUndefined($input.i)", to="s")]), key="id")))

    assert batch.feed([line(x=1)]) == []
    assert (batch.slow, batch.keys) == (1, ["k"])


@pytest.mark.parametrize(
    "snapshot",
    [
        Snapshot("gone", {}, {}, {}),
        Snapshot("low", {"v": "text"}, {}, {}),
        Snapshot("low", {"other": 1}, {}, {}),
        Snapshot("low", {}, {"other": Timer(1, 1)}, {}),
        Snapshot("low", {}, {}, {"i": {"x": 1}}),
    ],
)
def test_a_detector_of_another_model_is_the_interpreters(snapshot: Snapshot) -> None:
    runs = rising()

    assert runs.layout.unpack(runs.layout.pack(snapshot)) == snapshot
    _, evaluation = runs.step(runs.layout.pack(snapshot), Message("i", {"id": "k", "x": 2}, "m"), key="k", now_ms=1)

    assert evaluation is not None
    assert evaluation.before is snapshot


def test_a_message_that_changes_nothing_gives_the_same_tuple_and_no_evaluation() -> None:
    runs = rising()
    packed, created = runs.step(None, Message("i", {"id": "k", "x": 2}, "m1"), key="k", now_ms=1)

    after, told = runs.step(packed, Message("i", {"id": "k", "x": 3}, "m2"), key="k", now_ms=2)

    assert created is not None
    assert (created.before, created.to_state) == (None, "high")
    assert after is packed
    assert told is None


def test_a_transition_back_into_the_same_state_is_told_though_the_tuple_is_the_same() -> None:
    """Without variables and timers a state's tuple is a constant of the code."""
    runs = Program(model(state("s", [event("again", "$input.i.x > 1", to="s")]), key="id"))
    packed, _ = runs.step(None, Message("i", {"id": "k", "x": 2}, "m1"), key="k", now_ms=1)

    after, told = runs.step(packed, Message("i", {"id": "k", "x": 2}, "m2"), key="k", now_ms=2)

    assert after == packed
    assert told is not None
    assert told.has_transitioned


def test_a_message_that_fails_on_entering_leaves_nothing_behind() -> None:
    """The interpreter begins anew from no detector, not from one that compiled code has half created."""
    enters = [event("begin", None, set_variable("n", "1"))]
    halts = event("halts", "$input.i.x > 1", set_variable("n", "$variable.n + $input.i.missing"))
    runs = Program(model(state("s", [halts], enter=enters), key="id"))

    packed, told = runs.step(None, Message("i", {"id": "k", "x": 2}, "m"), key="k", now_ms=1)

    assert told is not None
    assert told.before is None
    assert [note.path for note in told.notes] == ["states[0].onInput.events[0].actions[0]"]
    assert runs.layout.unpack(packed).variables == {"n": 1}


def test_timers_fire_in_the_order_of_their_time_and_each_is_told() -> None:
    starts = event("starts", "currentInput('i')", set_timer("b", 2), set_timer("a", 2), set_timer("c", 1))
    asks = event("asks", "timeout('c')", set_variable("rung", "1"))
    runs = Program(model(state("s", [starts, asks]), key="id"))
    packed, _ = runs.step(None, Message("i", {"id": "k"}, "m"), key="k", now_ms=0)

    fired = [told for _, told in runs.advance(packed, key="k", until_ms=2_000)]

    assert runs.layout.pending(packed) == {"a": 2_000, "b": 2_000, "c": 1_000}
    assert [(each.time_ms, each.trigger.timer_name) for each in fired] == [(1_000, "c"), (2_000, "a"), (2_000, "b")]
    assert fired[-1].after.variables == {"rung": 1}


def test_deep_expressions_are_left_to_the_interpreter() -> None:
    deep = "(" * 5 + "!" * (2 * DEEPEST) + "($input.i.x > 1)" + ")" * 5
    runs = Program(model(state("s", [event("e", deep, to="s")]), key="id"))

    assert "left to the interpreter" in runs.source
    assert [each.to_state for each in Batch(runs).feed([line(x=2)])] == ["s"]


def test_members_that_no_expression_reads_are_not_decoded() -> None:
    _, struct = rising().feed("i", ("timestamp",))

    assert sorted(msgspec.structs.fields(struct)[number].encode_name for number in range(3)) == ["id", "timestamp", "x"]
