"""When a device connects and disconnects, from lifecycle events that come out of order and more than once.

AWS IoT developer guide, "Lifecycle events": a time stamp is right to two minutes; a connection has one version number,
the same when it begins and when it ends; versions grow, but start again at 0 once the client was away for about an
hour. So times that are clearly apart decide, and versions decide between the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

TIMESTAMP_ACCURACY_MS = 120_000
CLEARLY_APART_MS = 2 * TIMESTAMP_ACCURACY_MS
_TEXT_LIMIT = 128


@dataclass(frozen=True, slots=True)
class Presence:
    """One lifecycle event, and what the registry keeps of the last one. `changed_at` is epoch milliseconds."""

    thing_name: str
    is_connected: bool
    changed_at: int
    version: int
    disconnect_reason: str | None = None


class PresenceStore(Protocol):
    def record(self, presence: Presence) -> bool:
        """Keep `presence` if the thing is registered and `supersedes` says so; whether it was kept."""


def read_presence(event: Mapping[str, Any]) -> Presence | None:
    """The presence in a lifecycle event; None for events of other kinds (subscriptions, failed attempts)."""
    match event:
        case {
            "eventType": "connected" | "disconnected" as kind,
            "clientId": str(client_id),
            "timestamp": int(changed_at),
            "versionNumber": int(version),
        } if client_id:
            reason = str(event.get("disconnectReason") or "")[:_TEXT_LIMIT] or None
            return Presence(client_id, kind == "connected", changed_at, version, reason)
    return None


def supersedes(new: Presence, known: Presence) -> bool:
    """Whether `new` happened after `known`. An event does not supersede itself."""
    if abs(new.changed_at - known.changed_at) > CLEARLY_APART_MS:
        return new.changed_at > known.changed_at
    if new.version != known.version:
        return new.version > known.version
    return known.is_connected and not new.is_connected
