"""Binds MQTT over TLS where the gateway is bound, and ends the start when it cannot.

MiniStack listens on every interface whatever BIND_HOST says, and goes on without MQTT, with a line in its log, when
the port is taken.
"""

import asyncio
import os

from ministack.services import iot

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.iot:_mtls_start_locked", "2920d506142957f0"),
    Upstream("ministack.services.iot:_mtls_stop_locked", "05f7f2a19167ca5b"),
    Upstream("ministack.services.iot:_mtls_port", "04af74bc4a312aa3"),
    Upstream("ministack.services.iot:_MtlsAcceptor", "188a19dc6f05bb80"),
)

_LOOPBACK = "127.0.0.1"


def install() -> None:
    iot._mtls_start_locked = start  # noqa: SLF001 - the mend


async def start() -> None:
    """Bind the listener; does nothing while it is bound. Ends the process with a sentence when it cannot."""
    if iot._mtls_server is not None:  # noqa: SLF001 - the listener's only home
        return
    host, port = os.environ.get("BIND_HOST", _LOOPBACK), iot._mtls_port()  # noqa: SLF001 - MiniStack's reading of IOT_MTLS_PORT
    if port is None:
        raise SystemExit(f"IOT_MTLS_PORT={os.environ.get('IOT_MTLS_PORT')} is no port: give one from 1 to 65535")
    loop = asyncio.get_running_loop()
    try:
        iot._mtls_server = await loop.create_server(iot._MtlsAcceptor, host=host, port=port)  # noqa: SLF001 - likewise
    except OSError as error:
        # Not an Exception, which MiniStack would turn into a line in its log.
        raise SystemExit(
            f"MQTT cannot listen on {host}:{port} ({error.strerror}): end what listens there, or set IOT_MTLS_PORT"
        ) from error
    iot._mtls_loop = loop  # noqa: SLF001 - where a reset finds it
