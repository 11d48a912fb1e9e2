"""What would hold a message back, and does not: stores that cannot be read, a digest that cannot be sent, and somebody
who asks for the next tier.
"""

from dataclasses import replace

import msgspec
import pytest

from coldwatch.incidents.answering import Action
from coldwatch.incidents.contacts import Address, ChannelKind, Contact
from coldwatch.incidents.incident import STORM, EventType
from coldwatch.incidents.policy import Tier
from coldwatch.incidents.storms import forming
from coldwatch.incidents.storms.budget import Spent
from coldwatch.incidents.storms.posting import DigestingBudget
from coldwatch.incidents.storms.rules import Budget
from coldwatch.incidents.telling import Fate, Round, tell
from notify_tier.storms import SentWhenInDoubt
from tests.unit.incidents.builders import MINUTE, NOW, is_, opened, operated, told
from tests.unit.incidents.storms.builders import device, opens, storm_world
from tests.unit.incidents.storms.fakes import FakeStorms, StormWorld

SLACK = Address(ChannelKind.SLACK, "ops", None, "s/slack")
TIERS = (Tier(("ana",), 60), Tier(("ben",), 60))


class Unreadable(FakeStorms):
    """What was spent is no JSON, say."""

    def spent(self, contact_id: str) -> Spent | None:
        raise msgspec.DecodeError(contact_id)


def sparing(*, messages: int) -> StormWorld:
    here = storm_world(*TIERS)
    here.rules = msgspec.structs.replace(here.rules, budget=Budget(messages=messages, window_s=600, reserved=0))
    return here


def budget_of(here: StormWorld, store: FakeStorms) -> DigestingBudget:
    return DigestingBudget(store, here.rules, here.incidents)


def test_where_nobody_knows_who_has_had_enough_messages_they_are_sent() -> None:
    here = storm_world(*TIERS)
    incident = opens(here, device(here, 1))
    ports = replace(here.telling(), budget=SentWhenInDoubt(budget_of(here, Unreadable())))
    here.waiting.open_tokens.add("t")

    result = tell(Round(incident.incident_id, 1, 1, "t"), ports, now_ms=NOW)

    assert (result.fates, len(here.channel.sent)) == ({"ana": Fate.SENT}, 1)


def test_where_the_time_of_a_digest_is_not_known_it_is_asked_for_soon() -> None:
    budget = SentWhenInDoubt(budget_of(storm_world(), Unreadable()))

    assert budget.due_at("ana", now_ms=NOW) == NOW


def test_a_budget_that_can_be_read_is_kept() -> None:
    here = sparing(messages=1)
    first, second = (opens(here, device(here, number, site=None)) for number in (1, 2))
    budget = SentWhenInDoubt(budget_of(here, here.storms))

    assert budget.admit(first, "ana", now_ms=NOW) is None
    assert budget.admit(second, "ana", now_ms=NOW) == budget.due_at("ana", now_ms=NOW) == NOW + 10 * MINUTE


def test_who_can_be_sent_no_digest_either_is_not_waited_for() -> None:
    here = sparing(messages=1)
    here.storms.budgets["ana"] = Spent(NOW, 1)
    here.directory.contacts["ana"] = Contact("ana", "Ana", (SLACK,))
    incident = opens(here, device(here, 1))

    result = told(here, incident, 1)

    assert result.fates == {"ana": Fate.UNREACHABLE}
    assert [answer["outcome"] for _, answer in here.waiting.heard] == ["unreachable"]
    assert here.storms.entries == {}
    assert EventType.PAGE_FAILED in here.what(incident)


@pytest.mark.parametrize("rounds", [0, 1], ids=["before-anybody-was-told", "after-a-round"])
def test_who_asks_for_the_next_tier_during_a_silence_has_it_told(rounds: int) -> None:
    here = storm_world(*TIERS)
    incident = opened(here)
    for number in range(1, rounds + 1):
        told(here, incident, number)
    ports = replace(here.telling(), silenced_s=lambda _incident, _now_ms: 3600)
    ask = Round(incident.incident_id, rounds + 1, rounds + 1, "next")
    here.waiting.open_tokens.add("next")

    tell(ask, ports, now_ms=NOW)
    before = len(here.channel.sent)
    operated(here, incident, Action.ESCALATE)
    tell(ask, ports, now_ms=NOW)

    assert (before, len(here.channel.sent)) == (rounds, rounds + 1)
    assert (is_(here, incident).round, is_(here, incident).is_escalated) == (rounds + 1, False)


def test_a_storm_that_grows_within_a_silence_asks_nobody_to_be_told() -> None:
    here = storm_world(*TIERS)
    storm = opens(here, device(here, 1), model="shock", kind=STORM)
    grown = forming.grow(storm, opens(here, device(here, 2)), storm.plan, now_ms=NOW)
    assert grown
    assert here.incidents.apply(grown)
    assert is_(here, storm).is_escalated

    tell(Round(storm.incident_id, 1, 1, "t"), replace(here.telling(), silenced_s=lambda *_: 3600), now_ms=NOW)

    assert here.channel.sent == []
