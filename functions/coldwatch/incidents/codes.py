"""The second way to answer: a code of six digits from the message, typed beside the incident's reference.

It is for whoever has the message on one telephone and a screen without it, or cannot open a link. Six digits can be
guessed, so they are worth little each: a code stands for one link, as long as that link acts; it is stored as a hash
under a key that the table does not hold; wrong ones are counted for the incident and for whoever sends them, before it
is looked whether they are right; and an unknown incident is answered like a wrong code.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coldwatch.incidents.answering import Answer
from coldwatch.incidents.identity import ALPHABET, REFERENCE_LENGTH, SECRET_BYTES, link_secret, reference
from coldwatch.incidents.links import Link
from coldwatch.incidents.ports import CodeStore, LinkStore

DIGITS: Final = 6
MOST_PER_INCIDENT: Final = 5
MOST_PER_SOURCE: Final = 20
WITHIN_MS: Final = 15 * 60_000
_ATTEMPTS: Final = 8
"""Codes that are taken already are made anew; there are a million, and few are in use for one incident."""
_MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})
"""The letters that no reference has, as people read them."""


def make_code(random: bytes) -> str:
    """Six digits of at least eight random bytes: none is likelier than another by more than one in 10^13.

    >>> make_code((1_000_042).to_bytes(8))
    '000042'
    """
    if len(random) < 8:
        raise ValueError("a code is made of at least eight random bytes")
    return f"{int.from_bytes(random) % 10**DIGITS:0{DIGITS}d}"


def code_hash(key: bytes, incident_reference: str, code: str) -> str:
    """What a code of an incident is stored as."""
    return hmac.new(key, f"{incident_reference}\0{code}".encode(), hashlib.sha256).hexdigest()


def new_code(
    incident_id: str, codes: CodeStore, key: bytes, random_bytes: Callable[[int], bytes], *, link_hash: str, until: int
) -> tuple[str, str] | None:
    """A code that stands for this link until then, and its hash; None where all that were tried are taken."""
    for _ in range(_ATTEMPTS):
        code = make_code(random_bytes(8))
        hashed = code_hash(key, reference(incident_id), code)
        if codes.put(hashed, link_hash, forget_at=until):
            return code, hashed
    return None


@dataclass(frozen=True, slots=True)
class Tried:
    """What somebody typed, and who it was as far as the network says."""

    reference: str
    code: str
    source: str


@dataclass(frozen=True, slots=True)
class CodePorts:
    codes: CodeStore
    links: LinkStore
    key: bytes


class CodeOutcome(StrEnum):
    USED = "used"
    WRONG_CODE = "wrong_code"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """`answer` is what came of it where the code was right; a right code may still be too late."""

    outcome: CodeOutcome
    answer: Answer | None = None


def act_by_code(tried: Tried, ports: CodePorts, act: Callable[[str, LinkStore], Answer], *, now_ms: int) -> CodeAnswer:
    """`act` does what a link does, of the secret and the links that it is handed."""
    written = _read(tried.reference)
    counted = f"incident#{written}", f"source#{hashlib.sha256(tried.source.encode()).hexdigest()[:32]}"
    for what, most in zip(counted, (MOST_PER_INCIDENT, MOST_PER_SOURCE), strict=True):
        if not ports.codes.try_once(what, most=most, within_ms=WITHIN_MS, now_ms=now_ms):
            return CodeAnswer(CodeOutcome.LOCKED)
    found = ports.codes.find(code_hash(ports.key, written, tried.code.strip().replace(" ", "")))
    link = ports.links.find(found) if found else None
    if link is None or reference(link.incident_id) != written:
        return CodeAnswer(CodeOutcome.WRONG_CODE)
    for what in counted:
        ports.codes.give_back(what)
    return CodeAnswer(CodeOutcome.USED, act(link_secret(bytes(SECRET_BYTES)), _OneLink(link)))


def _read(said: str) -> str:
    """A reference as it was made, however it was typed; of text that is none, a stand-in that no incident has."""
    read = said.strip().upper().translate(_MISREAD)
    is_one = len(read) == REFERENCE_LENGTH and set(read.lower()) <= set(ALPHABET)
    return read if is_one else "-" * REFERENCE_LENGTH


@dataclass(frozen=True, slots=True)
class _OneLink:
    """Stands in for the secret that whoever types a code does not have: whatever is asked for, it is that link."""

    link: Link

    def find(self, link_hash: str) -> Link | None:  # noqa: ARG002 - of `ports.LinkStore`
        return self.link

    def put(self, link: Link) -> None:
        raise NotImplementedError
