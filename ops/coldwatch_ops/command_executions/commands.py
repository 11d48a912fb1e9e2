"""`coldwatch command ...`."""

import getpass
import json
import uuid
from argparse import Namespace
from typing import Any, NoReturn

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument, positive
from coldwatch_ops.command_executions import view
from coldwatch_ops.command_executions.executions import get_execution, list_executions, send, wait
from coldwatch_ops.errors import UsageError


def run_send(options: Namespace, context: Context) -> Answer:
    order = {
        "device_id": options.device_id,
        "command": options.command_name,
        "parameters": dict(_parameter(each) for each in options.parameters),
        "timeout_s": options.timeout_s,
        "attempts": options.attempts,
        "client_token": options.token or str(uuid.uuid4()),
        "requested_by": getpass.getuser(),
        "incident_on_timeout": options.incident_on_timeout,
    }
    stack = context.open_stack()
    execution_id = send(stack, {name: value for name, value in order.items() if value is not None})
    if not options.wait:
        return view.sent(execution_id, options.device_id)
    context.say(f"Command execution {execution_id}: waiting for {options.device_id}.")
    return view.waited_for(wait(stack, execution_id, context.pause))


def run_show(options: Namespace, context: Context) -> Answer:
    return view.shown(get_execution(context.open_stack(), options.execution_id))


def run_list(options: Namespace, context: Context) -> Answer:
    return view.listed(list_executions(context.open_stack(), options.device_id, options.limit))


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"{text!r} is no parameter: give NAME=VALUE, such as celsius=4.5.")
    return name, _value(value)


def _value(text: str) -> Any:
    """A number, true, false or a text in quotes as JSON has them; everything else is the text that it is."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text
    return value if isinstance(value, str | int | float | bool) else text


def _refuse(constant: str) -> NoReturn:
    """Python would read NaN and Infinity, which are no JSON."""
    raise ValueError(constant)


COMMANDS = (
    Command(
        "command send",
        "send a command to a device",
        run_send,
        (
            argument("device_id", metavar="DEVICE", help="who is to carry it out"),
            argument("command_name", metavar="COMMAND", help="what, such as set_point"),
            argument(
                "--parameter",
                dest="parameters",
                action="append",
                default=[],
                metavar="NAME=VALUE",
                help="a parameter of the command; again for another",
            ),
            argument(
                "--timeout", dest="timeout_s", type=positive, metavar="S", help="seconds for each attempt (default 30)"
            ),
            argument("--attempts", type=positive, metavar="N", help="how often it is sent at most (default 2)"),
            argument(
                "--incident-on-timeout",
                choices=("critical", "warning"),
                metavar="SEVERITY",
                help="open an incident when nobody answers: critical or warning",
            ),
            argument("--token", metavar="T", help="the same token asks for the same command once"),
            argument("--wait", action="store_true", help="wait for the answer; exit 1 unless it SUCCEEDED"),
        ),
    ),
    Command(
        "command show",
        "show what became of a command",
        run_show,
        (argument("execution_id", metavar="EXECUTION", help="as `command send` printed it"),),
    ),
    Command(
        "command list",
        "list the commands of a device, newest first",
        run_list,
        (
            argument("device_id", metavar="DEVICE", help="whose commands"),
            argument("--limit", type=positive, default=20, metavar="N", help="at most N (default 20)"),
        ),
    ),
)
