"""`coldwatch contacts ...`: asked of the contacts function, the only one who may subscribe."""

import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from coldwatch.incidents.escalation.naming import named_by_policy, named_by_rota
from coldwatch.incidents.escalation.rota import Rota, RotaError
from coldwatch.incidents.policy import EscalationPolicy, PolicyError
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import YES, Command, Context, argument
from coldwatch_ops.errors import FailedError, RefusedError, UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.responders.sources import open_policies, open_rotas
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
        time_zone=options.time_zone,
    )
    told = [f"{escape(found['contact']['name'])}: {_addresses(found['contact'])}."]
    waiting = [each for each in found["contact"]["addresses"] if each.get("verified_at") is None]
    told += dict.fromkeys(_next_step(options.contact_id, each) for each in waiting)
    return Answer(found, tuple(told))


def _next_step(contact_id: str, address: dict[str, Any]) -> str:
    if address["protocol"] == "email":
        return "A mail asks to confirm each e-mail address: coldwatch contacts confirm TOKEN"
    return (
        f"Not told yet: {escape(_channel(address))}. coldwatch contacts test {contact_id} {escape(_channel(address))}"
    )


def run_add_channel(options: Namespace, context: Context) -> Answer:
    found = ask(
        context.open_stack(),
        "add_channel",
        contact_id=options.contact_id,
        protocol=options.protocol,
        label=options.label,
        name=options.name,
        secret=_read(options.secret_file) if options.secret_file else None,
    )
    test = f"coldwatch contacts test {options.contact_id} {found['channel']}"
    return Answer(found, (f"{escape(found['channel'])} is kept. It is told nothing before its test page: {test}",))


def run_remove_channel(options: Namespace, context: Context) -> Answer:
    found = ask(context.open_stack(), "remove_channel", contact_id=options.contact_id, channel=options.channel)
    return Answer(found, (f"{escape(found['channel'])} is told nothing any more; its secret is deleted.",))


def run_test(options: Namespace, context: Context) -> Answer:
    found = ask(context.open_stack(), "test", contact_id=options.contact_id, channel=options.channel)
    told = f"A test page is on its way to {escape(found['channel'])}. Its code goes here within a day:"
    return Answer(found, (told, f"coldwatch contacts verify {options.contact_id} CODE"))


def run_verify(options: Namespace, context: Context) -> Answer:
    found = ask(context.open_stack(), "verify", contact_id=options.contact_id, code=options.code)
    return Answer(found, (f"{escape(found['channel'])} is verified: incidents are told there.",))


def _read(path: str) -> str:
    """A secret from a file, or from standard input: never from the command line, which others can read."""
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error


def run_confirm(options: Namespace, context: Context) -> Answer:
    return Answer(ask(context.open_stack(), "confirm", token=options.token), ("Confirmed.",))


def run_remove(options: Namespace, context: Context) -> Answer:
    """Whom a policy or a rota names is not removed on a nod: its tier would tell nobody."""
    stack = context.open_stack()
    places = _places(stack, options.contact_id, now_ms=context.now_ms())
    if places and not options.yes:
        raise RefusedError(
            f"{options.contact_id} is still named: put another version in force first, or add --yes to remove it now.",
            tuple(f"{escape(each)}." for each in places),
        )
    if not options.yes:
        context.confirm(f"Tell {options.contact_id} nothing any more?")
    found = ask(stack, "remove", contact_id=options.contact_id)
    told = f"{escape(found['contact']['name'])} is told nothing any more."
    still = tuple(f"Still named, and told to nobody there: {escape(each)}." for each in places)
    return Answer({**found, "named_by": list(places)}, (told, *still))


def _places(stack: Stack, contact_id: str, *, now_ms: int) -> tuple[str, ...]:
    """What names a contact, or cannot be read and may."""
    documents = [*open_policies(stack).each(), *open_rotas(stack).each()]
    return tuple(place for each in documents for place in _places_in(each, contact_id, now_ms))


def _places_in(
    document: EscalationPolicy | PolicyError | Rota | RotaError, contact_id: str, now_ms: int
) -> tuple[str, ...]:
    match document:
        case EscalationPolicy():
            named = named_by_policy(document)
        case Rota():
            named = named_by_rota(document, now_ms=now_ms)
        case _:
            return (f"{document} (it cannot be read, and may name anybody)",)
    return tuple(each.place for each in named if each.contact == contact_id)


def run_list(_options: Namespace, context: Context) -> Answer:
    found = ask(context.open_stack(), "list")
    rows = [
        (each["contact_id"], each["name"], each.get("time_zone") or "UTC", _addresses(each))
        for each in found["contacts"]
    ]
    if not rows:
        return Answer(found, ("There is no contact yet: coldwatch contacts add",))
    return Answer(
        found, (table(("contact", "name", "time zone", "addresses"), rows), count(len(rows), "contact") + ".")
    )


def run_check(_options: Namespace, context: Context) -> Answer:
    found = ask(context.open_stack(), "check")
    sentences = [escape(finding["sentence"]) for finding in found["findings"]]
    if not sentences:
        return Answer(found, ("Every contact is subscribed as it should be, and nobody else.",))
    return Answer(found, tuple(sentences), ExitCode.FAILED)


def _addresses(contact: dict[str, Any]) -> str:
    return ", ".join(escape(_spoken(address)) for address in contact["addresses"])


def _spoken(address: dict[str, Any]) -> str:
    shown = address["endpoint"] if address["protocol"] in {"email", "sms"} else _channel(address)
    return shown if address.get("verified_at") is not None else f"{shown} (not verified)"


def _channel(address: dict[str, Any]) -> str:
    """As `test` takes it."""
    protocol: str = address["protocol"]
    return protocol if protocol in {"email", "sms", "ses_email"} else f"{protocol}:{address['endpoint']}"


_CONTACT = argument("contact_id", metavar="CONTACT", help="the contact's id, such as ana")
_CHANNEL = argument("channel", metavar="CHANNEL", help="such as sms, ses_email or slack:cold-room; or its address")

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
            argument(
                "--time-zone",
                metavar="ZONE",
                help="by whose clock mails and pages tell times, such as Europe/Berlin",
            ),
        ),
    ),
    Command(
        "contacts confirm",
        "confirm an e-mail address by the token in its mail",
        run_confirm,
        (argument("token", metavar="TOKEN", help="what stands after `Token=` in the mail's link"),),
    ),
    Command(
        "contacts add-channel",
        "add a channel besides mail and telephone, or change its secret",
        run_add_channel,
        (
            _CONTACT,
            argument(
                "protocol",
                choices=("webhook", "pagerduty", "slack", "teams", "eventbridge"),
                help="webhook, pagerduty, slack, teams or eventbridge",
            ),
            argument("label", metavar="LABEL", help="what you call it, such as cold-room"),
            argument("--secret-file", metavar="FILE", help="where it leads and what opens it; - for standard input"),
            argument("--name", metavar="NAME", help="adds the contact under this name where it is not there"),
        ),
    ),
    Command(
        "contacts remove-channel",
        "remove a channel and its secret",
        run_remove_channel,
        (_CONTACT, _CHANNEL),
    ),
    Command("contacts test", "send a test page to one address", run_test, (_CONTACT, _CHANNEL)),
    Command(
        "contacts verify",
        "verify an address by the code of its test page",
        run_verify,
        (_CONTACT, argument("code", metavar="CODE", help="the six digits of the test page")),
    ),
    Command("contacts remove", "remove a contact and its subscriptions", run_remove, (_CONTACT, YES)),
    Command("contacts check", "find who would not be told, and who would be told too much", run_check),
)
