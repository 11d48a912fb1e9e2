"""The context join: a reading becomes the message that detectors see, with the device's profile in it."""

from collections.abc import Mapping
from typing import Any

from coldwatch.profiles.catalog import Catalog
from coldwatch.profiles.device import RegisteredDevice

INPUTS = {"coldchain": "telemetry", "factory": "factory_telemetry"}
"""The input of each application's readings (`detectors/inputs/`)."""


def join(measurements: Mapping[str, Any], device: RegisteredDevice, catalog: Catalog) -> tuple[str, dict[str, Any]]:
    """The input's name and the payload of a reading's measurements.

    A measurement that is None is left out. Added are `profile`, `sensor_id` and, for a factory sensor whose type has
    them, `limits`: low, high and hysteresis. `profile` and `limits` are shared between messages.
    """
    in_force = catalog.in_force(device)
    payload = {name: value for name, value in measurements.items() if value is not None}
    payload["profile"] = in_force.members
    sensor_type = payload.get("sensor_type")
    if sensor_type is None:
        payload["sensor_id"] = device.device_id
    else:
        payload["sensor_id"] = f"{device.device_id}:{sensor_type}"
        if sensor_type in in_force.limits:
            payload["limits"] = in_force.limits[sensor_type]
    return INPUTS[device.application], payload
