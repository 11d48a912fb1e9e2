"""What a device may be called. Pure; tells every fault, where the library tells the first."""

import re
from typing import Final

from coldwatch.telemetry.topics import DEVICE_TYPES, THING_NAME_LIMIT, Application, thing_name

APPLICATIONS: Final = tuple(application.value for application in Application)
_DEVICE_ID = re.compile(r"[a-zA-Z0-9:_-]+", re.ASCII)


def device_types(application: str) -> list[str]:
    """In the order of the alphabet; empty for an unknown application."""
    return sorted(DEVICE_TYPES[Application(application)]) if application in APPLICATIONS else []


def identity_faults(application: str, fleet_id: str, device_type: str, serial: str) -> list[str]:
    """Every reason why a device cannot have this identity."""
    faults = []
    if application not in APPLICATIONS:
        faults.append(f"application {application!r} is none of {', '.join(APPLICATIONS)}")
    elif device_type not in device_types(application):
        faults.append(f"type {device_type!r} is none of {application}'s: {', '.join(device_types(application))}")
    try:
        thing_name(fleet_id, device_type, serial)
    except ValueError as error:
        faults.append(f"{fleet_id!r}, {device_type!r}, {serial!r}: {error}")
    return faults


def device_id_fault(device_id: str) -> str | None:
    """Why a child device cannot be called so; None when it can."""
    if not _DEVICE_ID.fullmatch(device_id):
        return f"device id {device_id!r} may hold only letters, digits, ':', '_' and '-'"
    if len(device_id) > THING_NAME_LIMIT:
        return f"device id {device_id!r} is longer than {THING_NAME_LIMIT} characters"
    return None
