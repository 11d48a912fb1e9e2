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
AT_ONCE = 5
"""And so many for one responder: of more, a digest tells them."""


@pytest.mark.timeout(900)
def test_a_hundred_excursions_are_a_hundred_incidents_and_pages(cloud: Cloud, figures: list[str]) -> None:
    duty = Duty(cloud, "latency")
    serials = [f"LATE{number:03d}" for number in range(DEVICES)]
    with cloud.provision(*serials, fleet="latency", is_watched=True) as fleet:
        things = [f"latency-fridge-{serial}" for serial in serials]
        waves = enumerate(batched(things, AT_ONCE, strict=True))
        seconds = [each for number, wave in waves for each in told_after(duty, fleet, wave, number)]
        incidents = {thing: duty.incidents(thing) for thing in things}

    figures.append(f"{DEVICES} excursions, {AT_ONCE} at once, told after {percentiles(seconds)}")
    assert {thing: [each["kind"] for each in found] for thing, found in incidents.items()} == {
        thing: ["too_warm"] for thing in things
    }
    assert Counter(thing for page in duty.pages() for thing in things if thing in page.text) == Counter(things)


def told_after(duty: Duty, fleet: Fleet, things: tuple[str, ...], wave: int) -> list[float]:
    """Seconds from the completing message of each to its page in the inbox of this wave's responder."""
    duty.policy((duty.responder(f"r{wave:02}"), 3600), resolve_within_s=7200)
    fridges = [Readings(fleet, thing) for thing in things]
    for fridge in fridges:
        fridge.publish(*HOT[:-1])
    completed: dict[str, int] = {}
    for fridge in fridges:
        completed[fridge.thing] = time.time_ns() // 1_000_000
        fridge.publish(HOT[-1])
    return [(duty.page(thing, within_s=90).at - completed[thing]) / 1000 for thing in things]
