"""What is wrong with a plan or a rule that has the right shape: sentences, each with its place."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import UNSET, UnsetType

from coldwatch.incidents.contacts import ChannelKind
from coldwatch.incidents.escalation.forms import (
    BySeverity,
    PlanForm,
    ResponderForm,
    RuleForm,
    Seconds,
    TierForm,
    named,
    said,
)
from coldwatch.incidents.policy import CONDITIONS, LONGEST_S, SHORTEST_REPEAT_S, Severity

CHANNELS = frozenset(kind.value for kind in ChannelKind)
LONGEST_HOLD_DOWN_S = 24 * 3600
SHORTEST_SNOOZE_EVER_S, LONGEST_SNOOZE_EVER_S = 60, 7 * 24 * 3600
_MOST_TIERS, _MOST_RESPONDERS, _MOST_VALUES, _MOST_COMMANDS = 20, 50, 50, 20
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def is_name(given: str) -> bool:
    """Of a plan, a rota or a command."""
    return _NAME.fullmatch(given) is not None


def plan_faults(plan: PlanForm, where: str) -> Iterator[str]:
    if len(plan.tiers) > _MOST_TIERS:
        yield said(where, f"a plan has at most {_MOST_TIERS} tiers, and this one has {len(plan.tiers)}")
    for number, tier in enumerate(plan.tiers):
        yield from _tier_faults(tier, f"{where}.tiers[{number}]")
    yield from _twice(plan, where)
    if not all(1 <= each <= 100 for each in (plan.rounds, plan.loops) if each is not UNSET):
        yield said(where, "a plan goes through its tiers between 1 and 100 rounds (`loops`)")
    yield from _time_faults(plan, where)
    yield from _snooze_faults(plan, where)
    if not all(map(is_name, plan.commands)) or len(plan.commands) > _MOST_COMMANDS:
        yield said(f"{where}.commands", f"at most {_MOST_COMMANDS} names of 1 to 64 letters, digits, - and _")
    yield from _repeats(plan.commands, f"{where}.commands", "command")


def rule_faults(rule: RuleForm, where: str, plans: Iterable[str]) -> Iterator[str]:
    known = dict.fromkeys(plans)
    if rule.plan not in known:
        yield said(where, f"there is no plan {rule.plan!r}; there are {named(known)}")
    for condition, given in rule.when.items():
        place, values = f"{where}.when.{condition}", [given] if isinstance(given, str) else given
        if condition not in CONDITIONS:
            yield said(place, f"a rule cannot ask for that; it can for {', '.join(CONDITIONS)}")
        if not 0 < len(values) <= _MOST_VALUES or not all(0 < len(each) <= 128 for each in values):
            yield said(place, f"give between 1 and {_MOST_VALUES} values of 1 to 128 characters, or leave it out")
        yield from _repeats(values, place, "value")
        if condition == "severity" and (strange := sorted(set(values) - set(Severity))):
            yield said(place, f"there is no severity {', '.join(strange)}; there are {', '.join(Severity)}")


def _tier_faults(tier: TierForm, where: str) -> Iterator[str]:
    if tier.contacts is UNSET and tier.responders is UNSET:
        yield said(where, "it names nobody: give `contacts` or `responders`")
    contacts, responders = tier.contacts or [], tier.responders or []
    if not all(0 < len(contact) <= 64 for contact in contacts):
        yield said(f"{where}.contacts", "a contact has no name, or one of more than 64 characters")
    if max(len(contacts), len(responders)) > _MOST_RESPONDERS:
        yield said(where, f"a tier has at most {_MOST_RESPONDERS} contacts and as many responders")
    for number, responder in enumerate(responders):
        yield from _responder_faults(responder, f"{where}.responders[{number}]")
    yield from _repeats([*contacts, *(each.contact for each in responders if each.contact)], where, "contact")
    yield from _repeats([each.rota for each in responders if each.rota], where, "rota")


def _responder_faults(responder: ResponderForm, where: str) -> Iterator[str]:
    if (responder.contact is UNSET) == (responder.rota is UNSET):
        yield said(where, "a responder is a contact or a rota: give one of the two")
    if responder.contact is not UNSET and not 0 < len(responder.contact) <= 64:
        yield said(where, "a contact has no name, or one of more than 64 characters")
    if responder.rota is not UNSET and not is_name(responder.rota):
        yield said(where, "a rota's id is 1 to 64 letters, digits, - and _")
    if responder.channels is UNSET:
        return
    if strange := sorted(set(responder.channels) - CHANNELS):
        yield said(where, f"there is no channel {', '.join(strange)}; there are {', '.join(sorted(CHANNELS))}")
    if not responder.channels:
        yield said(where, "`channels` is empty: leave it out for all that the contact has")
    yield from _repeats(responder.channels, where, "channel")


def _twice(plan: PlanForm, where: str) -> Iterator[str]:
    """A member under its old name and under its new one."""
    if plan.rounds is not UNSET and plan.loops is not UNSET:
        yield said(where, "`rounds` and `loops` say the same; give one of them")
    if plan.resolve_within_s is not UNSET and plan.acknowledgement_timeout_s is not UNSET:
        yield said(where, "`resolve_within_s` and `acknowledgement_timeout_s` say the same; give one of them")


def _time_faults(plan: PlanForm, where: str) -> Iterator[str]:
    times: dict[str, Seconds | UnsetType] = {}
    for number, tier in enumerate(plan.tiers):
        times[f"tiers[{number}].acknowledge_within_s"] = tier.acknowledge_within_s
    for name in ("repeat_every_s", "resolve_within_s", "acknowledgement_timeout_s", "acknowledged_target_s"):
        times[name] = getattr(plan, name)
    for name, given in times.items():
        if not all(1 <= each <= LONGEST_S for each in _each(given)):
            yield said(f"{where}.{name}", "every time is at least one second and at most a year")
    if not all(each >= SHORTEST_REPEAT_S for each in _each(plan.repeat_every_s)):
        yield said(f"{where}.repeat_every_s", f"the last tier is told again every {SHORTEST_REPEAT_S} seconds at most")
    if not all(0 <= each <= LONGEST_HOLD_DOWN_S for each in _each(plan.hold_down_s)):
        yield said(f"{where}.hold_down_s", f"nobody is told for {LONGEST_HOLD_DOWN_S} s, a day, at most")


def _snooze_faults(plan: PlanForm, where: str) -> Iterator[str]:
    if not SHORTEST_SNOOZE_EVER_S <= plan.snooze_min_s <= LONGEST_SNOOZE_EVER_S:
        yield said(f"{where}.snooze_min_s", f"a snooze lasts {SHORTEST_SNOOZE_EVER_S} s at least, and at most a week")
    if plan.snooze_max_s and not SHORTEST_SNOOZE_EVER_S <= plan.snooze_max_s <= LONGEST_SNOOZE_EVER_S:
        yield said(f"{where}.snooze_max_s", "a snooze lasts 60 s at least, and at most a week; 0 allows none")
    elif plan.snooze_max_s and plan.snooze_max_s < plan.snooze_min_s:
        yield said(f"{where}.snooze_max_s", f"it is below `snooze_min_s`, {plan.snooze_min_s}; 0 allows no snooze")


def _each(given: Seconds | UnsetType) -> tuple[int, ...]:
    match given:
        case int():
            return (given,)
        case BySeverity():
            return (given.critical, given.warning)
        case _:
            return ()


def _repeats(values: Iterable[str], where: str, thing: str) -> Iterator[str]:
    if repeated := sorted(value for value, number in Counter(values).items() if number > 1):
        yield said(where, f"each {thing} is named once, and {', '.join(repeated)} is there again")
