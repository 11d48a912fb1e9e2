"""How long after the message that completes an excursion its responder is told, from the device to the inbox."""

import time
from collections import Counter
from itertools import batched

import pytest

from simulator.api import Fleet
from tests.conftest import Cloud
from tests.e2e.duty import HOT, Duty, Readings
from tests.e2e.figures import percentiles

pytestmark = [pytest.mark.cloud, pytest.mark.long]

DEVICES = 100
AT_ONCE = 10


@pytest.mark.timeout(900)
def test_a_hundred_excursions_are_a_hundred_incidents_and_pages(cloud: Cloud, figures: list[str]) -> None:
    duty = Duty(cloud, "latency")
    duty.policy((duty.responder("ana"), 3600), resolve_within_s=7200)
    serials = [f"LATE{number:03d}" for number in range(DEVICES)]
    with cloud.provision(*serials, fleet="latency", is_watched=True) as fleet:
        things = [f"latency-fridge-{serial}" for serial in serials]
        seconds = [each for wave in batched(things, AT_ONCE, strict=False) for each in told_after(duty, fleet, wave)]
        incidents = {thing: duty.incidents(thing) for thing in things}

    figures.append(f"{DEVICES} excursions, {AT_ONCE} at once, told after {percentiles(seconds)}")
    assert {thing: [each["kind"] for each in found] for thing, found in incidents.items()} == {
        thing: ["too_warm"] for thing in things
    }
    assert Counter(thing for page in duty.pages() for thing in things if thing in page.text) == Counter(things)


def told_after(duty: Duty, fleet: Fleet, things: tuple[str, ...]) -> list[float]:
    """Seconds from the completing message of each to its page in the inbox."""
    fridges = [Readings(fleet, thing) for thing in things]
    for fridge in fridges:
        fridge.publish(*HOT[:-1])
    completed: dict[str, int] = {}
    for fridge in fridges:
        completed[fridge.thing] = time.time_ns() // 1_000_000
        fridge.publish(HOT[-1])
    return [(duty.page(thing, within_s=90).at - completed[thing]) / 1000 for thing in things]
