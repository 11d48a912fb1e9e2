"""A device's lane: its detectors as compiled code keeps them, for the messages at which nothing is done.

Such a message leaves each detector as it is, or changes it: mostly by a small change (`small`). A lane takes no others.
One that makes a detector act, is late or repeated, or finds a timer due, raises one of `program.IRREGULAR` and goes the
long way (`step`).

A lane only repeats what is remembered otherwise (`memory.ShardMemory`): it may be forgotten at any time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

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


type Mark = tuple[int, int, int, int]
"""When a detector changed first and last in a batch, on its clock, and timestamp and `seq` of the last reading that
changed it.
"""


@dataclass(frozen=True, slots=True)
class Track:
    """A detector in a lane. `stored` is what is remembered of it, but for small changes; None where there is none yet:
    such tracks are all alike. Only one that `may_move` has small changes. The timers' slots begin with the `first`,
    behind those of variables.
    """

    watch: Watch
    layout: Layout
    is_wall: bool
    first: int
    stored: Detector | None = None
    may_move: bool = False

    def following(self, stored: Detector, shard_id: str, *, is_written: bool) -> "Track":
        """Whether it may move: as `small.small_change` asks, of all that no message of a lane can change."""
        position = stored.positions.get(shard_id)
        may_move = (
            is_written
            and stored.version > 0
            and stored.home == shard_id
            and position is not None
            and stored.positions.keys() == {shard_id}
            and position.thing == stored.device_id == stored.key
            and stored.application == COLDCHAIN
        )
        return Track(self.watch, self.layout, self.is_wall, self.first, stored, may_move)

    def entry(self, before: Packed, after: Packed, mark: Mark, earlier: Small | None) -> Small | None:
        """What has changed in a batch, if that is a small change. `earlier` is the entry that the log has."""
        if self.stored is None or not self.may_move or before[0] != after[0]:
            return None
        dues = _dues(before[self.first :], after[self.first :])
        if dues is None:
            return None
        variables = earlier.variables if earlier else None
        if self.first > 2 and not is_same(before[2 : self.first], after[2 : self.first]):
            variables = dict(self.layout.unpack(after).variables)
        entry = Small(
            version=self.stored.version,
            stored_due_ms=self.stored.stored_due_ms,
            due_ms=after[1] if self.is_wall and after[1] < NEVER else None,
            dues=dues,
            changed_at=mark[1],
            changed_keys=(key_of_reading(mark),),
            variables=variables,
            inputs=earlier.inputs if earlier else None,
        )
        is_short = variables is None and entry.inputs is None and len(dues) < _FEW_TIMERS
        return entry if is_due_in_time(entry) and (is_short or fits(entry)) else None


def track(watch: Watch, layout: Layout) -> Track:
    """Where there is no detector yet."""
    return Track(watch, layout, watch.clock is Clock.WALL, 2 + len(layout.variables))


def key_of_reading(mark: Mark) -> str:
    return f"{mark[2]:013d}#{NO_SENSOR}#{mark[3]}"


def _dues(before: Packed, after: Packed) -> tuple[int, ...] | None:
    """When the timers are due, in the order of their names; None if they differ in more than that."""
    found = []
    for old, new in zip(before, after, strict=True):
        if new is None or old is None:
            if new is not old:
                return None
        elif new[1] != old[1] or new[2] != old[2]:
            return None
        elif new[2] != CLEARED:
            found.append(new[0])
    return tuple(found)


def is_same(before: Packed, after: Packed) -> bool:
    """In Python 1, 1.0 and True are equal, and so are 0.0 and -0.0; to a model, or in JSON, they are not."""
    return before == after and repr(before) == repr(after)


@dataclass(slots=True, eq=False)
class Lane:
    """`entry` is what the registry said when it began; `hear` steps its detectors, which are in `states` in the order
    of `tracks`. `marks` are of those that have changed in this batch, which `began` with other states. A lane that
    `is_off` takes no more messages, and those that it took in this batch have to go the long way, too. `walls` are the
    places of the detectors on the wall clock.

    A message has to come behind the latest that changed a detector, on that detector's clock, and on the device's: so
    none is late, or repeated.
    """

    thing: str
    entry: Entry
    in_force: ProfileInForce
    hear: Callable[[Sequence[Packed], Any, str, int, int], Changes]
    tracks: Sequence[Track]
    walls: Sequence[int]
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
        states = self.states
        self.wall_due = min([states[place][1] for place in self.walls], default=NEVER)
        dues = [state[1] for place, state in enumerate(states) if state[1] < NEVER and place not in self.walls]
        self.event_due = min(dues, default=NEVER)

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
            is_wall = self.tracks[place].is_wall
            at = arrived if is_wall else event
            mark = self.marks.get(place)
            self.marks[place] = mark[0] if mark else at, at, reading.timestamp, reading.seq
            if not is_wall:
                self.latest_event = reading.timestamp
                self._look_ahead()
            elif len(self.walls) == 1:
                self.latest_wall, self.wall_due = arrived, state[1]
            else:
                self.latest_wall = arrived
                self._look_ahead()

    def changes(self, known: Mapping[str, Small]) -> list[tuple[str, int, Small | None]]:
        """Of each detector that has changed in this batch, its id and place, and the change if it is small."""
        found = []
        for place, mark in self.marks.items():
            track = self.tracks[place]
            name = detector_id(track.watch.name, self.thing)
            found.append((name, place, track.entry(self.began[place], self.states[place], mark, known.get(name))))
        return found

    def keep(self, place: int, stored: Detector, shard_id: str) -> None:
        """Go on with a detector that has been written."""
        self.tracks = [
            *self.tracks[:place],
            self.tracks[place].following(stored, shard_id, is_written=True),
            *self.tracks[place + 1 :],
        ]

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
            changed_at=mark[1],
            changed_keys=(key_of_reading(mark),),
            created_at=before.created_at if track.stored else mark[0],
        )
