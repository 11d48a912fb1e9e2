"""Compiled and interpreted, a model does the same: every state, variable, timer, action and fault."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from coldwatch.engine import machine
from coldwatch.engine.batch import Batch
from coldwatch.engine.errors import KeyMissingError, Level
from coldwatch.engine.evaluation import Evaluation, Happening, Message
from coldwatch.engine.loader import load_model
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.program import Program
from coldwatch.engine.snapshot import Snapshot
from tests.unit.engine.builders import event, model, set_variable, state
from tests.unit.engine.random_models import Writer, as_bytes

if TYPE_CHECKING:
    from coldwatch.engine.layout import Packed

MODELS = 2_000
TRACES = 10
"""Of each model: 20,000 pairs."""
PARTS = 8
"""The first is run with all tests, the others with the long ones."""


def told(evaluation: Evaluation) -> tuple[Any, ...]:
    after = evaluation.after
    faults = [note for note in evaluation.notes if note.level is not Level.INFO]
    course = (evaluation.time_ms, evaluation.from_state, evaluation.to_state, evaluation.has_transitioned)
    return (*course, typed(after), evaluation.actions, faults)


def typed(snapshot: Snapshot | None) -> Any:
    """1, 1.0 and true are equal to Python, and not to a model."""
    if snapshot is None:
        return None
    variables = {name: (type(value), value) for name, value in snapshot.variables.items()}
    return snapshot.state, variables, dict(snapshot.timers), dict(snapshot.cleared)


def compare(program: Program, trace: list[tuple[str, dict[str, Any], int]], seen: Counter[str]) -> None:
    """Message for message, each side going on from its own detector."""
    ours: Packed | None = None
    theirs: Snapshot | None = None
    model = program.model
    for number, (name, payload, now_ms) in enumerate(trace):
        if theirs is not None and ours is not None:
            fired = machine.advance(model, theirs, key="k", until_ms=now_ms)
            again = list(program.advance(ours, key="k", until_ms=now_ms))
            assert [told(evaluation) for _, evaluation in again] == list(map(told, fired))
            theirs, ours = (fired[-1].after, again[-1][0]) if fired else (theirs, ours)
        message = Message(name, payload, f"m{number}")
        expected = machine.evaluate(model, theirs, message, key="k", now_ms=now_ms)
        after, found = program.step(ours, message, key="k", now_ms=now_ms)
        if found is None:
            assert (expected.has_changed, expected.actions) == (False, ())
            found = program.unchanged(after, expected.trigger, key="k", now_ms=now_ms)
            seen["nothing"] += 1
        assert told(found) == told(expected)
        assert typed(program.layout.unpack(after)) == typed(expected.after)
        seen["interpreted" if found.results else "compiled"] += 1
        theirs, ours = expected.after, after


def compare_batch(program: Program, trace: list[tuple[str, dict[str, Any], int]], size: int) -> None:
    """All messages of one input, of several detectors, in one loop."""
    mine = [(payload, as_bytes(payload)) for name, payload, _ in trace if name == "i"]
    batch = Batch(program, input_name="i")
    lines = [line for _, line in mine]
    found = [each for start in range(0, len(lines), size) for each in batch.feed(lines[start : start + size])]
    snapshots: dict[str | None, Snapshot] = {}
    expected: list[Happening] = []
    unreadable: list[int] = []
    for number, (_, line) in enumerate(mine):
        message = Message("i", json.loads(line), str(number))
        try:
            key = machine.key_value(program.model, message)
        except KeyMissingError:
            unreadable.append(number)
            continue
        now_ms = message.payload.get("timestamp")
        if type(now_ms) is not int:
            unreadable.append(number)
            continue
        expected += interpreted(program.model, snapshots, message, key, now_ms)
    assert [number for number, _ in batch.unreadable] == unreadable
    assert found == expected
    assert set(batch.keys) <= snapshots.keys()
    for key, snapshot in snapshots.items():
        assert typed(batch.snapshot(key)) == typed(snapshot)


def interpreted(
    model: DetectorModel, snapshots: dict[str | None, Snapshot], message: Message, key: str | None, now_ms: int
) -> list[Happening]:
    evaluations: list[Evaluation] = []
    if key in snapshots:
        evaluations += machine.advance(model, snapshots[key], key=key, until_ms=now_ms)
        snapshots[key] = evaluations[-1].after if evaluations else snapshots[key]
    evaluations.append(machine.evaluate(model, snapshots.get(key), message, key=key, now_ms=now_ms))
    snapshots[key] = evaluations[-1].after
    return [
        Happening(each.key, each.time_ms, each.from_state, each.to_state, each.actions, each.has_transitioned)
        for each in evaluations
        if each.has_transitioned or each.actions
    ]


def check(seed: int, seen: Counter[str]) -> None:
    writer = Writer(seed)
    program = Program(load_model(writer.model()))
    for number in range(TRACES):
        if number % 3 == 2 and "i" in program.layout.inputs:
            compare_batch(program, writer.trace(("k", "l", "m"), 12), size=5)
        else:
            trace = [each for each in writer.trace(("k",), 8) if each[0] in program.model.inputs]
            compare(program, trace, seen)
    seen["pairs"] += TRACES


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, PARTS))])
def test_compiled_and_interpreted_agree(part: int, figures: list[str]) -> None:
    """Each seed is a model and ten traces; one that fails is run again by `check(seed, Counter())`."""
    seen: Counter[str] = Counter()

    for seed in range(part, MODELS, PARTS):
        try:
            check(seed, seen)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error

    assert seen["pairs"] == MODELS * TRACES // PARTS
    assert seen["compiled"] > seen["interpreted"], "else it is the interpreter that is compared with itself"
    figures.append(
        f"part {part + 1} of {PARTS}: {seen['pairs']:,} random models and traces, 0 differences; compiled code took"
        f" {seen['compiled']:,} messages, {seen['interpreted']:,} were the interpreter's"
    )


ODD: tuple[Any, ...] = (True, False, 0, 1, 2.5, "a", "1", None, [], {}, 1 << 70)
PLACES = ("$input.i.x", "$input.i.list[0]", "$variable.v", "true", "'a'", "startsWith($input.i.x, 'a')")


@pytest.mark.parametrize(
    "asked", ["({}) - 1 == 0", "({}) * 2 > 1", "-({} - 0) != 1", "~({}) < 0", "({}) + 1 == 2", "!({})"]
)
@pytest.mark.parametrize("place", PLACES)
def test_what_python_would_compute_with_and_a_model_does_not_is_refused_alike(asked: str, place: str) -> None:
    """A value of every kind wherever a number may stand: a truth is none, whatever Python says."""
    remembers = event("r", "$input.i.is_value == true", set_variable("v", "$input.i.x"))
    asks = event("e", asked.format(place), set_variable("found", "1"), to="s")
    mixes = event("m", "$input.i.x != 'a' && $input.i.x != 1")
    program = Program(model(state("s", [remembers, mixes, asks])))

    for value in ODD:
        payload = {"x": value, "list": [value], "is_value": isinstance(value, bool | float | str)}
        compare(program, [("i", payload, 0), ("i", payload, 0)], Counter())
