"""All that must be kept to go on with a detector."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coldwatch.engine.errors import SnapshotError
from coldwatch.engine.values import Value

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Timer:
    """It stays with the detector until it is cleared, also after its expiry, so that it can be reset.

    Pending at first; `is_expired` from its expiry until an evaluation has asked `timeout()` about it; then `is_read`.
    """

    due_ms: int
    duration_s: int
    """As last evaluated; a reset starts it anew."""
    is_expired: bool = False
    is_read: bool = False

    @property
    def is_pending(self) -> bool:
        return not (self.is_expired or self.is_read)


@dataclass(frozen=True, slots=True)
class Snapshot:
    state: str
    variables: Mapping[str, Value]
    timers: Mapping[str, Timer]
    inputs: Mapping[str, Any]
    """Of the latest message of each input, what a later evaluation may read."""
    cleared: Mapping[str, int] = field(default_factory=dict)
    """Seconds of the timers that were cleared, for a reset after that."""

    def to_document(self) -> dict[str, Any]:
        """JSON as it stands; what is empty is left out."""
        parts = {
            "variables": dict(self.variables),
            "timers": {name: _timer_document(timer) for name, timer in self.timers.items()},
            "inputs": dict(self.inputs),
            "cleared": dict(self.cleared),
        }
        return {"format": _FORMAT, "state": self.state, **{name: part for name, part in parts.items() if part}}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Snapshot":
        """Raises SnapshotError for what `to_document` did not write."""
        if document.get("format") != _FORMAT:
            raise SnapshotError(f"a snapshot of format {document.get('format')!r} cannot be read, only {_FORMAT}")
        try:
            return cls(
                state=_text(document["state"]),
                variables=dict(document.get("variables", {})),
                timers={name: _read_timer(timer) for name, timer in document.get("timers", {}).items()},
                inputs=dict(document.get("inputs", {})),
                cleared={name: int(seconds) for name, seconds in document.get("cleared", {}).items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SnapshotError(f"this is no snapshot: {error!r}") from error


def next_due(snapshot: Snapshot) -> tuple[int, str] | None:
    """When the next pending timer is due (epoch ms), and its name."""
    return min(((timer.due_ms, name) for name, timer in snapshot.timers.items() if timer.is_pending), default=None)


def has_pending_timer(snapshot: Snapshot) -> bool:
    return any(timer.is_pending for timer in snapshot.timers.values())


def _timer_document(timer: Timer) -> dict[str, Any]:
    flags = {"is_expired": timer.is_expired, "is_read": timer.is_read}
    return {"due_ms": timer.due_ms, "duration_s": timer.duration_s, **{name: True for name in flags if flags[name]}}


def _read_timer(document: Mapping[str, Any]) -> Timer:
    return Timer(
        due_ms=int(document["due_ms"]),
        duration_s=int(document["duration_s"]),
        is_expired=bool(document.get("is_expired", False)),
        is_read=bool(document.get("is_read", False)),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
