"""`coldwatch policy test-pages`: how the last test page of each responder went."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

from coldwatch.incidents.drills import DEVICE, Drill, Result, Tested, drills, results
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.policy import EscalationPolicy, PolicyError
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.errors import NotFoundError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count, table
from coldwatch_ops.times import rfc3339

_BLANK = (None,) * 5
"""Of a row about a policy, and not a responder."""


def run_tests(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    policies, unreadable = _policies(stack, options.policy_id)
    wanted = drills(policies)
    return told(wanted, results(wanted, _test_pages(stack)), unreadable)


def told(wanted: Sequence[Drill], tested: Sequence[Tested], unreadable: Sequence[PolicyError] = ()) -> Answer:
    """Exit code 1 where a last test page was not answered, or where nobody knows whom a policy names."""
    pairs = list(zip(wanted, tested, strict=True))
    document = {
        "tests": [asdict(each) | {"policies": list(drill.policies)} for drill, each in pairs],
        "unreadable": [{"policy_id": each.policy_id, "fault": each.detail} for each in unreadable],
    }
    rows: list[tuple[object, ...]] = [
        (
            each.key,
            ", ".join(drill.policies),
            each.result.replace("_", " "),
            rfc3339(each.at),
            each.by,
            None if each.after_s is None else f"{each.after_s:,} s",
            rfc3339(each.last_answered_at),
            each.incident_id,
        )
        for drill, each in pairs
    ]
    rows += [("", each.policy_id, f"cannot be read: {each.detail}", *_BLANK) for each in unreadable]
    headings = ("responder", "policies", "last test", "sent", "answered by", "after", "last answered", "incident")
    missed = sum(each.result is Result.NOT_ANSWERED for each in tested)
    summary = f"{count(len(pairs), 'responder')}, {missed:,} did not answer the last test page."
    exit_code = ExitCode.FAILED if missed or unreadable else ExitCode.OK
    return Answer(document, (table(headings, rows), summary), exit_code)


def _policies(stack: Stack, policy_id: str | None) -> tuple[list[EscalationPolicy], list[PolicyError]]:
    """Of which test pages are sent, and those that cannot be read: of one alone, where it is asked for."""
    from coldwatch.adapters.policy_store import DynamoPolicyStore  # noqa: PLC0415 - boto3 is an optional dependency

    store = DynamoPolicyStore(stack.clients.dynamodb_client, stack.output("PolicyTableName"))
    found = [each for each in store.each() if policy_id in {None, each.policy_id}]
    if policy_id is not None and not found:
        raise NotFoundError(f"There is no policy {policy_id}.")
    policies = [each for each in found if isinstance(each, EscalationPolicy)]
    return policies, [each for each in found if isinstance(each, PolicyError)]


def _test_pages(stack: Stack) -> Sequence[Incident]:
    from coldwatch.adapters.incident_store import DynamoIncidentStore  # noqa: PLC0415 - boto3 is an optional dependency

    return list(DynamoIncidentStore(stack.clients.dynamodb_client, stack.output("IncidentTableName")).of_device(DEVICE))


COMMANDS = (
    Command(
        "policy test-pages",
        "show how the last test page of each responder went",
        run_tests,
        (argument("policy_id", nargs="?", metavar="POLICY", help="only of this policy; of all, if not said"),),
    ),
)
