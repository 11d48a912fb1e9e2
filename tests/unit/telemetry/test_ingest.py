"""A batch of the stream, told with stores in memory."""

import copy
import json
from typing import Any

import pytest

from coldwatch.telemetry.accounting import Counts
from coldwatch.telemetry.envelope import Envelope, StreamRecord
from coldwatch.telemetry.identity import Device, Registry
from coldwatch.telemetry.judgement import Interpretation, Rules, interpret
from coldwatch.telemetry.quarantine import OPEN, RELEASED
from coldwatch.telemetry.rejection import Rejection
from store_telemetry import ingest as module
from store_telemetry.ingest import BatchReport, ingest
from tests.unit.telemetry.builders import (
    CHILD,
    DEVICES,
    FRIDGE,
    GATEWAY,
    MACHINE,
    NOW,
    RULES,
    SHARD,
    coldchain,
    factory,
    message,
    record,
    redrive,
)
from tests.unit.telemetry.fakes import Killed, Stepper, World, ports


@pytest.fixture
def world() -> World:
    return World(devices=dict(DEVICES))


def deliver(world: World, *records: StreamRecord, stepper: Stepper | None = None) -> BatchReport:
    return ingest(records, ports(world, stepper), RULES, now_ms=NOW)


def test_a_good_reading_is_stored_archived_latest_and_counted(world: World) -> None:
    report = deliver(world, message(1, coldchain()))

    key = (FRIDGE, f"{NOW}#-#1")
    assert set(world.readings) == world.archived == {key}
    assert world.latest[FRIDGE, "-"].reading_key == key[1]
    assert world.counts == Counts(accepted=1)
    assert report.lowest_failed is None


def test_a_bad_message_is_kept_whole_and_leaves_its_neighbours_alone(world: World) -> None:
    report = deliver(world, message(1, coldchain()), message(2, b"{broken"), message(3, coldchain(seq=2)))

    assert world.counts == Counts(accepted=2, quarantined=1)
    assert list(world.objects.values()) == [b"{broken"]
    assert [item["reason"] for item in world.entries.values()] == ["not_json"]
    assert report.lowest_failed is None


def test_the_same_reading_in_another_message_is_a_duplicate(world: World) -> None:
    deliver(world, message(1, coldchain()))
    deliver(world, message(2, coldchain()), message(3, coldchain(seq=2)), message(4, coldchain(seq=2)))

    assert world.counts == Counts(accepted=2, duplicates=2)
    assert len(world.readings) == len(world.archive) == 2


def test_the_same_key_with_other_content_is_kept_as_a_conflict(world: World) -> None:
    deliver(world, message(1, coldchain()), message(2, coldchain(temp_c=9.0)))
    deliver(world, message(3, coldchain(temp_c=9.0)), message(4, coldchain(temp_c=11.0)))

    assert world.counts == Counts(accepted=3, duplicates=1, conflicts=2)
    assert sorted(reading.conflict for reading in world.readings.values()) == [False, True, True]


def test_a_redelivered_record_is_counted_once_and_archived_again(world: World) -> None:
    records = (message(1, coldchain()), message(2, coldchain(temp_c=9.0)), message(3, b""))
    deliver(world, *records)
    before = world.final()

    report = deliver(world, *records)

    assert world.final() == before
    assert report.counted == []
    assert len(world.archive) == 4


def test_a_gateway_speaks_for_its_children_only(world: World) -> None:
    deliver(
        world,
        message(1, coldchain(device_id=CHILD), thing=GATEWAY),
        message(2, coldchain(device_id=FRIDGE), thing=GATEWAY),
        message(3, coldchain(device_id=CHILD), thing=FRIDGE),
        message(4, coldchain(device_id="acme-fridge-nowhere"), thing=GATEWAY),
    )

    assert [reading.thing for reading in world.readings.values()] == [GATEWAY]
    assert [item["reason"] for item in world.entries.values()] == ["identity_mismatch"] * 3


def test_a_thing_that_is_not_registered_is_quarantined(world: World) -> None:
    deliver(world, message(1, coldchain(device_id="acme-fridge-9"), thing="acme-fridge-9"))

    assert [item["reason"] for item in world.entries.values()] == ["unknown_device"]


def test_a_device_of_one_application_cannot_publish_to_the_other(world: World) -> None:
    deliver(world, message(1, factory(device_id=FRIDGE), thing=FRIDGE, application="factory"))

    assert [item["reason"] for item in world.entries.values()] == ["identity_mismatch"]


def test_bare_bytes_belong_to_the_partition_key(world: World) -> None:
    deliver(
        world,
        record(1, coldchain()),
        record(2, factory(), partition_key=MACHINE),
        record(3, coldchain(device_id=FRIDGE), partition_key=MACHINE),
        record(4, b"\xff", partition_key="nobody"),
    )

    assert {reading.thing for reading in world.readings.values()} == {FRIDGE, MACHINE}
    assert [item["reason"] for item in world.entries.values()] == ["missing_field", "not_utf8"]


def test_an_envelope_in_another_things_name_is_only_bytes(world: World) -> None:
    forged = {"payload": "e30=", "topic": "dt/coldchain/x/telemetry", "thing": FRIDGE, "application": "coldchain"}

    deliver(world, record(1, {**forged, "received_at": NOW}, partition_key=GATEWAY))

    (item,) = world.entries.values()
    assert (item["thing"], item["reason"]) == (GATEWAY, "missing_field")
    assert json.loads(next(iter(world.objects.values())))["thing"] == FRIDGE


def test_the_latest_reading_is_the_newest_not_the_last(world: World) -> None:
    deliver(world, message(1, coldchain(timestamp=NOW)), message(2, coldchain(timestamp=NOW - 1000, seq=0)))
    assert world.latest[FRIDGE, "-"].timestamp == NOW

    deliver(world, message(3, coldchain(timestamp=NOW, seq=10)), message(4, coldchain(timestamp=NOW, seq=9)))
    assert world.latest[FRIDGE, "-"].measurements.seq == 10

    deliver(world, message(5, coldchain(timestamp=NOW - 500, seq=11)))
    assert world.latest[FRIDGE, "-"].measurements.seq == 10


def test_every_sensor_of_a_machine_has_a_latest_reading(world: World) -> None:
    both = [factory(sensor_type="temperature"), factory(sensor_type="pressure", value=101.3)]

    deliver(world, *(message(n, each, thing=MACHINE, application="factory") for n, each in enumerate(both)))

    assert set(world.latest) == {(MACHINE, "temperature"), (MACHINE, "pressure")}


def test_a_redriven_message_that_is_accepted_leaves_quarantine(world: World) -> None:
    original = message(1, coldchain(device_id="acme-fridge-9"), thing="acme-fridge-9")
    deliver(world, original)
    world.devices["acme-fridge-9"] = Device("acme-fridge-9", "acme", "coldchain")
    again = redrive(2, coldchain(device_id="acme-fridge-9"), origin=original)

    deliver(world, again)
    deliver(world, again)

    (item,) = world.entries.values()
    (reading,) = world.readings.values()
    assert (item["status"], item["released_by"]) == (RELEASED, again.event_id)
    assert (reading.origin, reading.redriven_by) == (original.event_id, again.event_id)
    assert world.counts == Counts(accepted=1, quarantined=1, released=1)


def test_a_message_redriven_twice_is_counted_once(world: World) -> None:
    original = message(1, coldchain(device_id="acme-fridge-9"), thing="acme-fridge-9")
    deliver(world, original)
    world.devices["acme-fridge-9"] = Device("acme-fridge-9", "acme", "coldchain")
    content = coldchain(device_id="acme-fridge-9")

    deliver(world, redrive(2, content, origin=original), redrive(3, content, origin=original))
    deliver(world, redrive(4, content, origin=original))

    assert world.counts == Counts(accepted=1, quarantined=1, released=1)
    assert len(world.readings) == 1


def test_a_message_redriven_too_early_stays_with_one_entry(world: World) -> None:
    original = message(1, b"{broken")
    deliver(world, original)
    first, second = redrive(2, b"{broken", origin=original), redrive(3, b"{broken", origin=original)

    deliver(world, first, second)
    deliver(world, first, second)

    (item,) = world.entries.values()
    assert (item["status"], item["attempts"]) == (OPEN, 3)
    assert world.counts == Counts(quarantined=1)


def test_a_redriven_duplicate_leaves_quarantine_as_a_duplicate(world: World) -> None:
    content = coldchain(device_id="acme-fridge-9")
    original = message(1, content, thing="acme-fridge-9")
    deliver(world, original)
    world.devices["acme-fridge-9"] = Device("acme-fridge-9", "acme", "coldchain")

    deliver(world, message(2, content, thing="acme-fridge-9"), redrive(3, content, origin=original))

    assert world.counts == Counts(accepted=1, duplicates=1, quarantined=1, released=1)


def test_a_redrive_of_nothing_is_a_message_of_its_own(world: World) -> None:
    never_quarantined = message(1, coldchain())
    other_things = message(2, b"{", thing=GATEWAY)
    deliver(world, other_things)
    stolen = {"origin": other_things.event_id, "redrive_of": other_things.event_id.replace(":", "-")}

    deliver(world, redrive(3, coldchain(), origin=never_quarantined), message(4, coldchain(seq=2), **stolen))

    assert world.counts == Counts(accepted=2, quarantined=1)
    assert world.entries[other_things.event_id.replace(":", "-")]["status"] == OPEN


def test_what_was_quarantined_by_a_killed_delivery_and_then_accepted_is_counted_once(world: World) -> None:
    """The device was registered between two deliveries: its entry is left over, and a redrive of it adds nothing."""
    original = message(1, coldchain(device_id="acme-fridge-9"), thing="acme-fridge-9")
    with pytest.raises(Killed):
        deliver(world, original, stepper=Stepper(kill_at=5))
    assert len(world.entries) == 1
    world.devices["acme-fridge-9"] = Device("acme-fridge-9", "acme", "coldchain")

    deliver(world, original)
    deliver(world, redrive(2, coldchain(device_id="acme-fridge-9"), origin=original))

    assert world.counts == Counts(accepted=1)
    assert next(iter(world.entries.values()))["status"] == RELEASED


def test_a_record_put_again_after_its_delivery_was_given_up_is_counted_once(world: World) -> None:
    """Half written, never counted: the dead-letter queue has it, and it is sent twice by mistake."""
    original = message(1, coldchain())
    with pytest.raises(Killed):
        deliver(world, original, stepper=Stepper(kill_at=7))
    assert len(world.readings) == 1
    deliver(world, message(2, coldchain(seq=2)))

    first, second = (message(n, coldchain(), origin=original.event_id) for n in (3, 4))
    deliver(world, first, second)
    deliver(world, second)
    deliver(world, first)

    assert world.counts == Counts(accepted=2)
    assert len(world.readings) == len(world.archived) == 2


def test_what_is_given_up_again_and_again_is_counted_once_it_gets_through(world: World) -> None:
    """The ledger takes nothing until the third time, when everything else is long written."""
    contents = [b"{", coldchain()]
    first = [message(n, each) for n, each in enumerate(contents)]
    second = [put_again(10 + n, each, contents[n], each) for n, each in enumerate(first)]
    third = [put_again(20 + n, each, contents[n], each, second[n]) for n, each in enumerate(first)]
    for batch in (first, second):
        with pytest.raises(Killed):
            deliver(world, *batch, stepper=Stepper(kill_at=steps_to_the_ledger(world, batch)))

    deliver(world, *third)
    deliver(world, *third)

    assert world.counts == Counts(accepted=1, quarantined=1)
    assert len(world.readings) == len(world.entries) == 1


def test_a_redrive_that_was_given_up_after_it_released_its_entry_is_counted_when_it_is_put_again(world: World) -> None:
    content = coldchain(device_id="acme-fridge-9")
    original = message(1, content, thing="acme-fridge-9")
    deliver(world, original)
    world.devices["acme-fridge-9"] = Device("acme-fridge-9", "acme", "coldchain")
    given_up = redrive(2, content, origin=original)
    with pytest.raises(Killed):
        deliver(world, given_up, stepper=Stepper(kill_at=steps_to_the_ledger(world, [given_up])))
    assert next(iter(world.entries.values()))["status"] == RELEASED

    again = put_again(3, original, content, given_up, redrive_of=original.event_id.replace(":", "-"))
    deliver(world, again)
    deliver(world, again, redrive(4, content, origin=original))

    assert world.counts == Counts(accepted=1, quarantined=1, released=1)


def put_again(sequence: int, origin: StreamRecord, content: Any, *given_up: StreamRecord, **more: str) -> StreamRecord:
    names: dict[str, Any] = {"origin": origin.event_id, "instead_of": [each.event_id for each in given_up]}
    return message(sequence, content, thing=origin.partition_key, **names, **more)


def steps_to_the_ledger(world: World, batch: list[StreamRecord]) -> int:
    """The number of the step in which a delivery of `batch` is counted: its last."""
    stepper = Stepper()
    ingest(batch, ports(copy.deepcopy(world), stepper), RULES, now_ms=NOW)
    return stepper.steps


def test_a_rejected_record_put_again_after_its_delivery_was_given_up_is_counted_once(world: World) -> None:
    original = message(1, b"{")
    with pytest.raises(Killed):
        deliver(world, original, stepper=Stepper(kill_at=5))
    deliver(world, message(2, coldchain()))

    first, second = (message(n, b"{", origin=original.event_id) for n in (3, 4))
    deliver(world, first)
    deliver(world, second, first)

    assert world.counts == Counts(accepted=1, quarantined=1)
    assert len(world.entries) == 1


def test_what_a_delivery_that_was_given_up_left_in_quarantine_leaves_it_uncounted(world: World) -> None:
    content = coldchain(device_id="acme-fridge-9")
    original = message(1, content, thing="acme-fridge-9")
    with pytest.raises(Killed):
        deliver(world, original, stepper=Stepper(kill_at=5))
    world.devices["acme-fridge-9"] = Device("acme-fridge-9", "acme", "coldchain")

    again = message(2, content, thing="acme-fridge-9", origin=original.event_id)
    deliver(world, again)
    deliver(world, again, redrive(3, content, origin=original))

    assert world.counts == Counts(accepted=1)
    assert next(iter(world.entries.values()))["status"] == RELEASED


def test_a_reading_that_could_not_be_stored_is_asked_for_again_and_what_precedes_it_is_counted(world: World) -> None:
    records = [message(n, coldchain(seq=n)) for n in range(1, 5)]
    reads = 3  # ledger, registry, stores

    report = deliver(world, *records, stepper=Stepper(refuse=frozenset({reads + 3})))

    assert report.lowest_failed == records[2].sequence
    assert world.ledger[SHARD] == (records[1].sequence, Counts(accepted=2))
    deliver(world, *records[2:])
    assert world.counts == Counts(accepted=4)
    assert world.archived == set(world.readings)


def test_a_conflict_does_not_outlive_a_rival_that_was_never_stored(world: World) -> None:
    """The first of the two is refused until the stream gives it up; the second then is no conflict."""
    rival, reading = message(1, coldchain()), message(2, coldchain(temp_c=9.0))
    reads = 4  # ledger, registry, stores, and the stores once more for the conflict
    report = deliver(world, rival, reading, stepper=Stepper(refuse=frozenset({reads + 1})))
    assert report.lowest_failed == rival.sequence

    deliver(world, reading)

    assert world.counts == Counts(accepted=1)
    assert [each.conflict for each in world.readings.values()] == [False]


def faulty(envelope: Envelope, registry: Registry, rules: Rules) -> Interpretation | Rejection:
    if envelope.payload == b"{}":
        raise ZeroDivisionError
    return interpret(envelope, registry, rules)


def test_a_fault_of_ours_in_one_message_stops_there_and_names_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "interpret", faulty)
    records = [message(1, coldchain()), message(2, b"{}"), message(3, coldchain(seq=3))]

    report = deliver(world, *records)

    assert report.failures == {records[1].sequence: "ZeroDivisionError()"}
    assert world.counts == Counts(accepted=1)
    assert len(world.readings) == 1


def test_a_fault_of_ours_in_the_first_message_is_raised_so_that_the_stream_halves_the_batch(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "interpret", faulty)

    with pytest.raises(ZeroDivisionError):
        deliver(world, message(1, b"{}"), message(2, coldchain()))

    deliver(world, message(2, coldchain()))
    assert world.counts == Counts(accepted=1)
