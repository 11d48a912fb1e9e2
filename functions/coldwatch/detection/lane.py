"""A device's lane: its detectors as compiled code keeps them, for the messages at which nothing happens.

Such a message leaves each detector as it is, or changes it by a small change (`small`). A lane takes no others: what
would do anything else, is late or repeated, or finds a timer due, raises one of `program.IRREGULAR` and goes the long
way (`step`).

A lane only repeats what is remembered otherwise (`memory.ShardMemory`): it may be forgotten at any time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coldwatch.detection.detector import Detector
from coldwatch.detection.plain import PlainEnvelope, PlainReading, check_firmware, read_plain
from coldwatch.detection.ports import Entry
from coldwatch.detection.small import Small, fits, is_due_in_time
from coldwatch.engine.chorus import Changes
from coldwatch.engine.layout import CLEARED, NEVER, Layout, Packed
from coldwatch.engine.program import Irregular
from coldwatch.profiles.values import Values
from coldwatch.telemetry.reading import NO_SENSOR
from coldwatch.telemetry.topics import Application

COLDCHAIN: Final = str(Application.COLDCHAIN)
_FEW_TIMERS: Final = 16
"""With fewer, and neither variables nor inputs, an entry is small whatever its timers say."""

type Mark = tuple[int, int, int]
"""When a detector changed last, on its clock, and timestamp and `seq` of the reading that changed it."""


@dataclass(frozen=True, slots=True)
class Track:
    """A detector in a lane. `stored` is what is remembered of it, but for small changes; None where there is none yet:
    such tracks are all alike. Only one that `may_move` has small changes.
    """

    layout: Layout
    is_wall: bool
    stored: Detector | None = None
    may_move: bool = False

    @property
    def detector_id(self) -> str:
        return "" if self.stored is None else self.stored.detector_id

    def is_moved(self, before: Packed, after: Packed) -> bool:
        """Whether another tuple is another detector. Raises Irregular if that is no small change."""
        if before[0] != after[0]:
            raise Irregular
        first, end = 2 + len(self.layout.variables), len(before)
        is_moved = False
        for old, new in zip(before[first:end], after[first:end], strict=True):
            if old is not new and old != new:
                if old is None or new is None or old[1:] != new[1:]:
                    raise Irregular
                is_moved = True
        if not is_moved and is_same(before[2:first], after[2:first]):
            return False
        if not self.may_move:
            raise Irregular
        return True

    def entry(self, before: Packed, after: Packed, mark: Mark, earlier: Small | None) -> Small | None:
        """What has changed in a batch, for the log, if that can hold it. `earlier` is the log's entry so far."""
        assert self.stored is not None
        first = 2 + len(self.layout.variables)
        at, timestamp, seq = mark
        variables = earlier.variables if earlier else None
        if not is_same(before[2:first], after[2:first]):
            variables = dict(self.layout.unpack(after).variables)
        entry = Small(
            version=self.stored.version,
            stored_due_ms=self.stored.stored_due_ms,
            due_ms=after[1] if self.is_wall and after[1] < NEVER else None,
            dues=tuple([slot[0] for slot in after[first:] if slot is not None and slot[2] != CLEARED]),
            changed_at=at,
            changed_keys=(f"{timestamp:013d}#{NO_SENSOR}#{seq}",),
            variables=variables,
            inputs=earlier.inputs if earlier else None,
        )
        is_short = variables is None and entry.inputs is None and len(entry.dues) < _FEW_TIMERS
        return entry if is_due_in_time(entry) and (is_short or fits(entry)) else None


def is_same(before: Packed, after: Packed) -> bool:
    """In Python 1, 1.0 and True are equal, and so are 0.0 and -0.0; to a model, or in JSON, they are not."""
    return before == after and (not before or before is after or repr(before) == repr(after))


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
    profile: Values
    hear: Callable[[Sequence[Packed], Any, str, int, int], Changes]
    tracks: Sequence[Track]
    states: list[Packed]
    latest_event: int
    latest_wall: int
    event_due: int = NEVER
    wall_due: int = NEVER
    firmware: str | None = None
    is_off: bool = False
    began: tuple[Packed, ...] = ()
    marks: dict[int, Mark] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._look_ahead()

    def _look_ahead(self) -> None:
        """When the next timer is due, on either clock."""
        pairs = zip(self.tracks, self.states, strict=True)
        dues = [(track.is_wall, state[1]) for track, state in pairs]
        self.event_due = min([due for is_wall, due in dues if not is_wall], default=NEVER)
        self.wall_due = min([due for is_wall, due in dues if is_wall], default=NEVER)

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
            track = self.tracks[place]
            if not track.is_moved(self.states[place], state):
                continue
            self.states[place] = state
            if track.is_wall:
                self.latest_wall = arrived
                self.marks[place] = arrived, reading.timestamp, reading.seq
            else:
                self.latest_event = reading.timestamp
                self.marks[place] = event, reading.timestamp, reading.seq
        self._look_ahead()

    def entries(self, known: Mapping[str, Small]) -> dict[str, Small] | None:
        """Of the detectors that have changed in this batch, by id; None if one's change is not small."""
        found: dict[str, Small] = {}
        for place, mark in self.marks.items():
            name = self.tracks[place].detector_id
            entry = self.tracks[place].entry(self.began[place], self.states[place], mark, known.get(name))
            if entry is None:
                return None
            found[name] = entry
        return found
