"""Which incidents belong together, and when there are so many that they are a storm."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from coldwatch.incidents.incident import Incident
from coldwatch.incidents.storms.rules import GroupingRule, StormRules


@dataclass(frozen=True, slots=True)
class Group:
    """Everything at one gateway, or at one site, of one fleet. `key` names it as the key of its storm does."""

    key: str
    rule: GroupingRule
    place: str

    @property
    def window_ms(self) -> int:
        return self.rule.window_s * 1000


@dataclass(frozen=True, slots=True)
class Member:
    """An incident as its group remembers it."""

    incident_id: str
    at: int


def groups_of(incident: Incident, rules: StormRules) -> tuple[Group, ...]:
    """The groups of an incident, the narrower first.

    Two fleets may have a site of one name, or devices behind one gateway, and owners who must not hear of each other:
    a group is a fleet's own.
    """
    if incident.kind in rules.never_grouped:
        return ()
    keys = {
        "gateway": incident.gateway and f"gateway:{incident.fleet_id}/{incident.gateway}",
        "site": incident.site and f"site:{incident.fleet_id}/{incident.site}",
    }
    places = {"gateway": incident.gateway, "site": incident.site}
    return tuple(
        Group(key, rule, str(places[by])) for by, key in keys.items() if key and (rule := rules.rule(by)) is not None
    )


def most_of(rule: GroupingRule) -> int:
    """So many members within one window to either side of a moment decide without the others: half of them, or more,
    lie to one side of it.
    """
    return 2 * rule.at_least


def is_storm(times: Sequence[int], at: int, rule: GroupingRule) -> bool:
    """Whether some window that holds `at` holds enough of `times`, which are in order and within a window of it.

    >>> rule = GroupingRule(by="gateway", window_s=10, at_least=3)
    >>> is_storm([0, 6_000, 10_000], 6_000, rule), is_storm([0, 6_000, 10_001], 6_000, rule)
    (True, False)
    """
    width = rule.window_s * 1000
    if bisect_left(times, at) == bisect_right(times, at):
        return False
    starts = (each for each in times if at - width <= each <= at)
    return any(bisect_right(times, each + width) - bisect_left(times, each) >= rule.at_least for each in starts)
