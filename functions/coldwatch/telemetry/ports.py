"""What ingest needs from the outside. `coldwatch.adapters` keeps these promises on AWS, fakes keep them in tests.

A method that writes returns what it could not write, after retrying; whatever else goes wrong is raised.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from coldwatch.telemetry.accounting import Posting
from coldwatch.telemetry.classification import Key, Stored
from coldwatch.telemetry.envelope import Envelope
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.quarantine import Hold, Quarantined
from coldwatch.telemetry.reading import Reading

type Rank = tuple[int, int, str]


class LedgerMovedError(Exception):
    """Another delivery has counted in the meantime; the batch has to be judged afresh."""


class EntryMovedError(Exception):
    """A quarantine entry was released by another redrive in the meantime; the batch has to be judged afresh."""


@dataclass(frozen=True, slots=True)
class Existing:
    """What the stores hold: readings by key, and the rank of the latest reading by (device id, sensor)."""

    readings: dict[Key, Stored]
    latest: dict[Key, Rank]


class DeviceRegistry(Protocol):
    def look_up(self, device_ids: Collection[str]) -> Mapping[str, Device]:
        """The entries of those that are registered, at most a minute old. Not being registered is never remembered."""


class ReadingStore(Protocol):
    def read(self, readings: Collection[Key], latest: Collection[Key]) -> Existing:
        """What is there, strongly consistent."""

    def write(self, readings: Sequence[Reading], latest: Sequence[Reading]) -> set[Key]:
        """Store readings, and the latest reading of each sensor; the keys of those readings left unwritten."""


class QuarantineStore(Protocol):
    def find(self, quarantine_ids: Collection[str]) -> Mapping[str, Hold]:
        """The entries that exist."""

    def keep(self, quarantined: Sequence[Quarantined]) -> Mapping[str, str]:
        """Store bytes, then entry, of each.

        An entry that exists stays as it is, save that a message put on the stream again takes over what a delivery
        that was given up has left. Returns those that could not be kept: quarantine id and what the service said.
        """

    def note_attempt(self, quarantined: Quarantined) -> None:
        """A redrive was rejected again: count it, once per redrive, and say why, unless the entry was released."""

    def release(self, envelope: Envelope, *, now_ms: int) -> None:
        """Mark the entry of a message released by its record; raises `EntryMovedError` if another record has released
        it, other than those that were given up.
        """


class Archive(Protocol):
    def put(self, readings: Sequence[Reading]) -> set[Key]:
        """Hand readings to the archive, at least once; the keys of those it did not take."""


class Ledger(Protocol):
    def last_sequence(self, shard_id: str) -> int | None:
        """Up to where the shard is counted, strongly consistent."""

    def post(self, shard_id: str, posting: Posting, *, now_ms: int) -> None:
        """Add to the shard's accounts; raises `LedgerMovedError` if they no longer stand where the posting says."""
