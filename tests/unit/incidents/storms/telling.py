"""What the timelines of storms, silence, maintenance and digests have in common."""

from typing import Any

import msgspec

from coldwatch.incidents.answering import Action, Asked, act_as_operator
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.policy import Tier
from coldwatch.incidents.storms.rules import Budget
from tests.unit.incidents.builders import NOW
from tests.unit.incidents.storms.builders import SECOND, device, opens
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.storms.workflow import Clockwork

GATEWAY = "acme-gw-1"
SLOW = Tier(("ana",), 3600)


def told(here: StormWorld, incident: Incident) -> int:
    """How often somebody was sent a message of this incident alone."""
    return sum(each.page_id.startswith(incident.incident_id) for each in here.channel.sent)


def settle(here: StormWorld, incident: Incident, action: Action, *, at: int, who: str = "ana") -> None:
    act_as_operator(
        incident.incident_id,
        Asked(action),
        who=who,
        incidents=here.incidents,
        waiting=here.waiting,
        now_ms=at,
    )


def storm_of_three(clock: Clockwork, **changes: Any) -> tuple[list[Incident], Incident]:
    """Three of one gateway, ten seconds apart; the first two tell somebody before the third comes."""
    here, made = clock.here, []
    for number in range(3):
        clock.run_until(NOW + number * 10 * SECOND)
        made.append(opens(here, device(here, number, gateway=GATEWAY, site=None), at=clock.now, **changes))
        clock.pick_up()
    clock.run_until(clock.now)
    (storm,) = here.storm_incidents()
    return made, storm


def generous(here: StormWorld) -> StormWorld:
    """Where the budget is not what is tested."""
    here.rules = replace_rules(here, budget=Budget(messages=100, window_s=600, reserved=0))
    return here


def replace_rules(here: StormWorld, **changes: Any) -> Any:
    return msgspec.structs.replace(here.rules, **changes)
