"""Refuses what AWS IoT Core refuses for its size: MiniStack takes publishes up to 16 MB.

"The payload for every publish request can be no larger than 128 KB. AWS IoT Core rejects publish and connect requests
larger than this size." (https://docs.aws.amazon.com/general/latest/gr/iot-core.html) The connection is closed, with
presence saying CLIENT_ERROR; MQTT 5 is told why by DISCONNECT 0x95. Over HTTP the answer is 413.
"""

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import iot, iot_data

from local.cloud.packet_logic import (
    MAX_PACKET_BYTES,
    MAX_PAYLOAD_BYTES,
    MalformedPacketError,
    payload_bytes,
    read_header,
)
from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.iot:_WSSession._take_packet", "3e11ed9f30c490a6"),
    Upstream("ministack.services.iot:_WSSession.handle_packet", "cfbea9609d26551e"),
    Upstream("ministack.services.iot:_WSSession._connack_properties", "b5f7fdda6924aa3f"),
    Upstream("ministack.services.iot:_WSSession.disconnect_reason", "276781e078313e97"),
    Upstream("ministack.services.iot:_feed_session", "c0d951209d996ae4"),
    Upstream("ministack.services.iot:_make_disconnect", "f6173995d242c972"),
    Upstream("ministack.services.iot_data:_publish", "cb28a08fc992d756"),
)

_REFUSED = 0
"""No packet has this type (MQTT reserves it): it stands for one that is refused from its header."""
_PACKET_TOO_LARGE = 0x95

type _Packet = tuple[int, int, bytes]

_Session: Any = iot._WSSession  # noqa: SLF001 - MiniStack's only MQTT session, over TLS and WebSocket alike
_handle_packet = _Session.handle_packet
_connack_properties = _Session._connack_properties  # noqa: SLF001 - likewise
_publish = iot_data._publish  # noqa: SLF001 - POST /topics/{topic}


def install() -> None:
    _Session._take_packet = take_packet  # noqa: SLF001 - the mend
    _Session.handle_packet = handle_packet
    _Session._connack_properties = connack_properties  # noqa: SLF001 - the mend
    iot_data._publish = publish  # noqa: SLF001 - the mend


def take_packet(session: Any) -> _Packet | None:
    """The next whole packet of the session's buffer; MiniStack copies the whole buffer to read each header."""
    buffer = session._buffer  # noqa: SLF001 - the session's own
    try:
        header = read_header(buffer)
    except MalformedPacketError:
        return _REFUSED, 0, b""
    if header is None:
        return None
    if header.end > MAX_PACKET_BYTES:
        return _REFUSED, 0, b""
    if len(buffer) < header.end:
        return None
    body = bytes(memoryview(buffer)[header.body_at : header.end])
    del buffer[: header.end]
    return header.packet_type, header.flags, body


async def handle_packet(session: Any, packet_type: int, flags: int, body: bytes) -> bool:
    """MiniStack's own, for a packet of an allowed size; False closes the connection."""
    if packet_type == _REFUSED or (len(body) > MAX_PAYLOAD_BYTES and _is_too_large(session, packet_type, flags, body)):
        return await _refuse(session)
    return bool(await _handle_packet(session, packet_type, flags, body))


def _is_too_large(session: Any, packet_type: int, flags: int, body: bytes) -> bool:
    if packet_type != iot.PKT_PUBLISH:
        return True
    qos, has_properties = (flags >> 1) & 0x03, session.protocol_version == iot.MQTT_5
    return payload_bytes(body, qos=qos, has_properties=has_properties) > MAX_PAYLOAD_BYTES


async def _refuse(session: Any) -> bool:
    iot._broker_logger.warning("IoT broker: a packet from %r is refused for its size", session._client_id)  # noqa: SLF001 - where MiniStack tells it
    session._forced_disconnect_reason = "CLIENT_ERROR"  # noqa: SLF001 - what the presence event tells
    if session.protocol_version == iot.MQTT_5:
        await session.send_bytes(iot._make_disconnect(_PACKET_TOO_LARGE))  # noqa: SLF001 - MiniStack's encoder
    return False


def connack_properties(session: Any, assigned_client_id: str | None) -> list[tuple[int, object]]:
    """MiniStack's own, which announces the payload's limit as the packet's: a client could not send 128 KB."""
    announced: list[tuple[int, object]] = _connack_properties(session, assigned_client_id)
    limit = iot.PROP_MAXIMUM_PACKET_SIZE
    return [(name, MAX_PACKET_BYTES if name == limit else value) for name, value in announced]


async def publish(topic: str, body: bytes | None, *arguments: Any) -> Any:
    if body and len(body) > MAX_PAYLOAD_BYTES:
        return error_response_json("RequestEntityTooLargeException", "The payload is larger than 128 KB", 413)
    return await _publish(topic, body, *arguments)
