"""`coldwatch report ...`."""

from argparse import Namespace
from pathlib import Path

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.reports import store, view


def run_show(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    return view.shown(store.report_of(stack, store.find_filed(stack, options.incident_id)))


def run_get(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    return view.fetched(store.fetch(stack, store.find_filed(stack, options.incident_id), Path(options.to)))


def run_verify(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    filed = store.find_filed(stack, options.incident_id)
    return view.verified(filed, list(store.faults(stack, filed)))


_INCIDENT = argument("incident_id", metavar="INCIDENT", help="the incident's id")

COMMANDS = (
    Command("report show", "show the report of an incident that is over", run_show, (_INCIDENT,)),
    Command(
        "report get",
        "fetch the report, as JSON and PDF, with all that it is made of",
        run_get,
        (_INCIDENT, argument("--to", metavar="FOLDER", default=".", help="default: the current folder")),
    ),
    Command("report verify", "hash everything that is kept of an incident again", run_verify, (_INCIDENT,)),
)
