"""`coldwatch contacts ...`: asked of the contacts function, the only one who may subscribe."""

import json
from argparse import Namespace
from typing import Any

from coldwatch_ops.answer import Answer
from coldwatch_ops.command import YES, Command, Context, argument
from coldwatch_ops.errors import FailedError, RefusedError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count, escape, table


def ask(stack: Stack, action: str, **given: Any) -> dict[str, Any]:
    """What manage_contacts answers. RefusedError with its sentence when it refuses."""
    answer = stack.clients.lambda_.invoke(
        FunctionName=stack.output("ManageContactsFunctionName"),
        Payload=json.dumps({"action": action, **given}).encode(),
    )
    document: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise FailedError(f"manage_contacts failed: {document.get('errorMessage', 'its log says why')}.")
    if "error" in document:
        raise RefusedError(document["error"])
    return document


def run_add(options: Namespace, context: Context) -> Answer:
    found = ask(
        context.open_stack(),
        "add",
        contact_id=options.contact_id,
        name=options.name,
        emails=options.email or [],
        phones=options.phone or [],
    )
    told = [f"{escape(found['contact']['name'])} can be told by {_addresses(found['contact'])}."]
    if options.email:
        told.append("A mail asks to confirm each e-mail address: coldwatch contacts confirm TOKEN")
    return Answer(found, tuple(told))


def run_confirm(options: Namespace, context: Context) -> Answer:
    return Answer(ask(context.open_stack(), "confirm", token=options.token), ("Confirmed.",))


def run_remove(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    if not options.yes:
        context.confirm(f"Tell {options.contact_id} nothing any more?")
    found = ask(stack, "remove", contact_id=options.contact_id)
    return Answer(found, (f"{escape(found['contact']['name'])} is told nothing any more.",))


def run_list(_options: Namespace, context: Context) -> Answer:
    found = ask(context.open_stack(), "list")
    rows = [(each["contact_id"], each["name"], _addresses(each)) for each in found["contacts"]]
    if not rows:
        return Answer(found, ("There is no contact yet: coldwatch contacts add",))
    return Answer(found, (table(("contact", "name", "addresses"), rows), count(len(rows), "contact") + "."))


def run_check(_options: Namespace, context: Context) -> Answer:
    found = ask(context.open_stack(), "check")
    sentences = [escape(finding["sentence"]) for finding in found["findings"]]
    if not sentences:
        return Answer(found, ("Every contact is subscribed as it should be, and nobody else.",))
    return Answer(found, tuple(sentences), ExitCode.FAILED)


def _addresses(contact: dict[str, Any]) -> str:
    return ", ".join(escape(address["endpoint"]) for address in contact["addresses"])


_CONTACT = argument("contact_id", metavar="CONTACT", help="the contact's id, such as ana")

COMMANDS = (
    Command("contacts list", "list those who can be told", run_list),
    Command(
        "contacts add",
        "add a contact, or change it",
        run_add,
        (
            _CONTACT,
            argument("--name", required=True, metavar="NAME", help="as pages and records show it"),
            argument("--email", action="append", metavar="ADDRESS", help="an e-mail address; may be given again"),
            argument("--phone", action="append", metavar="NUMBER", help="for SMS, such as +4915112345678"),
        ),
    ),
    Command(
        "contacts confirm",
        "confirm an e-mail address by the token in its mail",
        run_confirm,
        (argument("token", metavar="TOKEN", help="what stands after `Token=` in the mail's link"),),
    ),
    Command("contacts remove", "remove a contact and its subscriptions", run_remove, (_CONTACT, YES)),
    Command("contacts check", "find who would not be told, and who would be told too much", run_check),
)
