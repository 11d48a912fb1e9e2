import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloud.packet_logic import Header, MalformedPacketError, payload_bytes, read_header


def remaining_length(size: int) -> bytes:
    encoded = bytearray()
    while True:
        size, digit = size >> 7, size & 0x7F
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


@given(size=st.integers(0, 268_435_455), first=st.integers(0, 255), rest=st.binary(max_size=8))
def test_a_header_tells_where_its_packet_ends(size: int, first: int, rest: bytes) -> None:
    length = remaining_length(size)

    header = read_header(bytes([first]) + length + rest)

    assert header == Header(first >> 4, first & 15, 1 + len(length), 1 + len(length) + size)


@given(size=st.integers(0, 268_435_455), cut=st.integers(0, 4))
def test_a_header_that_is_not_all_there_is_no_header_yet(size: int, cut: int) -> None:
    whole = b"\x30" + remaining_length(size)

    assert (read_header(whole[:cut]) is None) == (cut < len(whole))


def test_a_length_without_an_end_is_malformed() -> None:
    with pytest.raises(MalformedPacketError):
        read_header(b"\x30\xff\xff\xff\xff\x01")


@given(
    topic=st.text(max_size=300).map(str.encode),
    payload=st.binary(max_size=400),
    qos=st.integers(0, 1),
    properties=st.none() | st.binary(max_size=300),
)
def test_the_payload_is_what_follows_topic_identifier_and_properties(
    topic: bytes, payload: bytes, qos: int, properties: bytes | None
) -> None:
    body = len(topic).to_bytes(2) + topic + (b"\x00\x07" if qos else b"")
    if properties is not None:
        body += remaining_length(len(properties)) + properties

    assert payload_bytes(body + payload, qos=qos, has_properties=properties is not None) == len(payload)


@given(body=st.binary(max_size=20), qos=st.integers(0, 1))
def test_a_body_cut_short_has_no_payload_to_speak_of(body: bytes, qos: int) -> None:
    assert payload_bytes(body, qos=qos, has_properties=False) < len(body)
