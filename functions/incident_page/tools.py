"""What the page needs of the world. The handler brings the real things, tests bring others."""

from dataclasses import dataclass, field
from typing import Protocol

from coldwatch.incidents.answering import Answer, Asked
from coldwatch.incidents.ports import Attempts, Commands, IncidentStore, LinkStore, ReadingHistory, Reports, Waiting
from incident_page.flood import Flood


class Named(Protocol):
    @property
    def name(self) -> str: ...


class Contacts(Protocol):
    def find(self, contact_id: str) -> Named | None: ...

    def knows(self, contact_id: str) -> bool: ...


class Codes(Protocol):
    def act(self, reference: str, code: str, asked: Asked, *, now_ms: int) -> Answer | None:
        """What an incident's reference and the code of a message may do, and did. None where they do not fit.

        Raises `LockedError` where too many wrong codes came before.
        """


class LockedError(Exception):
    """No code is taken for this incident any more."""


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




class NoCodes:
    """Where codes are not sent, none fits."""

    def act(self, reference: str, code: str, asked: Asked, *, now_ms: int) -> Answer | None:  # noqa: ARG002 - the port's
        return None
