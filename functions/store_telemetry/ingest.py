"""One batch of the telemetry stream: read, judge, write, count.

The order of writes makes every crash harmless. Nothing is counted before everything it counts is written; everything
written is recognised at the next delivery by its origin. So a batch may stop anywhere and be delivered again, whole, in
halves or together with other records: stores and accounts come out the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from coldwatch.telemetry.accounting import newly_counted, post
from coldwatch.telemetry.classification import Fate, Key, classify, conflicting_keys
from coldwatch.telemetry.envelope import Envelope, StreamRecord, as_new, open_envelope
from coldwatch.telemetry.judgement import Interpretation, Rules, interpret, judge
from coldwatch.telemetry.ports import Archive, DeviceRegistry, Existing, Ledger, QuarantineStore, Rank, ReadingStore
from coldwatch.telemetry.quarantine import Hold, Quarantined, tells_the_truth
from coldwatch.telemetry.reading import Reading
from coldwatch.telemetry.rejection import Rejection
from coldwatch.telemetry.settlement import Message, Settled, settle, to_store, without_spent

_ERROR_LIMIT = 200
"""An exception may repeat what a device sent; the log need not."""


@dataclass(frozen=True, slots=True)
class Ports:
    registry: DeviceRegistry
    readings: ReadingStore
    quarantine: QuarantineStore
    archive: Archive
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class BatchReport:
    """`counted` are the messages that this delivery added to the accounts. `failures` says, per sequence number, what
    could not be dealt with: the stream has to deliver from the lowest of them again.
    """

    records: Sequence[StreamRecord]
    counted: Sequence[Settled]
    failures: Mapping[int, str]

    @property
    def lowest_failed(self) -> int | None:
        return min(self.failures, default=None)


def ingest(records: Sequence[StreamRecord], ports: Ports, rules: Rules, *, now_ms: int) -> BatchReport:
    """Deal with `records`, which are of one shard and in its order. Raises when the whole batch must come again."""
    shard_id = records[0].shard_id
    previous = ports.ledger.last_sequence(shard_id)
    failures: dict[int, str] = {}
    messages = without_spent(_judge_all(records, ports, rules, failures))
    existing = _read(messages, ports.readings)
    settled = settle(messages, classify(_readings(messages), existing.readings))
    failures |= _write(settled, existing.latest, ports)
    _release(settled, failures, ports.quarantine, now_ms)
    counted = _count(settled, previous, min(failures, default=None))
    posting = post((each.tally for each in counted), previous=previous)
    if posting is not None:
        ports.ledger.post(shard_id, posting, now_ms=now_ms)
    return BatchReport(records, counted, failures)


def _judge_all(records: Iterable[StreamRecord], ports: Ports, rules: Rules, failures: dict[int, str]) -> list[Message]:
    """The verdicts, up to the first record on which our own code fails: what follows it waits, to stay in order.

    If that is the batch's first record its exception goes through, and tells the log where the fault is.
    """
    envelopes, holds = _open_all(records, ports.quarantine)
    publishers = ports.registry.look_up({envelope.thing for envelope in envelopes})
    interpreted = _until_failure(envelopes, lambda envelope: interpret(envelope, publishers, rules), failures)
    said = [each.telemetry.device_id for each in interpreted if isinstance(each, Interpretation)]
    children = set(said) - {envelope.thing for envelope in envelopes}
    registry = {**publishers, **ports.registry.look_up(children)} if children else publishers
    return [
        Message(envelope, judge(envelope, interpretation, registry), holds.get(envelope.quarantine_id))
        for envelope, interpretation in zip(envelopes, interpreted, strict=False)
    ]


def _open_all(
    records: Iterable[StreamRecord], quarantine: QuarantineStore
) -> tuple[list[Envelope], Mapping[str, Hold]]:
    """The messages, and the quarantine entries of those that are put on the stream again."""
    envelopes = [open_envelope(record) for record in records]
    put_again = {envelope.quarantine_id for envelope in envelopes if envelope.is_put_again}
    holds = quarantine.find(put_again) if put_again else {}
    honest = [
        envelope if tells_the_truth(envelope, holds.get(envelope.quarantine_id)) else as_new(envelope)
        for envelope in envelopes
    ]
    return honest, holds


def _until_failure[T](
    envelopes: Iterable[Envelope], step: Callable[[Envelope], T], failures: dict[int, str]
) -> list[T]:
    results: list[T] = []
    for envelope in envelopes:
        try:
            results.append(step(envelope))
        except Exception as error:  # the edge: our fault in one message must not cost its neighbours
            if not results:
                raise
            failures[envelope.record.sequence] = repr(error)[:_ERROR_LIMIT]
            break
    return results


def _read(messages: Iterable[Message], store: ReadingStore) -> Existing:
    """What is stored where the readings of `messages` belong."""
    readings = _readings(messages)
    if not readings:
        return Existing({}, {})
    keys = {reading.key for reading in readings}
    existing = store.read(keys, {(reading.device_id, reading.sensor) for reading in readings})
    conflicts = conflicting_keys(readings, existing.readings)
    if conflicts:
        existing.readings.update(store.read(conflicts, ()).readings)
    return existing


def _write(settled: Sequence[Settled], latest: Mapping[Key, Rank], ports: Ports) -> dict[int, str]:
    """Readings, quarantine, archive, in this order. What could not be written, by sequence number."""
    kept = {
        each.classified.reading.key: (each.message.sequence, each.classified.reading)
        for each in reversed(settled)
        if each.classified and each.classified.fate is not Fate.DUPLICATE
    }
    readings = [reading for _, reading in reversed(kept.values())]
    new = to_store(settled)
    newest = _latest(readings, latest)
    unwritten = ports.readings.write(new, newest) if new or newest else set()
    failures = _quarantine(settled, ports.quarantine)
    stored = [reading for reading in readings if reading.key not in unwritten]
    unarchived = ports.archive.put(stored) if stored else set()
    failures |= {kept[key][0]: "reading not archived" for key in unarchived}
    return failures | {kept[key][0]: "reading not stored" for key in unwritten}


def _quarantine(settled: Iterable[Settled], quarantine: QuarantineStore) -> dict[int, str]:
    rejected: dict[str, tuple[int, Quarantined]] = {}
    for each in settled:
        if not isinstance(each.message.verdict, Rejection):
            continue
        quarantined = Quarantined(each.message.envelope, each.message.verdict)
        if each.message.envelope.redrive_of is not None:
            quarantine.note_attempt(quarantined)
        elif each.counts.quarantined:
            rejected[quarantined.quarantine_id] = (each.message.sequence, quarantined)
    errors = quarantine.keep([quarantined for _, quarantined in rejected.values()]) if rejected else {}
    return {rejected[quarantine_id][0]: error for quarantine_id, error in errors.items()}


def _latest(readings: Iterable[Reading], known: Mapping[Key, Rank]) -> list[Reading]:
    """The readings that become the latest of their sensors."""
    best: dict[Key, Reading] = {}
    for reading in readings:
        sensor = (reading.device_id, reading.sensor)
        rank = best[sensor].rank if sensor in best else known.get(sensor)
        if rank is None or reading.rank > rank:
            best[sensor] = reading
    return list(best.values())


def _release(settled: Iterable[Settled], failures: Mapping[int, str], quarantine: QuarantineStore, now_ms: int) -> None:
    for each in settled:
        if each.message.hold and each.classified and each.message.sequence not in failures:
            quarantine.release(each.message.envelope, now_ms=now_ms)


def _count(settled: Sequence[Settled], previous: int | None, lowest_failed: int | None) -> list[Settled]:
    by_sequence = {each.message.sequence: each for each in settled}
    new = newly_counted((each.tally for each in settled), last_sequence=previous, lowest_failed=lowest_failed)
    return [by_sequence[tally.sequence] for tally in new]


def _readings(messages: Iterable[Message]) -> list[Reading]:
    return [message.verdict for message in messages if isinstance(message.verdict, Reading)]
