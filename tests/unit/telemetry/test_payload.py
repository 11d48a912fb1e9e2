"""Hostile bytes: each is turned away with a reason, and nothing else happens."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coldwatch.telemetry.envelope import open_envelope
from coldwatch.telemetry.judgement import interpret, judge
from coldwatch.telemetry.payload import MAX_DEPTH, MAX_PAYLOAD_BYTES, decode_payload, depth
from coldwatch.telemetry.rejection import Reason, Rejection
from tests.unit.telemetry.builders import DEVICES, MACHINE, RULES, coldchain, encoded, message

FIXTURES = Path(__file__).parents[2] / "fixtures" / "bad_input"
CASES: list[dict[str, Any]] = json.loads((FIXTURES / "index.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_bad_input_is_given_its_reason(case: dict[str, Any]) -> None:
    thing = MACHINE if case["application"] == "factory" else "acme-gateway-g1"
    content = (FIXTURES / case["file"]).read_bytes()
    envelope = open_envelope(message(1, content, thing=thing, application=case["application"]))

    verdict = judge(envelope, interpret(envelope, DEVICES, RULES), DEVICES)

    assert isinstance(verdict, Rejection)
    assert verdict.reason == case["reason"]
    assert verdict.detail.isascii()
    assert verdict.detail.isprintable()
    assert 15 < len(verdict.detail) < 300


def test_every_file_of_bad_input_is_in_the_index() -> None:
    assert {path.name for path in FIXTURES.iterdir()} - {case["file"] for case in CASES} == {"index.json", "README.md"}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[" * 100_000 + b"]" * 100_000, Reason.TOO_LARGE),
        (b"[" * 8_000 + b"]" * 8_000, Reason.TOO_DEEP),
        (b"[" * 16_000, Reason.TOO_DEEP),
        (b'{"a":' * 2_000 + b"1" + b"}" * 2_000, Reason.TOO_DEEP),
        (b'{"a": ' + b"9" * 5_000 + b"}", Reason.OUT_OF_RANGE),
        (b'{"a": -Infinity}', Reason.NOT_JSON),
        (b'{"a": 1,}', Reason.NOT_JSON),
        (b'{"a": "\x01"}', Reason.NOT_JSON),
        (b'{"a": "\\ud800"}', Reason.NOT_JSON),
        (b'{"a": 1} {"b": 2}', Reason.NOT_JSON),
        (b"null", Reason.NOT_AN_OBJECT),
        (b"42", Reason.NOT_AN_OBJECT),
    ],
)
def test_what_is_no_object_is_rejected(payload: bytes, reason: Reason) -> None:
    verdict = decode_payload(payload)

    assert isinstance(verdict, Rejection)
    assert verdict.reason is reason


def test_brackets_in_text_are_not_depth() -> None:
    brackets = {"note": "[{" * 500, "quote": '\\"' + "[" * 100}

    assert decode_payload(encoded(brackets)) == brackets
    assert depth(encoded(brackets)) == 1


def test_the_largest_and_deepest_message_is_taken() -> None:
    deep = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    large = b'{"a":"' + b"x" * (MAX_PAYLOAD_BYTES - 8) + b'"}'

    assert isinstance(decode_payload(deep), dict)
    assert isinstance(decode_payload(large), dict)


def test_of_two_members_with_one_name_the_last_holds() -> None:
    assert decode_payload(b'{"a": 1, "a": 2}') == {"a": 2}


@given(
    st.binary(max_size=300) | st.text(alphabet='{}[]",:\\ -0123456789.eEtrufalsn\x00é', max_size=200).map(str.encode)
)
@example(b'{"\xff": 1}')
@example(b'"\\')
def test_no_bytes_whatever_do_more_than_be_rejected(payload: bytes) -> None:
    verdict = decode_payload(payload)

    assert isinstance(verdict, dict | Rejection)
    if isinstance(verdict, Rejection):
        assert verdict.detail.isascii()
        assert verdict.detail.isprintable()


@given(
    st.dictionaries(
        st.sampled_from([*coldchain(), "door_open", "location", "firmware", "probe", "metadata", "x"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["lat", "lon", "y"]), inner),
            max_leaves=4,
        ),
    )
)
def test_no_members_whatever_do_more_than_be_rejected(changes: dict[str, Any]) -> None:
    envelope = open_envelope(message(1, coldchain(**changes)))

    verdict = judge(envelope, interpret(envelope, DEVICES, RULES), DEVICES)

    if isinstance(verdict, Rejection):
        assert verdict.detail.isascii()
        assert verdict.detail.isprintable()
