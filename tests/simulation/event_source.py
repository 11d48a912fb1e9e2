"""The event source mapping between the stream and evaluate_detectors, as AWS documents it.

One batch of a shard at a time, in order; a shard begins when its parents are read out. A batch that fails comes again:
from the record that the function names, or whole and halved until a single record is left, five times; then it goes to
the on-failure destination. A batch may come again though it was done, and go on elsewhere though it was given up for
dead. Not in the documents, and chosen: getting on with a batch starts the count of its tries anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from coldwatch.telemetry.envelope import StreamRecord
from tests.simulation.chance import Chance
from tests.simulation.stream import Shard

if TYPE_CHECKING:
    from tests.simulation.world import World

TRIES: Final = 6
MERCY_AFTER: Final = 3
"""After so many tries nothing goes wrong any more, or else many runs would give up records."""
WINDOWS_MS: Final = (1_000, 1_000, 10_000, 60_000)
FUNCTION_MS: Final = 60_000
LARGEST_BATCH: Final = 500
MOST_AGAIN: Final = 12
STALL_MS: Final = 240_000
RECORD_AGE_MS: Final = 6 * 3_600_000
_STRAY_MS: Final = 900_000


@dataclass(frozen=True, slots=True)
class Range:
    first: int
    end: int
    tries: int = 0


@dataclass(slots=True)
class Reading:
    """Where the event source is with a shard. `left` are parts of a batch that failed, before `position`."""

    shard: Shard
    position: int = 0
    left: list[Range] = field(default_factory=list)
    in_flight: object | None = None
    next_poll: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """`failed_from`: the sequence number that the function named."""

    is_failed: bool
    failed_from: str | None = None


@dataclass(slots=True)
class EventSource:
    world: "World"
    readings: dict[str, Reading] = field(default_factory=dict)
    given_up: list[str] = field(default_factory=list)

    @property
    def chance(self) -> Chance:
        return self.world.chance

    def start(self) -> None:
        window_ms = self.chance.random.choice(WINDOWS_MS) if self.chance.is_stormy else WINDOWS_MS[-1]
        for shard in self.world.stream.shards.values():
            reading = self.readings[shard.shard_id] = Reading(shard)
            for arrived_at in shard.arrivals:
                self.world.at(arrived_at + window_ms, partial(self._wake, reading))

    @property
    def is_drained(self) -> bool:
        return all(self._is_read_out(each) for each in self.readings.values())

    def _is_read_out(self, reading: Reading) -> bool:
        there = reading.shard.there_at(self.world.now_ms)
        return reading.in_flight is None and not reading.left and reading.position >= there

    def _wake(self, reading: Reading, delay_ms: int = 0) -> None:
        """Poll it then, unless that is to happen sooner anyway."""
        when = self.world.now_ms + delay_ms
        if reading.next_poll is None or when < reading.next_poll or reading.next_poll <= self.world.now_ms:
            reading.next_poll = when
            self.world.at(when, lambda: self._poll(reading))

    def _poll(self, reading: Reading) -> None:
        if reading.next_poll is None or reading.next_poll > self.world.now_ms:
            return
        reading.next_poll = None
        if reading.in_flight is not None or self._is_read_out(reading):
            return
        if not self._may_begin(reading):
            self._wake(reading, 1_000)
            return
        if self.chance.strikes("reorder"):
            delay = self.chance.between(1_000, STALL_MS)
            self.world.tell(reading.shard.shard_id, "is not read", f"for {delay // 1000} s")
            self._wake(reading, delay)
            return
        self._deliver(reading, reading.left.pop(0) if reading.left else self._next(reading))

    def _may_begin(self, reading: Reading) -> bool:
        """When its parents are read out, and so are theirs: one that holds nothing has to wait all the same."""
        parents = (self.readings[each] for each in reading.shard.parents)
        return all(self._is_read_out(each) and self._may_begin(each) for each in parents)

    def _next(self, reading: Reading) -> Range:
        there = reading.shard.there_at(self.world.now_ms)
        size = self.chance.random.choice((1, 2, 5, 12, 500)) if self.chance.is_stormy else LARGEST_BATCH
        batch = Range(reading.position, min(there, reading.position + size))
        reading.position = batch.end
        return batch

    def _deliver(self, reading: Reading, batch: Range) -> None:
        token = reading.in_flight = object()
        self.world.at(self.world.now_ms + FUNCTION_MS, lambda: self._time_out(reading, batch, token))
        records = reading.shard.records[batch.first : batch.end]
        outcome = self._invoke(records, batch.tries)
        if reading.in_flight is token:
            reading.in_flight = None
            self._settle(reading, batch, outcome)

    def _invoke(self, records: Sequence[StreamRecord], tries: int) -> Outcome:
        if tries >= MERCY_AFTER and not self.world.is_merciless:
            with self.world.mercy():
                return self.world.evaluate(records)
        return self.world.evaluate(records)

    def _time_out(self, reading: Reading, batch: Range, token: object) -> None:
        """The function is taken for dead; what it does from now on nobody hears."""
        if reading.in_flight is token:
            self.world.tell(reading.shard.shard_id, "is given to others", "its function does not answer")
            reading.in_flight = None
            self._settle(reading, batch, Outcome(is_failed=True))

    def _settle(self, reading: Reading, batch: Range, outcome: Outcome) -> None:
        tries, delay_ms = batch.tries, 100
        if outcome.failed_from is not None:
            numbers = [each.sequence_number for each in reading.shard.records[batch.first : batch.end]]
            self._again(reading, Range(batch.first + numbers.index(outcome.failed_from), batch.end, 1))
        elif outcome.is_failed and batch.end - batch.first > 1:
            middle = (batch.first + batch.end) // 2
            self._again(reading, Range(batch.first, middle, tries), Range(middle, batch.end, tries))
        elif outcome.is_failed:
            delay_ms = 1_000 * 2 ** min(tries, 5)
            self._again(reading, Range(batch.first, batch.end, tries + 1))
        else:
            self._come_again_though_done(reading, batch)
        self._wake(reading, delay_ms)

    def _again(self, reading: Reading, *parts: Range) -> None:
        first = parts[0]
        age = self.world.now_ms - reading.shard.records[first.first].arrived_at
        if first.tries >= TRIES or age > RECORD_AGE_MS:
            lost = reading.shard.records[first.first : first.end]
            self.given_up += [each.event_id for each in lost]
            self.world.tell(reading.shard.shard_id, "is given up", f"{len(lost)} record(s)")
            parts = parts[1:]
        reading.left[:0] = parts

    def _come_again_though_done(self, reading: Reading, batch: Range) -> None:
        """The reader is replaced, and goes on from where it last noted down to be; or a batch is delivered astray."""
        if self.chance.strikes("duplicate", 0.5):
            back = max(0, batch.end - self.chance.between(1, MOST_AGAIN))
            self.world.tell(reading.shard.shard_id, "is read again", f"from record {back}")
            reading.left[:0] = [Range(back, batch.end)]
        if self.chance.strikes("duplicate", 0.5):
            records = reading.shard.records[batch.first : batch.end]
            when = self.world.now_ms + self.chance.between(0, _STRAY_MS)
            self.world.at(when, self._stray(records))

    def _stray(self, records: Sequence[StreamRecord]) -> Callable[[], None]:
        def deliver() -> None:
            self.world.tell(records[0].shard_id, "is delivered astray", f"{len(records)} record(s)")
            self.world.evaluate(records)

        return deliver
