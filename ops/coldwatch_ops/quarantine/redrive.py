"""Sending quarantined messages again. The store releases an entry when it accepts its message; this only asks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import batched

from coldwatch_ops.errors import NotFoundError
from coldwatch_ops.publishers import Publishers
from coldwatch_ops.quarantine.entries import OPEN, QuarantineEntry, get_entry, read_bytes
from coldwatch_ops.stack import Stack
from coldwatch_ops.stream import StreamMessage, envelope, put_messages

_READ_AT_ONCE = 200
"""How many messages are held in memory at a time; one has at most 128 KiB."""


@dataclass(frozen=True)
class Redriven:
    """What became of one entry: `reason` says why it was not put on the stream, None when it was."""

    quarantine_id: str
    reason: str | None


def message_of(entry: QuarantineEntry, payload: bytes, publishers: Publishers) -> StreamMessage | str:
    """The message as its topic rule would put it, or why it cannot be made.

    One that came as bare bytes has no topic, and no application as long as nobody had registered its publisher.
    """
    application = entry.application or publishers.application_of(entry.thing)
    if application is None:
        return f"its publisher {entry.thing} is not in the registry"
    return envelope(
        payload=payload,
        topic=entry.topic or publishers.topic_of(application, entry.thing),
        thing=entry.thing,
        application=application,
        client_id=entry.client_id,
        received_at=entry.received_at,
        trace_id=entry.trace_id,
        origin=entry.origin,
        redrive_of=entry.quarantine_id,
    )


def redrive(stack: Stack, entries: Sequence[QuarantineEntry], pause: Callable[[float], None]) -> list[Redriven]:
    """Put each open entry's message on the stream once more; the others, and those without bytes, are left alone."""
    groups = batched(entries, _READ_AT_ONCE, strict=False)
    return [result for group in groups for result in _redrive_group(stack, group, pause)]


def _redrive_group(stack: Stack, group: Sequence[QuarantineEntry], pause: Callable[[float], None]) -> list[Redriven]:
    publishers = Publishers(stack)
    prepared = [(entry, _prepare(stack, entry, publishers)) for entry in group]
    ready = [(entry, message) for entry, message in prepared if isinstance(message, StreamMessage)]
    reasons = put_messages(
        stack.clients.kinesis, stack.output("TelemetryStreamName"), [message for _, message in ready], pause
    )
    put = {entry.quarantine_id: reason for (entry, _), reason in zip(ready, reasons, strict=True)}
    return [
        Redriven(entry.quarantine_id, message if isinstance(message, str) else put[entry.quarantine_id])
        for entry, message in prepared
    ]


def _prepare(stack: Stack, entry: QuarantineEntry, publishers: Publishers) -> StreamMessage | str:
    """The message, or why there is none to send."""
    if entry.status != OPEN:
        return f"already released by {entry.released_by}"
    try:
        return message_of(entry, read_bytes(stack, entry), publishers)
    except NotFoundError as error:
        return str(error)


@dataclass(frozen=True)
class Followed:
    """How the entries stand after a while: released, quarantined again with a new reason, or not yet come round."""

    released: tuple[str, ...]
    quarantined_again: tuple[QuarantineEntry, ...]
    waiting: tuple[str, ...]


def follow(
    stack: Stack, entries: Sequence[QuarantineEntry], *, seconds: int, pause: Callable[[float], None]
) -> Followed:
    """Look at the entries every second until the store has answered for each of them, or the seconds are over."""
    followed = _look(stack, entries)
    for _ in range(seconds):
        if not followed.waiting:
            break
        pause(1)
        followed = _look(stack, entries)
    return followed


def _look(stack: Stack, entries: Sequence[QuarantineEntry]) -> Followed:
    now = {entry.quarantine_id: get_entry(stack, entry.quarantine_id) for entry in entries}
    released = tuple(name for name, entry in now.items() if entry.status != OPEN)
    again = tuple(
        now[before.quarantine_id]
        for before in entries
        if now[before.quarantine_id].status == OPEN and now[before.quarantine_id].attempts > before.attempts
    )
    answered = {*released, *(entry.quarantine_id for entry in again)}
    return Followed(released, again, tuple(name for name in now if name not in answered))
