"""Who is told when: plans of an escalation policy, and where in its plan an incident stands.

A plan is a row of steps: its tiers in order, as often as it has rounds, and from then on its last tier again and again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

WITHOUT_POLICY = "none"
DEFAULT_POLICY = "default"
LONGEST_S = 31_536_000
"""A year: as long as a workflow may live."""
SHORTEST_REPEAT_S = 60
"""The last tier is told again without end, and a workflow's history has one: at this pace it lasts for two days."""
SHORTEST_SNOOZE_S, LONGEST_SNOOZE_S = 5 * 60, 4 * 3600
"""The bounds of a snooze where a policy says none."""


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

    `hold_down_s`: nobody is told before that time after the opening. An acknowledgement is for at most
    `resolve_within_s`, a snooze for between `snooze_min_s` and `snooze_max_s`; 0 for the latter allows none.
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
    def loops(self) -> int:
        """As policies say it."""
        return self.rounds

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


class PolicyError(ValueError):
    """A policy document that is none; `detail` is a sentence for its author."""

    def __init__(self, policy_id: str, detail: str) -> None:
        super().__init__(f"escalation policy {policy_id!r}: {detail}")
        self.policy_id = policy_id
        self.detail = detail


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    policy_id: str
    version: str
    plans: Mapping[Severity, Plan]

    def plan(self, severity: Severity) -> Plan:
        return self.plans.get(severity) or plan_without_tiers(self.policy_id, self.version)


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


class _Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    contacts: list[str]
    acknowledge_within_s: int


class _Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tiers: list[_Tier]
    rounds: int
    repeat_every_s: int
    resolve_within_s: int
    auto_resolve: AutoResolve


class _Policy(msgspec.Struct, frozen=True):
    policy_id: str
    version: str
    severities: dict[Severity, _Plan]


def read_policy(document: Mapping[str, object]) -> EscalationPolicy:
    """A policy from its document (`schemas/escalation_policy.schema.json`). Raises `PolicyError`."""
    policy_id = str(document.get("policy_id", ""))
    try:
        read = msgspec.convert({"version": "1", **document}, _Policy)
    except msgspec.ValidationError as error:
        raise PolicyError(policy_id, str(error)) from error
    plans = {severity: _plan(read, plan) for severity, plan in read.severities.items()}
    for severity, plan in plans.items():
        if fault := _fault(plan):
            raise PolicyError(policy_id, f"{severity}: {fault}")
    return EscalationPolicy(read.policy_id, read.version, plans)


def _plan(policy: _Policy, plan: _Plan) -> Plan:
    tiers = tuple(Tier(tuple(tier.contacts), tier.acknowledge_within_s) for tier in plan.tiers)
    return Plan(
        tiers,
        plan.rounds,
        plan.repeat_every_s,
        plan.resolve_within_s,
        plan.auto_resolve,
        policy.policy_id,
        policy.version,
    )


def _fault(plan: Plan) -> str:
    """What would make a plan that never ends a wait, or whose steps no workflow could hold."""
    waits = [tier.acknowledge_within_s for tier in plan.tiers]
    if not all(1 <= wait <= LONGEST_S for wait in (*waits, plan.repeat_every_s, plan.resolve_within_s)):
        return "every time is at least one second and at most a year"
    if plan.repeat_every_s < SHORTEST_REPEAT_S:
        return f"the last tier is told again every {SHORTEST_REPEAT_S} seconds at most"
    if not 1 <= plan.rounds <= 100 or len(plan.tiers) > 20:
        return "a plan has at most 20 tiers and between 1 and 100 rounds"
    if any(len(set(tier.contacts)) != len(tier.contacts) for tier in plan.tiers):
        return "a tier names each contact once"
    if not all(0 < len(contact) <= 64 for tier in plan.tiers for contact in tier.contacts):
        return "a contact has no name, or one of more than 64 characters"
    return ""
