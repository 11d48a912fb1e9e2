"""Five hundred devices of one site go wrong within a minute, with the functions as they are and time as it is said."""

from collections import Counter
from dataclasses import dataclass

import pytest

from coldwatch.incidents.answering import Action, Asked, act_as_operator
from coldwatch.incidents.incident import STORM, EventType, Incident, Status
from coldwatch.incidents.policy import Tier
from coldwatch.incidents.storms.family import topmost
from tests.unit.incidents.builders import NOW, is_
from tests.unit.incidents.storms.builders import SECOND, device, opens, recovers, storm_world
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork

DEVICES = 500
TIERS = (Tier(("ana",), 300), Tier(("ana", "ben"), 300))


@dataclass
class Storm:
    clock: Clockwork
    children: list[Incident]


def storm(*, gateways: int, before_s: int) -> Storm:
    """`before_s` is how long a workflow takes before it tells anybody."""
    here = storm_world(*TIERS, auto_resolve="acknowledged")
    clock = Clockwork(here, NOW, started_ms=before_s * SECOND)
    children = []
    for number in range(DEVICES):
        clock.run_until(NOW + number * 60_000 // DEVICES)
        gateway = f"acme-gw-{number % gateways}" if gateways else None
        children.append(opens(here, device(here, number, gateway=gateway), at=clock.now))
        clock.pick_up()
    return Storm(clock, children)


@pytest.mark.parametrize(
    ("gateways", "before_s", "told"),
    [(0, 8, {"ana": 2, "ben": 1}), (25, 0, {"ana": 6, "ben": 1})],
    ids=["without gateways, told after the evidence", "of 25 gateways, told at once"],
)
def test_five_hundred_devices_in_a_minute_are_one_incident_to_those_who_are_told(
    gateways: int, before_s: int, told: dict[str, int]
) -> None:
    made = storm(gateways=gateways, before_s=before_s)
    here, clock = made.clock.here, made.clock

    clock.run_until(NOW + 10 * MINUTE - 1)

    (parent,) = here.storm_incidents()
    assert {topmost(is_(here, each), here.incidents).incident_id for each in made.children} == {parent.incident_id}
    assert here.families.count_children(parent.incident_id) == DEVICES
    assert parent.child_count == DEVICES
    assert Counter(each.contact_id for each in here.channel.sent) == told
    assert max(told.values()) <= here.rules.budget.messages
    assert is_(here, made.children[-1]).round == 0


def test_every_devices_record_is_complete_and_the_storm_ends_with_the_last_of_them() -> None:
    made = storm(gateways=0, before_s=8)
    here, clock = made.clock.here, made.clock
    (parent,) = here.storm_incidents()
    clock.run_until(NOW + 2 * MINUTE)

    for number, each in enumerate(made.children):
        recovers(here, each, at=NOW + 5 * MINUTE + number * 10)
    act_as_operator(
        parent.incident_id,
        Asked(Action.ACKNOWLEDGE),
        who="ana",
        incidents=here.incidents,
        waiting=here.waiting,
        now_ms=NOW + 6 * MINUTE,
    )
    clock.run_until(NOW + 20 * MINUTE)

    assert Counter((each.kind, each.status) for each in here.incidents.incidents.values()) == {
        ("too_warm", Status.RESOLVED): DEVICES,
        (STORM, Status.RESOLVED): 1,
    }
    assert len(here.objects.kept) == DEVICES + 1
    for each in made.children:
        types = [event.type for event in here.incidents.timeline(each.incident_id)]
        for expected in (
            EventType.OPENED,
            EventType.JOINED,
            EventType.RECOVERED,
            EventType.ACKNOWLEDGED,
            EventType.RESOLVED,
            EventType.RECORDED,
        ):
            assert types.count(expected) == 1, (each.device_id, types)
    assert len([e for e in here.what(parent) if e is EventType.JOINED]) == DEVICES
    assert max(Counter(each.contact_id for each in here.channel.sent).values()) <= here.rules.budget.messages


def test_nobody_answers_for_an_hour_and_no_window_has_more_messages_than_it_may() -> None:
    made = storm(gateways=25, before_s=0)
    here, sent = made.clock.here, []
    here.channel.on_send = lambda notification: sent.append((made.clock.now, notification.contact_id))

    made.clock.run_until(NOW + 60 * MINUTE)

    assert Counter(each.contact_id for each in here.channel.sent) == {"ana": 12, "ben": 6}
    for contact in ("ana", "ben"):
        times = [at for at, who in sent if who == contact]
        assert all(sum(at <= other < at + 600 * SECOND for other in times) <= 6 for at in times)
    assert made.clock.unattended() == []
