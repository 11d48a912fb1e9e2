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
from coldwatch.detection.plain import PlainEnvelope, PlainReading, check_firmware, plain_key, read_plain
from coldwatch.detection.ports import Entry
from coldwatch.detection.small import Small, fits, is_due_in_time
from coldwatch.detection.step import POSITION_KEPT_MS, with_position
from coldwatch.engine.chorus import Changes
from coldwatch.engine.layout import CLEARED, NEVER, Layout, Packed, TimerSlot
from coldwatch.engine.program import Irregular
from coldwatch.profiles.catalog import ProfileInForce
from coldwatch.profiles.deployment import Clock
from coldwatch.telemetry.topics import Application

COLDCHAIN: Final = str(Application.COLDCHAIN)
_FEW_TIMERS: Final = 16
"""With fewer, and neither variables nor inputs, an entry is small whatever its timers say."""


type Mark = tuple[int, Packed, int, int, int]
"""When a detector changed first in a batch, on its clock, and what it was before; when it changed last, with timestamp
and `seq` of the reading that changed it then.
"""


@dataclass(frozen=True, slots=True)
class Track:
    """A detector in a lane. `stored` is what is remembered of it, but for small changes; None where there is none yet:
    such tracks are all alike. Only one that `may_move` has small changes. The timers' slots begin with the `first`,
    behind those of variables. `elsewhere` is when the first record of another shard came that it remembers.
    """

    watch: Watch
    layout: Layout
    first: int
    stored: Detector | None = None
    name: str = ""
    may_move: bool = False
    elsewhere: int = NEVER

    def following(self, stored: Detector, shard_id: str, *, is_written: bool) -> "Track":
        """Whether it may move: as `small.small_change` asks, of all that no message of a lane can change."""
        position = stored.positions.get(shard_id)
        may_move = (
            is_written
            and stored.version > 0
            and stored.home == shard_id
            and position is not None
            and position.thing == stored.device_id == stored.key
            and stored.application == COLDCHAIN
        )
        elsewhere = min([each.at for shard, each in stored.positions.items() if shard != shard_id], default=NEVER)
        return Track(self.watch, self.layout, self.first, stored, stored.detector_id, may_move, elsewhere)

    def entry(self, after: Packed, mark: Mark, earlier: Small | None, arrived: int) -> Small | None:
        """What has changed in a batch up to a message that `arrived`, if that is a small change. `earlier` is the entry
        that the log has.
        """
        _, before, at, timestamp, seq = mark
        stored, first = self.stored, self.first
        may_move = self.may_move and self.elsewhere >= arrived - POSITION_KEPT_MS and before[0] == after[0]
        slots = before[first:], after[first:]
        dues = (_due(*slots[0], *slots[1]) if len(after) == first + 1 else _dues(*slots)) if may_move else None
        if stored is None or dues is None:
            return None
        variables, inputs = (earlier.variables, earlier.inputs) if earlier else (None, None)
        if first > 2 and not is_same(before[2:first], after[2:first]):
            variables = dict(self.layout.unpack(after).variables)
        due = after[1] if after[1] < NEVER and self.watch.clock is Clock.WALL else None
        key = plain_key(timestamp, seq)
        entry = Small(stored.version, stored.stored_due_ms, due, dues, at, (key,), variables, inputs)
        is_short = variables is None and inputs is None and len(dues) < _FEW_TIMERS
        return entry if is_due_in_time(entry) and (is_short or fits(entry)) else None


def track(watch: Watch, layout: Layout) -> Track:
    """Where there is no detector yet."""
    return Track(watch, layout, 2 + len(layout.variables))


def _due(old: TimerSlot, new: TimerSlot) -> tuple[int, ...] | None:
    """`_dues` of one timer, as most detectors have that are changed often."""
    if old is None or new is None or new[1] != old[1] or new[2] != old[2]:
        return None if old is not new else ()
    return (new[0],) if new[2] != CLEARED else ()


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
    of `tracks`; `walls` are the places of those on the wall clock, `marks` of those that have changed in this batch. A
    lane that `is_off` takes no more messages, and those that it took in this batch have to go the long way, too.

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
    marks: dict[int, Mark] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.profile = self.in_force.profile.values
        self.event_due, self.wall_due = self._next_due(on_wall=False), self._next_due(on_wall=True)

    def _next_due(self, *, on_wall: bool) -> int:
        """When the next timer is due, on that clock."""
        return min(
            [state[1] for place, state in enumerate(self.states) if (place in self.walls) is on_wall], default=NEVER
        )

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
        states, marks, walls = self.states, self.marks, self.walls
        for place, state in changes:
            before = states[place]
            if before == state and is_same(before, state):
                continue
            states[place] = state
            mark = marks.get(place)
            at = arrived if place in walls else event
            first, began = mark[:2] if mark else (at, before)
            marks[place] = first, began, at, reading.timestamp, reading.seq
            if place in walls:
                self.latest_wall = arrived
                self.wall_due = state[1] if len(walls) == 1 else self._next_due(on_wall=True)
            else:
                self.latest_event = reading.timestamp
                self.event_due = self._next_due(on_wall=False)

    def changes(self, known: Mapping[str, Small], arrived: int) -> list[tuple[str, int, Small | None]]:
        """Of each detector that has changed in this batch, its id and place, and the change if it is small."""
        found = []
        for place, mark in self.marks.items():
            track = self.tracks[place]
            name = track.name or detector_id(track.watch.name, self.thing)
            found.append((name, place, track.entry(self.states[place], mark, known.get(name), arrived)))
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
        track, (first, _, at, timestamp, seq) = self.tracks[place], self.marks[place]
        before = track.stored or new_detector(track.watch, self.thing)
        snapshot = track.layout.unpack(self.states[place])
        return replace(
            before,
            snapshot=snapshot,
            positions=with_position(before.positions, shard_id, position),
            profile=dict(self.in_force.members) if snapshot.has_pending_timer else None,
            device_id=self.thing,
            application=COLDCHAIN,
            changed_at=at,
            changed_keys=(plain_key(timestamp, seq),),
            created_at=before.created_at if track.stored else first,
        )
