"""From stream records to messages for detectors: judged as the stores judge them, and joined with their profiles."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from coldwatch.adapters.watched_devices import DynamoWatchedDevices, WatchedDevice
from coldwatch.detection.batch import until_failure
from coldwatch.detection.step import Arrival
from coldwatch.profiles import Catalog, join
from coldwatch.telemetry.envelope import Envelope, StreamRecord, open_envelope
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.judgement import Interpretation, Rules, interpret, judge
from coldwatch.telemetry.reading import Reading
from coldwatch.telemetry.rejection import Rejection


@dataclass(frozen=True, slots=True)
class Judged:
    """`failures` holds the record on which our own code failed, if one did; those behind it are left for later.

    `rejected` messages are the quarantine's, `unwatched` are of devices that nobody wants watched.
    """

    arrivals: tuple[Arrival, ...]
    failures: Mapping[int, str]
    rejected: int
    unwatched: int
    faults: tuple[str, ...]


def judge_all(records: Sequence[StreamRecord], devices: DynamoWatchedDevices, rules: Rules, catalog: Catalog) -> Judged:
    """The messages of readings, in the order of their records."""
    envelopes = [open_envelope(record) for record in records]
    publishers = devices.look_up({envelope.thing for envelope in envelopes})
    interpreted, failures = until_failure(
        envelopes, lambda each: interpret(each, _identities(publishers), rules), lambda each: each.record.sequence
    )
    children = _spoken_for(interpreted) - publishers.keys()
    known = {**publishers, **devices.look_up(children)} if children else publishers
    identities = _identities(known)
    verdicts = [judge(envelope, said, identities) for envelope, said in zip(envelopes, interpreted, strict=False)]
    readings = [
        (envelope, verdict)
        for envelope, verdict in zip(envelopes, verdicts, strict=False)
        if isinstance(verdict, Reading)
    ]
    watched = [(envelope, reading) for envelope, reading in readings if known[reading.device_id].registered.watched]
    asked = [known[reading.device_id] for _, reading in watched]
    return Judged(
        tuple(_arrival(envelope, reading, known[reading.device_id], catalog) for envelope, reading in watched),
        failures,
        len(verdicts) - len(readings),
        len(readings) - len(watched),
        tuple(sorted({fault for each in asked for fault in catalog.in_force(each.registered).faults})),
    )


def _identities(devices: Mapping[str, WatchedDevice]) -> dict[str, Device]:
    return {name: each.identity for name, each in devices.items()}


def _spoken_for(interpreted: Iterable[Interpretation | Rejection]) -> set[str]:
    return {each.telemetry.device_id for each in interpreted if isinstance(each, Interpretation)}


def _arrival(envelope: Envelope, reading: Reading, device: WatchedDevice, catalog: Catalog) -> Arrival:
    input_name, payload = join(asdict(reading.measurements), device.registered, catalog)
    return Arrival(
        input_name=input_name,
        payload=payload,
        origin=envelope.origin,
        shard_id=envelope.record.shard_id,
        sequence=envelope.record.sequence,
        thing=envelope.thing,
        device_id=reading.device_id,
        application=reading.application,
        reading_key=reading.reading_key,
        timestamp=reading.timestamp,
        arrived_at=envelope.received_at,
        is_put_again=envelope.is_put_again,
    )
