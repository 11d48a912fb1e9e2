"""One batch of the telemetry stream: read, judge, write, count.

The order of writes makes every crash harmless. Nothing is counted before everything it counts is written; everything
written is recognised at the next delivery by its origin. So a batch may stop anywhere and be delivered again, whole, in
halves or together with other records: stores and accounts come out the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coldwatch.telemetry.accounting import Counts, Tally, counts_of, newly_counted, post
from coldwatch.telemetry.classification import Classified, Fate, Key, classify, conflicting_keys
from coldwatch.telemetry.envelope import Envelope, StreamRecord, open_envelope, without_redrive
from coldwatch.telemetry.judgement import Rules, interpret, judge
from coldwatch.telemetry.ports import Archive, DeviceRegistry, Existing, Ledger, QuarantineStore, Rank, ReadingStore
from coldwatch.telemetry.quarantine import Hold, Quarantined, is_redrive, is_spent
from coldwatch.telemetry.reading import Reading
from coldwatch.telemetry.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Ports:
    registry: DeviceRegistry
    readings: ReadingStore
    quarantine: QuarantineStore
    archive: Archive
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Message:
    """A record's message and the verdict on it. `hold` is set when it really is a redrive."""

    envelope: Envelope
    verdict: Reading | Rejection
    hold: Hold | None

    @property
    def sequence(self) -> int:
        return self.envelope.record.sequence

    @property
    def event_id(self) -> str:
        return self.envelope.record.event_id


@dataclass(frozen=True, slots=True)
class Settled:
    """What a message came to. `classified` is None where there is no reading: rejected, or a spent redrive."""

    message: Message
    counts: Counts
    classified: Classified | None = None


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
    messages, failures = _judge_all(records, ports, rules)
    settled, existing = _settle(messages, ports.readings)
    failures |= _write(settled, existing.latest, ports)
    _release(settled, failures, ports.quarantine, now_ms)
    counted = _count(settled, previous, min(failures, default=None))
    posting = post((_tally(each) for each in counted), previous=previous)
    if posting is not None:
        ports.ledger.post(shard_id, posting, now_ms=now_ms)
    return BatchReport(records, counted, failures)


def _judge_all(records: Sequence[StreamRecord], ports: Ports, rules: Rules) -> tuple[list[Message], dict[int, str]]:
    """The verdicts, up to the first record that nobody foresaw: what follows it waits, to stay in order."""
    failures: dict[int, str] = {}
    envelopes, holds = _open_all(records, ports.quarantine)
    publishers = ports.registry.look_up({envelope.thing for envelope in envelopes})
    interpreted = _until_failure(envelopes, lambda envelope: interpret(envelope, publishers, rules), failures)
    spoken_for = {each.telemetry.device_id for each in interpreted if not isinstance(each, Rejection)}
    registry = {**publishers, **ports.registry.look_up(spoken_for - publishers.keys())}
    messages = [
        Message(envelope, judge(envelope, interpretation, registry), holds.get(envelope.redrive_of or ""))
        for envelope, interpretation in zip(envelopes, interpreted, strict=False)
    ]
    return messages, failures


def _open_all(
    records: Sequence[StreamRecord], quarantine: QuarantineStore
) -> tuple[list[Envelope], Mapping[str, Hold]]:
    envelopes = [open_envelope(record) for record in records]
    holds = quarantine.find({envelope.redrive_of for envelope in envelopes if envelope.redrive_of})
    return [
        envelope if is_redrive(envelope, holds.get(envelope.redrive_of or "")) else without_redrive(envelope)
        for envelope in envelopes
    ], holds


def _until_failure[T](
    envelopes: Iterable[Envelope], step: Callable[[Envelope], T], failures: dict[int, str]
) -> list[T]:
    results: list[T] = []
    for envelope in envelopes:
        try:
            results.append(step(envelope))
        except Exception as error:  # noqa: BLE001 - the edge: a fault of ours in one message must not cost its neighbours
            failures[envelope.record.sequence] = repr(error)
            break
    return results


def _settle(messages: Sequence[Message], store: ReadingStore) -> tuple[list[Settled], Existing]:
    """What each message comes to, in order, given what is stored."""
    live = _without_spent(messages)
    readings = [message.verdict for message in live if isinstance(message.verdict, Reading)]
    existing = store.read(
        {reading.key for reading in readings}, {(reading.device_id, reading.sensor) for reading in readings}
    )
    conflicts = conflicting_keys(readings, existing.readings)
    if conflicts:
        existing.readings.update(store.read(conflicts, ()).readings)
    classified = iter(classify(readings, existing.readings))
    return [_settle_one(message, classified) for message in live], existing


def _without_spent(messages: Iterable[Message]) -> list[Message]:
    """The messages without redrives whose quarantine entry another redrive has released, or is about to."""
    live: list[Message] = []
    releasing: set[str] = set()
    for message in messages:
        if message.hold is not None:
            quarantine_id = message.envelope.quarantine_id
            if quarantine_id in releasing or is_spent(message.event_id, message.hold):
                continue
            if isinstance(message.verdict, Reading):
                releasing.add(quarantine_id)
        live.append(message)
    return live


def _settle_one(message: Message, classified: Iterator[Classified]) -> Settled:
    is_redriven = message.hold is not None
    if isinstance(message.verdict, Rejection):
        return Settled(message, Counts() if is_redriven else Counts(quarantined=1))
    own = next(classified)
    return Settled(message, counts_of(own, released=is_redriven), own)


def _write(settled: Sequence[Settled], latest: Mapping[Key, Rank], ports: Ports) -> dict[int, str]:
    """Readings, quarantine, archive, in this order. What could not be written, by sequence number."""
    kept = [each for each in settled if each.classified and each.classified.fate is not Fate.DUPLICATE]
    sequences = {_reading(each).key: each.message.sequence for each in reversed(kept)}
    new = [_reading(each) for each in kept if each.classified and each.classified.fate is Fate.ACCEPTED]
    unwritten = ports.readings.write(new, _latest(map(_reading, kept), latest))
    failures = _quarantine(settled, ports.quarantine)
    unarchived = ports.archive.put([_reading(each) for each in kept if _reading(each).key not in unwritten])
    failures |= {sequences[key]: "reading not archived" for key in unarchived}
    return failures | {sequences[key]: "reading not stored" for key in unwritten}


def _quarantine(settled: Iterable[Settled], quarantine: QuarantineStore) -> dict[int, str]:
    first: dict[str, int] = {}
    rejected: list[Quarantined] = []
    for each in settled:
        if not isinstance(each.message.verdict, Rejection):
            continue
        quarantined = Quarantined(each.message.envelope, each.message.verdict)
        if each.message.hold is not None:
            quarantine.note_attempt(quarantined)
        else:
            rejected.append(quarantined)
            first[quarantined.quarantine_id] = each.message.sequence
    errors = quarantine.keep(rejected) if rejected else {}
    return {first[quarantine_id]: error for quarantine_id, error in errors.items()}


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
            quarantine.release(each.message.envelope.quarantine_id, released_by=each.message.event_id, now_ms=now_ms)


def _count(settled: Sequence[Settled], previous: int | None, lowest_failed: int | None) -> list[Settled]:
    by_sequence = {each.message.sequence: each for each in settled}
    new = newly_counted(map(_tally, settled), last_sequence=previous, lowest_failed=lowest_failed)
    return [by_sequence[tally.sequence] for tally in new]


def _tally(settled: Settled) -> Tally:
    return Tally(settled.message.sequence, settled.counts)


def _reading(settled: Settled) -> Reading:
    assert settled.classified is not None, "asked only of messages with a reading"
    return settled.classified.reading
