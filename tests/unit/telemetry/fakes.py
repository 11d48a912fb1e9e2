"""Stores in memory that keep the promises of `coldwatch.telemetry.ports`, and can be stopped anywhere.

`tests/integration/aws/test_store_contract.py` runs the same test against these and against the real adapters.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coldwatch.telemetry.accounting import Counts, Posting
from coldwatch.telemetry.classification import Key, Stored
from coldwatch.telemetry.envelope import Envelope
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.ports import EntryMovedError, Existing, LedgerMovedError
from coldwatch.telemetry.quarantine import OPEN, RELEASED, Hold, Quarantined, entry
from coldwatch.telemetry.reading import Reading
from store_telemetry.ingest import Ports


class Killed(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass
class Stepper:
    """Counts every single write and read; kills before the one whose number is `kill_at`.

    `refuse` holds numbers of writes that the service does not take, though it goes on.
    """

    kill_at: int | None = None
    refuse: frozenset[int] = frozenset()
    steps: int = 0

    def step(self) -> bool:
        """Whether the service takes this step."""
        self.steps += 1
        if self.kill_at == self.steps:
            raise Killed
        return self.steps not in self.refuse


@dataclass
class World:
    """Everything that outlives a process."""

    devices: dict[str, Device] = field(default_factory=dict)
    readings: dict[Key, Reading] = field(default_factory=dict)
    latest: dict[Key, Reading] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    archive: list[Reading] = field(default_factory=list)
    ledger: dict[str, tuple[int, Counts]] = field(default_factory=dict)

    @property
    def counts(self) -> Counts:
        return sum((counts for _, counts in self.ledger.values()), Counts())

    @property
    def archived(self) -> set[Key]:
        return {reading.key for reading in self.archive}

    def final(self) -> dict[str, Any]:
        """What must not depend on what went wrong on the way."""
        return {
            "readings": self.readings,
            "latest": self.latest,
            "objects": self.objects,
            "entries": self.entries,
            "archived": self.archived,
            "ledger": self.ledger,
        }


def ports(world: World, stepper: Stepper | None = None) -> Ports:
    step = stepper or Stepper()
    return Ports(
        FakeRegistry(world, step),
        FakeReadingStore(world, step),
        FakeQuarantineStore(world, step),
        FakeArchive(world, step),
        FakeLedger(world, step),
    )


@dataclass
class FakeRegistry:
    world: World
    stepper: Stepper = field(default_factory=Stepper)

    def look_up(self, device_ids: Collection[str]) -> Mapping[str, Device]:
        self.stepper.step()
        return {each: self.world.devices[each] for each in device_ids if each in self.world.devices}


@dataclass
class FakeReadingStore:
    world: World
    stepper: Stepper = field(default_factory=Stepper)

    def read(self, readings: Collection[Key], latest: Collection[Key]) -> Existing:
        self.stepper.step()
        held = {key: self.world.readings[key] for key in readings if key in self.world.readings}
        return Existing(
            {key: Stored(each.origin, each.content_hash, each.redriven_by) for key, each in held.items()},
            {key: self.world.latest[key].rank for key in latest if key in self.world.latest},
        )

    def write(self, readings: Sequence[Reading], latest: Sequence[Reading]) -> set[Key]:
        plain = [each for each in readings if not each.conflict]
        conflicts = [each for each in readings if each.conflict]
        unwritten = {each.key for each in plain if not self._put(self.world.readings, each.key, each)}
        unwritten |= {
            each.key for each in latest if not self._put(self.world.latest, (each.device_id, each.sensor), each)
        }
        if unwritten:
            return unwritten | {each.key for each in conflicts}
        return {each.key for each in conflicts if not self._put(self.world.readings, each.key, each)}

    def _put(self, table: dict[Key, Reading], key: Key, reading: Reading) -> bool:
        taken = self.stepper.step()
        if taken:
            table[key] = reading
        return taken


@dataclass
class FakeQuarantineStore:
    world: World
    stepper: Stepper = field(default_factory=Stepper)

    def find(self, quarantine_ids: Collection[str]) -> Mapping[str, Hold]:
        self.stepper.step()
        held = {each: self.world.entries[each] for each in quarantine_ids if each in self.world.entries}
        return {
            each: Hold(item["status"], item["thing"], item.get("released_by"), item.get("put_again_by"))
            for each, item in held.items()
        }

    def keep(self, quarantined: Sequence[Quarantined]) -> Mapping[str, str]:
        return {each.quarantine_id: "refused" for each in quarantined if not self._keep(each)}

    def note_attempt(self, quarantined: Quarantined) -> None:
        self.stepper.step()
        item = self.world.entries[quarantined.quarantine_id]
        event_id = quarantined.envelope.record.event_id
        if item["status"] == OPEN and event_id not in item.get("attempted_by", set()):
            item["attempts"] += 1
            item["attempted_by"] = item.get("attempted_by", set()) | {event_id}
            item["reason"], item["detail"] = quarantined.rejection.reason.value, quarantined.rejection.detail

    def release(self, envelope: Envelope, *, now_ms: int) -> None:
        self.stepper.step()
        event_id, item = envelope.record.event_id, self.world.entries[envelope.quarantine_id]
        if item["status"] != OPEN and item["released_by"] not in (event_id, *envelope.instead_of):
            raise EntryMovedError(envelope.quarantine_id)
        item.update(status=RELEASED, released_by=event_id, released_at=item.get("released_at", now_ms))

    def _keep(self, quarantined: Quarantined) -> bool:
        if not self.stepper.step():
            return False
        self.world.objects[quarantined.s3_key] = quarantined.envelope.payload
        if not self.stepper.step():
            return False
        held = self.world.entries.get(quarantined.quarantine_id)
        is_left_over = (
            held is not None
            and held["status"] == OPEN
            and held["put_again_by"] in (None, *quarantined.envelope.instead_of)
        )
        if held is None or (quarantined.envelope.is_put_again and is_left_over):
            self.world.entries[quarantined.quarantine_id] = dict(entry(quarantined))
        return True


@dataclass
class FakeArchive:
    world: World
    stepper: Stepper = field(default_factory=Stepper)

    def put(self, readings: Sequence[Reading]) -> set[Key]:
        taken = [each for each in readings if self.stepper.step()]
        self.world.archive.extend(taken)
        return {each.key for each in readings} - {each.key for each in taken}


@dataclass
class FakeLedger:
    world: World
    stepper: Stepper = field(default_factory=Stepper)

    def last_sequence(self, shard_id: str) -> int | None:
        self.stepper.step()
        return self.world.ledger[shard_id][0] if shard_id in self.world.ledger else None

    def post(self, shard_id: str, posting: Posting, *, now_ms: int) -> None:
        self.stepper.step()
        last, counts = self.world.ledger.get(shard_id, (None, Counts()))
        if last != posting.previous:
            raise LedgerMovedError(shard_id)
        assert now_ms > 0
        self.world.ledger[shard_id] = (posting.last_sequence, counts + posting.counts)
