"""Deliveries that are given up, put on the stream again, given up once more: in the end every message is accounted for.

The stream here does what AWS documents: it cuts a batch at the record that was reported failed, halves one whose
function failed, and gives a single record up. Whatever is given up is put again as `coldwatch dead-letters redrive`
puts it; then what is in quarantine is redriven.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.ports import EntryMovedError, LedgerMovedError
from coldwatch.telemetry.quarantine import OPEN
from store_telemetry.ingest import ingest
from tests.unit.telemetry.builders import NOW, RULES, record
from tests.unit.telemetry.fakes import Killed, Stepper, World, ports
from tests.unit.telemetry.test_kill_safety import (
    STRANGER,
    Content,
    assert_identities,
    bare_world,
    fixable,
    good,
    hopeless,
    stream,
)

faults = st.builds(Stepper, st.none() | st.integers(3, 14), st.frozensets(st.integers(3, 14), max_size=2))


class Stream:
    """Delivers to `world`, badly as long as there are faults left, and puts again what it gave up until none is."""

    def __init__(self, world: World, steppers: Sequence[Stepper]) -> None:
        self.world = world
        self.steppers = list(steppers)
        self.position = 0

    def deliver(self, records: Sequence[StreamRecord]) -> None:
        while records:
            records = [self.append(again(each), each.partition_key) for each in self.given_up(records)]

    def given_up(self, records: Sequence[StreamRecord]) -> list[StreamRecord]:
        given_up: list[StreamRecord] = []
        waiting = [list(records)]
        while waiting:
            batch = waiting.pop(0)
            done = self.attempt(batch)
            rest, half = batch[done:], (len(batch) + 1) // 2
            if rest and done:
                waiting.insert(0, rest)
            elif len(rest) > 1:
                waiting[:0] = [rest[:half], rest[half:]]
            else:
                given_up += rest
        return given_up

    def attempt(self, batch: Sequence[StreamRecord]) -> int:
        """How many records of the batch are done with."""
        stepper = self.steppers.pop() if self.steppers else Stepper()
        try:
            report = ingest(batch, ports(self.world, stepper), RULES, now_ms=NOW)
        except (Killed, LedgerMovedError, EntryMovedError):
            return 0
        if report.lowest_failed is None:
            return len(batch)
        return [each.sequence for each in batch].index(report.lowest_failed)

    def append(self, document: dict[str, Any], thing: str) -> StreamRecord:
        self.position += 1
        return record(self.position, document, partition_key=thing)

    def publish(self, contents: Sequence[Content]) -> None:
        records = stream(contents, start=self.position + 1)
        self.position += len(records)
        self.deliver(records)


def again(given_up: StreamRecord) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(given_up.data)
    names = [*document.get("instead_of", ()), given_up.event_id]
    return {"origin": given_up.event_id} | document | {"instead_of": names}


def redriven(world: World, entry: dict[str, Any]) -> dict[str, Any]:
    known = {name: entry[name] for name in ("topic", "thing", "application", "received_at", "origin")}
    payload = base64.b64encode(world.objects[entry["s3_key"]]).decode()
    return {**known, "payload": payload, "redrive_of": entry["quarantine_id"]}


@settings(max_examples=300, deadline=None)
@given(
    st.lists(good | hopeless | fixable, max_size=8),
    st.lists(good, max_size=3),
    st.lists(faults, max_size=40),
    st.integers(0, 2),
)
def test_whatever_is_given_up_and_put_again_is_accounted_for_once(
    contents: list[Content], later: list[Content], steppers: list[Stepper], redrives: int
) -> None:
    world = bare_world()
    troubled = Stream(world, steppers)
    troubled.publish(contents)
    world.devices[STRANGER] = Device(STRANGER, "acme", "coldchain")
    troubled.publish(later)

    entries = [entry for entry in world.entries.values() if entry["status"] == OPEN for _ in range(redrives)]
    troubled.deliver([troubled.append(redriven(world, entry), entry["thing"]) for entry in entries])

    assert_identities(world, published=len(contents) + len(later))
