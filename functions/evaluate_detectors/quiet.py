"""The quiet part of a batch: messages at which nothing is done, which are most of them, taken by their devices' lanes.

All messages of a device in one batch are taken so, or none: where one turns out to be another kind of message, the
device's lane is forgotten, and all of them go the long way (`intake`, `turn`). Nothing is read or written here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from coldwatch.detection.detector import Detector, Position
from coldwatch.detection.effect import key_of
from coldwatch.detection.lane import Lane
from coldwatch.detection.memory import KnownDevices, ShardMemory
from coldwatch.detection.plain import open_plain
from coldwatch.detection.small import Small
from coldwatch.detection.step import Fate
from coldwatch.engine.program import IRREGULAR
from coldwatch.telemetry.delivery import columns
from coldwatch.telemetry.envelope import StreamRecord
from evaluate_detectors.lanes import Surroundings, begin_lane


@dataclass(slots=True)
class Heard:
    """What the lanes took of `records`. `lanes` and `arrivals` have a place for each record: None where its device has
    no lane, and 0 where no lane took it. `small` are the changes, by detector id; `faults` are our own, by device: it
    goes the long way, which may know nothing of them.
    """

    records: Sequence[StreamRecord] = ()
    lanes: list[Lane | None] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    changed: dict[str, tuple[Lane, int]] = field(default_factory=dict)
    """Which lane has a detector that has changed, and where in it, by the detector's id."""
    small: dict[str, Small] = field(default_factory=dict)
    faults: dict[str, Exception] = field(default_factory=dict)

    @classmethod
    def nothing_of(cls, records: Sequence[StreamRecord]) -> "Heard":
        return cls(records, [None] * len(records), [0] * len(records))

    @property
    def left(self) -> list[StreamRecord]:
        """What has to go the long way."""
        return [self.records[place] for place, lane in enumerate(self.lanes) if lane is None or lane.is_off]

    @property
    def counts(self) -> Mapping[str, int]:
        widths = [len(lane.tracks) for lane in self.lanes if lane is not None and not lane.is_off]
        return {"quiet": len(widths), Fate.EVALUATED: sum(widths), "changed": len(self.changed)}

    def has_heard(self, detector_ids: Iterable[str]) -> bool:
        """Whether any of them may belong to a device of which something was taken."""
        keys = set(map(key_of, detector_ids))
        return bool(keys) and any(lane.thing in keys for lane in self.lanes if lane is not None and not lane.is_off)

    def detectors(self, names: Iterable[str], shard_id: str) -> list[Detector]:
        """As they are after their changes."""
        last = {lane: place for place, lane in enumerate(self.lanes)}
        found = []
        for lane, place in (self.changed[name] for name in names):
            at = last[lane]
            position = Position(self.records[at].sequence, lane.thing, self.arrivals[at])
            found.append(lane.detector(place, shard_id, position))
        return found

    def keep(self, stored: Iterable[Detector], known: ShardMemory, shard_id: str) -> None:
        """Go on with the lanes of detectors that were written."""
        for each in stored:
            lane, place = self.changed[each.detector_id]
            lane.keep(place, each, shard_id)
            known.lanes[lane.thing] = lane

    def settle(self) -> None:
        """The changes are kept."""
        for lane, _ in self.changed.values():
            lane.marks.clear()

    def undo(self, known: ShardMemory) -> None:
        """They are not."""
        for lane, _ in self.changed.values():
            known.lanes.pop(lane.thing, None)


@dataclass(frozen=True, slots=True)
class Listener:
    """`lead_ms` is by how much a device's clock may be ahead."""

    devices: KnownDevices
    around: Surroundings
    lead_ms: int

    def listen(self, records: Sequence[StreamRecord]) -> Heard:
        """Take what is quiet."""
        heard = Heard(records)
        met: dict[str, Lane | None] = {}
        lanes, arrivals, lead_ms = heard.lanes, heard.arrivals, self.lead_ms
        for thing, data, arrived_at in columns(records):
            if thing not in met:
                met[thing] = self._find(thing, heard.faults)
            lane = met[thing]
            lanes.append(lane)
            if lane is None or lane.is_off:
                arrivals.append(0)
                continue
            try:
                arrivals.append(lane.take(open_plain(data), arrived_at, lead_ms))
            except Exception as error:  # noqa: BLE001 - another kind of message, or our own fault in it
                arrivals.append(0)
                lane.is_off = True
                self.around.known.lanes.pop(thing, None)
                if not isinstance(error, IRREGULAR):
                    heard.faults[thing] = error
        self._note(heard, [lane for lane in met.values() if lane is not None and lane.marks and not lane.is_off])
        return heard

    def _find(self, thing: str, faults: dict[str, Exception]) -> Lane | None:
        """The lane that a device has, or one that begins: from the registry's entry as it is now."""
        lanes, entry = self.around.known.lanes, self.devices.known(thing)
        lane = lanes.get(thing)
        if lane is not None and lane.entry is entry:
            return lane
        lane = None
        try:
            lane = begin_lane(entry, self.around) if entry is not None else None
        except Exception as fault:  # noqa: BLE001 - our own: its messages can do without a lane
            faults[thing] = fault
        if lane is not None and lane.thing == thing:
            lanes[thing] = lane
            return lane
        lanes.pop(thing, None)
        return None

    def _note(self, heard: Heard, lanes: Iterable[Lane]) -> None:
        arrived = max(heard.arrivals)
        for lane in lanes:
            for name, place, entry in lane.changes(self.around.known.small, arrived):
                heard.changed[name] = lane, place
                if entry is not None:
                    heard.small[name] = entry
