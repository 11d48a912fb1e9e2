"""The accounts: `published = accepted + duplicates + quarantined`, whatever is delivered how often.

A shard's ledger holds the sequence number up to which its records are counted. Sequence numbers are compared as
integers: they have more digits than a fixed width, so text order would be wrong.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What messages came to. `conflicts` are among the accepted; `released` have left quarantine.

    In the accounts a message is quarantined while it is not released: `quarantined - released`.
    """

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    released: int = 0
    conflicts: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.quarantined + other.quarantined,
            self.released + other.released,
            self.conflicts + other.conflicts,
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """What one record adds to the accounts once it is completely dealt with."""

    sequence: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Posting:
    """A change of a shard's ledger, valid only while it still stands at `previous`."""

    previous: int | None
    last_sequence: int
    counts: Counts


def newly_counted(tallies: Iterable[Tally], *, last_sequence: int | None, lowest_failed: int | None) -> list[Tally]:
    """Those not counted yet and below the record from which the stream will deliver again."""
    return [
        tally
        for tally in tallies
        if (last_sequence is None or tally.sequence > last_sequence)
        and (lowest_failed is None or tally.sequence < lowest_failed)
    ]


def post(new: Iterable[Tally], *, previous: int | None) -> Posting | None:
    """The change that counts `new`; None where there is nothing to count."""
    tallies = list(new)
    if not tallies:
        return None
    total = sum((tally.counts for tally in tallies), Counts())
    return Posting(previous, max(tally.sequence for tally in tallies), total)
