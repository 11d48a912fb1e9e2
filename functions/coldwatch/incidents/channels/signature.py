"""How the receiver of a webhook knows that a message is ours, whole, and of now."""

import hashlib
import hmac
from typing import Final

TIMESTAMP: Final = "Coldwatch-Timestamp"
SIGNATURE: Final = "Coldwatch-Signature"
PAGE_ID: Final = "Coldwatch-Page-Id"
VERSION: Final = "v1"


def sign(key: str, timestamp_s: int, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256, in hex, of the timestamp, a dot, and the body as it is sent.

    >>> sign("k" * 32, 1767225600, b"{}")[:19]
    'v1=ae4895155f8573b4'
    """
    message = str(timestamp_s).encode() + b"." + body
    return f"{VERSION}={hmac.new(key.encode(), message, hashlib.sha256).hexdigest()}"
