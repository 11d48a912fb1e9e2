"""What is read in one step is read alike the long way, and nothing that is rejected there is taken."""

import base64
import json
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coldwatch.detection.plain import SEEN, check_firmware, open_plain, plain_key, read_plain
from coldwatch.engine.program import IRREGULAR
from coldwatch.engine.values import UNDEFINED
from coldwatch.telemetry.envelope import Envelope, StreamRecord, open_envelope
from coldwatch.telemetry.judgement import interpret, judge
from coldwatch.telemetry.reading import Reading
from tests.unit.telemetry.builders import DEVICES, FRIDGE, NOW, RULES, coldchain, encoded, envelope_of, record

names = st.sampled_from(
    [*coldchain(), "door_open", "probe", "firmware", "location", "metadata", "fleet_id", "profile", "sensor_id", "x"]
)
values = st.sampled_from(
    [
        *(
            "null",
            "true",
            "false",
            '"OK"',
            '"LO"',
            '""',
            '"\\ud800"',
            '"a\\nb"',
            '"é"',
            '"' + "y" * 70 + '"',
            "[]",
            "{}",
        ),
        *(
            "0",
            "-0.0",
            "1e-200",
            "7",
            "7.0",
            "7.5",
            "1e2",
            "1e400",
            "-1",
            "99999999999999999999999",
            str(NOW),
            f"{NOW}.0",
        ),
        *('{"lat": 1, "lon": 2}', '{"lat": 1, "lon": 2, "z": 1e400}', '{"lat": null, "lon": 2}', "[" * 40 + "]" * 40),
    ]
)
members = st.lists(st.tuples(names, values), max_size=4)
around = st.sampled_from([("", ""), (" ", "\n"), ("", "x"), ("[", "]"), ("", "\xff"), ("\ufeff", "")])


def payload(changes: list[tuple[str, str]], outside: tuple[str, str], *, adds: bool) -> bytes:
    """JSON in which some members are others, or stand there twice."""
    usual = [(name, json.dumps(value)) for name, value in coldchain().items()]
    kept = usual if adds else [each for each in usual if each[0] not in dict(changes)]
    text = ", ".join(f'"{name}": {value}' for name, value in [*kept, *changes])
    return outside[0].encode() + b"{" + text.encode() + b"}" + outside[1].encode("latin-1")


def the_long_way(content: bytes) -> Reading | None:
    envelope = open_envelope(record(1, envelope_of(content)))
    judged = judge(envelope, interpret(envelope, DEVICES, RULES), DEVICES)
    return judged if isinstance(judged, Reading) else None


@settings(max_examples=600, deadline=None)
@example(changes=[("profile", "[" * 60 + "]" * 60)], outside=("", ""), adds=False)
@example(changes=[("profile", '{"high_c": -90}')], outside=("", ""), adds=False)
@given(changes=members, outside=around, adds=st.booleans())
def test_a_payload_is_read_as_the_long_way_reads_it(
    changes: list[tuple[str, str]], outside: tuple[str, str], *, adds: bool
) -> None:
    content = payload(changes, outside, adds=adds)
    try:
        plain = read_plain(content)
        check_firmware(plain.firmware)
    except IRREGULAR:
        return
    if plain.timestamp > NOW + RULES.max_clock_lead_ms or plain.device_id != FRIDGE:
        return  # for whoever reads to see

    reading = the_long_way(content)

    assert reading is not None
    for path in SEEN:
        if len(path) == 1:
            said = getattr(reading.measurements, path[0])
            assert repr(getattr(plain, path[0])) == repr(UNDEFINED if said is None else said)
    assert plain_key(plain.timestamp, plain.seq) == reading.reading_key


@pytest.mark.parametrize("changes", [{}, {"probe": None}, {"x": {"y": 1}, "metadata": {"z": 1}}, {"seq": 4.0}])
def test_a_usual_payload_is_taken(changes: dict[str, Any]) -> None:
    assert read_plain(encoded(coldchain(**changes))).device_id == FRIDGE


ENVELOPES: Final = st.fixed_dictionaries(
    {"payload": st.sampled_from(["", "e30=", "e30", "*", None]) | st.just(base64.b64encode(b"{}").decode())},
    optional={
        "topic": st.sampled_from(["t", "", "t" * 600, None]),
        "thing": st.sampled_from([FRIDGE, "somebody", "", 1]),
        "application": st.sampled_from(["coldchain", "factory", "", None]),
        "client_id": st.sampled_from(["c", None, 1]),
        "received_at": st.sampled_from([NOW, 0, -1, 10**13, 1.0, "1"]),
        "trace_id": st.sampled_from(["t", None, 1]),
        "origin": st.sampled_from([None, "s:1", "s"]),
        "redrive_of": st.sampled_from([None, "s-1"]),
        "instead_of": st.sampled_from([[], ["s:1"]]),
        "more": st.just(1),
    },
)


@settings(max_examples=300, deadline=None)
@given(document=ENVELOPES)
def test_an_envelope_is_opened_as_the_long_way_opens_it(document: dict[str, Any]) -> None:
    data = msgspec.json.encode(document)
    try:
        plain = open_plain(data)
    except msgspec.DecodeError:
        return
    if plain.thing != FRIDGE or plain.application != "coldchain":
        return  # for whoever reads to see
    taken: StreamRecord = record(1, data)

    opened: Envelope = open_envelope(taken)

    assert (opened.application, opened.is_put_again) == (plain.application, False)
    assert (opened.payload, opened.thing, opened.received_at) == (plain.payload, plain.thing, plain.received_at)
