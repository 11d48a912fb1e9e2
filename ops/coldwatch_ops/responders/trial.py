"""`coldwatch policy test`: who would be told when, if an incident opened and nobody answered."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from coldwatch.incidents.escalation.forecast import Telling, forecast
from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.opening import UNKNOWN_DEVICE_TYPE, choose_plan
from coldwatch.incidents.policy import DEFAULT_POLICY, EscalationPolicy, IncidentFacts, Plan, Rule, Severity
from coldwatch.incidents.ports import PolicyStore, Rotas
from coldwatch_ops.answer import Answer
from coldwatch_ops.command import Context, argument
from coldwatch_ops.devices import registry
from coldwatch_ops.errors import UsageError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.responders.contacts import ask
from coldwatch_ops.responders.shipped_models import forms
from coldwatch_ops.responders.sources import PolicyInFile, open_policies, open_rotas, read_policy_file, rotas_in
from coldwatch_ops.responders.wording import by_channels, clock, duration, offset, zone_of
from coldwatch_ops.text import escape, table
from coldwatch_ops.times import parse_time, rfc3339


@dataclass(frozen=True)
class Known:
    """What the trial asks: a stack's, or that of files. `names` by contact; None where nobody knows who there is."""

    policies: PolicyStore
    rotas: Rotas
    names: Mapping[str, str] | None
    fleet_id: str
    device_type: str

    def why_not(self, contact_id: str) -> str | None:
        if self.names is None or contact_id in self.names:
            return None
        return f"There is no contact {contact_id}."

    def name(self, contact_id: str) -> str:
        name = (self.names or {}).get(contact_id, contact_id)
        return name if name == contact_id else f"{name} ({contact_id})"


def run_test(options: Namespace, context: Context) -> Answer:
    """Exit code 1 where nobody would ever be told."""
    known = _of_files(options) if options.file else _of_stack(options, context)
    facts = _facts(options, known)
    opened_at = parse_time(options.at, now_ms=context.now_ms()) if options.at else context.now_ms()
    plan, complaint = choose_plan(known.policies, facts)
    policy = known.policies.find(plan.policy_id)
    rule = policy.rule_for(facts) if policy else None
    tellings = list(forecast(plan, known.rotas, opened_at=opened_at, why_not=known.why_not))
    is_told = any(each.called for each in tellings)
    document = {
        "incident": {"device_id": options.device, **asdict(facts), "opened_at": rfc3339(opened_at)},
        "plan": asdict(plan),
        "rule": {name: sorted(values) for name, values in rule.when.items()} if rule else None,
        "complaint": complaint,
        "steps": [_step(each) for each in tellings],
    }
    told = [_heading(options.device, facts, opened_at), _chosen(plan, policy, rule), complaint or ""]
    drawn = [_table(tellings, known, zone_of(options.time_zone))] if plan.tiers else []
    parts = (*(escape(each) for each in told if each), *drawn, *map(escape, _terms(plan, is_told=is_told)))
    return Answer(document, parts, ExitCode.OK if is_told else ExitCode.FAILED)


def _of_files(options: Namespace) -> Known:
    policy = read_policy(read_policy_file(Path(options.file)))
    of_policy = "" if policy.policy_id == DEFAULT_POLICY else policy.policy_id
    fleet_id, device_type = options.fleet or of_policy, options.device_type or UNKNOWN_DEVICE_TYPE
    return Known(PolicyInFile(policy), rotas_in(options.rota or []), None, fleet_id, device_type)


def _of_stack(options: Namespace, context: Context) -> Known:
    if options.rota:
        raise UsageError("--rota goes with --file; without a file the rotas are the stack's.")
    stack = context.open_stack()
    device = registry.get_device(stack, options.device)
    named = {each["contact_id"]: each["name"] for each in ask(stack, "list")["contacts"]}
    fleet_id = options.fleet or device.get("fleet_id", "")
    device_type = options.device_type or device.get("device_type") or UNKNOWN_DEVICE_TYPE
    return Known(open_policies(stack), open_rotas(stack), named, fleet_id, device_type)


def _facts(options: Namespace, known: Known) -> IncidentFacts:
    """A model says its kind, and a kind the first model that has it."""
    models = forms()
    kind = options.kind or (models[options.model].kind if options.model in models else None)
    if kind is None and options.model:
        raise UsageError(f"Model {options.model} is none of those that come with Coldwatch: say --kind, too.")
    kind = kind or "too_warm"
    model = options.model or next((name for name, form in models.items() if form.kind == kind), kind)
    return IncidentFacts(known.fleet_id, known.device_type, model, kind, Severity(options.severity))


def _heading(device: str, facts: IncidentFacts, opened_at: int) -> str:
    fleet = f"fleet {facts.fleet_id}" if facts.fleet_id else "of no fleet"
    of = f"{device} ({fleet}, {facts.device_type})"
    return f"{facts.kind}, {facts.severity}, by {facts.detector_model}, of {of}, opened {rfc3339(opened_at)}."


def _chosen(plan: Plan, policy: EscalationPolicy | None, rule: Rule | None) -> str:
    if policy is None or rule is None:
        return f"Policy {plan.policy_id}."
    when = "; ".join(f"{name} {' or '.join(sorted(values))}" for name, values in rule.when.items())
    number = policy.rules.index(rule)
    held = f"by rules[{number}] ({when or 'everything'})" if len(policy.rules) > 1 or rule.when else "by severity"
    return f"Policy {plan.policy_id}, version {plan.policy_version}, plan {plan.plan_name or 'none'}, {held}."


def _step(telling: Telling) -> dict[str, Any]:
    return {
        "offset_s": telling.offset_s,
        "at": rfc3339(telling.at_ms),
        "at_ms": telling.at_ms,
        "loop": telling.loop,
        "tier": telling.tier,
        "wait_s": telling.wait_s,
        "told": [asdict(each) for each in telling.called],
        "not_told": [{"who": who, "why": why} for who, why in telling.missing.items()],
    }


def _table(tellings: Sequence[Telling], known: Known, zone: ZoneInfo) -> Any:
    rows: list[tuple[object, ...]] = []
    for each in tellings:
        who = [
            known.name(called.contact_id)
            + (f", on call in {called.rota_id}" if called.rota_id else "")
            + by_channels(called.channels)
            for called in each.called
        ] + [f"not {name}: {why}" for name, why in each.missing.items()]
        step = (offset(each.offset_s), clock(each.at_ms, zone), each.loop or "again", each.tier)
        waits = duration(each.wait_s) if each.wait_s else "next at once"
        rows += [(*step, name, waits) if number == 0 else ("", "", "", "", name, "") for number, name in enumerate(who)]
    headings = ("after", "at", "loop", "tier", "who is told", "waits")
    return table(headings, rows, numeric=("after", "loop", "tier"))


def _terms(plan: Plan, *, is_told: bool) -> list[str]:
    """What else the plan says."""
    said = [] if is_told else ["Nobody is told."]
    if plan.tiers:
        again = f"tier {len(plan.tiers)} again every {duration(plan.repeat_every_s)}"
        said.append(f"From then on {again}, until somebody takes it.")
    if plan.hold_down_s:
        held = "is resolved and tells nobody" if plan.auto_resolve != "never" else "tells them all the same"
        said.append(f"Held down for {duration(plan.hold_down_s)}: what recovers before {held}.")
    holds = f"An acknowledgement holds for {duration(plan.resolve_within_s)}"
    said.append(f"{holds}: what is not resolved by then is told to its tier again.")
    snooze = f"{duration(plan.snooze_min_s)} to {duration(plan.snooze_max_s)}" if plan.snooze_max_s else "not allowed"
    commands = ", ".join(plan.commands) or "none"
    said.append(f"Snooze: {snooze}. A recovery resolves: {plan.auto_resolve}. Commands from the page: {commands}.")
    return said


ARGUMENTS = (
    argument("--device", required=True, metavar="DEVICE", help="whose incident it would be"),
    argument("--severity", required=True, choices=tuple(Severity), help="how grave it would be"),
    argument("--kind", metavar="KIND", help="such as too_cold or silent; too_warm, or the model's, if not said"),
    argument("--model", metavar="MODEL", help="the detector model; the first that has the kind, if not said"),
    argument("--at", metavar="TIME", help="when it would open: RFC 3339, or an age such as 2h; now if not said"),
    argument("--fleet", metavar="FLEET", help="the device's fleet; the registry's, if not said"),
    argument("--type", dest="device_type", metavar="TYPE", help="the device's type; the registry's, if not said"),
    argument("--time-zone", metavar="ZONE", default="UTC", help="of the clock times, such as Europe/Berlin"),
    argument("--file", metavar="FILE", help="offline, with the policy in FILE"),
    argument("--rota", action="append", metavar="FILE", help="with --file: a rota that it names; may be given again"),
)
