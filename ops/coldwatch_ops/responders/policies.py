"""`coldwatch policy ...`: who is told, and after how long the next one is."""

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.policy import EscalationPolicy, PolicyError
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.errors import FailedError, NotFoundError, RefusedError, UsageError
from coldwatch_ops.responders.contacts import ask
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count, escape, table

if TYPE_CHECKING:
    from coldwatch.adapters.policy_store import DynamoPolicyStore

_OURS = ("version",)


def read_file(path: Path) -> dict[str, Any]:
    """The policy in a file. UsageError with the fault when it holds none."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}.") from None
    if not isinstance(document, dict):
        raise UsageError(f"{path} holds no policy: it is not a JSON object.")
    try:
        read_policy(document)
    except PolicyError as error:
        raise UsageError(f"{path}: {error.detail}.") from None
    return document


def run_put(options: Namespace, context: Context) -> Answer:
    """The version counts up with every change. Contacts that nobody knows are refused: they could not be told."""
    document = read_file(Path(options.file))
    stack = context.open_stack()
    _refuse_strangers(read_policy(document), {each["contact_id"] for each in ask(stack, "list")["contacts"]})
    store = _store(stack)
    before = _before(store, document["policy_id"])
    if _content(before) == _content(document):
        return Answer({"policy": before}, (f"Policy {escape(document['policy_id'])} is as it was.",))
    version = str(before.get("version", ""))
    numbered = document | {"version": str(int(version) + 1 if version.isdecimal() else 1)}
    store.put(numbered)
    told = f"Policy {escape(numbered['policy_id'])}, version {numbered['version']}: incidents from now on keep to it."
    return Answer({"policy": numbered}, (told,))


def run_show(options: Namespace, context: Context) -> Answer:
    store = _store(context.open_stack())
    try:
        document = store.document(options.policy_id)
        if document is None:
            raise NotFoundError(f"There is no policy {options.policy_id}: coldwatch policy put FILE")
        policy = read_policy(document)
    except PolicyError as error:
        raise _unusable(options.policy_id, error) from None
    return Answer(
        {"policy": document}, (f"Policy {escape(policy.policy_id)}, version {policy.version}.", _steps(policy))
    )


def run_list(_options: Namespace, context: Context) -> Answer:
    try:
        documents = sorted(_store(context.open_stack()).documents(), key=lambda each: str(each.get("policy_id")))
    except PolicyError as error:
        raise _unusable(error.policy_id, error) from None
    rows = [(each.get("policy_id"), each.get("version"), each.get("about")) for each in documents]
    if not rows:
        return Answer({"policies": []}, ("There is no policy yet, so nobody is told: coldwatch policy put FILE",))
    return Answer(
        {"policies": documents},
        (table(("policy", "version", "about"), rows), count(len(rows), "policy", "policies") + "."),
    )


def run_check(options: Namespace, _context: Context) -> Answer:
    document = read_file(Path(options.file))
    return Answer({"policy": document}, (f"{escape(options.file)} is a policy.", _steps(read_policy(document))))


def _before(store: "DynamoPolicyStore", policy_id: str) -> dict[str, Any]:
    """Empty where there is none, or none that can be read: a new one takes its place."""
    try:
        return store.document(policy_id) or {}
    except PolicyError:
        return {}


def _unusable(policy_id: str, error: PolicyError) -> FailedError:
    return FailedError(f"What is stored as policy {policy_id} is none ({error.detail}): coldwatch policy put FILE")


def _content(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in _OURS}


def _refuse_strangers(policy: EscalationPolicy, known: set[str]) -> None:
    named = {contact for plan in policy.plans for tier in plan.tiers for contact in tier.contacts}
    if strangers := sorted(named - known):
        raise RefusedError(f"Nobody knows {', '.join(strangers)}: coldwatch contacts add, then put the policy again.")


def _steps(policy: EscalationPolicy) -> Any:
    rows = [
        (plan.plan_name, number, ", ".join(tier.contacts), f"{tier.acknowledge_within_s} s")
        for plan in policy.plans
        for number, tier in enumerate(plan.tiers, start=1)
    ]
    return table(("plan", "tier", "who is told", "acknowledges within"), rows, numeric=("tier",))


def _store(stack: Stack) -> "DynamoPolicyStore":
    from coldwatch.adapters.policy_store import DynamoPolicyStore  # noqa: PLC0415 - boto3 is an optional dependency

    return DynamoPolicyStore(stack.clients.dynamodb_client, stack.output("PolicyTableName"))


_FILE = argument("file", metavar="FILE", help="JSON, as schemas/escalation_policy.schema.json describes it")

COMMANDS = (
    Command("policy list", "list the policies", run_list),
    Command(
        "policy show",
        "show who is told when",
        run_show,
        (argument("policy_id", nargs="?", default="default", metavar="POLICY", help="default: `default`"),),
    ),
    Command("policy put", "put a policy in force", run_put, (_FILE,)),
    Command("policy check", "check a policy's file, offline", run_check, (_FILE,)),
)
