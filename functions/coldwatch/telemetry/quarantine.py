"""Quarantine: what was not accepted is kept whole, with a reason, until somebody redrives or deletes it.

The payload's bytes are an S3 object; an entry in a table says what it is and why it is there.
"""

from dataclasses import dataclass
from urllib.parse import quote

from coldwatch.telemetry.envelope import Envelope
from coldwatch.telemetry.reading import event_day
from coldwatch.telemetry.rejection import Reason, Rejection

OPEN = "OPEN"
RELEASED = "RELEASED"

_TEXT_LIMIT = 256
_METADATA_LIMIT = 300
"""S3 takes 2 KB of metadata in all (Amazon S3 user guide, "Working with object metadata")."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message that was not accepted."""

    envelope: Envelope
    rejection: Rejection

    @property
    def quarantine_id(self) -> str:
        return self.envelope.quarantine_id

    @property
    def s3_key(self) -> str:
        """The same at every delivery: day of arrival, reason and id do not change."""
        return f"quarantine/{event_day(self.envelope.received_at)}/{self.rejection.reason}/{self.quarantine_id}"


@dataclass(frozen=True, slots=True)
class Hold:
    """What is known of an entry when its message is put on the stream again.

    `put_again_by` is the event id of the record for which it was written, where that was not the first.
    """

    status: str
    thing: str
    released_by: str | None = None
    put_again_by: str | None = None


def tells_the_truth(envelope: Envelope, hold: Hold | None) -> bool:
    """Whether a message can be what it says it is: a redrive needs an entry, and an entry is of one thing."""
    if hold is None:
        return envelope.redrive_of is None
    return hold.thing == envelope.thing


def is_spent(envelope: Envelope, hold: Hold) -> bool:
    """Whether another record has released the message already: this one then adds nothing.

    What a delivery that was given up has released is not counted; the record put again in its place releases it anew.
    """
    return hold.status == RELEASED and hold.released_by not in (envelope.record.event_id, *envelope.instead_of)


def is_counted(envelope: Envelope, hold: Hold) -> bool:
    """Whether the entry is in the accounts. One that is left of a delivery that was given up is not."""
    uncounted = (None, envelope.record.event_id, *envelope.instead_of)
    return envelope.redrive_of is not None or hold.put_again_by not in uncounted


def entry(quarantined: Quarantined) -> dict[str, str | int | None]:
    """The table's item (`schemas/quarantine_entry.schema.json`) of a message quarantined for the first time; what is
    None is left out.
    """
    envelope, rejection = quarantined.envelope, quarantined.rejection
    return {
        "quarantine_id": quarantined.quarantine_id,
        "status": OPEN,
        "reason": rejection.reason.value,
        "detail": rejection.detail,
        "thing": envelope.thing,
        "application": envelope.application or "",
        "topic": envelope.topic[:_TEXT_LIMIT],
        "client_id": envelope.client_id[:_TEXT_LIMIT],
        "trace_id": envelope.trace_id[:_TEXT_LIMIT],
        "received_at": envelope.received_at,
        "size_bytes": len(envelope.payload),
        "s3_key": quarantined.s3_key,
        "origin": envelope.origin,
        "shard_id": envelope.record.shard_id,
        "sequence": envelope.record.sequence_number,
        "attempts": 1,
        "put_again_by": envelope.record.event_id if envelope.is_put_again else None,
    }


def object_metadata(quarantined: Quarantined) -> dict[str, str]:
    """The S3 object's metadata. It travels as HTTP headers, so a device's own words are percent-encoded."""
    envelope = quarantined.envelope
    return {
        "reason": quarantined.rejection.reason.value,
        "origin": envelope.origin,
        "received-at": str(envelope.received_at),
        "thing": _header(envelope.thing),
        "topic": _header(envelope.topic),
        "client-id": _header(envelope.client_id),
    }


def reasons(quarantined: list[Quarantined]) -> dict[Reason, int]:
    """How many messages of a batch were quarantined for each reason."""
    counted: dict[Reason, int] = {}
    for each in quarantined:
        counted[each.rejection.reason] = counted.get(each.rejection.reason, 0) + 1
    return counted


def _header(text: str) -> str:
    return quote(text, safe="")[:_METADATA_LIMIT]
