"""Who is told of a silent device while its gateway is silent, or speaks: as timelines, on virtual time."""

from dataclasses import replace

from coldwatch.incidents.incident import EventType, Status
from coldwatch.incidents.policy import Severity
from coldwatch.incidents.ports import Device, IncidentForm
from tests.unit.incidents.builders import NOW, is_
from tests.unit.incidents.storms.builders import SECOND, device, falls_silent, gateway, opens, recovers, storm_world
from tests.unit.incidents.storms.fakes import StormWorld
from tests.unit.incidents.storms.telling import GATEWAY, SLOW, generous, told
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork


def silent_gateway(here: StormWorld, count: int) -> list[str]:
    gateway(here, GATEWAY, site=None)
    return [device(here, number, gateway=GATEWAY, site=None) for number in range(count)]


def test_while_a_gateway_is_silent_nobody_is_told_of_the_silence_of_its_devices() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    names = silent_gateway(clock.here, 2)
    top = falls_silent(clock.here, GATEWAY)

    made = [falls_silent(clock.here, name, at=NOW + SECOND) for name in names]
    clock.run_until(NOW + 20 * MINUTE)

    assert told(clock.here, top) >= 2
    assert [told(clock.here, each) for each in made] == [0, 0]
    assert {is_(clock.here, each).inhibited_by for each in made} == {top.incident_id}
    assert all(EventType.SILENCED in clock.here.what(each) for each in made)


def test_devices_that_fall_silent_a_moment_before_their_gateway_are_not_told_either() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    names = silent_gateway(clock.here, 5)

    made = [falls_silent(clock.here, name) for name in names]
    clock.run_until(NOW + 45 * SECOND)
    top = falls_silent(clock.here, GATEWAY, at=clock.now)
    clock.run_until(NOW + 20 * MINUTE)

    assert [each for each in [*made, *clock.here.storm_incidents()] if told(clock.here, each)] == []
    assert told(clock.here, top) >= 2


def test_a_silent_device_whose_gateway_speaks_is_told_after_the_grace() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    (name,) = silent_gateway(clock.here, 1)

    made = falls_silent(clock.here, name)
    clock.run_until(NOW + 59 * SECOND)
    assert told(clock.here, made) == 0
    clock.run_until(NOW + 61 * SECOND)

    assert told(clock.here, made) == 1


def test_what_is_still_silent_when_the_gateway_speaks_again_is_told_after_the_grace() -> None:
    clock = Clockwork(generous(storm_world(auto_resolve="always")), NOW)
    back, gone = silent_gateway(clock.here, 2)
    top = falls_silent(clock.here, GATEWAY)
    heard, silent = (falls_silent(clock.here, name) for name in (back, gone))
    clock.run_until(NOW + 10 * MINUTE)

    recovers(clock.here, top, at=clock.now)
    recovers(clock.here, heard, at=clock.now + 20 * SECOND)
    clock.run_until(NOW + 14 * MINUTE)

    assert (told(clock.here, heard), is_(clock.here, heard).status) == (0, Status.RESOLVED)
    assert told(clock.here, silent) == 1
    assert is_(clock.here, silent).inhibited_by is None


def test_a_device_that_was_too_warm_when_it_fell_silent_is_told_whatever_its_gateway_does() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    (name,) = silent_gateway(clock.here, 1)
    clock.here.directory.states["sustained_excursion_high", name] = "excursion"
    falls_silent(clock.here, GATEWAY)

    made = falls_silent(clock.here, name)
    clock.run_until(NOW + SECOND)

    assert told(clock.here, made) == 1


def test_a_lost_probe_is_told_though_the_gateway_of_its_device_is_silent() -> None:
    """The device is heard, so it is not the gateway that nothing is known of its goods."""
    clock = Clockwork(generous(storm_world()), NOW)
    clock.here.forms["probe_lost"] = IncidentForm("silent", Severity.WARNING, "Probe lost")
    broken, silent = silent_gateway(clock.here, 2)
    falls_silent(clock.here, GATEWAY)

    made = opens(clock.here, broken, model="probe_lost")
    other = falls_silent(clock.here, silent)
    clock.run_until(NOW + SECOND)

    assert made.kind == other.kind == "silent"
    assert (told(clock.here, made), told(clock.here, other)) == (1, 0)


def behind(here: StormWorld, name: str, gateway_: str) -> str:
    here.directory.devices[name] = Device(name, "acme", "gateway", "coldchain", {"gateway": gateway_})
    return name


def test_a_gateway_that_is_registered_behind_itself_is_told_all_the_same() -> None:
    clock = Clockwork(generous(storm_world()), NOW)

    made = falls_silent(clock.here, behind(clock.here, GATEWAY, GATEWAY))
    clock.run_until(NOW + 5 * MINUTE)

    assert told(clock.here, made) == 1


def test_of_gateways_that_are_registered_behind_each_other_somebody_is_told() -> None:
    clock = Clockwork(generous(storm_world(SLOW)), NOW)
    ring = {"gw-a": "gw-b", "gw-b": "gw-c", "gw-c": "gw-a"}
    made = [falls_silent(clock.here, behind(clock.here, *pair)) for pair in ring.items()]

    clock.run_until(NOW + 10 * MINUTE)

    assert sum(told(clock.here, each) for each in made) == 1


def test_what_is_behind_a_gateway_that_is_behind_a_silent_one_is_told_with_that() -> None:
    clock = Clockwork(generous(storm_world(SLOW)), NOW)
    gateway(clock.here, "gw-top", site=None)
    behind(clock.here, "gw-below", "gw-top")
    device_ = device(clock.here, 1, gateway="gw-below", site=None)

    top, *others = [falls_silent(clock.here, name) for name in ("gw-top", "gw-below", device_)]
    clock.run_until(NOW + 10 * MINUTE)

    assert [told(clock.here, each) for each in (top, *others)] == [1, 0, 0]
    assert {is_(clock.here, each).inhibited_by for each in others} == {top.incident_id}


def test_a_gateway_of_whose_silence_nobody_is_told_silences_no_device() -> None:
    clock = Clockwork(generous(storm_world()), NOW)
    (name,) = silent_gateway(clock.here, 1)
    top = falls_silent(clock.here, GATEWAY)
    clock.here.incidents.incidents[top.incident_id] = replace(top, plan=replace(top.plan, tiers=()))

    made = falls_silent(clock.here, name)
    clock.run_until(NOW + 2 * MINUTE)

    assert told(clock.here, made) == 1
