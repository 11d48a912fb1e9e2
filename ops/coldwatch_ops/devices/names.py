"""What a device may be called. Pure.

A thing is `{fleet_id}-{device_type}-{serial}`; AWS IoT takes `[a-zA-Z0-9:_-]{1,128}` (API reference, CreateThing), and
the dash parts the three, so that only the serial may hold one.
"""

import re
from typing import Final

DEVICE_TYPES: Final = {
    "coldchain": ("coldroom", "fridge", "gateway", "reefer"),
    "factory": ("gateway", "machine"),
}
APPLICATIONS: Final = tuple(DEVICE_TYPES)
_MOST_CHARACTERS = 128
_WORD = re.compile(r"[A-Za-z0-9:_]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9:_-]+", re.ASCII)


def thing_name(fleet_id: str, device_type: str, serial: str) -> str:
    return f"{fleet_id}-{device_type}-{serial}"


def name_faults(name: str, what: str) -> list[str]:
    """Why AWS IoT would not take `name`; empty when it would."""
    if not _NAME.fullmatch(name):
        return [f"{what} {name!r} may hold only letters, digits, ':', '_' and '-'"]
    if len(name) > _MOST_CHARACTERS:
        return [f"{what} {name!r} is longer than {_MOST_CHARACTERS} characters"]
    return []


def identity_faults(application: str, fleet_id: str, device_type: str, serial: str) -> list[str]:
    """Every reason why a device cannot have this identity."""
    faults = name_faults(serial, "serial")
    if not _WORD.fullmatch(fleet_id):
        faults.append(
            f"fleet {fleet_id!r} may hold only letters, digits, ':' and '_' (no '-': it parts a thing's name)"
        )
    if application not in DEVICE_TYPES:
        faults.append(f"application {application!r} is none of {', '.join(APPLICATIONS)}")
    elif device_type not in DEVICE_TYPES[application]:
        faults.append(f"type {device_type!r} is none of {application}'s: {', '.join(DEVICE_TYPES[application])}")
    return faults or name_faults(thing_name(fleet_id, device_type, serial), "thing name")
