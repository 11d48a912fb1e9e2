"""Ids that are the same for the same thing, so that doing it twice is doing it once."""

import hashlib
import json
import re

ID_LENGTH = 26
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case: without i, l, o and u, which are misread."""
_BITS = 5 * ID_LENGTH
_ID = re.compile(f"[{_ALPHABET}]{{{ID_LENGTH}}}")


def execution_id(token: str, device_id: str) -> str:
    """The id of what was asked for with a client token (or by an effect, with its id) of one device.

    It is also the name of the workflow's execution.

    >>> execution_id("4be2", "acme-fridge-0001")
    'cfwys7tek36edvzrpmj7w5b8d9'
    """
    digest = hashlib.sha256(json.dumps([token, device_id]).encode()).digest()
    number = int.from_bytes(digest) >> (8 * len(digest) - _BITS)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(_BITS - 5, -1, -5))


def is_execution_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None
