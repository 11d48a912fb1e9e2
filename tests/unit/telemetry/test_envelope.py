"""Records and the envelopes in them. Nothing is ever lost: what is no envelope is bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.telemetry.envelope import open_envelope, stream_record
from tests.unit.telemetry.builders import (
    FRIDGE,
    GATEWAY,
    NOW,
    coldchain,
    envelope_of,
    kinesis_event,
    message,
    record,
    redrive,
)


def test_a_record_of_an_invocation_event_is_read() -> None:
    original = message(7, coldchain())

    assert stream_record(kinesis_event([original])["Records"][0]) == original


def test_an_envelope_carries_the_published_bytes_and_who_published_them() -> None:
    envelope = open_envelope(message(1, b"\x00\xff"))

    assert (envelope.payload, envelope.thing, envelope.application) == (b"\x00\xff", FRIDGE, "coldchain")
    assert envelope.origin == envelope.record.event_id
    assert envelope.quarantine_id == envelope.origin.replace(":", "-")


def test_a_redriven_envelope_keeps_its_origin() -> None:
    original = message(1, b"{")

    envelope = open_envelope(redrive(2, b"{", origin=original))

    assert (envelope.origin, envelope.redrive_of) == (original.event_id, open_envelope(original).quarantine_id)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"{}",
        envelope_of(b"x", received_at="now"),
        envelope_of(b"x") | {"payload": "not base64!"},
        envelope_of(b"x") | {"thing": GATEWAY},
        envelope_of(b"x", redrive_of="a", origin="b"),
        envelope_of(b"x", redrive_of="a"),
        envelope_of(b"x", received_at=10**13),
        envelope_of(b"x", origin="no event id"),
        envelope_of(b"x", instead_of=["shardId-000000000000:1"]),
        envelope_of(b"x", origin="shardId-000000000000:1\n"),
        envelope_of(b"x", origin="a/../:1"),
    ],
    ids=range(14),
)
def test_what_is_no_envelope_is_bare_bytes_of_the_partition_key(broken: Any) -> None:
    bare = record(1, broken)

    envelope = open_envelope(bare)

    assert envelope.payload == bare.data
    assert (envelope.thing, envelope.application, envelope.received_at) == (FRIDGE, None, NOW + 5)


@given(st.binary(max_size=100))
def test_any_payload_survives_its_envelope(payload: bytes) -> None:
    assert open_envelope(message(1, payload)).payload == payload


@given(st.binary(max_size=100))
def test_any_bare_bytes_survive(data: bytes) -> None:
    assert open_envelope(record(1, data)).payload == data


def test_nulls_of_the_rule_engine_are_nothing() -> None:
    envelope = open_envelope(record(1, envelope_of(b"x") | {"client_id": None, "trace_id": None}))

    assert (envelope.payload, envelope.client_id, envelope.trace_id) == (b"x", "", "")
