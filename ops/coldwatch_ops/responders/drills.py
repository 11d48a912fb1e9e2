"""`coldwatch policy test-pages`: how the last test page of each responder went."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict

from coldwatch.incidents.drills import DEVICE, Drill, Result, Tested, drills, results
from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.policy import EscalationPolicy, PolicyError
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Command, Context, argument
from coldwatch_ops.errors import FailedError, NotFoundError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count, table
from coldwatch_ops.times import rfc3339


def run_tests(options: Namespace, context: Context) -> Answer:
    stack = context.open_stack()
    wanted = drills(_policies(stack, options.policy_id))
    return told(wanted, results(wanted, _test_pages(stack)))


def told(wanted: Sequence[Drill], tested: Sequence[Tested]) -> Answer:
    """Exit code 1 where a last test page was not answered."""
    pairs = list(zip(wanted, tested, strict=True))
    document = {"tests": [asdict(each) | {"policies": list(drill.policies)} for drill, each in pairs]}
    rows = [
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
    headings = ("responder", "policies", "last test", "sent", "answered by", "after", "last answered", "incident")
    missed = sum(each.result is Result.NOT_ANSWERED for each in tested)
    summary = f"{count(len(rows), 'responder')}, {missed:,} did not answer the last test page."
    return Answer(document, (table(headings, rows), summary), ExitCode.FAILED if missed else ExitCode.OK)


def _policies(stack: Stack, policy_id: str | None) -> list[EscalationPolicy]:
    from coldwatch.adapters.policy_store import DynamoPolicyStore  # noqa: PLC0415 - boto3 is an optional dependency

    store = DynamoPolicyStore(stack.clients.dynamodb_client, stack.output("PolicyTableName"))
    try:
        found = [read_policy({"version": "1", **each}) for each in store.documents()]
    except PolicyError as error:
        raise FailedError(f"What is stored as policy {error.policy_id} is none ({error.detail}).") from None
    if policy_id is None:
        return found
    if chosen := [each for each in found if each.policy_id == policy_id]:
        return chosen
    raise NotFoundError(f"There is no policy {policy_id}.")


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
