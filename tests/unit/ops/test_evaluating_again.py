"""A batch that detectors gave up, and the stream has passed: redriven, it is evaluated, and once."""

import io
import json
from dataclasses import replace
from typing import Any, cast

import pytest

from coldwatch.detection.detector import Watch
from coldwatch.detection.ports import Entry
from coldwatch.profiles import Clock, RegisteredDevice
from coldwatch.telemetry.envelope import StreamRecord, stream_record
from coldwatch.telemetry.identity import Device
from coldwatch_ops.dead_letters.batch_records import BatchRecord, message_of
from coldwatch_ops.dead_letters.evaluation import evaluate
from coldwatch_ops.publishers import Publishers
from coldwatch_ops.stack import Clients, Stack
from evaluate_detectors.evaluation import evaluate_batch
from evaluate_detectors.intake import Knowledge
from tests.unit.detection.builders import FILES, NOW, SHARD, counting_watch, records_of
from tests.unit.detection.fakes import World, evaluation_ports
from tests.unit.telemetry.builders import FRIDGE, RULES

OTHER = "acme-fridge-0002"
NOW_MS = NOW + 100_000
LAST = 90


class Function:
    """`evaluate_detectors`, and the client that invokes it."""

    def __init__(self, watch: Watch) -> None:
        entries = {name: entry(name) for name in (FRIDGE, OTHER)}
        self.world = World(entries=entries, now_ms=NOW_MS)
        self._knowledge = Knowledge(RULES, {"telemetry": [watch]}, FILES.catalog)
        self.sizes: list[int] = []

    def evaluate(self, records: list[StreamRecord]) -> None:
        evaluate_batch(records, evaluation_ports(self.world, None), self._knowledge, now_ms=NOW_MS)

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's own names
        assert FunctionName == "evaluate_detectors"
        records = json.loads(Payload)["Records"]
        self.sizes.append(len(records))
        self.evaluate([stream_record(record) for record in records])
        return {"Payload": io.BytesIO(b'{"batchItemFailures": []}')}

    @property
    def lambda_(self) -> "Function":
        return self

    def count(self, thing: str) -> Any:
        found = self.world.detectors.get(f"counting/{thing}")
        return found.snapshot.variables["count"] if found and found.snapshot else 0


def entry(name: str) -> Entry:
    watched = RegisteredDevice(device_id=name, fleet_id="acme", application="coldchain")
    return Entry(Device(name, "acme", "coldchain"), watched)


def redrive(function: Function, records: list[StreamRecord], letter_id: str = "letter-1") -> str | None:
    outputs = {"EvaluateDetectorsFunctionName": "evaluate_detectors", "TelemetryStreamName": "stream"}
    stack = Stack("s", "i", "CREATE_COMPLETE", outputs, cast("Clients", function))
    found = [BatchRecord(each.sequence_number, each.partition_key, each.arrived_at, each.data) for each in records]
    batch = [(each, message_of(SHARD, each, Publishers(stack))) for each in found]
    return evaluate(stack, letter_id, batch)


def given_up(size: int = 3) -> list[StreamRecord]:
    return records_of([(number, {}) for number in range(size)])


@pytest.mark.parametrize("clock", Clock)
def test_what_the_stream_has_passed_is_evaluated_and_once_only(clock: Clock) -> None:
    function = Function(counting_watch(clock))
    function.evaluate(records_of([(LAST, {})], first=500, device_id=OTHER))

    fault = redrive(function, given_up())
    redrive(function, given_up())

    assert fault is None
    assert function.count(FRIDGE) == 3
    assert len(function.world.sent) == 1 + 3


@pytest.mark.parametrize("clock", Clock)
def test_what_two_letters_tell_of_has_no_effect_twice(clock: Clock) -> None:
    function = Function(counting_watch(clock))

    redrive(function, given_up())
    redrive(function, given_up(), "letter-2")

    [effects] = function.world.effects_of().values()
    assert len(effects) == 3


@pytest.mark.parametrize("clock", Clock)
def test_what_is_overtaken_changes_nothing(clock: Clock) -> None:
    function = Function(counting_watch(clock))
    function.evaluate(records_of([(LAST, {})], first=500))

    redrive(function, given_up())

    assert function.count(FRIDGE) == 1


def test_effects_that_went_out_before_the_batch_was_given_up_keep_their_ids() -> None:
    once, again = Function(counting_watch()), Function(counting_watch())
    once.evaluate(given_up())

    redrive(again, given_up())

    assert [each.effect_id for each in again.world.sent] == [each.effect_id for each in once.world.sent]


def test_a_large_batch_goes_in_parts_in_its_order() -> None:
    function = Function(counting_watch())
    records = [replace(each, arrived_at=NOW_MS) for each in given_up(230)]

    redrive(function, records)

    assert function.sizes == [100, 100, 30]
    assert function.count(FRIDGE) == 230
