"""`coldwatch policy ...`: who is told, and after how long the next one is."""

from argparse import Namespace
from pathlib import Path
from typing import Any

from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.policy import EscalationPolicy, PolicyError, Severity
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import WHO, Command, Context, argument
from coldwatch_ops.errors import FailedError, NotFoundError, RefusedError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.responders import documents, trial
from coldwatch_ops.responders.contacts import ask
from coldwatch_ops.responders.remarks import remarks_on, tiers_of_nobody
from coldwatch_ops.responders.sources import fault_of, in_force, open_policies, open_rotas, read_policy_file
from coldwatch_ops.responders.wording import duration, names
from coldwatch_ops.stack import Stack
from coldwatch_ops.text import count, escape, table

_NO_REASON = "No reason was given: --why TEXT keeps one with the version, for whoever asks later."


def run_put(options: Namespace, context: Context) -> Answer:
    """Contacts and rotas that nobody knows are refused, and tiers of nobody: nobody could be told."""
    document = read_policy_file(Path(options.file))
    policy = read_policy(document)
    _refuse_nobody(document)
    stack = context.open_stack()
    _refuse_strangers(policy, stack)
    policy_id = document["policy_id"]
    numbered, is_new = documents.put_version(open_policies(stack).kept, policy_id, document, options, context)
    if not is_new:
        return Answer({"policy": numbered}, (f"Policy {escape(policy_id)} is as it was.",))
    told = f"Policy {escape(policy_id)}, version {numbered['version']}: incidents from now on keep to it."
    return Answer({"policy": numbered}, (told, *([] if options.why else [_NO_REASON])))


def run_show(options: Namespace, context: Context) -> Answer:
    store = open_policies(context.open_stack())
    try:
        document = store.document(options.policy_id)
        if options.version is not None:
            document = documents.version_of(store.kept, options.policy_id, options.version)
        if document is None:
            raise NotFoundError(f"There is no policy {options.policy_id}: coldwatch policy put FILE")
        policy = read_policy(document)
    except PolicyError as error:
        raise _unusable(options.policy_id, error) from None
    told = f"Policy {escape(policy.policy_id)}, version {policy.version}."
    return Answer({"policy": document}, (told, *_shown(policy)))


def run_list(_options: Namespace, context: Context) -> Answer:
    """Exit code 1 where one cannot be read; the others are shown all the same."""
    found = [document for document, _ in in_force(open_policies(context.open_stack()).kept, "policy_id", _read)]
    if not found:
        return Answer({"policies": []}, ("There is no policy yet, so nobody is told: coldwatch policy put FILE",))
    rows = [(each.get("policy_id"), each.get("version"), fault_of(each) or each.get("about")) for each in found]
    return Answer(
        {"policies": found},
        (table(("policy", "version", "about"), rows), count(len(rows), "policy", "policies") + "."),
        ExitCode.FAILED if any(map(fault_of, found)) else ExitCode.OK,
    )


def run_history(options: Namespace, context: Context) -> Answer:
    return documents.told_history(open_policies(context.open_stack()).kept, options.policy_id, "policy")


def run_validate(options: Namespace, _context: Context) -> Answer:
    return documents.validated([(path, *_checked(Path(path))) for path in options.files], "policy")


def run_check(options: Namespace, _context: Context) -> Answer:
    """One file, and what is in it. Other than for `validate`, a file that holds no policy is a wrong call."""
    document = read_policy_file(Path(options.file))
    policy = read_policy(document)
    shown = (_steps(document, policy),) if "severities" in document else _shown(policy)
    return Answer({"policy": document}, (f"{escape(options.file)} is a policy.", *shown))


def _checked(path: Path) -> tuple[list[str], list[str]]:
    document = documents.read_json(path, "policy")
    try:
        return [], list(remarks_on(document, read_policy(document)))
    except PolicyError as error:
        return list(error.faults), []


def _read(document: dict[str, Any]) -> EscalationPolicy:
    return read_policy({"version": "1", **document})


def _unusable(policy_id: str, error: PolicyError) -> FailedError:
    return FailedError(f"What is stored as policy {policy_id} is none ({error.detail}): coldwatch policy put FILE")


def _refuse_nobody(document: dict[str, Any]) -> None:
    if empty := list(tiers_of_nobody(document)):
        raise RefusedError(f"Nobody is named by {', '.join(empty)}: name somebody, or leave the tier out.")


def _refuse_strangers(policy: EscalationPolicy, stack: Stack) -> None:
    known = {each["contact_id"] for each in ask(stack, "list")["contacts"]}
    responders = [each for plan in policy.plans for tier in plan.tiers for each in tier.responders]
    if strangers := sorted({each.contact for each in responders if each.contact} - known):
        raise RefusedError(f"Nobody knows {', '.join(strangers)}: coldwatch contacts add, then put the policy again.")
    rotas = open_rotas(stack)
    if missing := sorted(each for each in {each.rota for each in responders if each.rota} if not rotas.document(each)):
        raise RefusedError(f"There is no rota {', '.join(missing)}: coldwatch rota put, then put the policy again.")


def _steps(document: dict[str, Any], policy: EscalationPolicy) -> Any:
    """Of a policy with a plan for each severity, in the order of its file."""
    (rule,) = policy.rules
    rows = [
        (severity, number, names(tier.responders), f"{tier.acknowledge_within_s} s")
        for severity in document["severities"]
        for number, tier in enumerate(rule.plans[Severity(severity)].tiers, start=1)
    ]
    return table(("severity", "tier", "who is told", "acknowledges within"), rows, numeric=("tier",))


def _shown(policy: EscalationPolicy) -> tuple[Any, ...]:
    rules = [
        (number, "; ".join(f"{name} {', '.join(sorted(values))}" for name, values in rule.when.items()) or "everything")
        for number, rule in enumerate(policy.rules)
    ]
    rows = [
        (number, severity, plan.plan_name, place, names(tier.responders), duration(tier.acknowledge_within_s))
        for number, rule in enumerate(policy.rules)
        for severity, plan in rule.plans.items()
        if severity in rule.when.get("severity", {severity})
        for place, tier in enumerate(plan.tiers, start=1)
    ]
    headings = ("rule", "severity", "plan", "tier", "who is told", "acknowledges within")
    return table(("rule", "holds for"), rules), table(headings, rows)


_POLICY = argument("policy_id", nargs="?", default="default", metavar="POLICY", help="default: `default`")

COMMANDS = (
    Command("policy list", "list the policies", run_list),
    Command(
        "policy show",
        "show who is told when",
        run_show,
        (_POLICY, argument("--version", metavar="N", help="as it was in this version")),
    ),
    Command("policy put", "put a policy in force", run_put, (documents.FILE, WHO, documents.WHY)),
    Command("policy history", "show who changed a policy, when, why and what", run_history, (_POLICY,)),
    Command("policy validate", "find what is wrong with policies' files, offline", run_validate, (documents.FILES,)),
    Command("policy check", "check one policy's file, offline, and show it", run_check, (documents.FILE,)),
    Command("policy test", "show who would be told when of an incident", trial.run_test, trial.ARGUMENTS),
)
