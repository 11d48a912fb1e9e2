"""`coldwatch incidents ...`."""

from argparse import Namespace

from coldwatch.incidents.answering import Action, Asked
from coldwatch.incidents.incident import Cause, Disposition, Status
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import SINCE, WHO, Command, Context, argument, positive
from coldwatch_ops.errors import UsageError
from coldwatch_ops.incidents import store, view
from coldwatch_ops.incidents.links import REVOKE_LINKS
from coldwatch_ops.incidents.stats import STATS
from coldwatch_ops.times import parse_length, parse_time

_ALL = "all"
_STATUSES = {
    "open": (Status.OPEN,),
    "acknowledged": (Status.ACKNOWLEDGED,),
    "snoozed": (Status.SNOOZED,),
    "resolved": (Status.RESOLVED,),
    "unresolved": (Status.OPEN, Status.ACKNOWLEDGED, Status.SNOOZED),
    _ALL: tuple(Status),
}


def run_list(options: Namespace, context: Context) -> Answer:
    now_ms = context.now_ms()
    since = parse_time(options.since, now_ms=now_ms) if options.since else 0
    found = store.list_incidents(
        context.open_stack(), _STATUSES[options.status], device_id=options.device, since=since, limit=options.limit
    )
    return view.listed(found, now_ms=now_ms)


def run_show(options: Namespace, context: Context) -> Answer:
    return view.shown(store.tell(context.open_stack(), options.incident_id))


def run_ack(options: Namespace, context: Context) -> Answer:
    return _settle(options, context, Asked(Action.ACKNOWLEDGE, note=options.note))


def run_snooze(options: Namespace, context: Context) -> Answer:
    seconds = parse_length(options.time) // 1000
    return _settle(options, context, Asked(Action.SNOOZE, note=options.note, snooze_s=seconds))


def run_escalate(options: Namespace, context: Context) -> Answer:
    return _settle(options, context, Asked(Action.ESCALATE, note=options.note))


def run_resolve(options: Namespace, context: Context) -> Answer:
    cause = Cause(options.cause) if options.cause else None
    disposition = Disposition(options.disposition) if options.disposition else None
    return _settle(options, context, Asked(Action.RESOLVE, options.note, cause, disposition))


def run_rate(options: Namespace, context: Context) -> Answer:
    if options.useful == options.not_useful:
        raise UsageError("Say either --useful or --not-useful.")
    return _settle(options, context, Asked(Action.USEFUL if options.useful else Action.NOT_USEFUL))


def _settle(options: Namespace, context: Context, asked: Asked) -> Answer:
    who = options.who or store.operator_name()
    return view.settled(
        store.settle(context.open_stack(), options.incident_id, asked, who=who, now_ms=context.now_ms())
    )


_INCIDENT = argument("incident_id", metavar="INCIDENT", help="the incident's id")
_NOTE = argument("--note", metavar="TEXT", help="kept in the timeline")

COMMANDS = (
    Command(
        "incidents list",
        "list incidents, newest first",
        run_list,
        (
            argument("--status", choices=tuple(_STATUSES), default="unresolved", help="default: unresolved"),
            argument("--device", metavar="DEVICE", help="only of this device"),
            SINCE,
            argument("--limit", type=positive, metavar="N", help="at most N incidents"),
        ),
    ),
    Command("incidents show", "show one incident: limits, timeline, who was told", run_show, (_INCIDENT,)),
    Command(
        "incidents ack",
        "acknowledge an incident as an operator",
        run_ack,
        (_INCIDENT, WHO, _NOTE),
    ),
    Command(
        "incidents snooze",
        "take an incident as an operator, to look at it later",
        run_snooze,
        (
            _INCIDENT,
            argument("--for", dest="time", required=True, metavar="LENGTH", help="30m, 2h; the plan has bounds"),
            WHO,
            _NOTE,
        ),
    ),
    Command(
        "incidents escalate",
        "have the next tier told at once",
        run_escalate,
        (_INCIDENT, WHO, _NOTE),
    ),
    Command(
        "incidents resolve",
        "resolve an incident as an operator",
        run_resolve,
        (
            _INCIDENT,
            WHO,
            argument("--note", required=True, metavar="TEXT", help="what it was; kept for good"),
            argument("--cause", choices=tuple(Cause), help="what was behind it"),
            argument("--disposition", choices=tuple(Disposition), help="what becomes of the goods"),
        ),
    ),
    Command(
        "incidents rate",
        "say whether it was useful to be told",
        run_rate,
        (
            _INCIDENT,
            argument("--useful", action="store_true", help="it was"),
            argument("--not-useful", action="store_true", help="it was not: a false alarm in the numbers"),
            WHO,
        ),
    ),
    REVOKE_LINKS,
    STATS,
)
