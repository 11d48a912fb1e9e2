"""`coldwatch dead-letters ...`."""

from argparse import Namespace

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import YES, Command, Context, argument, positive
from coldwatch_ops.dead_letters import view
from coldwatch_ops.dead_letters.letters import Letter, depth, held
from coldwatch_ops.dead_letters.queues import QUEUES
from coldwatch_ops.dead_letters.redrive import Redriver
from coldwatch_ops.quarantine.commands import MOST_WITHOUT_ASKING
from coldwatch_ops.stack import Stack


def run_list(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    queues = [options.queue] if options.queue else list(QUEUES)
    return view.listed({queue: _look_at(stack, queue, options.limit) for queue in queues})


def _look_at(stack: Stack, queue: str, limit: int) -> list[Letter]:
    with held(stack.clients.sqs, stack.output(QUEUES[queue]), limit) as letters:
        return letters


def run_redrive(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    queue_url = stack.output(QUEUES[options.queue])
    waiting = min(depth(stack.clients.sqs, queue_url), options.limit)
    if waiting > MOST_WITHOUT_ASKING and not options.yes:
        context.confirm(f"Redrive about {waiting:,} letters of {options.queue} in {stack.name}?")
    redriver = Redriver(stack, options.queue, context.pause, accept_missing=options.accept_missing)
    return view.redriven(redriver.redrive(options.limit))


_LIMIT = argument("--limit", type=positive, default=100, metavar="N", help="at most N letters (default 100)")

COMMANDS = (
    Command(
        "dead-letters list",
        "list what was given up on, and why; leaves it where it is",
        run_list,
        (argument("queue", nargs="?", choices=tuple(QUEUES), help="one queue (default: all)"), _LIMIT),
    ),
    Command(
        "dead-letters redrive",
        "send what was given up on again, after a fix",
        run_redrive,
        (
            argument("queue", choices=tuple(QUEUES), help="which queue"),
            _LIMIT,
            argument(
                "--accept-missing",
                action="store_true",
                help="send what is left of a batch whose other records have gone from the stream",
            ),
            YES,
        ),
    ),
)
