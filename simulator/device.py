"""A device: what it measures at a time, and the messages it makes of that. Pure: no clock, no network.

Chance comes from the scenario's seed, the device's label and the report's number alone, so a run repeats byte for
byte and no device depends on what another one did.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from simulator import malformed, thermal
from simulator.message import Kind, Message
from simulator.scenario import Event, PlannedDevice, Scenario
from simulator.thermal import Box, BoxInputs, BoxState

BOXES = {"fridge": thermal.FRIDGE, "coldroom": thermal.COLDROOM, "reefer": thermal.REEFER}

FIRMWARE = "1.4.2"
_BATTERY_PCT_PER_HOUR = 0.4
_COLD_BATTERY_FACTOR = 1.6
_NOISE_C = 0.05
_NOISE_HUMIDITY_PCT = 0.4
_ROAD_SHOCK_G = {"reefer": 0.12, "coldroom": 0.01, "fridge": 0.02}
_LOAD_PERIOD_S = 2400.0
_ROUTE = ((44.4056, 8.9463), (45.4642, 9.1900))
"""Genoa to Milan, latitude and longitude, driven in `_ROUTE_S`."""
_ROUTE_S = 7200.0


@dataclass(frozen=True, slots=True)
class Conditions:
    """What acts on a device at one moment."""

    box: BoxInputs
    is_silent: bool


def conditions(events: Sequence[Event], at_s: float) -> Conditions:
    kinds = {event.kind for event in events if event.is_on(at_s)}
    box = BoxInputs("door_open" in kinds, _is_failed(events, at_s), "freeze" in kinds)
    return Conditions(box, "silence" in kinds)


def _is_failed(events: Sequence[Event], at_s: float) -> bool:
    """A compressor fails at one event and runs again at its end or at the next repair."""
    begun = [event for event in events if event.kind.startswith("compressor_") and event.at_s <= at_s]
    latest = max(begun, key=lambda event: event.at_s, default=None)
    return latest is not None and latest.kind == "compressor_failure" and latest.is_on(at_s)


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device between two reports: the last moment it was computed for, and the number of its last message."""

    at_s: float
    seq: int
    battery_pct: float
    box: BoxState


@dataclass(frozen=True, slots=True)
class Device:
    """A planned device with the thing that plays it. `start_ms` is the run's beginning, epoch ms."""

    planned: PlannedDevice
    thing: str
    events: tuple[Event, ...]
    seed: int
    start_ms: int
    other: str = "another-fridge-0"
    """The thing whose id it claims when a scenario asks for that."""

    def chance(self, *what: object) -> Random:
        return Random("/".join(map(str, (self.seed, self.planned.label, *what))))

    def timestamp_ms(self, at_s: float) -> int:
        """The device's own clock, which a `clock_drift` moves away from the true time."""
        drifts = (event for event in self.events if event.kind == "clock_drift" and event.at_s <= at_s)
        drift_s = sum((at_s - event.at_s) * event.drift_s_per_hour / 3600 for event in drifts)
        return self.start_ms + round((at_s + drift_s) * 1000)


def play(device: Device, scenario: Scenario) -> Iterator[Message]:
    """Every message of a device, in the order of its making.

    Devices report in turn, not all at the same moment. A silent device measures nothing and counts nothing.
    """
    chance = device.chance("start")
    state = start(device, chance)
    at_s = chance.uniform(0, scenario.reporting_period_s)
    hostile = sorted((event for event in device.events if event.kind == "hostile"), key=lambda event: event.at_s)
    while at_s < scenario.duration_s:
        while hostile and hostile[0].at_s <= at_s:
            yield from _send_malformed(device, hostile.pop(0))
        state, payloads = report(device, state, at_s)
        yield from (Message(at_s, payload) for payload in payloads)
        at_s += scenario.reporting_period_s
    for event in hostile:
        yield from _send_malformed(device, event)


def start(device: Device, chance: Random) -> DeviceState:
    box = BOXES.get(device.planned.type, thermal.FRIDGE)
    offset_c = chance.uniform(-0.8, 0.8) * box.hysteresis_c
    return DeviceState(0.0, 0, chance.uniform(62, 100), thermal.at_rest(box, offset_c=offset_c))


def report(device: Device, state: DeviceState, at_s: float) -> tuple[DeviceState, list[bytes]]:
    """The device at `at_s`, and what it says then: nothing, one message, or one for each sensor of a machine."""
    before_s, peak_g = state.at_s, _peak_g(device.events, state.at_s, at_s)
    state = _pass_time(device, state, at_s)
    if conditions(device.events, at_s).is_silent:
        return state, []
    make = _report_machine if device.planned.type == "machine" else _report_box
    bodies = [
        body | _spike(device.events, before_s, at_s) for body in make(device, state, peak_g, device.chance(state.seq))
    ]
    payloads = [json.dumps(body, separators=(",", ":")).encode() for body in bodies]
    return replace(state, seq=state.seq + len(payloads)), payloads


def _pass_time(device: Device, state: DeviceState, at_s: float) -> DeviceState:
    box_type = BOXES.get(device.planned.type)
    box = _advance_box(box_type, device.events, state, at_s) if box_type else state.box
    is_cold = box_type is not None and box_type.set_point_c < 0
    drain = _BATTERY_PCT_PER_HOUR * (at_s - state.at_s) / 3600 * (_COLD_BATTERY_FACTOR if is_cold else 1)
    return replace(state, at_s=at_s, box=box, battery_pct=max(0.0, state.battery_pct - drain))


def _advance_box(box: Box, events: Sequence[Event], state: DeviceState, until_s: float) -> BoxState:
    """Events that begin or end between two reports take effect at their own time."""
    turns = {event.at_s for event in events} | {event.at_s + event.for_s for event in events if event.for_s}
    now_s, at = state.box, state.at_s
    for turn in (*sorted(turn for turn in turns if state.at_s < turn < until_s), until_s):
        now_s = thermal.advance(box, now_s, conditions(events, at).box, seconds=turn - at)
        at = turn
    return now_s


def _report_box(device: Device, state: DeviceState, peak_g: float, chance: Random) -> list[dict[str, Any]]:
    body: dict[str, Any] = {
        "device_id": device.thing,
        "timestamp": device.timestamp_ms(state.at_s),
        "seq": state.seq + 1,
        "temp_c": round(state.box.air_c + chance.gauss(0, _NOISE_C), 2),
        "humidity_pct": round(min(100.0, max(0.0, state.box.humidity_pct + chance.gauss(0, _NOISE_HUMIDITY_PCT))), 1),
        "shock_g": round(max(peak_g, _road_shock_g(device, chance)), 2),
        "battery_pct": round(state.battery_pct, 1),
        "door_open": conditions(device.events, state.at_s).box.is_door_open,
        "probe": "OK",
        "firmware": FIRMWARE,
    }
    return [body | _location(device, state.at_s)]


def _peak_g(events: Sequence[Event], since_s: float, until_s: float) -> float:
    """The hardest shock since the last report."""
    return max((e.peak_g for e in events if e.kind == "shock" and since_s <= e.at_s < until_s), default=0.0)


def _spike(events: Sequence[Event], since_s: float, until_s: float) -> dict[str, Any]:
    """A glitch of the probe: one report says a temperature that never was."""
    wild = [e.peak_c for e in events if e.kind == "spike" and since_s <= e.at_s < until_s]
    return {"temp_c": wild[-1]} if wild else {}


def _road_shock_g(device: Device, chance: Random) -> float:
    return abs(chance.gauss(0, _ROAD_SHOCK_G[device.planned.type]))


def _location(device: Device, at_s: float) -> dict[str, Any]:
    """Reefers travel; what stands still does not say where it is."""
    if device.planned.type != "reefer":
        return {}
    (from_lat, from_lon), (to_lat, to_lon) = _ROUTE
    way = min(1.0, at_s / _ROUTE_S)
    lat, lon = from_lat + way * (to_lat - from_lat), from_lon + way * (to_lon - from_lon)
    return {"location": {"lat": round(lat, 5), "lon": round(lon, 5)}}


def _report_machine(device: Device, state: DeviceState, peak_g: float, chance: Random) -> list[dict[str, Any]]:
    """A machine under a load that comes and goes: three sensors, a message each."""
    load = 0.5 + 0.4 * math.sin(2 * math.pi * state.at_s / _LOAD_PERIOD_S)
    sensors = (
        ("temperature", 58 + 22 * load + chance.gauss(0, 0.3), "degC"),
        ("pressure", 5.2 + 1.1 * load + chance.gauss(0, 0.04), "bar"),
        ("vibration", 1.4 + 2.1 * load + 4 * peak_g + abs(chance.gauss(0, 0.1)), "mm/s"),
    )
    return [
        {
            "device_id": device.thing,
            "sensor_type": name,
            "value": round(value, 3),
            "timestamp": device.timestamp_ms(state.at_s),
            "seq": state.seq + number,
            "metadata": {"unit": unit},
        }
        for number, (name, value, unit) in enumerate(sensors, start=1)
    ]


def _send_malformed(device: Device, event: Event) -> Iterator[Message]:
    sender = malformed.Sender(device.thing, device.planned.application, device.other, device.timestamp_ms(event.at_s))
    yield from (Message(event.at_s, malformed.payload(name, sender), Kind.HOSTILE) for name in event.messages)
