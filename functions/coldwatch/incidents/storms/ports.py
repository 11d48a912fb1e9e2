"""What storms need of the world. Adapters keep these promises; so do the fakes of the tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from coldwatch.incidents.incident import Incident, TimelineEvent
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.storms.budget import Spent
from coldwatch.incidents.storms.grouping import Member
from coldwatch.incidents.storms.maintenance import MaintenanceWindow


class GroupStore(Protocol):
    """Reads are strongly consistent: of two who enter, the later one sees both."""

    def enter(self, group: str, member: Member, *, forget_at: int) -> None:
        """Again changes nothing. `forget_at` in epoch ms."""

    def members(self, group: str, from_ms: int, to_ms: int, *, at_most: int) -> Sequence[Member]:
        """Those of the time, oldest first."""


class FamilyStore(Protocol):
    """A storm and its children. A write is a transaction; False means that its condition did not hold."""

    def last_storm(self, group: str) -> Incident | None:
        """The storm of a group that is open, or else the last one that was."""

    def open_storm(self, storm: Incident, event: TimelineEvent, expected: Sequence[str]) -> bool:
        """As `IncidentStore.open`, and with a mark for each incident that is expected to join."""

    def attach(self, change: Change, parent_id: str, event: TimelineEvent) -> bool:
        """Carry out the child's change, and enter it as an open child of its parent, with the parent's event."""

    def leave(self, parent_id: str, child_id: str) -> None:
        """It is an open child no more."""

    def has_open_child(self, parent_id: str) -> bool: ...

    def open_children(self, parent_id: str) -> Sequence[str]: ...

    def children(self, parent_id: str) -> Sequence[str]:
        """All that ever joined, by id."""

    def count_children(self, parent_id: str) -> int: ...


class Waking(Protocol):
    def wake(self, incident: Incident, *, now_ms: int) -> None:
        """As `Waiting.wake`."""


class MaintenanceStore(Protocol):
    def unfinished(self, now_ms: int) -> Sequence[MaintenanceWindow]:
        """Those whose end, as it was said at first, is still to come."""


@dataclass(frozen=True, slots=True)
class DigestEntry:
    """A page that waits for the digest of its contact at `due_at`."""

    contact_id: str
    due_at: int
    incident_id: str
    round: int
    tier: int
    is_urgent: bool


type MessageIds = Mapping[str, str]
"""Channel -> the message that it took."""


class BudgetStore(Protocol):
    def spent(self, contact_id: str) -> Spent | None: ...

    def spend(self, contact_id: str, before: Spent | None, after: Spent) -> bool:
        """Write it if it is still `before`."""

    def queue(self, entry: DigestEntry) -> None:
        """Again changes nothing."""

    def due(self, now_ms: int) -> Sequence[DigestEntry]:
        """All whose digest is due, or overdue, in order of contacts."""

    def unqueue(self, entry: DigestEntry) -> None: ...

    def claim_digest(self, contact_id: str, *, now_ms: int, until_ms: int) -> bool:
        """Whoever has it sends the digests of a contact, alone, until then; False while another has it."""

    def release_digest(self, contact_id: str, *, until_ms: int) -> None:
        """Give back the claim that is until then; another's stays."""

    def note_digest(self, contact_id: str, at: int, told: Mapping[DigestEntry, MessageIds]) -> None:
        """Remember that these were sent, before each is marked as told."""

    def noted_digests(self, contact_id: str) -> Mapping[tuple[str, int], tuple[int, MessageIds]]:
        """(incident, round) of what a digest of the last days said -> when, and by which messages."""
