"""`coldwatch maintenance ...`: of whom or what nobody is told for a while, who said so and why. Nothing is deleted."""

import secrets
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.storms.maintenance import MaintenanceError, MaintenanceWindow, Scope, make_window
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import WHO, Command, Context, argument
from coldwatch_ops.errors import FailedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.incidents.store import operator_name
from coldwatch_ops.incidents.view import age
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count, escape, table
from coldwatch_ops.times import parse_length, parse_time, rfc3339

if TYPE_CHECKING:
    from coldwatch.adapters.storm_store import DynamoStormStore


def run_add(options: Namespace, context: Context) -> Answer:
    window = _window(options, now_ms=context.now_ms())
    if not _store(context.open_stack()).put_window(window):
        raise FailedError(f"There is a window {window.window_id} already: try again.")
    critical = "" if window.is_even_critical else " Critical incidents are told all the same (--even-critical)."
    told = (
        f"Window {window.window_id}: nobody is told of {escape(window.scope.words)} from {rfc3339(window.from_ms)} "
        f"until {rfc3339(window.until_ms)}.{critical}"
    )
    return Answer({"window": asdict(window)}, (told,))


def run_list(options: Namespace, context: Context) -> Answer:
    now_ms = context.now_ms()
    store = _store(context.open_stack())
    found = store.windows() if options.all else [each for each in store.unfinished(now_ms) if each.end_ms > now_ms]
    document = {"windows": [asdict(each) | _times(each, now_ms) for each in found]}
    if not found:
        return Answer(document, ("No maintenance window is open or to come.",))
    return Answer(document, (_drawn(found, now_ms), count(len(found), "window") + "."))


def run_end(options: Namespace, context: Context) -> Answer:
    """What was said of the window stays, with who ended it and why."""
    now_ms = context.now_ms()
    store = _store(context.open_stack())
    before = next((each for each in store.windows() if each.window_id == options.window_id), None)
    if before is None:
        raise NotFoundError(f"There is no maintenance window {options.window_id}.")
    if before.end_ms <= now_ms:
        raise RefusedError(f"Window {before.window_id} was over at {rfc3339(before.end_ms)}.")
    who = options.who or operator_name()
    after = replace(before, ended_at=now_ms, ended_by=who, ended_why=options.why)
    if not store.put_window(after, before=before):
        raise FailedError(f"Somebody else changed window {before.window_id} just now: look at it, then try again.")
    told = f"Window {after.window_id} is over. What is still open is told within 15 minutes."
    return Answer({"window": asdict(after)}, (told,))


def _window(options: Namespace, *, now_ms: int) -> MaintenanceWindow:
    """Raises UsageError with what is wrong with it."""
    from_ms = parse_time(options.from_time, now_ms=now_ms) if options.from_time else now_ms
    window = MaintenanceWindow(
        window_id=secrets.token_hex(4),
        scope=Scope(
            device=options.device,
            gateway=options.gateway,
            site=options.site,
            fleet=options.fleet,
            detector_model=options.detector_model,
            kind=options.kind,
        ),
        from_ms=from_ms,
        until_ms=_until(options, from_ms, now_ms=now_ms),
        who=options.who or operator_name(),
        why=options.why,
        added_at=now_ms,
        is_even_critical=options.even_critical,
    )
    try:
        return make_window(window)
    except MaintenanceError as error:
        raise UsageError(str(error)) from None


def _until(options: Namespace, from_ms: int, *, now_ms: int) -> int:
    if (options.until is None) == (options.duration is None):
        raise UsageError("Say when the window ends: either --for 4h or --until 2026-11-22T06:00:00Z.")
    if options.until is not None:
        return parse_time(options.until, now_ms=now_ms)
    return from_ms + parse_length(options.duration)


def _times(window: MaintenanceWindow, now_ms: int) -> dict[str, Any]:
    """What the list says besides: since when it is known, and what remains of it; ms."""
    return {"age_ms": now_ms - window.added_at, "remains_ms": max(0, window.end_ms - max(now_ms, window.from_ms))}


def _drawn(windows: Sequence[MaintenanceWindow], now_ms: int) -> Any:
    headings = ("window", "about", "state", "from", "until", "age", "remains", "critical", "who", "why")
    rows = [
        (
            each.window_id,
            each.scope.words,
            _state(each, now_ms),
            rfc3339(each.from_ms),
            rfc3339(each.end_ms),
            age(now_ms - each.added_at),
            age(_times(each, now_ms)["remains_ms"]),
            "silent too" if each.is_even_critical else "told",
            each.who,
            each.why + (f"; ended: {each.ended_why}" if each.ended_why else ""),
        )
        for each in windows
    ]
    return table(headings, rows, numeric=("age", "remains"))


def _state(window: MaintenanceWindow, now_ms: int) -> str:
    if window.holds(now_ms):
        return "open"
    if now_ms < window.from_ms:
        return "to come"
    return f"ended by {window.ended_by}" if window.ended_by else "over"


def _store(stack: Stack) -> "DynamoStormStore":
    from coldwatch.adapters.storm_store import DynamoStormStore  # noqa: PLC0415 - boto3 is an optional dependency

    return DynamoStormStore(stack.clients.dynamodb_client, stack.output("StormTableName"))


_WHY = argument("--why", required=True, metavar="TEXT", help="kept for good")

COMMANDS = (
    Command(
        "maintenance add",
        "tell nobody of a device, gateway, site, fleet, model or kind for a while",
        run_add,
        (
            argument("--device", metavar="DEVICE", help="only of this device"),
            argument("--gateway", metavar="THING", help="only of this gateway and its devices"),
            argument("--site", metavar="SITE", help="only at this site"),
            argument("--fleet", metavar="FLEET", help="only in this fleet"),
            argument("--model", dest="detector_model", metavar="MODEL", help="only what this detector model finds"),
            argument("--kind", metavar="KIND", help="only incidents of this kind"),
            argument("--from", dest="from_time", metavar="TIME", help="when it begins (default: now)"),
            argument("--until", metavar="TIME", help="when it ends; 30 days after its beginning at most"),
            argument(
                "--for", dest="duration", metavar="LENGTH", help="how long it lasts, such as 4h, instead of --until"
            ),
            _WHY,
            argument("--even-critical", action="store_true", help="tell nobody of critical incidents either"),
            WHO,
        ),
    ),
    Command(
        "maintenance list",
        "list the windows that are open or to come, with their age and what remains",
        run_list,
        (argument("--all", action="store_true", help="those that are over, too"),),
    ),
    Command(
        "maintenance end",
        "end a window before its time",
        run_end,
        (argument("window_id", metavar="WINDOW", help="the window's id"), _WHY, WHO),
    ),
)
