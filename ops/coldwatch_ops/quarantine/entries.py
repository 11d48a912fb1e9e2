"""Quarantine entries: the table says what and why, the bucket keeps the bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from coldwatch_ops.aws_errors import aws_exceptions, error_code
from coldwatch_ops.errors import NotFoundError
from coldwatch_ops.items import items, plain
from coldwatch_ops.stack import Stack

OPEN = "OPEN"
RELEASED = "RELEASED"


@dataclass(frozen=True)
class QuarantineEntry:
    """One message that was set aside. Every text in it but `reason` and `status` may come from a device."""

    quarantine_id: str
    status: str
    reason: str
    detail: str
    thing: str
    application: str
    topic: str
    client_id: str
    trace_id: str
    received_at: int
    size_bytes: int
    s3_key: str
    attempts: int
    released_by: str | None
    released_at: int | None
    origin: str
    """The stream record that first carried the message, as `{shard id}:{sequence number}`."""


@dataclass(frozen=True)
class EntryFilter:
    status: str = OPEN
    reason: str | None = None
    thing: str | None = None
    since: int = 0


def entry_of(item: dict[str, Any]) -> QuarantineEntry:
    return QuarantineEntry(
        quarantine_id=item["quarantine_id"],
        status=item["status"],
        reason=item.get("reason", ""),
        detail=item.get("detail", ""),
        thing=item.get("thing") or "",
        application=item.get("application") or "",
        topic=item.get("topic") or "",
        client_id=item.get("client_id") or "",
        trace_id=item.get("trace_id") or "",
        received_at=item.get("received_at", 0),
        size_bytes=item.get("size_bytes", 0),
        s3_key=item.get("s3_key", ""),
        attempts=item.get("attempts", 1),
        released_by=item.get("released_by"),
        released_at=item.get("released_at"),
        origin=item["origin"],
    )


def list_entries(
    stack: Stack, wanted: EntryFilter, *, limit: int | None = None, newest_first: bool = True
) -> list[QuarantineEntry]:
    """By arrival. `limit` counts entries that pass the filter, however many pages that takes."""
    return list(islice(_entries(stack, wanted, newest_first=newest_first), limit))


def _entries(stack: Stack, wanted: EntryFilter, *, newest_first: bool) -> Iterator[QuarantineEntry]:
    query: dict[str, Any] = {
        "IndexName": "by_status",
        "KeyConditionExpression": "#status = :status AND received_at >= :since",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": wanted.status, ":since": wanted.since},
        "ScanIndexForward": not newest_first,
    }
    conditions = {"reason": wanted.reason, "thing": wanted.thing}
    chosen = {name: value for name, value in conditions.items() if value is not None}
    if chosen:
        query["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in chosen)
        query["ExpressionAttributeNames"] |= {f"#{name}": name for name in chosen}
        query["ExpressionAttributeValues"] |= {f":{name}": value for name, value in chosen.items()}
    return map(entry_of, items(stack.table("QuarantineTableName").query, **query))


def get_entry(stack: Stack, quarantine_id: str) -> QuarantineEntry:
    found = stack.table("QuarantineTableName").get_item(Key={"quarantine_id": quarantine_id}, ConsistentRead=True)
    if "Item" not in found:
        raise NotFoundError(f"There is no quarantine entry {quarantine_id} in {stack.name}.")
    return entry_of(plain(found["Item"]))


def read_bytes(stack: Stack, entry: QuarantineEntry) -> bytes:
    """The message exactly as it was published; NotFoundError once the bucket's retention has removed it."""
    bucket = stack.output("QuarantineBucketName")
    try:
        return stack.clients.s3.get_object(Bucket=bucket, Key=entry.s3_key)["Body"].read()
    except aws_exceptions() as error:
        if error_code(error) not in {"NoSuchKey", "404"}:
            raise
    raise NotFoundError(f"The bytes of {entry.quarantine_id} are no longer in the bucket {bucket} ({entry.s3_key}).")
