"""Rules of a policy between which nothing decides.

Two rules that name equally many conditions and can hold for the same incident are a tie, unless wherever both hold a
third one that names more holds as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

from coldwatch.incidents.policy import Rule, Severity

_SEVERITIES = frozenset(each.value for each in Severity)

type Incident = Mapping[str, str]
"""The values of the conditions that matter; whatever is not in it has a value that no rule names."""


def find_ties(rules: Sequence[Rule]) -> Iterator[tuple[int, int, Incident]]:
    """Pairs of rules, by their place, each with an incident for which both hold and nothing decides."""
    for (one, first), (other, second) in combinations(enumerate(rules), 2):
        if first.specificity == second.specificity:
            undecided = (each for each in _shared(first, second) if not _is_decided(each, first, rules))
            if found := next(undecided, None):
                yield one, other, found


def _shared(first: Rule, second: Rule) -> Iterator[Incident]:
    """The incidents for which both rules hold, one for each combination of the values that they name.

    There are but two severities, so where neither names one, rules for each of them may decide all the same. Of other
    conditions there is always a value that no rule names.
    """
    values: dict[str, frozenset[str]] = {"severity": _SEVERITIES}
    for when in (first.when, second.when):
        for condition, asked in when.items():
            values[condition] = values.get(condition, asked) & asked
    for chosen in product(*(sorted(each) for each in values.values())):
        yield dict(zip(values, chosen, strict=True))


def _is_decided(incident: Incident, tied: Rule, rules: Sequence[Rule]) -> bool:
    return any(rule.specificity > tied.specificity and _holds(rule, incident) for rule in rules)


def _holds(rule: Rule, incident: Incident) -> bool:
    return all(incident.get(condition) in values for condition, values in rule.when.items())
