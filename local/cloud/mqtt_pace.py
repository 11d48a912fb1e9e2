"""What MiniStack's broker does for every message and need do less often: half of what a QoS 1 publish costs.

Acknowledgements of one read from the network leave in one write, in their order and before anything else the session
sends; each is still made only when its message has been through every rule. A permission to publish or receive on a
topic holds for a second before the policies are evaluated again; a refusal is never remembered. And what the cloud
holds, above all the records of streams, is not searched for garbage every 2,000 objects.
"""

import gc
from time import monotonic
from typing import Any

from ministack.services import iot

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.iot:_feed_session", "c0d951209d996ae4"),
    Upstream("ministack.services.iot:_WSSession.send_bytes", "e644b05f7a43b576"),
    Upstream("ministack.services.iot:_WSSession._policy_allows", "978505676c03c5b8"),
    Upstream("ministack.services.iot:_WSSession._publish_allowed", "97707682e7afc940"),
    Upstream("ministack.services.iot:_mtls_serve_conn", "a94aa9f00dd51cf3"),
    Upstream("ministack.services.iot:handle_websocket", "f64f21e3ca252ab1"),
)

ALLOWED_FOR_S = 1.0
_REMEMBERED = 256
_COLLECT_AFTER = (50_000, 20, 50)
_OFTEN = frozenset({"iot:Publish", "iot:Receive"})

_Session: Any = iot._WSSession  # noqa: SLF001 - MiniStack's only MQTT session, over TLS and WebSocket alike
_feed_session = iot._feed_session  # noqa: SLF001 - handles the packets of one read
_send_bytes = _Session.send_bytes
_policy_allows = _Session._policy_allows  # noqa: SLF001 - evaluates the session's policies


def install() -> None:
    iot._feed_session = feed_session  # noqa: SLF001 - the mend
    _Session.send_bytes = send_bytes
    _Session._policy_allows = policy_allows  # noqa: SLF001 - the mend
    _Session.acknowledgements = None
    gc.set_threshold(*_COLLECT_AFTER)


async def feed_session(session: Any, data: bytes, max_buffer: int) -> bool:
    """Handle what one read brought, then send its acknowledgements; whatever ends the session, those made are sent."""
    session.acknowledgements = bytearray()
    try:
        return bool(await _feed_session(session, data, max_buffer))
    finally:
        made, session.acknowledgements = session.acknowledgements, None
        if made:
            await _send_bytes(session, bytes(made))


async def send_bytes(session: Any, packet: bytes) -> None:
    waiting = session.acknowledgements
    if waiting is None:
        await _send_bytes(session, packet)
    elif packet[0] >> 4 == iot.PKT_PUBACK:
        waiting += packet
    else:
        made = bytes(waiting)
        waiting.clear()
        await _send_bytes(session, made + packet)


def policy_allows(session: Any, action: str, resource: str) -> bool:
    """MiniStack's own answer, at most ALLOWED_FOR_S old when it is yes."""
    if action not in _OFTEN:
        return bool(_policy_allows(session, action, resource))
    allowed: dict[tuple[str, str], float] = session.__dict__.setdefault("allowed_until", {})
    if allowed.get((action, resource), 0.0) > monotonic():
        return True
    if not _policy_allows(session, action, resource):
        return False
    if len(allowed) >= _REMEMBERED:
        allowed.clear()
    allowed[action, resource] = monotonic() + ALLOWED_FOR_S
    return True
