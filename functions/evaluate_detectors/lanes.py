"""Which devices have a lane (`coldwatch.detection.lane`), and how it begins.

A device has one that speaks for itself, all of whose detectors belong to it alone, are detector models that remember no
messages, and are known; whose profile is in order; and of which no message is left that was evaluated already.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from coldwatch.detection.detector import Detector, Watch
from coldwatch.detection.effect import detector_id
from coldwatch.detection.lane import COLDCHAIN, Lane, Track, track
from coldwatch.detection.memory import ShardMemory
from coldwatch.detection.migration import moved
from coldwatch.detection.plain import SEEN
from coldwatch.detection.ports import Entry
from coldwatch.engine.chorus import Chorus, Voice
from coldwatch.engine.layout import FOREIGN, Packed, SharedForm, UnreadableInputError
from coldwatch.engine.model import DetectorModel
from coldwatch.profiles.catalog import Catalog
from coldwatch.profiles.context import INPUTS
from coldwatch.profiles.deployment import Clock
from coldwatch.telemetry.shapes import DeviceId

INPUT: Final = INPUTS[COLDCHAIN]
OWN_KEYS: Final = (("device_id",), ("sensor_id",))
"""The keys of models that keep the devices apart."""
_FORM: Final = SharedForm(SEEN)


@dataclass(frozen=True, slots=True)
class Choir:
    """The models that hear a device, compiled as one, and their tracks where there is no detector yet."""

    chorus: Chorus
    blank: Sequence[Track]
    walls: Sequence[int]


@dataclass(slots=True)
class Choirs:
    """Each compiled once, also if that fails: it would each time. There are as many as a roll-out makes combinations of
    versions.
    """

    watches: Mapping[str, Sequence[Watch]]
    _found: dict[tuple[int, ...], Choir | Exception | None] = field(default_factory=dict)

    def of(self, device_id: str) -> Choir | None:
        """None where one of them has to go the long way. A fault of ours in compiling them is raised each time: told
        but once, it would be lost with a batch that has to come again.
        """
        heard = self.watches.get(INPUT, ())
        own = [each.for_key(device_id) for each in heard]
        known = tuple(map(id, own))
        if known not in self._found:
            try:
                keeps_apart = all(each.machine.key_path in OWN_KEYS for each in (*heard, *own))
                listening = [each for each in own if INPUT in each.machine.inputs]
                self._found[known] = _choir(listening) if keeps_apart else None
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is raised below
                self._found[known] = fault
        found = self._found[known]
        if isinstance(found, Exception):
            raise found.with_traceback(None)  # which would grow with each time
        return found


def _choir(watches: Sequence[Watch]) -> Choir | None:
    voices = [Voice(each.model, each.clock) for each in watches if isinstance(each.model, DetectorModel)]
    if not voices or len(voices) < len(watches):
        return None
    try:
        chorus = Chorus(voices, INPUT, _FORM)
    except UnreadableInputError:
        return None
    pairs = zip(chorus.layouts, watches, strict=True)
    blank = [track(watch, layout) for layout, watch in pairs]
    return Choir(chorus, blank, [place for place, each in enumerate(blank) if each.watch.clock is Clock.WALL])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of the lanes that may begin in a batch of the shard whose `first` record has that sequence number."""

    shard_id: str
    first: int
    known: ShardMemory
    choirs: Choirs
    catalog: Catalog


def begin_lane(entry: Entry, around: Surroundings) -> Lane | None:
    """None where a device has none. Whatever this raises is our own fault."""
    identity, device = entry.identity, entry.watched
    if identity.gateway is not None or not device.watched or {identity.application, device.application} != {COLDCHAIN}:
        return None
    if not _may_be_named(device.device_id):
        return None
    choir, in_force = around.choirs.of(device.device_id), around.catalog.in_force(device)
    if choir is None or in_force.faults:
        return None
    begun = [_begin(blank, device.device_id, in_force.members, around) for blank in choir.blank]
    found = [each for each in begun if each is not None]
    if len(found) < len(begun):
        return None
    tracks, states = zip(*found, strict=True)
    stored = [each.stored for each in tracks if each.stored]
    return Lane(
        thing=device.device_id,
        entry=entry,
        in_force=in_force,
        hear=choir.chorus.hear,
        tracks=tracks if stored else choir.blank,
        walls=choir.walls,
        states=list(states),
        latest_event=max([_latest_event(each) for each in stored if each.clock is not Clock.WALL], default=-1),
        latest_wall=max([each.changed_at for each in stored if each.clock is Clock.WALL], default=-1),
    )


def _may_be_named(device_id: str) -> bool:
    """Whether a message can have this id: the lane compares ids, and does not look at their form."""
    try:
        msgspec.convert(device_id, DeviceId)
    except msgspec.ValidationError:
        return False
    return True


def _begin(
    blank: Track, device_id: str, profile: Mapping[str, Any], around: Surroundings
) -> tuple[Track, Packed] | None:
    name = detector_id(blank.watch.name, device_id)
    detector = around.known.current(name)
    if detector is None:
        # To be made is no change where nothing happens on entering the first state.
        is_nothing = name in around.known.absent and not blank.layout.enters
        return (blank, blank.layout.blank) if is_nothing else None
    if detector.snapshot is None or not _is_settled(detector, blank.watch, profile, around):
        return None
    packed = blank.layout.pack(detector.snapshot)
    if packed[0] == FOREIGN:
        return None
    is_written = name in around.known.written
    return blank.following(detector, around.shard_id, is_written=is_written), packed


def _is_settled(detector: Detector, watch: Watch, profile: Mapping[str, Any], around: Surroundings) -> bool:
    """Whether a message that does nothing to its snapshot does nothing to it at all."""
    assert detector.snapshot is not None
    position = detector.positions.get(around.shard_id)
    return (
        detector.homes == {around.shard_id}
        and not detector.pending
        and moved(detector, watch) is None
        and (position is None or position.sequence < around.first)
        and detector.profile == (profile if detector.snapshot.has_pending_timer else None)
    )


def _latest_event(detector: Detector) -> int:
    """On its own clock, and on the device's."""
    times = (key.partition("#")[0] for key in detector.changed_keys)
    return max([detector.changed_at, *(int(each) for each in times if each.isdigit())])
