"""Devices told to people and to machines. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coldwatch_ops.answer import Answer
from coldwatch_ops.devices.allow_list import Allowed, Released
from coldwatch_ops.devices.certificates import ClaimCertificate
from coldwatch_ops.devices.history import DeviceChange
from coldwatch_ops.devices.registry import Device
from coldwatch_ops.devices.watching import in_force
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.text import count, escape, fields, table
from coldwatch_ops.times import rfc3339

_TIMES = ("registered_at", "connection_changed_at")
_OF_DETECTORS = ("profile", "watched")
"""Told of a fleet as soon as one of its devices has them."""
_MEASURES = ("value", "temp_c", "humidity_pct", "shock_g", "battery_pct", "door_open", "probe")


def with_times(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """The same with the epoch ms of these names as RFC 3339."""
    return values | {name: rfc3339(values[name]) for name in names if isinstance(values.get(name), int)}


def listed(devices: Sequence[Device]) -> Answer:
    ordered = sorted(devices, key=lambda device: (device.get("fleet_id", ""), device["device_id"]))
    document = {"devices": [with_times(device, *_TIMES) for device in ordered]}
    if not ordered:
        return Answer(document, ("No device fits.",))
    extra = [name for name in _OF_DETECTORS if any(name in device for device in ordered)]
    rows = [
        (
            device["device_id"],
            device.get("application"),
            device.get("fleet_id"),
            device.get("device_type"),
            device.get("gateway"),
            device.get("connected"),
            rfc3339(device.get("connection_changed_at")),
            *(device.get(name) for name in extra),
        )
        for device in ordered
    ]
    headings = ("device", "application", "fleet", "type", "gateway", "connected", "since", *extra)
    return Answer(document, (table(headings, rows), count(len(rows), "device") + "."))


def shown(device: Device, latest: Sequence[dict[str, Any]], children: Sequence[str]) -> Answer:
    known = with_times(device, *_TIMES)
    document = {
        "device": known,
        "latest": [with_times(reading, "timestamp", "received_at") for reading in latest],
        "children": list(children),
    }
    told = [*fields(known)]
    told += [f"children  {escape(', '.join(children))}"] if children else []
    return Answer(document, (*told, "", *(reading_table(latest) if latest else ("No reading yet.",))))


def reading_table(readings: Sequence[dict[str, Any]]) -> tuple[Any, ...]:
    """A column for each measure that any of the readings has."""
    measures = [name for name in _MEASURES if any(reading.get(name) is not None for reading in readings)]
    rows = [
        (
            rfc3339(reading.get("timestamp")),
            rfc3339(reading.get("received_at")),
            reading.get("sensor_type"),
            None if reading.get("seq") is None else str(reading["seq"]),
            *(reading.get(name) for name in measures),
            "conflict" if reading.get("conflict") else "",
        )
        for reading in readings
    ]
    return (table(("time", "received", "sensor", "seq", *measures, ""), rows, numeric=(*measures, "seq")),)


def allowed(outcome: Allowed) -> Answer:
    changed = f"{len(outcome.changed):,} changed, {len(outcome.unchanged):,} as they were."
    told = [f"{count(len(outcome.added), 'serial')} added, {changed}"]
    told += [
        f"Refused: {escape(serial)} is claimed. After a replacement: coldwatch devices release {escape(serial)}"
        for serial in outcome.refused
    ]
    return Answer(asdict(outcome), tuple(told), ExitCode.FAILED if outcome.refused else ExitCode.OK)


def released(outcome: Released) -> Answer:
    told = [f"Serial {escape(outcome.serial)} can be claimed again; {escape(outcome.thing)} is no longer registered."]
    told += [f"Certificate {name} is INACTIVE." for name in outcome.certificates]
    told += ["AWS IoT ends its connections within minutes."] if outcome.certificates else []
    return Answer(asdict(outcome), tuple(told))


def adopted(child: Device) -> Answer:
    sentence = f"{escape(child['gateway'])} speaks for {escape(child['device_id'])} from now on."
    return Answer({"device": with_times(child, *_TIMES)}, (sentence,))


def orphaned(child_id: str, gateway: str) -> Answer:
    sentence = f"{escape(gateway)} no longer speaks for {escape(child_id)}."
    return Answer({"device_id": child_id, "gateway": gateway}, (sentence,))


def profiled(device: Device) -> Answer:
    """The limits in force, and what about the registry's entry no detector could follow."""
    found = in_force(device)
    document = {"device_id": device["device_id"], "profile": dict(found.members), "faults": list(found.faults)}
    told = [*fields({"device": device["device_id"]} | dict(found.members)), *(escape(fault) for fault in found.faults)]
    return Answer(document, tuple(told), ExitCode.FAILED if found.faults else ExitCode.OK)


def history(changes: Sequence[DeviceChange]) -> Answer:
    """A row for each member that a change changed."""
    document = {"changes": [asdict(each) for each in changes]}
    if not changes:
        return Answer(document, ("No change is kept.",))
    rows = [
        (rfc3339(each.at), each.who, name, each.old[name], each.new[name], each.why, each.principal)
        for each in changes
        for name in each.new
    ]
    headings = ("time", "who", "member", "was", "is", "why", "AWS identity")
    return Answer(document, (table(headings, rows), count(len(changes), "change") + "."))


def watched(device: Device) -> Answer:
    name = escape(device["device_id"])
    told = (
        f"Detectors look at {name}."
        if device["watched"]
        else f"No detector looks at {name} until: devices watch {name}"
    )
    return Answer({"device": with_times(device, *_TIMES)}, (told,))


def claim_certificate(made: ClaimCertificate) -> Answer:
    told = (
        f"Claim certificate {made.certificate_id} is active.",
        f"  {escape(made.certificate_file)}",
        f"  {escape(made.key_file)} (keep it secret: it lets a device ask for a certificate)",
    )
    return Answer(asdict(made), told)
