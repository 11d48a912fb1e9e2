"""The device registry as detectors need it: identity and profile. What was read is remembered
(`detection.memory.KnownDevices`) until the registry's epoch says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from coldwatch.adapters.items import from_item, to_item
from coldwatch.detection.ports import Entry
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.telemetry.identity import Device

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from coldwatch.adapters.batches import DynamoBatches

_PROJECTION: Final = {
    "ProjectionExpression": (
        "device_id, fleet_id, application, gateway, device_type, #profile, profile_changes, watched"
    ),
    "ExpressionAttributeNames": {"#profile": "profile"},
}


@dataclass(frozen=True, slots=True)
class DynamoWatchedRegistry:
    """`detection.ports.Registry`."""

    batches: DynamoBatches
    table: str

    def look_up(self, device_ids: Collection[str]) -> dict[str, Entry]:
        keys = [(self.table, to_item({"device_id": each})) for each in sorted(device_ids)]
        records = (from_item(item) for _, item in self.batches.get(keys, {self.table: _PROJECTION}))
        # An entry without fleet or application is none that a message could be judged by.
        return {each["device_id"]: _entry(each) for each in records if {"fleet_id", "application"} <= each.keys()}


def _entry(record: Mapping[str, Any]) -> Entry:
    known = {name: record[name] for name in ("device_id", "fleet_id", "application")}
    watched = RegisteredDevice(
        **known,
        device_type=_text(record.get("device_type")),
        profile=_text(record.get("profile")),
        profile_changes=_text(record.get("profile_changes")),
        watched=record.get("watched") is not False,
    )
    return Entry(Device(**known, gateway=record.get("gateway")), watched)


def _text(value: Any) -> str | None:
    """People write these attributes by hand: what is no text is told as a profile that there is not."""
    return value if value is None or isinstance(value, str) else repr(value)
