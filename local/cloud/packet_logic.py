"""How big an MQTT packet is, told from its first bytes, and how much of a PUBLISH is payload.

MQTT 3.1.1 and 5.0, sections 2.1.4 (remaining length) and 3.3 (PUBLISH).
"""

from dataclasses import dataclass

MAX_PAYLOAD_BYTES = 131_072
"""128 KB: "the payload for every publish request"; https://docs.aws.amazon.com/general/latest/gr/iot-core.html"""

MAX_PACKET_BYTES = 149_504
"""A whole packet: the largest payload, a topic of 256 bytes with a Basic Ingest prefix, 8 KB of user properties and
some room. What is longer is refused from its header, before it is read."""

_LENGTH_BYTES = 4
"""A remaining length has at most so many bytes of seven bits."""


class MalformedPacketError(ValueError):
    """Bytes that are no MQTT packet."""


@dataclass(frozen=True, slots=True)
class Header:
    """A packet's fixed header."""

    packet_type: int
    flags: int
    body_at: int
    """Where the body starts."""
    end: int
    """Where the next packet starts."""


def read_header(buffer: bytearray | bytes) -> Header | None:
    """The header at the buffer's start; None while it is incomplete.

    MalformedPacketError for a length that does not end.
    """
    length = 0
    for index in range(_LENGTH_BYTES):
        if len(buffer) < index + 2:
            return None
        byte = buffer[index + 1]
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return Header(buffer[0] >> 4, buffer[0] & 0x0F, index + 2, index + 2 + length)
    raise MalformedPacketError("the remaining length has more than four bytes")


def payload_bytes(body: bytes, *, qos: int, has_properties: bool) -> int:
    """The size of a PUBLISH's payload; negative when the body is too short for its own header."""
    at = 2 + int.from_bytes(body[:2]) + (2 if qos else 0)
    if has_properties:
        properties = read_header(b"\x00" + body[at : at + _LENGTH_BYTES])  # a length is written alike in both places
        at += properties.end - 1 if properties else 0
    return len(body) - at
