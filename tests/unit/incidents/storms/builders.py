"""Sites, gateways and their devices, as tests need them."""

from dataclasses import replace
from typing import Any

from coldwatch.incidents.effects import IncidentEffect
from coldwatch.incidents.incident import Incident, Severity
from coldwatch.incidents.opening import open_incident
from coldwatch.incidents.policy import Tier, by_severity
from coldwatch.incidents.ports import Device
from coldwatch.incidents.recovery import recover_incident
from coldwatch.incidents.storms.maintenance import MaintenanceWindow, Scope
from tests.unit.incidents.builders import FORMS, HIGH, NOW, SILENCE, effect, is_, plan
from tests.unit.incidents.fakes import Course
from tests.unit.incidents.storms.fakes import StormWorld

SECOND = 1_000
ANA = (Tier(("ana",), 300),)


def storm_world(*tiers: Tier, **changes: Any) -> StormWorld:
    made = StormWorld(forms=dict(FORMS))
    own = plan(*(tiers or ANA), **changes)
    made.directory.policies["default"] = by_severity(
        "default", "1", {Severity.CRITICAL: own, Severity.WARNING: replace(own, resolve_within_s=3600)}
    )
    made.directory.names |= {"ana": "Ana", "ben": "Ben"}
    return made


def device(here: StormWorld, number: int, *, gateway: str | None = None, site: str | None = "Basel") -> str:
    """A fridge that the registry knows, behind a gateway, at a site, or both."""
    name = f"acme-fridge-{number:04d}"
    place = {name: value for name, value in (("site", site), ("gateway", gateway)) if value}
    here.directory.devices[name] = Device(name, "acme", "fridge", "coldchain", place)
    return name


def gateway(here: StormWorld, name: str = "acme-gw-1", *, site: str | None = "Basel") -> str:
    here.directory.devices[name] = Device(name, "acme", "gateway", "coldchain", {"site": site} if site else {})
    return name


def wrong(device_id: str, *, at: int = NOW, model: str = HIGH, **changes: Any) -> IncidentEffect:
    """What a detector says of a device that has gone wrong."""
    named = {"device_id": device_id, "key": device_id, "detector_model": model, "occurred_at": at, "began_at": at}
    return effect(f"{model}/{device_id}/{at}", **(named | changes))


def opens(here: StormWorld, device_id: str, *, at: int = NOW, course: Course | None = None, **changes: Any) -> Incident:
    return open_incident(wrong(device_id, at=at, **changes), here.opening(course), now_ms=at).incident


def falls_silent(here: StormWorld, device_id: str, *, at: int = NOW, **changes: Any) -> Incident:
    return opens(here, device_id, at=at, model=SILENCE, **changes)


def recovers(here: StormWorld, incident: Incident, *, at: int, course: Course | None = None) -> Incident:
    """As the function does it: the recovery, then the storm."""
    said = wrong(incident.device_id, at=at, model=incident.detector_model, key=incident.key)
    watch = (course or Course()).watch
    recovery = recover_incident(said, watch(here.incidents), watch(here.waiting), now_ms=at)
    if recovery.incident:
        here.leave(recovery.incident, at, course)
    return is_(here, incident)


def window(**changes: Any) -> MaintenanceWindow:
    made = MaintenanceWindow(
        window_id="w1",
        scope=Scope(site="Basel"),
        from_ms=NOW - 60 * SECOND,
        until_ms=NOW + 3600 * SECOND,
        who="op",
        why="defrosting all rooms",
        added_at=NOW - 60 * SECOND,
    )
    return replace(made, **changes)
