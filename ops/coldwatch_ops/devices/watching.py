"""What detectors go by for one device: its profile, what it has its own way, and whether they look at it at all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coldwatch.adapters.detector_files import load_catalog
from coldwatch.profiles import ProfileInForce, RegisteredDevice
from coldwatch.profiles.changes import check_changes
from coldwatch.profiles.errors import ChangesError
from coldwatch_ops.devices import history
from coldwatch_ops.devices.history import Reason
from coldwatch_ops.devices.registry import Device, change, get_device
from coldwatch_ops.errors import RefusedError, UsageError
from coldwatch_ops.stack import Stack


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for: a profile by name, members to be otherwise, or all of that forgotten."""

    profile: str | None
    changes: Mapping[str, Any]
    forgets: bool


def parse_changes(words: Sequence[str]) -> dict[str, Any]:
    """Members of a profile from `name=value`; a value is JSON: a number, true or false. Raises UsageError."""
    changes: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        try:
            changes[name] = json.loads(value) if equals else None
        except ValueError:
            changes[name] = None
        if changes[name] is None:
            raise UsageError(f"{word!r} sets nothing: say NAME=VALUE, such as silence_s=600 or high_is_inclusive=true.")
    return changes


def in_force(device: Device) -> ProfileInForce:
    return load_catalog().in_force(registered(device))


def registered(device: Device) -> RegisteredDevice:
    known = {name: device[name] for name in ("device_id", "fleet_id", "application")}
    optional = ("device_type", "profile", "profile_changes", "watched")
    return RegisteredDevice(**known, **{name: device[name] for name in optional if name in device})


def give_profile(stack: Stack, device_id: str, wish: Wish, said: Reason) -> Device:
    """The device as it is afterwards. RefusedError with every fault when no detector could follow the wish."""
    device = get_device(stack, device_id)
    changed = device | _wished(device, wish)
    faults = list(in_force(changed).faults)
    if changed.get("profile_changes"):
        try:
            check_changes(in_force(changed | {"profile_changes": None}).profile, changed["profile_changes"])
        except ChangesError as error:
            faults = [*error.faults]
    if faults:
        raise RefusedError(f"{device_id} keeps what it had.", faults)
    entry = history.entry(stack, device_id, in_force(device).members, in_force(changed).members, said)
    write(stack, device, {name: changed.get(name) for name in ("profile", "profile_changes")}, entry)
    return {name: value for name, value in changed.items() if value is not None}


def begin_trip(stack: Stack, device_id: str, trip: str, said: Reason) -> Device:
    """What cumulative limits have counted begins anew with the device's next reading."""
    members = in_force(get_device(stack, device_id)).members
    if "trip" not in members:
        raise RefusedError(f"{device_id} has no limit whose times add up: its profile is {members['name']}.")
    if members["trip"] == trip:
        raise RefusedError(f"{device_id} is on the trip {trip!r} already: a new one has another name.")
    return give_profile(stack, device_id, Wish(None, {"trip": trip}, forgets=False), said)


def watch(stack: Stack, device_id: str, *, is_watched: bool, said: Reason) -> Device:
    device = get_device(stack, device_id)
    before = {"watched": device.get("watched", True)}
    write(
        stack, device, {"watched": is_watched}, history.entry(stack, device_id, before, {"watched": is_watched}, said)
    )
    return device | {"watched": is_watched}


def _wished(device: Device, wish: Wish) -> dict[str, Any]:
    known = {} if wish.forgets or wish.profile else json.loads(device.get("profile_changes") or "{}")
    changes = known | dict(wish.changes)
    profile = wish.profile or (None if wish.forgets else device.get("profile"))
    return {"profile": profile, "profile_changes": json.dumps(changes) if changes else None}


def write(stack: Stack, device: Device, values: Mapping[str, Any], entry: Mapping[str, Any]) -> None:
    """With its entry of the history, if the device still is what it was: so what that says of before is true."""
    kept = {name: value for name, value in values.items() if value is not None}
    gone = [name for name in values if name not in kept]
    sets = ", ".join(f"#{name} = :{name}" for name in kept)
    removes = ", ".join(f"#{name}" for name in gone)
    were = {f":was_{name}": device[name] for name in values if device.get(name) is not None}
    as_before = [
        f"#{name} = :was_{name}" if f":was_{name}" in were else f"attribute_not_exists(#{name})" for name in values
    ]
    request: dict[str, Any] = {
        "UpdateExpression": " ".join([f"SET {sets}"] * bool(kept) + [f"REMOVE {removes}"] * bool(gone)),
        "ConditionExpression": " AND ".join(["attribute_exists(device_id)", *as_before]),
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
    }
    if said := {f":{name}": value for name, value in kept.items()} | were:
        request["ExpressionAttributeValues"] = said
    change(stack, device["device_id"], entry, **request)
