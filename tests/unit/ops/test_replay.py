"""`coldwatch replay` in compiled code writes, to the letter, what the interpreter's replay writes."""

import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.fleet import Fleet
from benchmarks.fleet import lines as fleet_lines
from coldwatch.engine.evaluation import Evaluation
from coldwatch.engine.inputs import Input
from coldwatch.engine.loader import load_model
from coldwatch.engine.machines import DetectorMachine
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.program import Program
from coldwatch_ops.detectors.commands import written
from coldwatch_ops.detectors.compiled_replay import CompiledReplay
from coldwatch_ops.detectors.machines import InterpretedMachine
from coldwatch_ops.detectors.repeats import Repeats
from coldwatch_ops.detectors.replay import Failure, Replay
from coldwatch_ops.detectors.trace import Entry
from tests.unit.engine.builders import event, model, set_timer, set_variable, state
from tests.unit.engine.random_models import Writer

ROOT = Path(__file__).resolve().parents[3]
CONFORMANCE = ROOT / "tests" / "conformance"
CASES = [
    (path.stem, case)
    for path in sorted((CONFORMANCE / "traces").glob("*.json"))
    for case in json.loads(path.read_text())
]
BENCHMARKS = ("sustained", "timers", "wide")
SEEDS = 160
PARTS = 4
"""The first is run with all tests, the others with the long ones."""


class Counting(CompiledReplay):
    """Knows how many lines were no plain messages to it."""

    entered = 0

    def enter(self, entry: Entry) -> Iterator[Evaluation | Failure]:
        self.entered += 1
        return super().enter(entry)


def both(
    model: DetectorModel, trace: Iterable[bytes], *, tells_all: bool, until_ms: int | None = None
) -> tuple[list[str], list[str]]:
    """What compiled code and the interpreter write, and what they say beside it."""
    lines, found = list(trace), []
    for replay in (
        CompiledReplay(Program(model), tells_all=tells_all),
        Replay(InterpretedMachine(DetectorMachine(model))),
    ):
        said: list[str] = []
        told = list(written(replay, nullcontext(lines), tells_all=tells_all, until_ms=until_ms, say=said.append))
        found.append(told + said)
    compiled, interpreted = found
    return compiled, interpreted


def random_lines(writer: Writer) -> list[bytes]:
    """Messages of several detectors; some come again, some have no id, no time or no sense."""
    random, lines = writer.random, list[bytes]()
    for number, (name, payload, now_ms) in enumerate(writer.trace(("k", "l", "möwe", "m"), 40)):
        entry: dict[str, Any] = {"messageId": f"m{number}", "inputName": name, "payload": payload}
        entry["timestamp"] = {"timeInMillis": now_ms}
        match random.randrange(24):
            case 0:
                entry["messageId"] = random.choice((None, "", 7, f"m{number - 1}", f"m{number - 3}"))
            case 1:
                entry["timestamp"] = random.choice((None, {}, {"timeInMillis": 1.0}, {"timeInMillis": now_ms - 5_000}))
            case 2:
                entry["inputName"] = random.choice(("nobody", "", None, "j"))
            case 3:
                entry["payload"] = random.choice((None, [], {}, {"id": 7, "x": 3}, {"id": ""}, {"id": "x" * 1_025}))
            case 4:
                entry["advanceTo"] = random.choice((now_ms + 2_000, None, "soon"))
            case 5:
                entry["customerAction"] = {"actionName": "RESET"}
            case _:
                pass
        text = json.dumps(entry, ensure_ascii=random.random() < 0.5).encode()
        lines += random.choice(((text,), (text,), (text,), (text, text), (b"\n", text), (b"\xef\xbb\xbf" + text,)))
        if random.random() < 0.05:
            lines.append(random.choice((b"{", b'{"payload":{"x":"\xff"}}', b"[]", text[:-3], b'{"advanceTo":1}')))
    return lines


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, PARTS))])
def test_random_models_do_the_same(part: int) -> None:
    written_lines = 0
    for seed in range(part, SEEDS, PARTS):
        writer = Writer(seed)
        model = load_model(writer.model())

        compiled, interpreted = both(model, random_lines(writer), tells_all=seed % 2 == 0, until_ms=2_000_000)

        assert compiled == interpreted, f"seed {seed}"
        written_lines += len(compiled)
    assert written_lines > 10 * SEEDS // PARTS


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda value: value if isinstance(value, str) else value["about"])
def test_conformance_traces_do_the_same(name: str, case: dict[str, Any]) -> None:
    document = json.loads((CONFORMANCE / "models" / f"{name}.json").read_text()) | case.get("change", {})
    lines = [(entry if isinstance(entry, str) else json.dumps(entry)).encode() for entry in case["messages"]]

    compiled, interpreted = both(load_model(document, name=name), lines, tells_all=True, until_ms=case.get("until"))

    assert compiled == interpreted


def fleet_trace(devices: int) -> list[bytes]:
    found = []
    for number, line in enumerate(fleet_lines(Fleet(devices))):
        payload = json.loads(line)
        stamp = {"timeInMillis": payload["timestamp"]}
        entry = {"messageId": f"m{number}", "inputName": "telemetry", "payload": payload, "timestamp": stamp}
        found.append(json.dumps(entry).encode() + b"\n")
    return found


@pytest.mark.parametrize("tells_all", [False, True])
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_fleet_does_the_same(name: str, tells_all: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    model = load_model((ROOT / "benchmarks" / "models" / f"{name}.json").read_bytes())

    compiled, interpreted = both(model, fleet_trace(40), tells_all=tells_all)

    assert compiled == interpreted
    assert len(compiled) >= (4_000 if tells_all else 60)


def counter(*actions: Any) -> Program:
    return Program(model(state("s", [event("e", "$input.i.x > 1", *actions, to="s")]), key="id"))


def message(number: int, **payload: Any) -> bytes:
    stamp = {"timeInMillis": number}
    entry = {"messageId": f"m{number}", "inputName": "i", "payload": {"id": "k", **payload}, "timestamp": stamp}
    return json.dumps(entry).encode()


def test_plain_messages_are_not_read_as_other_entries_are() -> None:
    replay = Counting(counter())
    other = [b'{"advanceTo":9}', b'{"inputName":"i","payload":{"id":1,"x":2}}', b'{"payload":{"id":"k","x":2}}']

    results = list(replay.read([message(1, x=2), message(2, x=0), message(3, x=5, unread=[{}]), *other]))

    assert replay.entered == len(other)
    assert [each.time_ms for each in results] == [1, 3, 9, 9]


def test_a_message_that_changes_nothing_leaves_the_same_detector_and_tells_nothing() -> None:
    replay = CompiledReplay(counter())
    list(replay.read([message(1, x=2)]))
    before = replay.detectors["k"]

    assert list(replay.read([message(2, x=0), message(3, x=1)])) == []
    assert replay.detectors["k"] is before


def test_only_inputs_that_are_declared_are_taken() -> None:
    inputs = {"other": Input("other", frozenset())}

    (found,) = CompiledReplay(counter(), inputs).read([message(1, x=2)])

    assert isinstance(found, Failure)
    assert found.reason == "Input of name: i not found"


def test_a_number_that_fits_nowhere_goes_unnoticed_where_no_expression_reads_it() -> None:
    lines = [message(1, x=2, unread=0).replace(b'"unread": 0', b'"unread": 1e999')]
    model = counter().model

    assert [type(each) for each in CompiledReplay(Program(model)).read(lines)] == [Evaluation]
    assert [type(each) for each in Replay(InterpretedMachine(DetectorMachine(model))).read(lines)] == [Failure]


def test_such_a_message_fails_where_the_interpreter_has_to_take_it() -> None:
    runs = counter(set_variable("v", "$input.i.x / $input.i.y"))
    lines = [message(1, x=2, y=0, unread=0).replace(b'"unread": 0', b'"unread": 1e999')]

    (found,) = CompiledReplay(runs).read(lines)

    assert isinstance(found, Failure)
    assert found.reason.startswith("not JSON: ")


def test_timers_of_several_detectors_fire_between_messages_in_order() -> None:
    starts = event("starts", "currentInput('i')", set_timer("t", 1))
    replay = CompiledReplay(Program(model(state("s", [starts]), key="id")))

    results = list(replay.read([message(1, id="b"), message(2, id="a"), message(3, id="b"), message(5_000, id="c")]))

    told = [(each.time_ms, each.key) for each in results if isinstance(each, Evaluation) and each.trigger.timer_name]
    assert told == [(1_002, "a"), (1_003, "b")]


def test_an_id_is_known_for_less_than_its_time_and_not_longer() -> None:
    repeats = Repeats(300_000)

    assert not repeats.is_repeat("m", 10)
    assert repeats.is_repeat("m", 300_009)
    assert not repeats.is_repeat("m", 300_010)


@pytest.mark.parametrize("seed", range(5))
def test_ids_are_remembered_to_the_millisecond(seed: int) -> None:
    random, repeats, now_ms = Random(seed), Repeats(300_000), 0
    came: dict[str, int] = {}
    for _ in range(4_000):
        now_ms += random.choice((0, 1, 37, 900, 59_999, 60_000)) if random.random() < 0.5 else 0
        identity = str(random.randrange(600))
        is_known = identity in came and now_ms - came[identity] < 300_000

        assert repeats.is_repeat(identity, now_ms) is is_known
        came[identity] = came[identity] if is_known else now_ms


def test_no_more_ids_are_kept_than_came_within_the_time() -> None:
    repeats = Repeats(300_000)
    for now_ms in range(0, 3_000_000, 100):
        repeats.is_repeat(f"m{now_ms}", now_ms)
        assert len(repeats) <= 3_000
