"""Who could not be told is an incident of its own: the next one may need them.

The daily check compares what each contact should be subscribed to with what SNS has. A contact that would get nothing
somewhere opens an incident, and the check after it was mended says that it is over. A contact that was added or changed
within the last day is left in peace: somebody may be about to confirm it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from coldwatch.incidents.contacts import ContactFinding, FindingKind

MODEL: Final = "contact_reachability"
KIND: Final = "contact_unreachable"
GRACE_MS: Final = 86_400_000
_CUTS_OFF: Final = frozenset(
    {FindingKind.MISSING, FindingKind.PENDING, FindingKind.WRONG_FILTER, FindingKind.UNREADABLE}
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a contact between two checks: when it was changed, and since when it could not be told."""

    contact_id: str
    changed_at: int
    unreachable_since: int | None = None


class Standings(Protocol):
    def standings(self) -> Iterable[Standing]: ...

    def note_unreachable(self, contact_id: str, since: int | None) -> None:
        """None: it can be told again."""


class Incidents(Protocol):
    """The same way in as that of a detector's findings."""

    def open(self, event: Mapping[str, Any]) -> None: ...

    def recover(self, event: Mapping[str, Any]) -> None: ...


def reconcile(
    findings: Iterable[ContactFinding], standings: Standings, incidents: Incidents, *, now_ms: int
) -> tuple[list[str], list[str]]:
    """Who is unreachable, and who is reachable again. The incident first, then the note: twice rather than never."""
    cut_off = {each.subject: each.sentence for each in findings if each.kind in _CUTS_OFF}
    opened, recovered = [], []
    for each in standings.standings():
        is_new = each.unreachable_since is None
        if each.contact_id in cut_off and not (is_new and now_ms - each.changed_at < GRACE_MS):
            incidents.open(_event(each.contact_id, now_ms, "opened", cut_off[each.contact_id]))
            opened.append(each.contact_id)
            if is_new:
                standings.note_unreachable(each.contact_id, now_ms)
        elif each.contact_id not in cut_off and not is_new:
            incidents.recover(_event(each.contact_id, now_ms, "recovered", "can be told again"))
            standings.note_unreachable(each.contact_id, None)
            recovered.append(each.contact_id)
    return opened, recovered


def forget(standing: Standing, incidents: Incidents, *, now_ms: int) -> None:
    """Before a contact is removed: afterwards no check would say that its incident is over."""
    if standing.unreachable_since is not None:
        incidents.recover(_event(standing.contact_id, now_ms, "recovered", "is removed from the contacts"))


def _event(contact_id: str, now_ms: int, what: str, sentence: str) -> dict[str, Any]:
    """In the form of a detector's effect. One of a kind a day: who is asked twice answers once."""
    day = datetime.fromtimestamp(now_ms / 1000, UTC).date().isoformat()
    own = {
        "effect_id": f"{MODEL}/{contact_id}/{what}/{day}",
        "detector_model": MODEL,
        "key": contact_id,
        "device_id": f"contact:{contact_id}",
        "application": "coldchain",
        "occurred_at": now_ms,
        "clock": "wall",
        "event_name": sentence,
        "kind": KIND,
        "severity": "warning",
        "title": f"Contact {contact_id} cannot be told",
    }
    return {"coldwatch": own}
