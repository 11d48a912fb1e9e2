"""The parts of a backtest: rows, order, calm states, firings, and that the fast way finds what the stream finds."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.engine.loader import load_model
from coldwatch.profiles.deployment import Clock
from coldwatch.reports.sentences import two_units
from coldwatch_ops.backtest.candidates import Candidate, clock_of, is_joined
from coldwatch_ops.backtest.evaluating import CandidateRun, Happening
from coldwatch_ops.backtest.firings import Firings, calm_states
from coldwatch_ops.backtest.messages import device_type, incoming, time_of
from coldwatch_ops.backtest.progress import shown
from coldwatch_ops.backtest.rows import FaultyRowError, Form, Row, cell, epoch_ms, read_canonical, read_row
from coldwatch_ops.backtest.running import Backtest, Plan
from coldwatch_ops.backtest.sources import find_sources
from coldwatch_ops.backtest.spool import merged, spool, without_repeats
from coldwatch_ops.backtest.work import out_of_order
from coldwatch_ops.errors import FailedError

ROOT = Path(__file__).resolve().parents[3]
MODELS = sorted((ROOT / "detectors" / "models").glob("*.json"))
T0 = 1_767_225_600_000
FORM = Form(is_joined=True, input_name=None, key_path=("device_id",), owner_path=("device_id",))
SNS = {"sns": {"targetArn": "arn:t"}}


def candidate(path: Path) -> Candidate:
    model = load_model(path.read_bytes())
    content = path.read_bytes()
    return Candidate(0, model.name, content, None, model.name, clock_of(model.name), None, None, is_joined=True)


def row(members: dict[str, Any], line: int = 1) -> Row:
    return read_row({"device_id": "acme-fridge-1", "timestamp": T0, **members}, FORM, (0, line))


def model(*states: dict[str, Any]) -> Any:
    definition = {"initialStateName": states[0]["stateName"], "states": list(states)}
    return load_model({"detectorModelName": "m", "key": "id", "detectorModelDefinition": definition})


def state(name: str, *leads: tuple[str, bool], enters: bool = False, acts: bool = False) -> dict[str, Any]:
    """`leads` are next states, each with whether going there acts."""

    def event(name: str, *, does: bool, **others: Any) -> dict[str, Any]:
        return {"eventName": name, "condition": f"$input.i.{name}", "actions": [SNS] if does else [], **others}

    to = [event(f"to_{target}", does=does, nextState=target) for target, does in leads]
    inside = [event("always", does=True)] if acts else []
    return {
        "stateName": name,
        "onEnter": {"events": [event("entered", does=True)] if enters else []},
        "onInput": {"events": inside, "transitionEvents": to},
    }


@pytest.mark.parametrize(
    ("states", "calm"),
    [
        (
            (state("ok", ("pending", False)), state("pending", ("bad", True)), state("bad", ("ok", True))),
            {"ok", "pending"},
        ),
        (
            (state("start", ("ok", False)), state("ok", ("bad", False)), state("bad", ("ok", False), enters=True)),
            {"start", "ok"},
        ),
        ((state("ok", ("bad", False)), state("bad", ("ok", False), acts=True)), {"ok"}),
        ((state("ok", ("ok", True), acts=True),), {"ok"}),
    ],
    ids=["acts on the way", "acts on entering", "acts while there", "the initial state is calm whatever it does"],
)
def test_calm_is_where_a_detector_can_be_before_it_has_acted(
    states: tuple[dict[str, Any], ...], calm: set[str]
) -> None:
    assert calm_states(model(*states)) == calm


def happening(time_ms: int, to_state: str, *actions: str, key: str = "a") -> Happening:
    return Happening(key, time_ms, "?", to_state, actions)


def firings(*happenings: Happening) -> list[tuple[str | None, int, int | None, int]]:
    found = Firings(0, model(state("ok", ("bad", True), ("ok", False)), state("bad", ("ok", True), ("bad", True))))
    found.add(happenings)
    return [
        (each.key, each.fired_at, each.ended_at, each.actions)
        for each in sorted(found.all(), key=lambda each: each.order)
    ]


def test_a_firing_lasts_until_calm_and_counts_what_was_told_meanwhile_but_not_the_all_clear() -> None:
    assert firings(
        happening(1, "bad", "opened"), happening(5, "bad", "again", "and again"), happening(9, "ok", "over")
    ) == [("a", 1, 9, 3)]


def test_firings_of_detectors_do_not_mix_and_may_have_no_end() -> None:
    assert firings(happening(1, "bad", "x"), happening(2, "bad", "x", key="b"), happening(3, "ok")) == [
        ("a", 1, 3, 1),
        ("b", 2, None, 1),
    ]


def test_an_action_of_a_calm_state_is_a_firing_of_a_moment() -> None:
    assert firings(happening(1, "ok", "passed on"), happening(2, "ok")) == [("a", 1, 1, 1)]


READINGS = st.fixed_dictionaries(
    {"temp_c": st.sampled_from([-1.0, 4.0, 7.9, 8.0, 8.1, 12.0]), "battery_pct": st.sampled_from([5.0, 90.0])},
    optional={"probe": st.sampled_from(["OK", "HI", "LO", "LOST"]), "shock_g": st.sampled_from([0.1, 40.0])},
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 900), READINGS), min_size=1, max_size=40),
    st.sampled_from([path for path in MODELS if path.stem != "sensor_range"]),
)
def test_readings_in_order_come_to_the_same_in_the_fast_way_as_on_the_stream(
    steps: list[tuple[int, dict[str, Any]]], path: Path
) -> None:
    tried = candidate(path)
    at_ms, rows = T0, []
    for number, (seconds, members) in enumerate(steps):
        at_ms += seconds * 1000
        rows.append(row({**members, "timestamp": at_ms}, number))

    assert not out_of_order(rows)
    found = []
    for careful in (frozenset[str](), frozenset({"acme-fridge-1"})):
        run = CandidateRun(tried, careful)
        found.append(([*run.feed(rows), *run.finish(at_ms + 86_400_000)], run.told))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"timestamp": T0 + 1, "received_at": T0 + 5}, {"timestamp": T0, "received_at": T0 + 6}),
        ({"timestamp": T0, "received_at": T0 + 5}, {"timestamp": T0, "received_at": T0 + 9}),
        ({"timestamp": T0 + 9, "received_at": T0 + 5}, {}),
    ],
    ids=["older than one before", "twice", "from the future"],
)
def test_whatever_only_the_stream_knows_how_to_take_is_found_out_of_order(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    assert out_of_order([row(first), row(second)]) == {"acme-fridge-1"}


def test_the_time_of_an_evaluation_is_that_of_the_candidates_clock_and_never_after_the_arrival() -> None:
    usual, ahead, unknown = row({"received_at": T0 + 5}), row({"timestamp": T0 + 9, "received_at": T0 + 5}), row({})

    assert [time_of(each, Clock.EVENT) for each in (usual, ahead, unknown)] == [T0, T0 + 5, T0]
    assert [time_of(each, Clock.WALL) for each in (usual, ahead, unknown)] == [T0 + 5, T0 + 5, T0]


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
@pytest.mark.parametrize("sensor_type", [None, "temperature", "vibration"])
def test_a_joined_reading_says_the_same_as_text(path: Path, sensor_type: str | None) -> None:
    """Vibration has no limits in any profile."""
    measured = {"temp_c": 4.5} if sensor_type is None else {"sensor_type": sensor_type, "value": 1.5}
    message = incoming(row({**measured, "device_id": "a:b"}), candidate(path))

    assert msgspec.json.decode(message.encoded) == message.payload


@given(
    st.fixed_dictionaries(
        {
            "device_id": st.sampled_from(["a", "a:b", "", 7, "ä"]),
            "timestamp": st.sampled_from([T0, T0 / 1000, "x", "2026-01-01"]),
        },
        optional={
            "temp_c": st.sampled_from([4, 4.5, None, "4", 1e9]),
            "sensor_type": st.sampled_from(["temperature", "colour"]),
            "received_at": st.sampled_from([T0 + 5, None, "2026-01-01"]),
            "location": st.sampled_from([{"lat": 1.0, "lon": 2.0}, 5]),
            "metadata": st.sampled_from([{"a": 1}, "{}"]),
            "profile": st.just({"high_c": 1}),
        },
    )
)
def test_the_short_way_reads_what_the_long_way_reads_or_leaves_it(members: dict[str, Any]) -> None:
    short = read_canonical(json.dumps(members).encode(), (0, 1))

    try:
        assert short in {None, read_row(members, FORM, (0, 1))}
    except FaultyRowError:
        assert short is None


def test_runs_of_many_blocks_come_out_in_order_without_all_being_open_at_once(tmp_path: Path) -> None:
    rows = [row({"timestamp": T0 + number * 7919 % 450, "seq": number}, number) for number in range(450)]

    paths = [path for number, each in enumerate(rows) for _, path in spool([each], tmp_path, str(number), 1)]

    assert len(paths) == 450
    for _ in range(2):
        assert list(merged(paths)) == sorted(rows, key=lambda each: (each.order, each.file, each.line))


def test_the_devices_of_a_part_are_the_same_whatever_their_block(tmp_path: Path) -> None:
    rows = [row({"device_id": f"d{number % 10}"}, number) for number in range(100)]

    parts: dict[int, set[str]] = {}
    for number in range(0, 100, 10):
        for part, path in spool(rows[number : number + 10], tmp_path, str(number), 3):
            parts.setdefault(part, set()).update(each.owner for each in merged([path]))

    assert sorted(owner for owners in parts.values() for owner in owners) == [f"d{number}" for number in range(10)]


def test_where_readings_cannot_be_put_aside_that_is_said_with_what_helps(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps({"device_id": "a", "timestamp": T0, "temp_c": 4.0}))
    plan = Plan((candidate(MODELS[0]),), tuple(find_sources(str(tmp_path / "t.jsonl"), no_bucket)), FORM, 1)

    with (
        shown(1, is_wanted=False) as steps,
        pytest.raises(FailedError, match=r"room for them in .*TMPDIR"),
    ):
        Backtest(plan, tmp_path / "gone" / "coldwatch-x", steps, print).run(no_bucket)


def no_bucket() -> Any:
    raise AssertionError("not asked for")


def test_a_reading_counts_once_however_often_it_is_there() -> None:
    again = row({"seq": 1}, 9)
    rows = [row({"seq": 1}, 1), row({"seq": 2}, 2), again]

    assert [each.line for each in without_repeats(rows)] == [1, 2]


@pytest.mark.parametrize(
    ("said", "at_ms"),
    [
        (T0, T0),
        (str(T0), T0),
        (T0 / 1000, T0),
        ("2026-01-01T00:00:00Z", T0),
        ("2026-01-01 01:00:00+01:00", T0),
        ("2026-01-01", T0),
        (datetime(2026, 1, 1, tzinfo=UTC), T0),
    ],
)
def test_times_are_read_in_every_usual_form(said: Any, at_ms: int) -> None:
    assert epoch_ms(said) == at_ms


@pytest.mark.parametrize("said", ["soon", True, None, [], float("nan"), "1e999"])
def test_what_is_no_time_is_said_to_be_none(said: Any) -> None:
    with pytest.raises(FaultyRowError, match="is not a time"):
        epoch_ms(said)


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [(0, "0 s"), (999, "999 ms"), (60_000, "1 min"), (33_120_000, "9 h 12 min"), (90_000_000, "1 d 1 h")],
)
def test_durations_are_told_in_two_units(milliseconds: int, told: str) -> None:
    assert two_units(milliseconds) == told


def test_a_device_of_which_only_the_name_is_known_has_the_type_in_it() -> None:
    assert [device_type(name) for name in ("acme-reefer-7-b", "fridge")] == ["reefer", None]


def reads(conditions: Iterable[str], key: str = "device_id") -> Any:
    document = json.loads(MODELS[0].read_text())
    events = [{"eventName": str(number), "condition": each} for number, each in enumerate(conditions)]
    document["detectorModelDefinition"] = {
        "initialStateName": "s",
        "states": [{"stateName": "s", "onInput": {"events": events}}],
    }
    return load_model({**document, "key": key})


def test_a_model_of_an_input_that_is_only_called_telemetry_gets_no_profile() -> None:
    assert is_joined(reads(["$input.telemetry.temp_c > $input.telemetry.profile.high_c"]))
    assert not is_joined(reads(["$input.telemetry.temp_c > $input.telemetry.pressure"]))
    assert not is_joined(reads(["$input.telemetry.temp_c > 4"], key="id"))
    assert not is_joined(reads(["$input.other.temp_c > 4"]))


@pytest.mark.parametrize("time", [1e300, -1e17, 10**20, "99999999999999999999", 4_700_000_000_000_000_000])
def test_a_time_that_no_calendar_has_is_none(time: Any) -> None:
    with pytest.raises(FaultyRowError, match="is not a time"):
        epoch_ms(time)
    line = msgspec.json.encode({"device_id": "d", "timestamp": 10**18, "temp_c": 4.5})
    assert read_canonical(line, (0, 1)) is None


def test_a_cell_with_more_digits_than_a_number_has_is_text() -> None:
    assert [cell("a", each) for each in ("9" * 5_000, "1e999", "-" + "9" * 30)] == ["9" * 5_000, "1e999", -(10**30) + 1]


def test_a_key_that_is_no_text_is_told_by_who_reads_it() -> None:
    form = Form(is_joined=False, input_name="i", key_path=("id",), owner_path=("id",))

    assert read_row({"id": {"a": 1}, "timestamp": T0}, form, (0, 1)).payload == b'{"id":{"a":1},"timestamp":%d}' % T0
