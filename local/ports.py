"""Ports on loopback: the asked ones if they are free, any free ones when asked for 0."""

import errno
import socket

from local.errors import LocalCloudError, PortInUseError

HOST = "127.0.0.1"
GATEWAY_PORT = 4566
MQTT_PORT = 8883
_HIGHEST = 65_535


def take(port: int, *, option: str) -> int:
    """A port nobody listens on: `port` itself, or any when it is 0.

    `option` is the command-line option that chooses another. Raises PortInUseError, or LocalCloudError when it is no
    port at all.
    """
    if not 0 <= port <= _HIGHEST:
        raise LocalCloudError(f"{port} is no port: give {option} a number from 1 to {_HIGHEST}, or 0 for any free one.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise _refusal(port, option, error) from error
        return int(probe.getsockname()[1])


def _refusal(port: int, option: str, error: OSError) -> LocalCloudError:
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(
            f"Port {port} on {HOST} is in use by another program. Stop it, or choose another: {option} 0 takes any."
        )
    return LocalCloudError(f"Port {port} on {HOST} cannot be used ({error.strerror}): {option} 0 takes any free one.")
