"""Adds to an incident what a responder needs to know: where it is, which limits hold, how bad it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.incident import EventType, Incident
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.ports import Device, DeviceDirectory, IncidentStore, ReadingHistory
from coldwatch.incidents.readings import AHEAD_MS, BEFORE_MS, StoredReading, excursion, limits
from coldwatch.incidents.wording import figure, moment

AT_MOST = 5_000
RECENT = 20
_SHOWN = ("timestamp", "sensor_type", "value", "temp_c", "humidity_pct", "shock_g", "battery_pct", "door_open", "probe")


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: IncidentStore
    devices: DeviceDirectory
    readings: ReadingHistory


def enrich(incident_id: str, ports: Ports, *, now_ms: int) -> Incident:
    """Done once: what is known when people are told. Later readings are on the page and in the evidence."""
    incident = found(ports.incidents, incident_id)
    device = ports.devices.find(incident.device_id)
    window = incident.began_at - BEFORE_MS, now_ms + AHEAD_MS
    readings = ports.readings.between(incident.device_id, *window, at_most=AT_MOST)
    incident, _ = carry_out(
        ports.incidents, incident_id, lambda each: enrichment(each, device, readings, now_ms=now_ms)
    )
    return incident


def enrichment(
    incident: Incident, device: Device | None, readings: Sequence[StoredReading], *, now_ms: int
) -> Change | None:
    """The change that adds it; None where it was added before."""
    if incident.details is not None:
        return None
    found_out = excursion(incident, readings)
    details = _details(incident, device, readings)
    after = replace(incident, details=details)
    what = "No reading out of range is stored yet."
    if found_out:
        duration_s = (found_out.last_at - incident.began_at) // 1000
        details |= {"first_out_of_range_at": found_out.first_at, "last_out_of_range_at": found_out.last_at}
        after = replace(after, peak=found_out.peak, duration_s=duration_s)
        what = f"Out of range since {moment(incident.began_at)}, for {duration_s} s; peak {figure(found_out.peak)}."
    return lifecycle.note(incident, after, EventType.ENRICHED, what, now_ms=now_ms)


def _details(incident: Incident, device: Device | None, readings: Sequence[StoredReading]) -> dict[str, Any]:
    low, high = limits(incident)
    recent = [{name: each[name] for name in _SHOWN if each.get(name) is not None} for each in readings[-RECENT:]]
    place = dict(device.place) if device else {}
    located = next((each for each in reversed(readings) if each.get("latitude") is not None), None)
    if located is not None and located.get("longitude") is not None:
        place |= {"latitude": located["latitude"], "longitude": located["longitude"]}
    known = {
        "device_type": device.device_type if device else None,
        "place": place,
        "calibration": dict(device.calibration) if device and device.calibration else None,
        "low": low,
        "high": high,
        "last_reading_at": readings[-1]["timestamp"] if readings else None,
        "recent": recent,
    }
    return {name: value for name, value in known.items() if value is not None}
