"""Payload mappings: messages of another shape, read as data says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.adapters.mapping_files import load_mappings
from coldwatch.telemetry.envelope import open_envelope
from coldwatch.telemetry.judgement import Rules, interpret, judge
from coldwatch.telemetry.mapping import PayloadMapping, TimeField, epoch_ms, matches
from coldwatch.telemetry.reading import Reading
from coldwatch.telemetry.rejection import Rejection
from tests.unit.telemetry.builders import DEVICES, FRIDGE, MACHINE, NOW, coldchain, message

RULES = Rules(load_mappings(), 3_600_000)
CAMEL = {
    "deviceId": FRIDGE,
    "sequence": 7,
    "temperature": 4.5,
    "humidity": 50,
    "shock": 0,
    "battery": 90,
    "measuredAt": "2026-01-01T01:00:00+01:00",
    "latitude": 52.4,
    "longitude": 4.9,
    "rssi": -71,
}


def judged(
    content: Any, thing: str = FRIDGE, application: str = "coldchain", rules: Rules = RULES
) -> Reading | Rejection:
    envelope = open_envelope(message(1, content, thing=thing, application=application))
    return judge(envelope, interpret(envelope, DEVICES, rules), DEVICES)


def test_camel_case_and_iso_8601_are_read() -> None:
    reading = judged(CAMEL)

    assert isinstance(reading, Reading)
    told = reading.measurements
    assert (told.device_id, told.seq, told.temp_c, told.timestamp) == (FRIDGE, 7, 4.5, NOW)
    assert (told.latitude, told.longitude, told.metadata) == (52.4, 4.9, '{"rssi":-71}')
    assert reading.mapping == "acme_camel_case"


def test_nested_members_and_epoch_seconds_are_read() -> None:
    content = {
        "tag": {"device": MACHINE, "quantity": "vibration", "unit": "mm/s"},
        "data": {"v": 2.5, "t": NOW / 1000 + 0.25, "n": 4},
    }

    reading = judged(content, MACHINE, "factory")

    assert isinstance(reading, Reading)
    assert (reading.timestamp, reading.sensor, reading.measurements.value) == (NOW + 250, "vibration", 2.5)
    assert reading.measurements.metadata == '{"tag":{"unit":"mm/s"}}'


def test_a_canonical_message_needs_no_mapping() -> None:
    reading = judged(coldchain(temperature=99))

    assert isinstance(reading, Reading)
    assert (reading.mapping, reading.measurements.temp_c) == (None, 4.2)
    assert reading.measurements.metadata == '{"temperature":99}'


def test_a_canonical_member_stands_before_a_mapped_one_which_is_kept() -> None:
    reading = judged(CAMEL | {"temp_c": 1.5})

    assert isinstance(reading, Reading)
    assert reading.measurements.temp_c == 1.5
    assert reading.measurements.metadata == '{"rssi":-71,"temperature":4.5}'


def test_a_canonical_member_that_is_null_is_lacking() -> None:
    reading = judged(coldchain(temp_c=None, temperature=4.5) | {"timestamp": None, "measuredAt": CAMEL["measuredAt"]})

    assert isinstance(reading, Reading)
    assert (reading.mapping, reading.timestamp, reading.measurements.temp_c) == ("acme_camel_case", NOW, 4.5)


@pytest.mark.parametrize("lacking", ["temperature", "measuredAt", "deviceId"])
def test_a_mapping_that_cannot_supply_everything_is_not_applied(lacking: str) -> None:
    verdict = judged({name: value for name, value in CAMEL.items() if name != lacking})

    assert isinstance(verdict, Rejection)
    assert verdict.reason == "missing_field"


@pytest.mark.parametrize(
    ("when", "reason"),
    [("yesterday", "wrong_type"), (NOW, "wrong_type"), ("0001-01-01T00:00:00+14:00", "out_of_span")],
)
def test_a_time_that_cannot_be_read_is_said_so(when: Any, reason: str) -> None:
    verdict = judged(CAMEL | {"measuredAt": when})

    assert isinstance(verdict, Rejection)
    assert verdict.reason == reason


def test_identity_is_checked_after_mapping() -> None:
    verdict = judged(CAMEL | {"deviceId": MACHINE})

    assert isinstance(verdict, Rejection)
    assert verdict.reason == "identity_mismatch"


@pytest.mark.parametrize(
    ("topic_filter", "is_match"),
    [
        ("dt/coldchain/acme-*/telemetry", True),
        ("dt/+/+/telemetry", True),
        ("dt/#", True),
        ("dt/coldchain/acme-fridge-0001", False),
        ("dt/coldchain/+/telemetry/more", False),
        ("dt/coldchain/zeta-*/telemetry", False),
        ("*", False),
    ],
)
def test_a_topic_filter_matches_level_by_level(topic_filter: str, *, is_match: bool) -> None:
    assert matches(topic_filter, f"dt/coldchain/{FRIDGE}/telemetry") is is_match


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(json_values | st.datetimes().map(str), st.sampled_from(["epoch_ms", "epoch_s", "iso8601"]))
def test_no_time_whatever_does_more_than_be_rejected(value: Any, time_format: Any) -> None:
    assert isinstance(epoch_ms(value, TimeField("t", time_format)), int | float | Rejection)


@given(st.dictionaries(st.sampled_from(["a", "b", "location", "device_id"]), json_values), json_values)
def test_no_message_whatever_breaks_a_mapping(members: dict[str, Any], inner: Any) -> None:
    fields = {"a.b.c": "temp_c", "a.lat": "location.lat", "b": "location.lon", "b.c": "seq", "a": "device_id"}
    mapping = PayloadMapping("m", "any", "dt/#", fields, TimeField("location.t", "epoch_s"))

    verdict = judged(members | {"x": inner}, rules=Rules((mapping,), 0))

    assert isinstance(verdict, Reading | Rejection)
