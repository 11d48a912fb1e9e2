"""`coldwatch incidents ...`."""

from argparse import Namespace

from coldwatch.incidents.answering import Action
from coldwatch.incidents.incident import Status
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import SINCE, Command, Context, argument, positive
from coldwatch_ops.incidents import store, view
from coldwatch_ops.times import parse_time

_ALL = "all"
_STATUSES = {
    "open": (Status.OPEN,),
    "acknowledged": (Status.ACKNOWLEDGED,),
    "resolved": (Status.RESOLVED,),
    "unresolved": (Status.OPEN, Status.ACKNOWLEDGED),
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
    return _settle(options, context, Action.ACKNOWLEDGE)


def run_resolve(options: Namespace, context: Context) -> Answer:
    return _settle(options, context, Action.RESOLVE)


def _settle(options: Namespace, context: Context, action: Action) -> Answer:
    who = options.who or store.operator_name()
    answer = store.settle(
        context.open_stack(), options.incident_id, action, who=who, note=options.note, now_ms=context.now_ms()
    )
    return view.settled(answer)


_INCIDENT = argument("incident_id", metavar="INCIDENT", help="the incident's id")
_WHO = argument("--as", dest="who", metavar="NAME", help="in whose name; you, as this machine knows you, if not said")

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
        (_INCIDENT, _WHO, argument("--note", metavar="TEXT", help="kept in the timeline")),
    ),
    Command(
        "incidents resolve",
        "resolve an incident as an operator",
        run_resolve,
        (_INCIDENT, _WHO, argument("--note", required=True, metavar="TEXT", help="what it was; kept for good")),
    ),
)
