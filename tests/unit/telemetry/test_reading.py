"""Readings: what makes two the same, where each is kept, what is kept of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.telemetry.envelope import open_envelope
from coldwatch.telemetry.judgement import interpret, judge
from coldwatch.telemetry.reading import Reading, as_conflict, canonical_record
from coldwatch.telemetry.rejection import Rejection
from tests.unit.telemetry.builders import DEVICES, MACHINE, NOW, RULES, coldchain, encoded, factory, message


def judged(content: Any, **more: Any) -> Reading | Rejection:
    if isinstance(content, dict) and "sensor_type" in content:
        more |= {"thing": MACHINE, "application": "factory"}
    envelope = open_envelope(message(1, content, **more))
    return judge(envelope, interpret(envelope, DEVICES, RULES), DEVICES)


def reading_of(content: Any, **more: Any) -> Reading:
    verdict = judged(content, **more)
    assert isinstance(verdict, Reading), verdict
    return verdict


def test_the_key_sorts_by_time_then_sensor_then_count() -> None:
    assert reading_of(coldchain(timestamp=946_684_800_000)).reading_key == "0946684800000#-#1"
    assert reading_of(factory(seq=12)).reading_key == f"{NOW}#temperature#12"


def test_without_a_count_different_values_at_one_instant_have_a_place_each() -> None:
    keys = {reading_of(factory(value=value)).reading_key for value in (1.0, 2.0, 2.0)}

    assert len(keys) == 2


@pytest.mark.parametrize(
    "same",
    [
        coldchain(temp_c=4.20),
        coldchain(seq=1.0, timestamp=float(NOW)),
        coldchain(door_open=None, fleet_id="whatever it believes"),
        dict(reversed(coldchain().items())),
    ],
)
def test_the_same_content_has_the_same_hash_however_it_is_written(same: dict[str, Any]) -> None:
    assert reading_of(same).content_hash == reading_of(coldchain()).content_hash


@pytest.mark.parametrize(
    "other", [{"temp_c": 4.3}, {"door_open": False}, {"x": 1}, {"firmware": "1"}, {"location": {"lat": 0, "lon": 0}}]
)
def test_other_content_has_another_hash(other: dict[str, Any]) -> None:
    assert reading_of(coldchain(**other)).content_hash != reading_of(coldchain()).content_hash


def test_zero_is_zero_and_what_no_instrument_measures_is_too() -> None:
    record = canonical_record(reading_of(coldchain(temp_c=-0.0, humidity_pct=1e-200, shock_g=5e-324)))

    assert [str(record[name]) for name in ("temp_c", "humidity_pct", "shock_g")] == ["0.0", "0.0", "0.0"]


def test_members_nobody_knows_are_kept() -> None:
    content = coldchain(metadata={"a": 1, "b": 2}, b=3, location={"lat": 1, "lon": 2, "accuracy_m": 5}, big=10**30)

    metadata = reading_of(content).measurements.metadata

    assert metadata == '{"a":1,"b":2,"b_":3,"big":1000000000000000000000000000000,"location":{"accuracy_m":5}}'


def test_the_fleet_is_the_registrys() -> None:
    assert reading_of(coldchain(fleet_id="mine")).fleet_id == "acme"


def test_a_conflict_stands_beside_its_rival() -> None:
    reading = reading_of(coldchain())

    conflict = as_conflict(reading)

    assert conflict.reading_key == f"{reading.reading_key}~{reading.content_hash[:8]}"
    assert canonical_record(conflict)["conflict"] is True


@pytest.mark.parametrize(
    ("changes", "reason", "detail"),
    [
        ({"temp_c": "4.2"}, "wrong_type", '`temp_c`: expected a number, got "4.2".'),
        ({"temp_c": True}, "wrong_type", "`temp_c`: expected a number, got true."),
        ({"timestamp": 1.5}, "wrong_type", "`timestamp`: expected a whole number, got 1.5."),
        ({"temp_c": 201}, "out_of_range", "`temp_c`: expected a number <= 200.0, got 201."),
        ({"seq": -1}, "out_of_range", "`seq`: expected a whole number >= 0, got -1."),
        ({"location": {"lat": 91, "lon": 0}}, "out_of_range", "`location.lat`: expected a number <= 90.0, got 91."),
        ({"location": {"lat": 1}}, "missing_field", "`location`: object missing required field `lon`."),
        ({"probe": "HOT"}, "out_of_range", '`probe`: expected one of OK, HI, LO, LOST, got "HOT".'),
        ({"temp_c": None, "seq": None}, "missing_field", "coldchain telemetry needs `seq`, `temp_c`."),
        ({"probe": "a, got b"}, "out_of_range", '`probe`: expected one of OK, HI, LO, LOST, got "a, got b".'),
        ({"probe": " - at `$.x`"}, "out_of_range", '`probe`: expected one of OK, HI, LO, LOST, got " - at `$.x`".'),
        ({"door_open": "no"}, "wrong_type", '`door_open`: expected true or false or nothing, got "no".'),
        ({"device_id": "acme-fridge-0001\n"}, "out_of_range", None),
        ({"firmware": "\x1b[2J"}, "out_of_range", None),
        ({"temp_c": 10**400}, "out_of_range", None),
        ({"timestamp": 946_684_799_999}, "out_of_span", None),
        ({"timestamp": NOW + 3_600_001}, "out_of_span", None),
        ({"timestamp": 10**300}, "out_of_span", None),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes: dict[str, Any], reason: str, detail: str | None) -> None:
    verdict = judged(coldchain(**changes))

    assert isinstance(verdict, Rejection)
    assert verdict.reason == reason
    assert detail is None or verdict.detail == detail


@pytest.mark.parametrize("hostile", ["\u202e\u0600", "\x1b[2J'`", "x" * 15_000], ids=["marks", "escapes", "length"])
@pytest.mark.parametrize("content", [coldchain(), factory()], ids=["coldchain", "factory"])
def test_what_is_said_of_a_field_never_repeats_hostile_text(content: dict[str, Any], hostile: str) -> None:
    for name in (*content, "door_open", "firmware", "fleet_id", "location", "metadata", "probe"):
        verdict = judged(content | {name: hostile})

        if isinstance(verdict, Rejection):
            assert verdict.detail.isascii()
            assert verdict.detail.isprintable()
            assert len(verdict.detail) < 300


@pytest.mark.parametrize("timestamp", [946_684_800_000, 1_386_018_900_000, NOW + 3_600_000])
def test_old_readings_and_clocks_a_little_ahead_are_taken(timestamp: int) -> None:
    assert reading_of(coldchain(timestamp=timestamp)).timestamp == timestamp


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_a_value_stays_the_double_it_was(value: float) -> None:
    stored = reading_of(factory(value=value)).measurements.value

    assert stored == value or abs(value) < 1e-100


def test_bytes_in_place_of_a_dictionary_are_the_same_message() -> None:
    assert reading_of(encoded(coldchain())) == reading_of(coldchain())
