"""Names that are made, not chosen: the same facts give the same name at every delivery.

Incidents and links are written in Crockford's base 32, lower case: it has no letters that a person takes for digits.
"""

import hashlib
import re

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
SECRET_BYTES = 16
_SECRET = re.compile(f"[0-7][{ALPHABET}]{{{LENGTH - 1}}}")


def incident_id(detector_model: str, key: str, occurrence: str) -> str:
    """130 bits that name an incident and the execution of its workflow; `occurrence` is the effect that opened it.

    >>> incident_id("shock", "acme-van-7", "e1")
    'p9f8z01km2kdqs367tea6yd5bq'
    """
    digest = hashlib.sha256(f"{detector_model}\0{key}\0{occurrence}".encode()).digest()
    return _written(int.from_bytes(digest[:17]) >> 6)


REFERENCE_LENGTH = 6


def reference(incident: str) -> str:
    """What people call an incident on the telephone, and type beside a code.

    >>> reference("p9f8z01km2kdqs367tea6yd5bq")
    'P9F8Z0'
    """
    return incident[:REFERENCE_LENGTH].upper()


def event_id(incident: str, revision: int, *cause: str | int) -> str:
    """Names an event of an incident after its cause; in order of the revisions, for events of one millisecond."""
    digest = hashlib.sha256("\0".join((incident, *map(str, cause))).encode()).hexdigest()
    return f"{revision:05d}-{digest[:16]}"


def page_id(incident: str, round_: int, contact_id: str) -> str:
    """Names what a responder is sent in a round; a page that is sent twice carries the same one.

    >>> page_id("i", 2, "ana")
    'i-2-ana'
    """
    return f"{incident}-{round_}-{contact_id}"


def command_token(incident: str, contact_id: str, command: str, revision: int) -> str:
    """Names the press of a button that sends a command, whoever repeats it: `revision` is what its page showed.

    >>> command_token("i", "ana", "start_defrost", 3)
    'page-8xqva2mkwcz7r08rdje62ghjnk'
    """
    digest = hashlib.sha256("\0".join((incident, contact_id, command, str(revision))).encode()).digest()
    return f"page-{_written(int.from_bytes(digest[:17]) >> 6)}"


def link_secret(random: bytes) -> str:
    """The secret of a link, from 16 random bytes.

    >>> link_secret(bytes(15) + bytes([33]))
    '00000000000000000000000011'
    """
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a link's secret is made of {SECRET_BYTES} random bytes, not of {len(random)}")
    return _written(int.from_bytes(random))


def link_hash(secret: str) -> str | None:
    """What a secret is stored as; None for text that no link carries."""
    return hashlib.sha256(secret.encode()).hexdigest() if _SECRET.fullmatch(secret) else None


def _written(number: int) -> str:
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
