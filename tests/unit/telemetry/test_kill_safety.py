"""Whatever goes wrong on the way, and however often: stores and accounts equal those of a run without faults."""

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.telemetry.accounting import Counts
from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.ports import LedgerMovedError
from coldwatch.telemetry.quarantine import OPEN
from store_telemetry.ingest import ingest
from tests.unit.telemetry.builders import CHILD, DEVICES, FRIDGE, GATEWAY, NOW, RULES, coldchain, message, redrive
from tests.unit.telemetry.fakes import Killed, Stepper, World, ports

STRANGER = "acme-fridge-9"
Content = tuple[str, Any]
"""A publishing thing and what it publishes."""

good: st.SearchStrategy[Content] = st.builds(
    lambda device, timestamp, seq, temp_c: (
        GATEWAY if device == CHILD else device,
        coldchain(device_id=device, timestamp=NOW + timestamp, seq=seq, temp_c=temp_c),
    ),
    st.sampled_from([FRIDGE, CHILD]),
    st.sampled_from([0, 1000]),
    st.sampled_from([1, 2]),
    st.sampled_from([4.0, 5.0, 6.0]),
)
hopeless = st.sampled_from([(FRIDGE, b"{"), (FRIDGE, b""), (GATEWAY, coldchain(temp_c=999)), (GATEWAY, coldchain())])
fixable = st.builds(lambda seq: (STRANGER, coldchain(device_id=STRANGER, seq=seq)), st.sampled_from([1, 2]))


def bare_world() -> World:
    return World(devices=dict(DEVICES))


def deliver_all(world: World, records: Sequence[StreamRecord]) -> None:
    if records:
        ingest(records, ports(world), RULES, now_ms=NOW)


def deliver_somehow(world: World, records: Sequence[StreamRecord], choices: st.DataObject) -> None:
    """As a stream delivers: in order, from where the last delivery got to, in batches of any size, some of which die or
    are done in part; and now and then something that was dealt with comes once more.
    """
    position, faults = 0, choices.draw(st.integers(0, 6), "faults")
    while position < len(records):
        start = (
            choices.draw(st.integers(0, position), "again from") if choices.draw(st.booleans(), "again") else position
        )
        batch = records[start : choices.draw(st.integers(position + 1, len(records)), "until")]
        stepper = Stepper()
        if faults:
            faults -= 1
            stepper = choices.draw(st.builds(Stepper, st.none() | st.integers(1, 40), refused), "fault")
        position = max(position, start + _deliver(world, batch, stepper))


refused = st.frozensets(st.integers(1, 40), max_size=3)


def _deliver(world: World, batch: Sequence[StreamRecord], stepper: Stepper) -> int:
    """How many records of the batch are done with."""
    try:
        report = ingest(batch, ports(world, stepper), RULES, now_ms=NOW)
    except (Killed, LedgerMovedError):
        return 0
    if report.lowest_failed is None:
        return len(batch)
    return [record.sequence for record in batch].index(report.lowest_failed)


def stream(contents: Iterable[Content], *, start: int) -> list[StreamRecord]:
    return [message(start + n, content, thing=thing) for n, (thing, content) in enumerate(contents)]


@settings(max_examples=300, deadline=None)
@given(st.lists(good | good | hopeless | fixable, max_size=12), st.lists(good, max_size=4), st.data())
def test_faults_and_redeliveries_change_nothing(
    contents: list[Content], later: list[Content], choices: st.DataObject
) -> None:
    first = stream(contents, start=100)
    rejected = [(each, content) for each, (_, content) in zip(first, contents, strict=True)]
    sent_again = choices.draw(st.lists(st.sampled_from(rejected), max_size=5) if rejected else st.just([]), "redriven")
    second = stream(later, start=200)
    second += [redrive(300 + n, content, origin=origin) for n, (origin, content) in enumerate(sent_again)]
    calm, rough = bare_world(), bare_world()

    for world, deliver in ((calm, deliver_all), (rough, lambda w, r: deliver_somehow(w, r, choices))):
        deliver(world, first)
        world.devices[STRANGER] = Device(STRANGER, "acme", "coldchain")
        deliver(world, second)

    assert rough.final() == calm.final()
    assert_identities(rough, published=len(first) + len(second) - redriven_in_truth(rough, second))


def assert_identities(world: World, *, published: int) -> None:
    counts = world.counts
    still_there = counts.quarantined - counts.released
    assert published == counts.accepted + counts.duplicates + still_there
    assert len(world.readings) == counts.accepted == len(world.archived)
    assert sum(item["status"] == OPEN for item in world.entries.values()) == still_there
    for sensor, latest in world.latest.items():
        own = [reading for reading in world.readings.values() if (reading.device_id, reading.sensor) == sensor]
        assert latest.rank == max(reading.rank for reading in own)
    assert sum(reading.conflict for reading in world.readings.values()) == counts.conflicts


def redriven_in_truth(world: World, records: Iterable[StreamRecord]) -> int:
    """Redrives of what was quarantined are no new messages; those of anything else are."""
    return sum(
        any(name.encode() in record.data for name in world.entries)
        for record in records
        if b"redrive_of" in record.data
    )


def test_a_kill_at_every_single_step_changes_nothing() -> None:
    contents: list[Content] = [
        (FRIDGE, coldchain()),
        (FRIDGE, coldchain()),
        (FRIDGE, coldchain(temp_c=9.0)),
        (FRIDGE, b"{"),
        (GATEWAY, coldchain(device_id=CHILD)),
        (STRANGER, coldchain(device_id=STRANGER)),
        (GATEWAY, coldchain()),
        (FRIDGE, coldchain(timestamp=NOW - 5000, seq=0)),
    ]
    first = stream(contents, start=100)
    second = [redrive(200 + n, content, origin=first[n]) for n, (_, content) in enumerate(contents) if n in {3, 5, 6}]
    calm = bare_world()
    stepper = Stepper()
    run_both(calm, first, second, stepper)

    for kill_at in range(1, stepper.steps + 1):
        world = bare_world()
        run_both(world, first, second, Stepper(kill_at=kill_at))

        assert world.final() == calm.final(), f"killed before step {kill_at}"

    assert calm.counts == Counts(accepted=5, duplicates=1, quarantined=3, released=1, conflicts=1)


def run_both(world: World, first: list[StreamRecord], second: list[StreamRecord], stepper: Stepper) -> None:
    """Deliver all of it, again if it dies, and once more for good measure."""
    for records in (first, second):
        for _ in range(3):
            try:
                ingest(records, ports(world, stepper), RULES, now_ms=NOW)
            except Killed:
                continue
        world.devices[STRANGER] = Device(STRANGER, "acme", "coldchain")
