"""Where the broker listens, and the keys with which it is spoken to."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from simulator.errors import BrokerError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A broker, and the file of the certificate authority that vouches for it."""

    host: str
    port: int
    ca: Path

    @classmethod
    def parse(cls, address: str, ca: Path | str) -> "Endpoint":
        """From `host` or `host:port`; AWS's port 8883 where none is given."""
        host, _, port = address.partition(":")
        if not host or (port and not port.isdecimal()):
            raise BrokerError(f"{address!r} is not an endpoint: give host:port, such as localhost:8883.")
        if not Path(ca).is_file():
            raise BrokerError(f"There is no certificate authority file {ca}.")
        return cls(host, int(port or 8883), Path(ca))


def tls_context(endpoint: Endpoint, certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(endpoint.ca)
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BrokerError(f"The certificate {certificate} and its key cannot be used: {error}.") from error
    return context
