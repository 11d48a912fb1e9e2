"""What ingest relies on, asked of the stores in memory and of the real adapters alike."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from coldwatch.telemetry.accounting import Counts, Posting
from coldwatch.telemetry.classification import Stored
from coldwatch.telemetry.envelope import Envelope, open_envelope
from coldwatch.telemetry.judgement import interpret, judge
from coldwatch.telemetry.ports import EntryMovedError, LedgerMovedError
from coldwatch.telemetry.quarantine import OPEN, RELEASED, Hold, Quarantined
from coldwatch.telemetry.reading import Reading, as_conflict
from coldwatch.telemetry.rejection import Reason, Rejection
from store_telemetry.ingest import Ports
from tests.integration.aws.stack import aws_stack
from tests.unit.telemetry import fakes
from tests.unit.telemetry.builders import CHILD, DEVICES, FRIDGE, NOW, RULES, coldchain, message, redrive


@pytest.fixture(params=["in memory", "on AWS"])
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    with nullcontext() if request.param == "in memory" else aws_stack() as stack:
        if stack is None:
            yield fakes.ports(fakes.World(devices=dict(DEVICES)))
        else:
            stack.register(*DEVICES.values())
            yield stack.ports()


def a_reading(**changes: Any) -> Reading:
    envelope = open_envelope(message(1, coldchain(**changes)))
    verdict = judge(envelope, interpret(envelope, DEVICES, RULES), DEVICES)
    assert isinstance(verdict, Reading)
    return verdict


def a_rejected(sequence: int = 1, **more: Any) -> Quarantined:
    return Quarantined(open_envelope(message(sequence, b"{", **more)), Rejection(Reason.NOT_JSON, "Not JSON."))


def a_redrive(quarantined: Quarantined, sequence: int, **more: Any) -> Envelope:
    record = redrive(sequence, b"{", origin=quarantined.envelope.record)
    return open_envelope(replace(record, data=json.dumps(json.loads(record.data) | more).encode()))


def test_the_registry_knows_who_is_registered(ports: Ports) -> None:
    assert ports.registry.look_up({CHILD, FRIDGE, "nobody"}) == {CHILD: DEVICES[CHILD], FRIDGE: DEVICES[FRIDGE]}
    assert ports.registry.look_up(set()) == {}


def test_what_was_written_is_read_back(ports: Ports) -> None:
    first, second = a_reading(temp_c=1e-7), replace(a_reading(seq=2), redriven_by="s:9")
    unwritten = ports.readings.write([first, second], [second])

    existing = ports.readings.read({first.key, second.key, (FRIDGE, "nothing")}, {(FRIDGE, "-"), (CHILD, "-")})

    assert unwritten == set()
    assert existing.readings == {
        first.key: Stored(first.origin, first.content_hash),
        second.key: Stored(second.origin, second.content_hash, "s:9"),
    }
    assert existing.latest == {(FRIDGE, "-"): second.rank}


def test_a_reading_without_a_count_has_its_rank_too(ports: Ports) -> None:
    reading = a_reading()
    reading = replace(reading, measurements=replace(reading.measurements, seq=None))

    ports.readings.write([], [reading])

    assert ports.readings.read((), {(FRIDGE, "-")}).latest == {(FRIDGE, "-"): reading.rank}


def test_a_conflict_is_kept_beside_the_reading_it_conflicts_with(ports: Ports) -> None:
    plain, conflict = a_reading(), as_conflict(a_reading(temp_c=9.0))

    ports.readings.write([conflict, plain], [])

    assert set(ports.readings.read({plain.key, conflict.key}, ()).readings) == {plain.key, conflict.key}


def test_an_entry_that_exists_is_left_alone(ports: Ports) -> None:
    quarantined = a_rejected()
    ports.quarantine.keep([quarantined])
    ports.quarantine.release(a_redrive(quarantined, 2), now_ms=NOW)

    errors = ports.quarantine.keep([quarantined, a_rejected(3)])

    assert errors == {}
    assert ports.quarantine.find({quarantined.quarantine_id, "none"}) == {
        quarantined.quarantine_id: Hold(RELEASED, FRIDGE, message(2, b"{").event_id)
    }


def test_a_message_put_again_takes_over_what_a_given_up_delivery_left_once(ports: Ports) -> None:
    left = a_rejected()
    first, second = (a_rejected(n, origin=left.envelope.origin) for n in (2, 3))

    for each in (left, first, second, first):
        ports.quarantine.keep([each])

    (hold,) = ports.quarantine.find({left.quarantine_id}).values()
    assert hold == Hold(OPEN, FRIDGE, None, first.envelope.record.event_id)


def test_an_entry_is_released_by_one_only_however_often(ports: Ports) -> None:
    quarantined = a_rejected()
    ports.quarantine.keep([quarantined])
    for _ in range(2):
        ports.quarantine.release(a_redrive(quarantined, 2), now_ms=NOW)

    with pytest.raises(EntryMovedError):
        ports.quarantine.release(a_redrive(quarantined, 3), now_ms=NOW)

    (hold,) = ports.quarantine.find({quarantined.quarantine_id}).values()
    assert hold == Hold(RELEASED, FRIDGE, message(2, b"{").event_id)


def test_what_a_given_up_delivery_took_over_or_released_goes_to_the_record_put_again_in_its_place(ports: Ports) -> None:
    left = a_rejected()
    given_up = a_rejected(2, origin=left.envelope.origin)
    instead = a_rejected(3, origin=left.envelope.origin, instead_of=[given_up.envelope.record.event_id])
    for each in (left, given_up, instead):
        ports.quarantine.keep([each])
    (hold,) = ports.quarantine.find({left.quarantine_id}).values()
    assert hold.put_again_by == instead.envelope.record.event_id

    first, stranger = a_redrive(left, 4), a_redrive(left, 5)
    ports.quarantine.release(first, now_ms=NOW)
    ports.quarantine.release(a_redrive(left, 6, instead_of=[first.record.event_id]), now_ms=NOW)
    for late in (first, stranger, a_redrive(left, 7, instead_of=[first.record.event_id])):
        with pytest.raises(EntryMovedError):
            ports.quarantine.release(late, now_ms=NOW)

    (hold,) = ports.quarantine.find({left.quarantine_id}).values()
    assert hold.released_by == message(6, b"{").event_id


def test_an_attempt_on_a_released_entry_changes_nothing(ports: Ports) -> None:
    quarantined = a_rejected()
    ports.quarantine.keep([quarantined])
    ports.quarantine.release(a_redrive(quarantined, 2), now_ms=NOW)
    again = Quarantined(a_redrive(quarantined, 5), Rejection(Reason.EMPTY, "Empty."))

    ports.quarantine.note_attempt(again)

    assert ports.quarantine.find({quarantined.quarantine_id})[quarantined.quarantine_id].status == RELEASED


def test_the_ledger_counts_from_where_it_stands_only(ports: Ports) -> None:
    assert ports.ledger.last_sequence("s") is None
    large = 49590338271490256608559692538361571095921575989136588898
    ports.ledger.post("s", Posting(None, large, Counts(accepted=2)), now_ms=NOW)

    for previous in (None, large - 1):
        with pytest.raises(LedgerMovedError):
            ports.ledger.post("s", Posting(previous, large + 1, Counts(accepted=1)), now_ms=NOW)

    ports.ledger.post("s", Posting(large, large + 1, Counts(accepted=1)), now_ms=NOW)
    assert ports.ledger.last_sequence("s") == large + 1
    assert ports.ledger.last_sequence("another") is None


def test_the_archive_takes_readings(ports: Ports) -> None:
    assert ports.archive.put([a_reading(seq=n) for n in range(3)]) == set()
