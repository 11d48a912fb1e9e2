"""What each message of a batch comes to: what to write for it, and what it adds to the accounts.

A message may reach the stream more than once: delivered again (the same record), redriven out of quarantine, or put
again after a delivery was given up. The rules that keep the accounts exact, by what is found of it:

======================  ==========================  =====================================================
found                   redriven from quarantine    put again after a delivery was given up
======================  ==========================  =====================================================
nothing                 accepted, released          accepted
a reading, as it came   nothing: counted then       accepted, in this record's name: not counted then
a reading, put again    accepted, released          nothing: counted by the record that brought it in, unless that
                                                    was given up too: accepted, in this record's name
a duplicate             duplicate, released         duplicate
rejected                nothing: one more attempt   quarantined, unless a record put again counted it
released by another     nothing                     nothing
======================  ==========================  =====================================================
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coldwatch.telemetry.accounting import Counts, Tally
from coldwatch.telemetry.classification import Classified, Fate
from coldwatch.telemetry.envelope import Envelope
from coldwatch.telemetry.quarantine import Hold, is_counted, is_spent
from coldwatch.telemetry.reading import Reading
from coldwatch.telemetry.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Message:
    """A record's message and the verdict on it; `hold` is the quarantine entry of a message put on the stream again."""

    envelope: Envelope
    verdict: Reading | Rejection
    hold: Hold | None = None

    @property
    def sequence(self) -> int:
        return self.envelope.record.sequence

    @property
    def event_id(self) -> str:
        return self.envelope.record.event_id


@dataclass(frozen=True, slots=True)
class Settled:
    """What a message came to. `classified` is None where it was rejected."""

    message: Message
    counts: Counts
    classified: Classified | None = None

    @property
    def tally(self) -> Tally:
        return Tally(self.message.sequence, self.counts)


def without_spent(messages: Iterable[Message]) -> list[Message]:
    """The messages without those whose quarantine entry another record has released, or is about to in this batch."""
    live: list[Message] = []
    releasing: set[str] = set()
    for message in messages:
        quarantine_id = message.envelope.quarantine_id
        if message.hold and (quarantine_id in releasing or is_spent(message.envelope, message.hold)):
            continue
        if message.hold and isinstance(message.verdict, Reading):
            releasing.add(quarantine_id)
        live.append(message)
    return live


def settle(messages: Iterable[Message], classified: Iterable[Classified]) -> list[Settled]:
    """What `messages` come to; `classified` are the readings among them, in the same order."""
    fates = iter(classified)
    return [_settle(message, fates) for message in messages]


def to_store(settled: Iterable[Settled]) -> list[Reading]:
    """The readings that are not in the store yet, or are there in another record's name."""
    readings = [
        each.classified.reading
        for each in settled
        if each.classified and each.classified.fate in {Fate.ACCEPTED, Fate.ADOPTED}
    ]
    # A reading may be accepted and adopted in one batch, when a stream is read again from its beginning.
    return list({reading.key: reading for reading in readings}.values())


def _settle(message: Message, fates: Iterator[Classified]) -> Settled:
    if isinstance(message.verdict, Rejection):
        return Settled(message, _counts_of_rejection(message))
    own = next(fates)
    return Settled(message, _counts_of_reading(message, own), own)


def _counts_of_rejection(message: Message) -> Counts:
    if message.hold is not None and is_counted(message.envelope, message.hold):
        return Counts()
    return Counts(quarantined=1)


def _counts_of_reading(message: Message, classified: Classified) -> Counts:
    released = int(message.hold is not None and is_counted(message.envelope, message.hold))
    if classified.fate is Fate.DUPLICATE:
        return Counts(duplicates=1, released=released)
    if classified.fate is Fate.RECOGNISED and not _takes_over(message, classified):
        return Counts()
    return Counts(accepted=1, released=released, conflicts=int(classified.reading.conflict))


def _takes_over(message: Message, recognised: Classified) -> bool:
    """Whether a message that another record has stored is for this one to count.

    A redrive counts what an earlier redrive stored and did not release. A record that came as it was counts too: only
    the ledger knows whether it has done so.
    """
    if message.envelope.redrive_of is None:
        return not message.envelope.is_put_again
    return recognised.stored is not None and recognised.stored.redriven_by is not None
