"""The device registry in DynamoDB, with a small memory for warm environments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coldwatch.adapters.items import from_item, to_item
from coldwatch.telemetry.identity import Device

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from coldwatch.adapters.batches import DynamoBatches

TIME_TO_LIVE_S = 60.0
_REMEMBERED = 20_000
_PROJECTION = {"ProjectionExpression": "device_id, fleet_id, application, gateway"}


class DynamoRegistry:
    """`ports.DeviceRegistry`. `clock` gives seconds that never run backwards.

    A device that is not registered is asked for again each time: it may be registered the next moment, and messages
    that were sent in between are quarantined.
    """

    def __init__(self, batches: DynamoBatches, table: str, clock: Callable[[], float]) -> None:
        self._batches = batches
        self._table = table
        self._clock = clock
        self._known: dict[str, tuple[float, Device]] = {}

    def look_up(self, device_ids: Collection[str]) -> dict[str, Device]:
        now = self._clock()
        fresh = {each: self._known[each][1] for each in device_ids if self._is_fresh(each, now)}
        unknown = sorted(set(device_ids) - fresh.keys())
        if not unknown:
            return fresh
        found = self._read(unknown)
        self._remember(found, now)
        return fresh | found

    def _is_fresh(self, device_id: str, now: float) -> bool:
        known = self._known.get(device_id)
        return known is not None and now - known[0] < TIME_TO_LIVE_S

    def _read(self, device_ids: list[str]) -> dict[str, Device]:
        keys = [(self._table, to_item({"device_id": device_id})) for device_id in device_ids]
        records = (from_item(item) for _, item in self._batches.get(keys, {self._table: _PROJECTION}))
        # An entry without fleet or application is none that a message could be judged by.
        return {each["device_id"]: Device(**each) for each in records if {"fleet_id", "application"} <= each.keys()}

    def _remember(self, found: dict[str, Device], now: float) -> None:
        if len(self._known) + len(found) > _REMEMBERED:
            self._known.clear()
        self._known.update({device_id: (now, device) for device_id, device in found.items()})
