"""Who is told when: plans of an escalation policy, and where in its plan an incident stands.

A plan is a row of steps: its tiers in order, as often as it has rounds, and from then on its last tier again and again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from coldwatch.incidents.kinds import HEAT, QUICK, Kind

WITHOUT_POLICY = "none"
DEFAULT_POLICY = "default"
LONGEST_S = 31_536_000
"""A year: as long as a workflow may live."""
SHORTEST_REPEAT_S = 60
"""The last tier is told again without end, and a workflow's history has one: at this pace it lasts for two days."""
SHORTEST_SNOOZE_S, LONGEST_SNOOZE_S = 5 * 60, 4 * 3600
"""The bounds of a snooze where a policy says none."""

_FACT_OF = {
    "fleet": "fleet_id",
    "device_type": "device_type",
    "detector_model": "detector_model",
    "kind": "kind",
    "severity": "severity",
}
"""What a rule may ask, and where an incident answers it."""
CONDITIONS = tuple(_FACT_OF)


class AutoResolve(StrEnum):
    """What a recovery that the detector sees resolves: any incident, acknowledged ones, or none."""

    ALWAYS = "always"
    ACKNOWLEDGED = "acknowledged"
    NEVER = "never"


class Severity(StrEnum):
    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Responder:
    """A contact, or a rota that names one when a round begins. Exactly one of the two is there.

    `channels` are those that may be used, best first; none stands for the contact's own.
    """

    contact: str | None = None
    rota: str | None = None
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tier:
    """Everybody of a tier is told at once.

    `contacts` are named without more ado; `others` are rotas, and contacts by certain channels. Apart, so that a plan
    from before there were others still reads, and what does not know of others still reads a plan.
    """

    contacts: tuple[str, ...]
    acknowledge_within_s: int
    others: tuple[Responder, ...] = ()

    @property
    def responders(self) -> tuple[Responder, ...]:
        return (*(Responder(contact=each) for each in self.contacts), *self.others)


@dataclass(frozen=True, slots=True)
class Plan:
    """The part of a policy that an incident keeps to, whatever becomes of the policy.

    `rounds` is what policies call `loops`, how often the tiers are gone through, and `resolve_within_s` what they call
    `acknowledgement_timeout_s`: for how long an acknowledgement holds. `hold_down_s`: nobody is told before that time
    after the opening. A snooze is for between `snooze_min_s` and `snooze_max_s`; 0 for the latter allows none.
    `commands` are those that a responder may send from the page. `plan_name` is what the policy calls it.
    """

    tiers: tuple[Tier, ...]
    rounds: int
    repeat_every_s: int
    resolve_within_s: int
    auto_resolve: AutoResolve
    policy_id: str
    policy_version: str
    hold_down_s: int = 0
    snooze_min_s: int = SHORTEST_SNOOZE_S
    snooze_max_s: int = LONGEST_SNOOZE_S
    commands: tuple[str, ...] = ()
    acknowledged_target_s: int | None = None
    plan_name: str = ""

    @property
    def first_steps(self) -> int:
        """How many steps there are before only the last tier is left to be told."""
        return len(self.tiers) * self.rounds

    @property
    def target_s(self) -> int:
        """Within what time of its opening an incident ought to be acknowledged: the first tier's, if nobody said."""
        first_s = self.tiers[0].acknowledge_within_s if self.tiers else self.repeat_every_s
        return self.acknowledged_target_s or self.hold_down_s + first_s


@dataclass(frozen=True, slots=True)
class Step:
    """`tier` counts from 1; `responders` is empty where a plan has no tiers."""

    tier: int
    responders: tuple[Responder, ...]
    wait_s: int
    has_next_tier: bool

    @property
    def contacts(self) -> tuple[str, ...]:
        """Those of the responders who are contacts; whom a rota names is another matter."""
        return tuple(each.contact for each in self.responders if each.contact)


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """What decides about the plan of an incident; an empty `fleet_id` is that of a device that nobody registered."""

    fleet_id: str
    device_type: str
    detector_model: str
    kind: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """`when`: for each condition the values of which one must hold. None at all holds for everything.

    A plan that says 0 for `resolve_within_s` leaves it to the kind of the incident.
    """

    when: Mapping[str, frozenset[str]]
    plans: Mapping[Severity, Plan]

    @property
    def specificity(self) -> int:
        """The rule that names more conditions comes first."""
        return len(self.when)

    def holds(self, facts: IncidentFacts) -> bool:
        return all(getattr(facts, _FACT_OF[condition]) in values for condition, values in self.when.items())


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """No two of its rules that are equally specific hold for the same incident."""

    policy_id: str
    version: str
    rules: tuple[Rule, ...]

    def rule_for(self, facts: IncidentFacts) -> Rule | None:
        """The most specific of those that hold."""
        return max((each for each in self.rules if each.holds(facts)), key=lambda each: each.specificity, default=None)

    def plan_for(self, facts: IncidentFacts) -> Plan | None:
        """The plan of the rule that decides; None where no rule holds."""
        rule = self.rule_for(facts)
        if rule is None:
            return None
        plan = rule.plans.get(facts.severity) or plan_without_tiers(self.policy_id, self.version)
        return plan if plan.resolve_within_s else replace(plan, resolve_within_s=usual_resolve_within_s(facts))

    @property
    def plans(self) -> tuple[Plan, ...]:
        return tuple(plan for rule in self.rules for plan in rule.plans.values())


def by_severity(policy_id: str, version: str, plans: Mapping[Severity, Plan]) -> EscalationPolicy:
    """A policy that looks at nothing else. A severity that is left out has nobody to be told."""
    return EscalationPolicy(policy_id, version, (Rule({}, plans),))


def usual_resolve_within_s(facts: IncidentFacts) -> int:
    """How long an acknowledgement holds where a policy does not say. Frost spoils goods sooner than warmth.

    A silence is critical where the device was last seen out of range.
    """
    is_critical = facts.severity is Severity.CRITICAL
    if facts.kind in QUICK or (facts.kind == Kind.SILENT and is_critical):
        return 15 * 60
    return 30 * 60 if is_critical or facts.kind in HEAT else 4 * 3600


class PolicyError(ValueError):
    """A policy document that is none; each of `faults` is a sentence for its author, and says where."""

    def __init__(self, policy_id: str, *faults: str) -> None:
        self.policy_id, self.faults = policy_id, faults
        super().__init__(f"escalation policy {policy_id!r}: {self.detail}")

    @property
    def detail(self) -> str:
        return "; ".join(self.faults)


def plan_without_tiers(policy_id: str = WITHOUT_POLICY, version: str = "0") -> Plan:
    """Where nobody said whom to tell, the incident stays with the operators, and each hour says so."""
    return Plan((), 1, 3600, 4 * 3600, AutoResolve.ACKNOWLEDGED, policy_id, version)


def step_of(plan: Plan, number: int) -> Step:
    """The step `number` of a plan, counted from 1; there is always one."""
    if not plan.tiers:
        return Step(1, (), plan.repeat_every_s, has_next_tier=False)
    if number > plan.first_steps:
        return Step(len(plan.tiers), plan.tiers[-1].responders, plan.repeat_every_s, has_next_tier=False)
    index = (number - 1) % len(plan.tiers)
    tier = plan.tiers[index]
    return Step(index + 1, tier.responders, tier.acknowledge_within_s, has_next_tier=index + 1 < len(plan.tiers))


def waits_of(plan: Plan) -> dict[str, object]:
    """How long a workflow waits, in seconds: at each of the first steps, at every later one, and for the resolution."""
    return {
        "acknowledge_s": [step_of(plan, number).wait_s for number in range(1, plan.first_steps + 1)],
        "repeat_s": plan.repeat_every_s,
        "resolve_s": plan.resolve_within_s,
    }
