"""Quarantine told to people and to machines. Pure: entries in, answers out."""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coldwatch_ops.answer import Answer
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.quarantine.entries import QuarantineEntry
from coldwatch_ops.quarantine.redrive import Followed, Redriven
from coldwatch_ops.text import count, escape, fields, hexdump, preview, table
from coldwatch_ops.times import rfc3339


def document_of(entry: QuarantineEntry) -> dict[str, Any]:
    """As stored, with the times as RFC 3339 and what is absent left out."""
    values = asdict(entry) | {
        "received_at": rfc3339(entry.received_at),
        "released_at": rfc3339(entry.released_at),
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def listed(entries: Sequence[QuarantineEntry], *, limit: int) -> Answer:
    document = {"entries": [document_of(entry) for entry in entries]}
    if not entries:
        return Answer(document, ("No quarantine entry fits.",))
    rows = [
        (rfc3339(entry.received_at), entry.reason, entry.thing, f"{entry.size_bytes:,} B", entry.attempts, entry.detail)
        for entry in entries
    ]
    ids = [[entry.quarantine_id] for entry in entries]
    joined = [row + tuple(name) for row, name in zip(rows, ids, strict=True)]
    drawn = table(("received", "reason", "thing", "size", "attempts", "detail", "id"), joined, numeric=("attempts",))
    more = ("There may be more: raise --limit.",) if len(entries) == limit else ()
    return Answer(document, (drawn, count(len(entries), "entry", "entries") + ".", *more))


def shown(entry: QuarantineEntry, payload: bytes, *, saved_as: str | None) -> Answer:
    document = document_of(entry) | {"payload_base64": base64.b64encode(payload).decode()}
    told = [
        *fields(document_of(entry)),
        "",
        "As text:",
        f"  {preview(payload)}",
        "",
        "As bytes:",
        *(f"  {line}" for line in hexdump(payload)),
    ]
    if saved_as is not None:
        told += ["", f"{len(payload):,} bytes saved as {escape(saved_as)}."]
    return Answer(document, tuple(told))


def redriven(results: Sequence[Redriven], followed: Followed | None) -> Answer:
    """Fails when any message could not be put on the stream, or came back into quarantine."""
    put = [result.quarantine_id for result in results if result.reason is None]
    left = {result.quarantine_id: result.reason for result in results if result.reason is not None}
    document: dict[str, Any] = {"redriven": put, "left": left}
    told = [f"{count(len(put), 'message')} put on the stream again."]
    told += [f"Left: {escape(name)}: {escape(reason)}" for name, reason in left.items()]
    if followed is None:
        told += ["Each entry is released when its message is accepted; `coldwatch quarantine list` shows the rest."]
        return Answer(document, tuple(told), ExitCode.FAILED if left else ExitCode.OK)
    document |= {
        "released": list(followed.released),
        "quarantined_again": {entry.quarantine_id: entry.reason for entry in followed.quarantined_again},
        "waiting": list(followed.waiting),
    }
    told += _told_of(followed)
    is_clean = not (left or followed.quarantined_again or followed.waiting)
    return Answer(document, tuple(told), ExitCode.OK if is_clean else ExitCode.FAILED)


def _told_of(followed: Followed) -> list[str]:
    again = [
        f"Quarantined again: {escape(entry.quarantine_id)}: {escape(entry.reason)}: {escape(entry.detail)}"
        for entry in followed.quarantined_again
    ]
    waiting = [f"No answer yet for {escape(name)}." for name in followed.waiting]
    return [f"{count(len(followed.released), 'entry', 'entries')} released.", *again, *waiting]
