"""What becomes of the readings of a batch, given what is stored.

Every stored reading carries the origin of the message it came from. That tells a record that is delivered again (its
own reading is there already) from a duplicate (another message said the same).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from coldwatch.telemetry.reading import Reading, as_conflict

type Key = tuple[str, str]
"""Device id and reading key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What classification needs to know of a stored reading."""

    origin: str
    content_hash: str
    redriven_by: str | None = None

    @property
    def brought_by(self) -> str:
        """Event id of the record that brought it in."""
        return self.redriven_by or self.origin


class Fate(Enum):
    ACCEPTED = auto()
    """New: to be stored."""
    REDELIVERED = auto()
    """Stored by an earlier delivery of the same record."""
    RECOGNISED = auto()
    """Stored by another record that carried the same message."""
    ADOPTED = auto()
    """Stored by a delivery that was given up before it was counted: to be stored again, in this record's name."""
    DUPLICATE = auto()
    """Another message brought the same reading."""


@dataclass(frozen=True, slots=True)
class Classified:
    """A reading with its fate, under the key it has in the stores. `stored` is what was found of the same message."""

    reading: Reading
    fate: Fate
    stored: Stored | None = None


def conflicting_keys(readings: Iterable[Reading], stored: Mapping[Key, Stored]) -> set[Key]:
    """Where else to look: the keys of readings whose own key is taken, in the store or earlier in the batch, by
    another message with other content.
    """
    taken = dict(stored)
    wanted: set[Key] = set()
    for reading in readings:
        holder = taken.setdefault(reading.key, _stored(reading))
        if holder.origin != reading.origin and holder.content_hash != reading.content_hash:
            wanted.add(as_conflict(reading).key)
    return wanted


def classify(readings: Iterable[Reading], stored: Mapping[Key, Stored]) -> list[Classified]:
    """The fate of each reading, in the order of the stream.

    `stored` holds what is at the keys of `readings` and at their `conflicting_keys`. The second of two different
    readings with one key is kept beside the first as a conflict. (Two conflicts of one key whose hashes agree in
    8 digits would count as one: a chance of 1 in 4 thousand million for a fault that is rare in itself.)
    """
    taken = dict(stored)
    return [_classify(reading, taken) for reading in readings]


def _classify(reading: Reading, taken: dict[Key, Stored]) -> Classified:
    for candidate in _places(reading):
        holder = taken.get(candidate.key)
        if holder is None:
            taken[candidate.key] = _stored(candidate)
            return Classified(candidate, Fate.ACCEPTED)
        if holder.origin == candidate.origin:
            fate = _fate_of_known(candidate, holder)
            if fate is Fate.ADOPTED:
                taken[candidate.key] = _stored(candidate)
            return Classified(candidate, fate, holder)
        if holder.content_hash == candidate.content_hash:
            return Classified(candidate, Fate.DUPLICATE)
    return Classified(reading, Fate.DUPLICATE)


def _places(reading: Reading) -> Iterator[Reading]:
    """The reading under its own key and, where that is taken, as a conflict."""
    yield reading
    yield as_conflict(reading)


def _fate_of_known(reading: Reading, holder: Stored) -> Fate:
    """`holder` is of the same message as `reading`."""
    if holder.redriven_by == reading.redriven_by:
        return Fate.REDELIVERED
    return Fate.ADOPTED if holder.brought_by in reading.instead_of else Fate.RECOGNISED


def _stored(reading: Reading) -> Stored:
    return Stored(reading.origin, reading.content_hash, reading.redriven_by)
