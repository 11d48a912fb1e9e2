"""`coldwatch telemetry`: the readings of one device, newest first."""

from argparse import Namespace
from itertools import islice
from typing import Any

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument, positive
from coldwatch_ops.devices.view import reading_table, with_times
from coldwatch_ops.items import items
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count
from coldwatch_ops.times import parse_time

_LAST_MS = 9_999_999_999_998
"""Reading keys hold the time in thirteen digits."""


def read_telemetry(
    stack: Stack, device_id: str, *, since: int = 0, until: int = _LAST_MS, limit: int | None = None
) -> list[dict[str, Any]]:
    """Readings whose own time is from `since` to `until`, both included, newest first.

    A reading key starts with thirteen digits of time and goes on with `#`, so the bare digits of the next
    millisecond sort behind every key of this one and before its own.
    """
    found = items(
        stack.table("ReadingTableName").query,
        KeyConditionExpression="device_id = :device AND reading_key BETWEEN :first AND :last",
        ExpressionAttributeValues={
            ":device": device_id,
            ":first": f"{max(since, 0):013d}",
            ":last": f"{min(until, _LAST_MS) + 1:013d}",
        },
        ScanIndexForward=False,
    )
    return list(islice(found, limit))


def run_telemetry(options: Namespace, context: Context) -> Answer:
    now_ms = context.now_ms()
    since = parse_time(options.since, now_ms=now_ms) if options.since else 0
    until = parse_time(options.until, now_ms=now_ms) if options.until else _LAST_MS
    readings = read_telemetry(context.open_stack(), options.device_id, since=since, until=until, limit=options.limit)
    document = {"readings": [with_times(reading, "timestamp", "received_at") for reading in readings]}
    if not readings:
        return Answer(document, ("No reading fits.",))
    more = ("There may be more: raise --limit.",) if len(readings) == options.limit else ()
    return Answer(document, (*reading_table(readings), count(len(readings), "reading") + ".", *more))


COMMANDS = (
    Command(
        "telemetry",
        "show a device's readings, newest first",
        run_telemetry,
        (
            argument("device_id", metavar="DEVICE", help="the device's id"),
            argument("--since", metavar="TIME", help="from TIME on, by the device's clock: RFC 3339, epoch ms, or 2h"),
            argument("--until", metavar="TIME", help="up to TIME"),
            argument("--limit", type=positive, default=20, metavar="N", help="at most N readings (default 20)"),
        ),
    ),
)
