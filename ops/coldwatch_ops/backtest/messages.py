"""A reading as the detectors of a candidate get it: with its profile, at its time."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from coldwatch.profiles.context import INPUTS, join
from coldwatch.profiles.deployment import Clock
from coldwatch.profiles.device import RegisteredDevice
from coldwatch_ops.backtest.candidates import Candidate
from coldwatch_ops.backtest.rows import NEVER, Row

_APPLICATIONS = {name: application for application, name in INPUTS.items()}


@dataclass(frozen=True, slots=True)
class Incoming:
    """`at_ms` is the time of the evaluation, by the candidate's clock."""

    row: Row
    at_ms: int
    candidate: Candidate

    @property
    def payload(self) -> Mapping[str, Any]:
        members: dict[str, Any] = msgspec.json.decode(self.row.payload)
        if not self.candidate.is_joined:
            return members
        device = _device(self.row.owner, self.row.input_name, self.candidate.profile)
        return join(members, device, self.candidate.catalog)[1]

    @property
    def encoded(self) -> bytes:
        """The same as JSON. What is joined is the same for all readings of a sensor, and is put behind them as text."""
        if not self.candidate.is_joined:
            return self.row.payload
        sensor_type = self.row.track.removeprefix(f"{self.row.owner}:")
        behind = _joined(self.row.owner, self.row.input_name, sensor_type, self.candidate)
        return b"%b,%b" % (self.row.payload[:-1], behind)


@lru_cache(10_000)
def _joined(device_id: str, input_name: str, sensor_type: str, candidate: Candidate) -> bytes:
    said = {"sensor_type": sensor_type or None}
    _, payload = join(said, _device(device_id, input_name, candidate.profile), candidate.catalog)
    return msgspec.json.encode({name: value for name, value in payload.items() if name not in said})[1:]


def incoming(row: Row, candidate: Candidate) -> Incoming:
    return Incoming(row, time_of(row, candidate.clock), candidate)


def time_of(row: Row, clock: Clock) -> int:
    """A reading from the future counts as of its arrival, as on the stream."""
    if row.arrived_at == NEVER:
        return row.timestamp
    return min(row.timestamp, row.arrived_at) if clock is Clock.EVENT else row.arrived_at


@lru_cache(10_000)
def _device(device_id: str, input_name: str, profile: str | None) -> RegisteredDevice:
    return RegisteredDevice(
        device_id=device_id,
        fleet_id="",
        application=_APPLICATIONS[input_name],
        device_type=device_type(device_id),
        profile=profile,
    )


def device_type(device_id: str) -> str | None:
    """Out of `{fleet_id}-{device_type}-{serial}`, as provisioning names things.

    >>> device_type("acme-reefer-0042"), device_type("fridge")
    ('reefer', None)
    """
    parts = device_id.split("-", 2)
    return parts[1] if len(parts) == 3 else None
