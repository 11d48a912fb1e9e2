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
    payload: Mapping[str, Any]


def incoming(row: Row, members: dict[str, Any], candidate: Candidate) -> Incoming:
    payload = members
    if candidate.is_joined:
        device = _device(row.owner, row.input_name, candidate.profile)
        _, payload = join(members, device, candidate.catalog)
    return Incoming(row, _time(row, candidate.clock), payload)


def decoded(row: Row) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.json.decode(row.payload)
    return members


def _time(row: Row, clock: Clock) -> int:
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
