"""The device registry as detectors need it: whose device it is, its profile, whether it is watched at all.

Read for each batch: a profile that was changed holds from the next batch of every shard on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from coldwatch.adapters.items import from_item, to_item
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.telemetry.identity import Device

if TYPE_CHECKING:
    from collections.abc import Collection

    from coldwatch.adapters.batches import DynamoBatches

_REQUIRED: Final = ("device_id", "fleet_id", "application")
_OPTIONAL: Final = ("device_type", "profile", "profile_changes", "watched")
_NAMES: Final = {f"#{name}": name for name in (*_REQUIRED, *_OPTIONAL, "gateway")}
_PROJECTION: Final = {"ProjectionExpression": ", ".join(_NAMES), "ExpressionAttributeNames": _NAMES}


@dataclass(frozen=True, slots=True)
class WatchedDevice:
    """An entry as the judgement of messages and as the join with a profile have it."""

    identity: Device
    registered: RegisteredDevice


@dataclass(frozen=True, slots=True)
class DynamoWatchedDevices:
    batches: DynamoBatches
    table: str

    def look_up(self, device_ids: Collection[str]) -> dict[str, WatchedDevice]:
        """The entries that exist, strongly consistent."""
        keys = [(self.table, to_item({"device_id": each})) for each in sorted(device_ids)]
        records = (from_item(item) for _, item in self.batches.get(keys, {self.table: _PROJECTION}))
        # An entry without fleet or application is none that a message could be judged by.
        return {each["device_id"]: _device(each) for each in records if each.keys() >= {*_REQUIRED}}


def _device(record: dict[str, Any]) -> WatchedDevice:
    known = {name: record[name] for name in _REQUIRED}
    optional = {name: record[name] for name in _OPTIONAL if name in record}
    return WatchedDevice(Device(**known, gateway=record.get("gateway")), RegisteredDevice(**known, **optional))
