"""`coldwatch quarantine ...`."""

from argparse import Namespace
from pathlib import Path

from coldwatch.telemetry.rejection import Reason
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import SINCE, YES, Command, Context, argument, positive
from coldwatch_ops.errors import RefusedError, UsageError
from coldwatch_ops.quarantine import view
from coldwatch_ops.quarantine.entries import (
    OPEN,
    RELEASED,
    EntryFilter,
    QuarantineEntry,
    get_entry,
    list_entries,
    read_bytes,
)
from coldwatch_ops.quarantine.redrive import follow, redrive
from coldwatch_ops.stack import Stack
from coldwatch_ops.times import parse_time

MOST_WITHOUT_ASKING = 10
REASONS = tuple(reason.value for reason in Reason)


def _filter_of(options: Namespace, context: Context, status: str) -> EntryFilter:
    since = parse_time(options.since, now_ms=context.now_ms()) if options.since else 0
    return EntryFilter(status, options.reason, getattr(options, "thing", None), since)


def run_list(options: Namespace, context: Context) -> Answer:
    wanted = _filter_of(options, context, options.status)
    return view.listed(list_entries(context.open_stack(), wanted, limit=options.limit), limit=options.limit)


def run_show(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    entry = get_entry(stack, options.quarantine_id)
    payload = read_bytes(stack, entry)
    if options.raw is not None:
        _save(Path(options.raw), payload)
    return view.shown(entry, payload, saved_as=options.raw)


def _save(path: Path, payload: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(payload)
    except FileExistsError:
        raise RefusedError(f"{path} is there already and is not overwritten. Name another file.") from None
    except OSError as error:
        raise RefusedError(f"{path} cannot be written: {error.strerror}.") from None


def run_redrive(options: Namespace, context: Context) -> Answer:
    chosen = sum((bool(options.quarantine_ids), options.reason is not None, options.all))
    if chosen != 1:
        raise UsageError("Say which messages: ids, or --reason REASON, or --all; one of the three.")
    if options.quarantine_ids and options.since:
        raise UsageError("--since narrows --reason or --all; ids stand for themselves.")
    wanted = _filter_of(options, context, OPEN)
    stack = context.open_stack()
    entries = _entries(stack, options, wanted)
    if len(entries) > MOST_WITHOUT_ASKING and not options.yes:
        context.confirm(f"Put {len(entries):,} messages on the stream of {stack.name} again?")
    results = redrive(stack, entries, context.pause)
    if options.wait is None:
        return view.redriven(results, None)
    put = {result.quarantine_id for result in results if result.reason is None}
    waiting = [entry for entry in entries if entry.quarantine_id in put]
    return view.redriven(results, follow(stack, waiting, seconds=options.wait, pause=context.pause))


def _entries(stack: Stack, options: Namespace, wanted: EntryFilter) -> list[QuarantineEntry]:
    """Oldest first, so that they reach the stream in the order in which they first came; each once."""
    if options.quarantine_ids:
        return [get_entry(stack, quarantine_id) for quarantine_id in dict.fromkeys(options.quarantine_ids)]
    return list_entries(stack, wanted, newest_first=False)


COMMANDS = (
    Command(
        "quarantine list",
        "list what did not fit, newest first, and why",
        run_list,
        (
            argument("--reason", choices=REASONS, metavar="REASON", help="only this reason, such as out_of_span"),
            SINCE,
            argument("--thing", "--device", dest="thing", metavar="THING", help="only what this thing published"),
            argument("--status", choices=(OPEN, RELEASED), default=OPEN, help="OPEN (default) or RELEASED"),
            argument("--limit", type=positive, default=50, metavar="N", help="at most N entries (default 50)"),
        ),
    ),
    Command(
        "quarantine show",
        "show one entry and its bytes, safely escaped",
        run_show,
        (
            argument("quarantine_id", metavar="ID", help="as `quarantine list` prints it"),
            argument("--raw", metavar="FILE", help="save the bytes, whole and as they came, as FILE"),
        ),
    ),
    Command(
        "quarantine redrive",
        "put quarantined messages on the stream again, after a fix",
        run_redrive,
        (
            argument("quarantine_ids", nargs="*", metavar="ID", help="which entries"),
            argument("--reason", choices=REASONS, metavar="REASON", help="every open entry with this reason"),
            argument("--all", action="store_true", help="every open entry"),
            SINCE,
            argument("--wait", type=positive, metavar="SECONDS", help="wait so long for the store's answer"),
            YES,
        ),
    ),
)
