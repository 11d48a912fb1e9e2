"""`coldwatch rota ...`: who is on call."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.escalation.rota import Rota, RotaError, Shift, shifts
from coldwatch.incidents.escalation.rota_document import read_rota
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import WHO, Command, Context, argument, positive
from coldwatch_ops.errors import FailedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.incidents.store import operator_name
from coldwatch_ops.responders import documents
from coldwatch_ops.responders.contacts import ask
from coldwatch_ops.responders.sources import fault_of, in_force, open_rotas, read_rota_file
from coldwatch_ops.responders.wording import clock
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count, escape, table
from coldwatch_ops.times import parse_time, rfc3339

if TYPE_CHECKING:
    from coldwatch.adapters.policy_store import DynamoRotaStore

_DAY_MS = 86_400_000
_AHEAD_DAYS = 14
_LONGEST_TURN_DAYS = 800
"""How far `on-call` looks for the end of a turn: two shifts of 366 days, and some more."""


def run_put(options: Namespace, context: Context) -> Answer:
    return _put(read_rota_file(Path(options.file)), context.open_stack(), options, context)


def run_override(options: Namespace, context: Context) -> Answer:
    """Another version of the rota, with one more override."""
    stack = context.open_stack()
    document = _stored(open_rotas(stack), options.rota_id)
    added = {"contact": options.contact, "from": options.from_, "until": options.until}
    about = {"who": options.who or operator_name(), "why": options.why}
    changed = {**document, "overrides": [*document.get("overrides", []), {**added, **about}]}
    try:
        read_rota(changed)
    except RotaError as error:
        raise UsageError("; ".join(error.faults) + ".") from None
    return _put(changed, stack, options, context)


def run_show(options: Namespace, context: Context) -> Answer:
    rota, document = _asked(options, context)
    now_ms = context.now_ms()
    begins = parse_time(options.from_, now_ms=now_ms) if options.from_ else now_ms
    found = shifts(rota, begins, begins + options.days * _DAY_MS)
    told = f"Rota {rota.rota_id}, version {rota.version}, times of {rota.zone.key}."
    return Answer(
        {"rota": document, "shifts": [_shift(each) for each in found]},
        (escape(told), _table(found, rota), *_holes(found)),
    )


def run_list(_options: Namespace, context: Context) -> Answer:
    """Exit code 1 where one cannot be read; the others are shown all the same."""
    found = in_force(open_rotas(context.open_stack()).kept, "rota_id", read_rota)
    if not found:
        return Answer({"rotas": []}, ("There is no rota yet: coldwatch rota put FILE",))
    rows, listed = zip(*(_listed(document, rota, context.now_ms()) for document, rota in found), strict=True)
    headings = ("rota", "version", "time zone", "on call now", "about")
    exit_code = ExitCode.FAILED if any(map(fault_of, listed)) else ExitCode.OK
    return Answer({"rotas": list(listed)}, (table(headings, rows), count(len(rows), "rota") + "."), exit_code)


def _listed(document: dict[str, Any], rota: Rota | None, now_ms: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A row, and the same for `--json`."""
    if rota is None:
        return (document.get("rota_id"), document.get("version"), None, None, fault_of(document)), document
    (now,) = shifts(rota, now_ms, now_ms + 1)
    row = (rota.rota_id, rota.version, rota.zone.key, now.turn.contact or "nobody", document.get("about"))
    return row, {**document, "on_call": now.turn.contact}


def run_on_call(options: Namespace, context: Context) -> Answer:
    """Exit code 1 where it is nobody."""
    rota, _ = _asked(options, context)
    at = parse_time(options.at, now_ms=context.now_ms()) if options.at else context.now_ms()
    now, *later = shifts(rota, at, at + _LONGEST_TURN_DAYS * _DAY_MS)
    document = {"rota_id": rota.rota_id, "at": at, "now": _shift(now), "next": _shift(later[0]) if later else None}
    said = f"{_who(now)} in {rota.rota_id} at {clock(at, rota.zone)}"
    then = f", until {clock(now.until_ms, rota.zone)}; then {_who(later[0])}." if later else ", and for years."
    return Answer(document, (escape(said + then),), ExitCode.OK if now.turn.contact else ExitCode.FAILED)


def run_history(options: Namespace, context: Context) -> Answer:
    return documents.told_history(open_rotas(context.open_stack()).kept, options.rota_id, "rota")


def run_validate(options: Namespace, _context: Context) -> Answer:
    return documents.validated([(path, _faults(Path(path)), []) for path in options.files], "rota")


def _put(document: Mapping[str, Any], stack: Stack, options: Namespace, context: Context) -> Answer:
    rota = read_rota(document)
    known = {each["contact_id"] for each in ask(stack, "list")["contacts"]}
    if strangers := sorted(rota.contacts - known):
        raise RefusedError(f"Nobody knows {', '.join(strangers)}: coldwatch contacts add, then put the rota again.")
    numbered, is_new = documents.put_version(open_rotas(stack).kept, rota.rota_id, document, options, context)
    if not is_new:
        return Answer({"rota": numbered}, (f"Rota {escape(rota.rota_id)} is as it was.",))
    told = f"Rota {escape(rota.rota_id)}, version {numbered['version']}: rounds that begin from now on keep to it."
    ahead = shifts(rota, context.now_ms(), context.now_ms() + _AHEAD_DAYS * _DAY_MS)
    return Answer({"rota": numbered}, (told, *_holes(ahead)))


def _faults(path: Path) -> list[str]:
    try:
        read_rota(documents.read_json(path, "rota"))
    except RotaError as error:
        return list(error.faults)
    return []


def _asked(options: Namespace, context: Context) -> tuple[Rota, dict[str, Any]]:
    """Of a file, or of the stack."""
    if options.file:
        document = read_rota_file(Path(options.file))
    elif options.rota_id is None:
        raise UsageError("Say which rota, or give its file by --file.")
    else:
        document = _stored(open_rotas(context.open_stack()), options.rota_id)
    return read_rota(document), document


def _stored(store: "DynamoRotaStore", rota_id: str) -> dict[str, Any]:
    try:
        document = store.document(rota_id)
        if document is not None:
            read_rota(document)
            return document
    except RotaError as error:
        raise FailedError(f"What is stored as {error}: coldwatch rota put FILE") from None
    raise NotFoundError(f"There is no rota {rota_id}: coldwatch rota put FILE")


def _who(shift: Shift) -> str:
    return f"{shift.turn.contact or 'nobody'} is on call"


def _shift(shift: Shift) -> dict[str, Any]:
    override = shift.turn.override
    return {
        "contact": shift.turn.contact,
        "from": rfc3339(shift.from_ms),
        "until": rfc3339(shift.until_ms),
        "layer": shift.turn.layer,
        "override": override and {"who": override.who, "why": override.why},
    }


def _table(found: Sequence[Shift], rota: Rota) -> Any:
    rows = [
        (clock(each.from_ms, rota.zone), clock(each.until_ms, rota.zone), each.turn.contact or "nobody", _by(each))
        for each in found
    ]
    return table(("from", "until", "on call", "by"), rows)


def _by(shift: Shift) -> str:
    if override := shift.turn.override:
        entered = f"override by {override.who}" if override.who else "override"
        return f"{entered}: {override.why}" if override.why else entered
    return shift.turn.layer or ""


def _holes(found: Sequence[Shift]) -> tuple[str, ...]:
    holes = [each for each in found if each.turn.contact is None]
    if not holes:
        return ()
    hours = sum(each.until_ms - each.from_ms for each in holes) / 3_600_000
    return (f"Nobody is on call for {hours:,.1f} h of it, first from {rfc3339(holes[0].from_ms)}.",)


_ROTA = argument("rota_id", metavar="ROTA", help="the rota's id")
_MAYBE_ROTA = argument("rota_id", nargs="?", metavar="ROTA", help="the rota's id")
_OFFLINE = argument("--file", metavar="FILE", help="offline, of the rota in FILE")

COMMANDS = (
    Command("rota list", "list the rotas, and who is on call in each", run_list),
    Command(
        "rota show",
        "show who is on call in the days to come",
        run_show,
        (
            _MAYBE_ROTA,
            argument("--days", type=positive, default=_AHEAD_DAYS, metavar="N", help="how many; default: 14"),
            argument("--from", dest="from_", metavar="TIME", help="from when on; now if not said"),
            _OFFLINE,
        ),
    ),
    Command(
        "rota on-call",
        "show who is on call, until when, and who is next",
        run_on_call,
        (_MAYBE_ROTA, argument("--at", metavar="TIME", help="then; now if not said"), _OFFLINE),
    ),
    Command("rota put", "put a rota in force", run_put, (documents.FILE, WHO, documents.NEEDED_WHY)),
    Command(
        "rota override",
        "let somebody stand in for a while",
        run_override,
        (
            _ROTA,
            argument("--contact", required=True, metavar="CONTACT", help="who stands in"),
            argument("--from", dest="from_", required=True, metavar="TIME", help="RFC 3339; local without an offset"),
            argument("--until", required=True, metavar="TIME", help="likewise"),
            WHO,
            documents.NEEDED_WHY,
        ),
    ),
    Command("rota history", "show who changed a rota, when, why and what", run_history, (_ROTA,)),
    Command("rota validate", "find what is wrong with rotas' files, offline", run_validate, (documents.FILES,)),
)
