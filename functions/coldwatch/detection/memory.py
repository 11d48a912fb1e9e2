"""What an execution environment remembers from batch to batch, and when it may.

An environment owns a shard whose checkpoint it wrote last: it claims the checkpoint before it writes any detector of
the shard, so whatever another one has done, finished or not, shows there. Between its own batches only writes from
outside can change the shard's detectors, and each of those raises the generation and says whom it touched.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from coldwatch.detection.detector import Detector
from coldwatch.detection.effect import key_of
from coldwatch.detection.errors import OvertakenError
from coldwatch.detection.lane import Lane
from coldwatch.detection.ports import Checkpoint, Entry, Epoch, Registry, Start
from coldwatch.detection.small import Small, overlaid

MOST_DETECTORS: Final = 250_000
"""Over all shards: half of the function's memory. One takes about 2 KB, a lane a third of that, an entry of the log a
quarter (0.5 to 0.7 KB), a name in a set, as that there is none yet, a tenth (0.1 to 0.2 KB). A shard of 100,000 devices
with a heartbeat each comes to 228,000: a detector, a lane, an entry and seven names for each.
"""
MOST_DEVICES: Final = 200_000


@dataclass(slots=True)
class ShardMemory:
    """The detectors of a shard that were read or written since the environment has owned it, as they are now. `absent`
    are those that there are not, `written` those that it has stored itself, as they are stored now. `small` is the
    shard's whole log, `gone` what is no longer right in it; `behind` are detectors of which the log knows more than
    `detectors` does. `lanes` hold detectors of devices once more, by the device's id.
    """

    last_sequence: int | None
    generation: int
    detectors: dict[str, Detector] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    small: dict[str, Small] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    behind: set[str] = field(default_factory=set)
    lanes: dict[str, Lane] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """In detectors, by what each takes (`MOST_DETECTORS`). `gone` is emptied with each batch."""
        names = len(self.absent) + len(self.written) + len(self.behind)
        return len(self.detectors) + len(self.lanes) // 3 + len(self.small) // 4 + names // 10

    def current(self, detector_id: str) -> Detector | None:
        """As it is now, if it is known."""
        known = self.detectors.get(detector_id)
        if known is not None and detector_id in self.behind:
            self.detectors[detector_id] = known = overlaid(known, self.small.get(detector_id))
            self.behind.discard(detector_id)
        return known

    def remember(self, detector: Detector) -> None:
        """As it is stored now."""
        name = detector.detector_id  # which is another text each time that it is asked for
        self.forget([name])
        self.detectors[name] = detector
        self.written.add(name)

    def forget(self, detector_ids: Collection[str]) -> None:
        """What is known of them, and what the log says, is no longer right."""
        for each in detector_ids:
            self.detectors.pop(each, None)
            self.absent.discard(each)
            self.written.discard(each)
            self.behind.discard(each)
            self.lanes.pop(key_of(each), None)
            if self.small.pop(each, None):
                self.gone.add(each)

    def forget_absence(self, detector_ids: Collection[str] | None) -> None:
        """That there are no such detectors; None: of all."""
        lost = self.absent if detector_ids is None else self.absent.intersection(detector_ids)
        for each in lost:
            self.lanes.pop(key_of(each), None)
        self.absent -= lost

    def forget_absence_of_devices(self, device_ids: Collection[str] | None) -> None:
        """Others may have spoken for these meanwhile, on other shards; None: for any."""
        if device_ids is None:
            self.forget_absence(None)
        elif device_ids:
            names = set(device_ids)
            self.forget_absence([each for each in self.absent if not names.isdisjoint(_devices_of(each))])

    def catch_up(self, checkpoint: Checkpoint) -> None:
        """Forget what was written from outside."""
        if checkpoint.generation == self.generation:
            return
        self.forget(checkpoint.touched)
        if checkpoint.touched_all:
            self.detectors.clear()
            self.absent.clear()
            self.written.clear()
            self.behind.clear()
            self.lanes.clear()
        self.generation = checkpoint.generation


def _devices_of(detector_id: str) -> tuple[str, str]:
    """What the device may be called whose detector this is: a key is its id, or a sensor's, `{device_id}:{type}`."""
    key = key_of(detector_id)
    return key, key.rpartition(":")[0]


@dataclass(slots=True)
class Memory:
    """`owner` names the environment."""

    owner: str
    most: int = MOST_DETECTORS
    _created: int = 0
    _devices: int = 0
    _shards: OrderedDict[str, ShardMemory] = field(default_factory=OrderedDict)

    def take(self, shard_id: str, start: Start) -> ShardMemory | None:
        """What is known of a shard, if it may be used. It is forgotten, unless it is kept."""
        self._hear_of(start.created, start.devices)
        checkpoint = start.checkpoint
        known = self._shards.pop(shard_id, None)
        if known is None or checkpoint.owner != self.owner or known.last_sequence != checkpoint.last_sequence:
            return None
        known.catch_up(checkpoint)
        return known

    def _hear_of(self, created: Epoch, devices: Epoch) -> None:
        made, changed = created.changed_since(self._created), devices.changed_since(self._devices)
        for each in self._shards.values():
            each.forget_absence(made)
            each.forget_absence_of_devices(changed)
        self._created, self._devices = created.number, devices.number

    @contextmanager
    def keeping(self, shard_id: str, known: ShardMemory) -> Iterator[None]:
        """Keep what is known, but not after a failure: nobody can say what was written by then."""
        try:
            yield
        except OvertakenError:
            self._keep(shard_id, known)
            raise
        self._keep(shard_id, known)

    def _keep(self, shard_id: str, known: ShardMemory) -> None:
        """Forgetting other shards, those used longest ago first, if it becomes too much."""
        self._shards[shard_id] = known
        while sum(each.weight for each in self._shards.values()) > self.most:
            self._shards.popitem(last=False)


@dataclass(slots=True)
class KnownDevices:
    """`ports.Registry` for a batch: entries are remembered, also that there is none, until the epoch says otherwise."""

    registry: Registry
    _epoch: int = 0
    _entries: dict[str, Entry | None] = field(default_factory=dict)

    def at(self, epoch: Epoch) -> "KnownDevices":
        changed = epoch.changed_since(self._epoch)
        if changed is None or len(self._entries) > MOST_DEVICES:
            self._entries.clear()
        for each in changed or ():
            self._entries.pop(each, None)
        self._epoch = epoch.number
        return self

    def known(self, device_id: str) -> Entry | None:
        """What is remembered of it; None of one that nobody has looked up, too."""
        return self._entries.get(device_id)

    def look_up(self, device_ids: Collection[str]) -> Mapping[str, Entry]:
        unknown = [each for each in device_ids if each not in self._entries]
        if unknown:
            self._entries |= dict.fromkeys(unknown) | dict(self.registry.look_up(unknown))
        found = {each: self._entries[each] for each in device_ids}
        return {name: entry for name, entry in found.items() if entry is not None}
