"""`storms.json`: when incidents are a storm, how long a silence waits for a word on its gateway, how much a contact is
sent.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class StormRulesError(ValueError):
    """A document that holds no rules; the sentence is for its author."""


class GroupingRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`at_least` incidents of one gateway, or of one site, within `window_s` are a storm.

    A storm is opened together with a mark for each of its first members, and a transaction has room for a hundred.
    """

    by: Literal["gateway", "site"]
    window_s: _Seconds
    at_least: Annotated[int, Meta(ge=2, le=40)]


class Inhibition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`models` open a gateway's own silent incident, which speaks for the silence of its devices. For `grace_s` after a
    device's silence, and after the end of its gateway's, nobody is told of it yet.
    """

    models: list[str] = []
    grace_s: Annotated[int, Meta(ge=0, le=900)] = 60


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most `messages` to one contact within `window_s`; the last `reserved` of them only for what is urgent."""

    messages: Annotated[int, Meta(ge=1, le=100)] = 6
    window_s: Annotated[int, Meta(ge=60, le=3_600)] = 600
    reserved: Annotated[int, Meta(ge=0, le=99)] = 2


class StormRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`budgets` are of contacts that have another one than `budget`. Kinds of `never_grouped` are each told alone."""

    grouping: list[GroupingRule] = []
    never_grouped: list[str] = []
    inhibition: Inhibition = Inhibition()
    budget: Budget = Budget()
    budgets: dict[str, Budget] = {}
    digest_at_most: Annotated[int, Meta(ge=1, le=500)] = 100

    def rule(self, by: str) -> GroupingRule | None:
        return next((each for each in self.grouping if each.by == by), None)

    def budget_of(self, contact_id: str) -> Budget:
        return self.budgets.get(contact_id, self.budget)


def read_rules(document: bytes) -> StormRules:
    """From its JSON (`schemas/storms.schema.json`). Raises `StormRulesError` saying what is wrong with it."""
    try:
        rules = msgspec.json.decode(document, type=StormRules)
    except msgspec.MsgspecError as error:
        raise StormRulesError(f"Not rules for storms: {error}.") from error
    if len({each.by for each in rules.grouping}) != len(rules.grouping):
        raise StormRulesError("Not rules for storms: there is one rule for gateways and one for sites.")
    for each in (rules.budget, *rules.budgets.values()):
        if each.reserved >= each.messages:
            raise StormRulesError("Not rules for storms: a budget reserves fewer messages than it has.")
    return rules
