"""Notices when MiniStack changed under a mend.

A mend wraps private names of one exact MiniStack version. Each is listed with the fingerprint of the source that was
read when the mend was written, so that a new version cannot silently turn a mend into a fault.
"""

import hashlib
import importlib
import inspect
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Upstream:
    """One wrapped name, `package.module:attribute`, and the fingerprint of its source."""

    name: str
    fingerprint: str


def fingerprint(name: str) -> str:
    """The first 16 hex digits of the SHA-256 of the source of `package.module:attribute`.

    Raises AttributeError or ImportError when the name is gone.
    """
    module, _, attribute = name.partition(":")
    found = attrgetter(attribute)(importlib.import_module(module))
    text = inspect.getsource(found) if callable(found) else repr(type(found))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def changes(wraps: tuple[Upstream, ...]) -> list[str]:
    """A sentence for each wrapped name that is gone or no longer reads as it did."""
    return [sentence for wrap in wraps if (sentence := _change(wrap))]


def _change(wrap: Upstream) -> str:
    try:
        found = fingerprint(wrap.name)
    except (ImportError, AttributeError):
        return f"{wrap.name} is gone; read the new MiniStack and rewrite the mend that wraps it"
    if found != wrap.fingerprint:
        return f"{wrap.name} changed ({wrap.fingerprint} -> {found}); read it again, then renew the fingerprint"
    return ""
