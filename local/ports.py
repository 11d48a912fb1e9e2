"""Ports on loopback: the asked ones if they are free, any free ones when asked for 0."""

import socket

from local.errors import PortInUseError

HOST = "127.0.0.1"
GATEWAY_PORT = 4566
MQTT_PORT = 8883


def take(port: int, *, option: str) -> int:
    """A port nobody listens on: `port` itself, or any when it is 0.

    Raises PortInUseError, naming the command-line `option` that chooses another.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortInUseError(
                f"Port {port} on {HOST} is in use by another program. Stop it, or choose another: {option} 0 takes any."
            ) from error
        return int(probe.getsockname()[1])
