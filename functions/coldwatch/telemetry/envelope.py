"""A stream record and the envelope in it: the published bytes with what the cloud knows about them.

The topic rule wraps every message (`schemas/envelope.schema.json`). A record that is no such envelope is taken as a
*bare-bytes record*: its bytes are the payload and its partition key is the publishing thing. So a broken envelope is
judged, and kept, like any other bytes.
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import msgspec

EpochMs = Annotated[int, msgspec.Meta(ge=0, lt=10**13)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
Origin = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_.-]{1,128}:[0-9]{1,129}$(?!\n)")]
"""An event id, as the Kinesis API reference bounds its parts; it becomes part of keys and headers."""


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One Kinesis record of an invocation event. `event_id` is `{shard id}:{sequence number}`."""

    event_id: str
    shard_id: str
    sequence_number: str
    partition_key: str
    data: bytes
    arrived_at: int

    @property
    def sequence(self) -> int:
        """For comparing: the number has far more digits than text order could get right."""
        return int(self.sequence_number)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message with its identity. `origin` is the event id of the record that first carried it.

    `application` is None in a bare-bytes record: the registry has to say. A message is put on the stream again out of
    quarantine (`redrive_of` is its quarantine id) or because a delivery was given up (`instead_of` names the records
    that were given up: the first that carried it, or those in which it was put again), or for both reasons.
    """

    record: StreamRecord
    payload: bytes
    thing: str
    application: str | None
    topic: str
    client_id: str
    received_at: int
    trace_id: str
    origin: str
    redrive_of: str | None
    instead_of: tuple[str, ...] = ()

    @property
    def quarantine_id(self) -> str:
        return quarantine_id(self.origin)

    @property
    def is_put_again(self) -> bool:
        """Whether another record carried the message before."""
        return self.origin != self.record.event_id


class _Wire(msgspec.Struct):
    payload: bytes
    topic: Text
    thing: Text
    application: Text
    received_at: EpochMs
    client_id: str | None = None
    trace_id: str | None = None
    redrive_of: Text | None = None
    origin: Origin | None = None
    instead_of: Annotated[tuple[Origin, ...], msgspec.Meta(max_length=64)] = ()


_decoder = msgspec.json.Decoder(_Wire)


def quarantine_id(origin: str) -> str:
    """The id under which the message of `origin` is quarantined; the same at every delivery.

    >>> quarantine_id("shardId-000000000000:4959")
    'shardId-000000000000-4959'
    """
    return origin.replace(":", "-")


def stream_record(record: Mapping[str, Any]) -> StreamRecord:
    """Read one member of `Records` of a Kinesis invocation event."""
    kinesis = record["kinesis"]
    return StreamRecord(
        event_id=record["eventID"],
        shard_id=record["eventID"].partition(":")[0],
        sequence_number=kinesis["sequenceNumber"],
        partition_key=kinesis["partitionKey"],
        data=binascii.a2b_base64(kinesis["data"]),
        arrived_at=int(float(kinesis["approximateArrivalTimestamp"]) * 1000),
    )


def open_envelope(record: StreamRecord) -> Envelope:
    """The message that `record` carries. Never fails: what is no envelope is a bare-bytes record.

    An envelope speaks only for its own partition key, which the rule takes from the topic. Otherwise a device whose
    bytes reach the stream bare could write an envelope in another thing's name.
    """
    try:
        wire = _decoder.decode(record.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _bare(record)
    if wire.thing != record.partition_key or not _is_consistent(wire):
        return _bare(record)
    return Envelope(
        record=record,
        payload=wire.payload,
        thing=wire.thing,
        application=wire.application,
        topic=wire.topic,
        client_id=wire.client_id or "",
        received_at=wire.received_at,
        trace_id=wire.trace_id or "",
        origin=wire.origin or record.event_id,
        redrive_of=wire.redrive_of,
        instead_of=wire.instead_of or ((wire.origin,) if wire.origin and not wire.redrive_of else ()),
    )


def as_new(envelope: Envelope) -> Envelope:
    """The same message as one of its own: what it says of its origin is not true."""
    return replace(envelope, origin=envelope.record.event_id, redrive_of=None, instead_of=())


def _is_consistent(wire: _Wire) -> bool:
    if wire.origin is None:
        return wire.redrive_of is None and not wire.instead_of
    return wire.redrive_of in (None, quarantine_id(wire.origin))


def _bare(record: StreamRecord) -> Envelope:
    return Envelope(
        record=record,
        payload=record.data,
        thing=record.partition_key,
        application=None,
        topic="",
        client_id="",
        received_at=record.arrived_at,
        trace_id="",
        origin=record.event_id,
        redrive_of=None,
    )
