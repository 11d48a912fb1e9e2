"""What `evaluate_detectors` adds to what cannot be left out: `python -m benchmarks.handler`.

The floor is what any handler has to do with a batch: read the event (the runtime's json.loads), undo the base64, decode
envelope and telemetry into the types that say what is accepted, and step the compiled models. Both take the same
events, in turns, in CPU time of the process. Nothing is asked of AWS: the ports are in memory, and cost next to
nothing.
"""

import argparse
import binascii
import json
import statistics
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import batched
from time import process_time_ns
from typing import Any, Final

import msgspec

from benchmarks.fleet import Fleet, lines
from coldwatch.adapters.detector_files import load_detectors
from coldwatch.detection.commit import Ports as CommitPorts
from coldwatch.detection.detector import Detector, Watch, watches
from coldwatch.detection.effect import Effect
from coldwatch.detection.log import Logs
from coldwatch.detection.memory import KnownDevices, Memory
from coldwatch.detection.plain import PlainReading, open_plain
from coldwatch.detection.ports import Checkpoint, Entry, Epoch, Page, Start, Wake
from coldwatch.engine.evaluation import Trigger
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.program import Program
from coldwatch.profiles.context import join
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.telemetry.delivery import Delivery
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.judgement import Rules
from evaluate_detectors.evaluation import Ports, evaluate_batch
from evaluate_detectors.intake import Knowledge

BATCH: Final = 500
SHARD: Final = "shardId-000000000000"
FIRST: Final = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898
INPUT: Final = "telemetry"
HEARTBEAT: Final = "device_silence"

type Event = dict[str, Any]


class Kept:
    """Everything of AWS that a batch needs: it remembers checkpoints, and takes the rest."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries
        self.checkpoint = Checkpoint()

    def begin(self, _shard_id: str) -> Start:
        return Start(self.checkpoint, Epoch(), Epoch())

    def read(self, shard_ids: Collection[str]) -> Mapping[str, Checkpoint]:
        return dict.fromkeys(shard_ids, self.checkpoint)

    def move(self, _shard_id: str, to: Checkpoint, *, previous: Checkpoint, pages: Sequence[Page] = ()) -> bool:
        del previous, pages
        self.checkpoint = to
        return True

    def pages(self, _shard_id: str, _slots: Collection[str]) -> Mapping[str, Page]:
        return {}

    def logged_shards(self) -> Collection[str]:
        return ()

    def load(self, _detector_ids: Collection[str]) -> Mapping[str, Detector]:
        return {}

    def write(self, _detectors: Sequence[Detector], *, now_ms: int) -> set[str]:
        del now_ms
        return set()

    def write_outside(
        self, _detectors: Sequence[Detector], _checkpoints: Mapping[str, Checkpoint], *, now_ms: int
    ) -> bool:
        del now_ms
        return True

    def settle(self, _detectors: Sequence[Detector]) -> None:
        pass

    def look_up(self, device_ids: Collection[str]) -> Mapping[str, Entry]:
        return {name: self.entries[name] for name in device_ids}

    def send(self, _what: Sequence[Effect] | Sequence[Wake]) -> Any:
        return set()


def events(fleet: Fleet) -> Iterator[bytes]:
    """Invocation events as the runtime gets them, of a shard in which every device has its say."""
    for number, batch in enumerate(batched(lines(fleet), BATCH, strict=False)):
        yield json.dumps({"Records": [_record(number * BATCH + n, line) for n, line in enumerate(batch)]}).encode()


def _record(number: int, line: bytes) -> Event:
    content = json.loads(line)
    thing, at = content["device_id"], content["timestamp"]
    envelope = {
        "payload": binascii.b2a_base64(line.strip(), newline=False).decode(),
        "topic": f"dt/coldchain/{thing}/telemetry",
        "thing": thing,
        "application": "coldchain",
        "client_id": thing,
        "received_at": at + 40,
        "trace_id": f"{number:032x}",
    }
    data = json.dumps(envelope, separators=(",", ":")).encode()
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": thing,
            "sequenceNumber": str(FIRST + number),
            "data": binascii.b2a_base64(data, newline=False).decode(),
            "approximateArrivalTimestamp": (at + 90) / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{SHARD}:{FIRST + number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/evaluate-detectors",
        "awsRegion": "eu-west-1",
        "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry",
    }


class Floor:
    """The least that has to be done: the very types that the handler decodes an ordinary message into, and the models'
    compiled functions, called one after the other. `payloads` are the models' own, joined and decoded beforehand: no
    time of it counts, so the join is the handler's alone.
    """

    def __init__(self, found: Sequence[Watch], entries: Mapping[str, Entry]) -> None:
        catalog = load_detectors().catalog
        self._entries, self._catalog = entries, catalog
        models = [each.model for each in found if isinstance(each.model, DetectorModel)]
        self._programs = [Program(each) for each in models]
        self._kinds = [each.payload(INPUT)[0] for each in self._programs]
        self._states: list[dict[str, Any]] = [{} for _ in models]
        self._telemetry = msgspec.json.Decoder(PlainReading)

    def prepared(self, event: bytes) -> list[list[Any]]:
        """Of each record, the payload of each model."""
        found = []
        for record in json.loads(event)["Records"]:
            envelope = open_plain(binascii.a2b_base64(record["kinesis"]["data"]))
            said = json.loads(envelope.payload)
            _, payload = join(said, self._entries[envelope.thing].watched, self._catalog)
            found.append([msgspec.convert(payload, kind) for kind in self._kinds])
        return found

    def run(self, event: bytes, payloads: list[list[Any]]) -> None:
        decode, happened = self._telemetry.decode, list[Any]().append
        stepping = [(each, each.take(INPUT), states) for each, states in zip(self._programs, self._states, strict=True)]
        for record, prepared in zip(json.loads(event)["Records"], payloads, strict=True):
            said = decode(open_plain(binascii.a2b_base64(record["kinesis"]["data"])).payload)
            key, now_ms = said.device_id, said.timestamp
            for (program, take, states), payload in zip(stepping, prepared, strict=True):
                before = states.get(key)
                if before is not None and before[1] <= now_ms:
                    *_, (before, _) = program.advance(before, key=key, until_ms=now_ms)
                after = take(before, payload, key, now_ms, happened, _trigger)
                if after is not before:
                    states[key] = after


def _trigger() -> Trigger:
    return Trigger("message", INPUT, "m")


class Handler:
    """`evaluate_detectors`, with its environment warm."""

    def __init__(self, found: Sequence[Watch], entries: Mapping[str, Entry]) -> None:
        kept = Kept(entries)
        commit = CommitPorts(kept, Logs(kept), kept, kept)
        self._ports = Ports(KnownDevices(kept), Memory(owner="me"), kept, commit)
        self._knowledge = Knowledge(Rules((), 300_000), {INPUT: list(found)}, load_detectors().catalog)

    def run(self, event: bytes) -> None:
        records = Delivery(json.loads(event)["Records"])
        now_ms = records[-1].arrived_at
        report = evaluate_batch(records, self._ports, self._knowledge, now_ms=now_ms)
        assert not report.failures, report.failures


def measure(found: Sequence[Watch], entries: Mapping[str, Entry], batches: Sequence[bytes]) -> tuple[float, float]:
    """Microseconds a record of the floor and of the handler, once each device has been heard."""
    floor, handler = Floor(found, entries), Handler(found, entries)
    floor_ns = handler_ns = records = 0
    for number, event in enumerate(batches):
        payloads = floor.prepared(event)
        spent = [0, 0]
        for which in (0, 1) if number % 2 else (1, 0):
            began = process_time_ns()
            handler.run(event) if which else floor.run(event, payloads)
            spent[which] = process_time_ns() - began
        if number * BATCH >= 2 * len(entries):
            floor_ns, handler_ns, records = floor_ns + spent[0], handler_ns + spent[1], records + BATCH
    return floor_ns / records / 1000, handler_ns / records / 1000


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handler", description=__doc__)
    parser.add_argument("--devices", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    files = load_detectors()
    shipped = watches(files.models, files.versions, files.deployment, files.previous)
    telemetry = [each for each in shipped.values() if INPUT in each.inputs]
    fleet = Fleet(options.devices)
    batches = list(events(fleet))
    names = {f"north-reefer-{number:06d}" for number in range(options.devices)}
    entries = {name: Entry(Device(name, "north", "coldchain"), _watched(name)) for name in names}
    print(
        f"{len(batches)} batches of {BATCH} records, {len(batches[0]) // BATCH} bytes each; medians of {options.rounds}"
    )
    for title, found in (
        ("without a heartbeat", [each for each in telemetry if each.name != HEARTBEAT]),
        ("all that is shipped", telemetry),
    ):
        rounds = [measure(found, entries, batches) for _ in range(options.rounds)]
        floor, handler = (statistics.median(each[which] for each in rounds) for which in (0, 1))
        ratio = statistics.median(each[1] / each[0] for each in rounds)
        print(f"{title:20}  floor {floor:6.2f} us  handler {handler:6.2f} us  ratio {ratio:5.2f}")
    return 0


def _watched(name: str) -> RegisteredDevice:
    return RegisteredDevice(device_id=name, fleet_id="north", application="coldchain")


if __name__ == "__main__":
    sys.exit(main())
