"""A device as detectors need to know it: an entry of the registry."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredDevice:
    """`profile` names the one it has of its own; `profile_changes` is a JSON object of members it has its own way.

    An unwatched device's telemetry is stored, and no detector looks at it.
    """

    device_id: str
    fleet_id: str
    application: str
    device_type: str | None = None
    profile: str | None = None
    profile_changes: str | None = None
    watched: bool = True
