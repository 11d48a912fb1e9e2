"""From the records of a batch to the messages of each detector: judged, joined with the profile, in order.

What is rejected here is rejected by `store_telemetry` too, which keeps it in quarantine.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from coldwatch.detection.detector import Detector, Watch, new_detector
from coldwatch.detection.ports import Entry, Registry
from coldwatch.detection.step import Arrival
from coldwatch.engine.errors import KeyMissingError
from coldwatch.engine.evaluation import Message
from coldwatch.profiles.catalog import Catalog
from coldwatch.profiles.context import join
from coldwatch.telemetry.envelope import Envelope, StreamRecord, open_envelope
from coldwatch.telemetry.judgement import Interpretation, Rules, interpret, judge
from coldwatch.telemetry.reading import Reading
from coldwatch.telemetry.rejection import Rejection
from evaluate_detectors.lanes import OWN_KEYS, Choirs


@dataclass(frozen=True)
class Knowledge:
    """What an installation watches for. `watches` are the models, by the input that any version of them looks at.
    Unless it `has_lanes` all goes the long way.
    """

    rules: Rules
    watches: Mapping[str, Sequence[Watch]]
    catalog: Catalog
    has_lanes: bool = True

    @cached_property
    def choirs(self) -> Choirs:
        return Choirs(self.watches)


@dataclass(frozen=True, slots=True)
class Task:
    """A detector's part of a batch; `blank` is the detector as it is before its first message. A detector `is_private`
    if nobody but its own device can speak to it, so that all its messages come by one shard.
    """

    watch: Watch
    blank: Detector
    is_private: bool
    arrivals: list[Arrival] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Intake:
    """`tasks` by detector id. `arrived` says when each record's message came, but for what was put on the stream again.
    `failures` holds the first record that our own code failed on, if any; nothing behind it is taken in.
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    arrived: dict[int, int] = field(default_factory=dict)
    failures: dict[int, Exception] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    faults: dict[str, Sequence[str]] = field(default_factory=lambda: defaultdict(tuple))


def take_in(records: Iterable[StreamRecord], registry: Registry, knowledge: Knowledge) -> Intake:
    """Everything up to the first record on which our own code fails: what follows it waits, to stay in order."""
    intake = Intake()
    envelopes = [open_envelope(record) for record in records]
    entries = dict(registry.look_up({envelope.thing for envelope in envelopes}))
    identities = {name: entry.identity for name, entry in entries.items()}
    interpreted = _until_failure(envelopes, lambda each: interpret(each, identities, knowledge.rules), intake.failures)
    said = {each.telemetry.device_id for each in interpreted if isinstance(each, Interpretation)}
    children = said - {envelope.thing for envelope in envelopes}
    if children:
        entries |= registry.look_up(children)
        identities = {name: entry.identity for name, entry in entries.items()}
    read = dict(zip((each.record.sequence for each in envelopes), interpreted, strict=False))

    def add(envelope: Envelope) -> None:
        _add(envelope, judge(envelope, read[envelope.record.sequence], identities), entries, knowledge, intake)

    _until_failure(envelopes[: len(interpreted)], add, intake.failures)
    return intake


def _add(
    envelope: Envelope, verdict: Reading | Rejection, entries: Mapping[str, Entry], knowledge: Knowledge, intake: Intake
) -> None:
    if not envelope.is_put_again:
        intake.arrived[envelope.record.sequence] = _arrived_at(envelope)
    if isinstance(verdict, Rejection):
        intake.counts["rejected"] += 1
        return
    entry = entries[verdict.device_id]
    device = entry.watched
    if not device.watched:
        intake.counts["unwatched"] += 1
        return
    if faults := knowledge.catalog.in_force(device).faults:
        intake.faults[device.device_id] = faults
    input_name, payload = join(asdict(verdict.measurements), device, knowledge.catalog)
    arrival = _arrival(envelope, verdict, input_name, payload)
    for watch in knowledge.watches.get(input_name, ()):
        _give(arrival, watch, intake, has_gateway=entry.identity.gateway is not None)


def _give(arrival: Arrival, watch: Watch, intake: Intake, *, has_gateway: bool) -> None:
    """To the detector of the model that the message is for, if it says which, and under the version that one has."""
    try:
        key = watch.machine.key_value(Message(arrival.input_name, arrival.payload, arrival.origin))
    except KeyMissingError:
        intake.counts["keyless"] += 1
        return
    own = watch.for_key(key)
    if arrival.input_name in own.machine.inputs:
        blank = new_detector(own, key)
        is_private = not has_gateway and own.machine.key_path in OWN_KEYS
        intake.tasks.setdefault(blank.detector_id, Task(own, blank, is_private)).arrivals.append(arrival)


def _arrival(envelope: Envelope, reading: Reading, input_name: str, payload: Mapping[str, Any]) -> Arrival:
    return Arrival(
        input_name=input_name,
        payload=payload,
        origin=reading.origin,
        shard_id=envelope.record.shard_id,
        sequence=envelope.record.sequence,
        thing=envelope.thing,
        device_id=reading.device_id,
        application=reading.application,
        reading_key=reading.reading_key,
        timestamp=reading.timestamp,
        arrived_at=_arrived_at(envelope),
        is_put_again=envelope.is_put_again,
    )


def _arrived_at(envelope: Envelope) -> int:
    """When the rule stamped it; never later than it came to the stream, whatever an envelope says that no rule made."""
    return min(envelope.received_at, envelope.record.arrived_at)


def _until_failure[T](
    envelopes: Iterable[Envelope], step: Callable[[Envelope], T], failures: dict[int, Exception]
) -> list[T]:
    results: list[T] = []
    for envelope in envelopes:
        try:
            results.append(step(envelope))
        except Exception as error:  # noqa: BLE001 - the edge: our fault in one message must not cost its neighbours
            failures[envelope.record.sequence] = error
            break
    return results
