"""Who may speak for whom. Identity comes from the topic, which the device policy guards, never from the payload."""

from collections.abc import Mapping
from dataclasses import dataclass

from coldwatch.telemetry.rejection import Reason, Rejection, quoted
from coldwatch.telemetry.topics import Application


@dataclass(frozen=True, slots=True)
class Device:
    """A registry entry. `gateway` is the thing that may publish for a child device."""

    device_id: str
    fleet_id: str
    application: str
    gateway: str | None = None


type Registry = Mapping[str, Device]
"""The entries of the device ids that a batch needs; an id without entry is missing."""


def find_application(claimed: str | None, thing: str, registry: Registry) -> Application | Rejection:
    """The application of a message: its topic's, or its publisher's where the record came without a topic."""
    if claimed is None:
        publisher = registry.get(thing)
        if publisher is None:
            return _unknown(thing)
        claimed = publisher.application
    if claimed not in Application:
        known = " or ".join(Application)
        return Rejection(Reason.UNKNOWN_APPLICATION, f"{quoted(claimed)} is not an application; expected {known}.")
    return Application(claimed)


def identify(device_id: str, thing: str, application: Application, registry: Registry) -> Device | Rejection:
    """The device that a message of `thing` about `device_id` belongs to: the thing itself or its registered child."""
    if thing not in registry:
        return _unknown(thing)
    device = registry.get(device_id)
    if device is None or thing not in (device_id, device.gateway):
        return Rejection(
            Reason.IDENTITY_MISMATCH,
            f"{quoted(thing)} published for {quoted(device_id)}, which is not registered as its child.",
        )
    if device.application != application:
        return Rejection(
            Reason.IDENTITY_MISMATCH,
            f"{quoted(device_id)} is registered for {device.application}, not for {application}.",
        )
    return device


def _unknown(thing: str) -> Rejection:
    return Rejection(Reason.UNKNOWN_DEVICE, f"{quoted(thing)} is not in the device registry.")
