"""A device's lane: its detectors as compiled code keeps them, for the messages at which nothing is done.

Such a message leaves each detector as it is, or changes it: mostly by a small change (`small`). A lane takes no others.
One that makes a detector act, is late or repeated, or finds a timer due, raises one of `program.IRREGULAR` and goes the
long way (`step`).

A lane only repeats what is remembered otherwise (`memory.ShardMemory`): it may be forgotten at any time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from coldwatch.detection.detector import Detector, Position, Watch, new_detector
from coldwatch.detection.effect import detector_id
from coldwatch.detection.plain import PlainEnvelope, PlainReading, check_firmware, read_plain
from coldwatch.detection.ports import Entry
from coldwatch.detection.small import Small, fits, is_due_in_time
from coldwatch.detection.step import with_position
from coldwatch.engine.chorus import Changes
from coldwatch.engine.layout import CLEARED, NEVER, Layout, Packed
from coldwatch.engine.program import Irregular
from coldwatch.profiles.catalog import ProfileInForce
from coldwatch.profiles.deployment import Clock
from coldwatch.telemetry.reading import NO_SENSOR
from coldwatch.telemetry.topics import Application

COLDCHAIN: Final = str(Application.COLDCHAIN)
_FEW_TIMERS: Final = 16
"""With fewer, and neither variables nor inputs, an entry is small whatever its timers say."""


class Mark(NamedTuple):
    """When a detector changed first and last in a batch, on its clock, and the reading that changed it last."""

    first: int
    last: int
    timestamp: int
    seq: int

    @property
    def key(self) -> str:
        return f"{self.timestamp:013d}#{NO_SENSOR}#{self.seq}"


@dataclass(frozen=True, slots=True)
class Track:
    """A detector in a lane. `stored` is what is remembered of it, but for small changes; None where there is none yet:
    such tracks are all alike. Only one that `may_move` has small changes.
    """

    watch: Watch
    layout: Layout
    stored: Detector | None = None
    may_move: bool = False

    @property
    def is_wall(self) -> bool:
        return self.watch.clock is Clock.WALL

    def entry(self, before: Packed, after: Packed, mark: Mark, earlier: Small | None) -> Small | None:
        """What has changed in a batch, if that is a small change. `earlier` is the entry that the log has."""
        first = 2 + len(self.layout.variables)
        if self.stored is None or not self.may_move or not _is_same_course(before, after, first):
            return None
        variables = earlier.variables if earlier else None
        if not is_same(before[2:first], after[2:first]):
            variables = dict(self.layout.unpack(after).variables)
        entry = Small(
            version=self.stored.version,
            stored_due_ms=self.stored.stored_due_ms,
            due_ms=after[1] if self.is_wall and after[1] < NEVER else None,
            dues=tuple([slot[0] for slot in after[first:] if slot is not None and slot[2] != CLEARED]),
            changed_at=mark.last,
            changed_keys=(mark.key,),
            variables=variables,
            inputs=earlier.inputs if earlier else None,
        )
        is_short = variables is None and entry.inputs is None and len(entry.dues) < _FEW_TIMERS
        return entry if is_due_in_time(entry) and (is_short or fits(entry)) else None


def is_same(before: Packed, after: Packed) -> bool:
    """In Python 1, 1.0 and True are equal, and so are 0.0 and -0.0; to a model, or in JSON, they are not."""
    return before == after and repr(before) == repr(after)


def _is_same_course(before: Packed, after: Packed, first: int) -> bool:
    """The same state, and the same timers but for when they are due; their slots begin with the `first`."""
    if before[0] != after[0]:
        return False
    slots = zip(before[first:], after[first:], strict=True)
    return all(old is new or (old and new and old[1:] == new[1:]) for old, new in slots)


@dataclass(slots=True, eq=False)
class Lane:
    """`entry` is what the registry said when it began; `hear` steps its detectors, which are in `states` in the order
    of `tracks`. `marks` are of those that have changed in this batch, which `began` with other states. A lane that
    `is_off` takes no more messages, and those that it took in this batch have to go the long way, too.

    A message has to come behind the latest that changed a detector, on that detector's clock, and on the device's: so
    none is late, or repeated.
    """

    thing: str
    entry: Entry
    in_force: ProfileInForce
    hear: Callable[[Sequence[Packed], Any, str, int, int], Changes]
    tracks: Sequence[Track]
    states: list[Packed]
    latest_event: int
    latest_wall: int
    profile: Any = None
    event_due: int = NEVER
    wall_due: int = NEVER
    firmware: str | None = None
    is_off: bool = False
    began: tuple[Packed, ...] = ()
    marks: dict[int, Mark] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.profile = self.in_force.profile.values
        self._look_ahead()

    def _look_ahead(self) -> None:
        """When the next timer is due, on either clock."""
        event_due = wall_due = NEVER
        for track, state in zip(self.tracks, self.states, strict=True):
            if state[1] < NEVER:
                if track.is_wall:
                    wall_due = min(wall_due, state[1])
                else:
                    event_due = min(event_due, state[1])
        self.event_due, self.wall_due = event_due, wall_due

    def take(self, envelope: PlainEnvelope, arrived_at: int, lead_ms: int) -> int:
        """Step the detectors by a message; when it arrived."""
        reading = read_plain(envelope.payload)
        timestamp, received_at = reading.timestamp, envelope.received_at
        arrived = received_at if received_at < arrived_at else arrived_at  # noqa: FURB136 - a call takes three times as long
        event = timestamp if timestamp < arrived else arrived  # noqa: FURB136 - likewise
        if not (
            self.latest_event < event < self.event_due
            and self.latest_wall < arrived < self.wall_due
            and envelope.thing == self.thing == reading.device_id
            and envelope.application == COLDCHAIN
            and timestamp <= received_at + lead_ms
        ):
            raise Irregular
        if reading.firmware != self.firmware:
            check_firmware(reading.firmware)
            self.firmware = reading.firmware
        reading.profile = self.profile
        changes = self.hear(self.states, reading, self.thing, event, arrived)
        if changes is not None:
            self._change(changes, reading, event, arrived)
        return arrived

    def _change(self, changes: Iterable[tuple[int, Packed]], reading: PlainReading, event: int, arrived: int) -> None:
        if not self.marks:
            self.began = tuple(self.states)
        for place, state in changes:
            if is_same(self.states[place], state):
                continue
            self.states[place] = state
            if self.tracks[place].is_wall:
                self.latest_wall = at = arrived
            else:
                self.latest_event, at = reading.timestamp, event
            mark = self.marks.get(place)
            self.marks[place] = Mark(mark.first if mark else at, at, reading.timestamp, reading.seq)
        self._look_ahead()

    def changes(self, known: Mapping[str, Small]) -> Iterable[tuple[str, int, Small | None]]:
        """Of each detector that has changed in this batch, its id and place, and the change if it is small."""
        for place, mark in self.marks.items():
            track = self.tracks[place]
            name = detector_id(track.watch.name, self.thing)
            yield name, place, track.entry(self.began[place], self.states[place], mark, known.get(name))

    def detector(self, place: int, shard_id: str, position: Position) -> Detector:
        """As it is after its change."""
        track, mark = self.tracks[place], self.marks[place]
        before = track.stored or new_detector(track.watch, self.thing)
        snapshot = track.layout.unpack(self.states[place])
        return replace(
            before,
            snapshot=snapshot,
            positions=with_position(before.positions, shard_id, position),
            profile=dict(self.in_force.members) if snapshot.has_pending_timer else None,
            device_id=self.thing,
            application=COLDCHAIN,
            changed_at=mark.last,
            changed_keys=(mark.key,),
            created_at=before.created_at if track.stored else mark.first,
        )
