"""What the page needs of the world. The handler brings the real things, tests bring others."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from coldwatch.incidents.answering import Answer
from coldwatch.incidents.ports import Attempts, Commands, IncidentStore, LinkStore, ReadingHistory, Reports, Waiting
from incident_page.flood import Flood


class Person(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def time_zone(self) -> str: ...


class Contacts(Protocol):
    def find(self, contact_id: str) -> Person | None: ...

    def knows(self, contact_id: str) -> bool: ...


class Codes(Protocol):
    def act(
        self, reference: str, code: str, source: str, take: Callable[[str, LinkStore], Answer], *, now_ms: int
    ) -> Answer | None:
        """What came of the link that this code of this incident stands for; None where they do not fit.

        `take` does what a link does, of the secret and the links that it is handed. Raises `LockedError` where too many
        codes were tried for this incident, or by this source.
        """


class LockedError(Exception):
    """No code is taken for now."""


@dataclass(frozen=True, slots=True)
class Tools:
    incidents: IncidentStore
    links: LinkStore
    contacts: Contacts
    readings: ReadingHistory
    waiting: Waiting
    commands: Commands
    codes: Codes
    attempts: Attempts
    reports: Reports
    page_base_url: str
    flood: Flood = field(default_factory=Flood)
