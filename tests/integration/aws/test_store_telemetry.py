"""The function with its real adapters: what it writes, how many requests that takes, and what a crash costs."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from coldwatch.adapters import clients
from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from store_telemetry import handler as function
from store_telemetry.ingest import ingest
from tests.integration.aws.stack import AwsStack, Calls, Killed
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
    kinesis_event,
    message,
    redrive,
)

STRANGER = "acme-fridge-9"
CONTEXT = SimpleNamespace(aws_request_id="r-1")


@pytest.fixture(autouse=True)
def cold_start() -> None:
    for cached in (function.settings, function.rules, function.ports, clients.dynamodb_client, clients.s3_client):
        cached.cache_clear()
    clients.firehose_client.cache_clear()


def mixed_batch() -> list[StreamRecord]:
    contents: list[tuple[str, str, Any]] = [
        (FRIDGE, "coldchain", coldchain(location={"lat": 52.37, "lon": 4.9}, firmware="2.1", probe="OK", extra=[1])),
        (FRIDGE, "coldchain", coldchain(seq=2)),
        (FRIDGE, "coldchain", coldchain(seq=2)),
        (FRIDGE, "coldchain", coldchain(seq=2, temp_c=9.25)),
        (FRIDGE, "coldchain", b"\xff\xfe"),
        (MACHINE, "factory", factory(value=0.1 + 0.2)),
        (GATEWAY, "coldchain", coldchain(device_id=CHILD, timestamp=NOW - 1)),
        (STRANGER, "coldchain", coldchain(device_id=STRANGER)),
    ]
    return [message(n, content, thing=thing, application=app) for n, (thing, app, content) in enumerate(contents, 1)]


def redrives() -> list[StreamRecord]:
    batch = mixed_batch()
    stranger = coldchain(device_id=STRANGER)
    return [redrive(20, b"\xff\xfe", origin=batch[4]), redrive(21, stranger, origin=batch[7])]


def test_both_stores_hold_the_same_reading(aws: AwsStack) -> None:
    aws.register(*DEVICES.values())

    answer = function.handler(kinesis_event(mixed_batch()), CONTEXT)

    assert answer == {"batchItemFailures": []}
    stored, archived = aws.items("ReadingTable"), aws.archived()
    own = {"content_hash", "expires_at", "redriven_by"}
    assert [{name: value for name, value in each.items() if name not in own} for each in stored] == sorted(
        ({name: value for name, value in each.items() if value is not None} for each in archived),
        key=lambda each: (each["device_id"], each["reading_key"]),
    )
    assert len(stored) == 5
    assert next(each for each in stored if each["device_id"] == MACHINE)["value"] == 0.1 + 0.2
    assert {each["expires_at"] for each in stored} == {(NOW + 5) // 1000 + 90 * 86_400}
    first = next(each for each in stored if each["device_id"] == FRIDGE and each["seq"] == 1)
    assert (first["metadata"], first["latitude"], first["day"]) == ('{"extra":[1]}', 52.37, "2026-01-01")


def test_the_latest_reading_of_every_sensor_is_kept(aws: AwsStack) -> None:
    aws.register(*DEVICES.values())

    function.handler(kinesis_event(mixed_batch()), CONTEXT)

    latest = {(each["device_id"], each["sensor"]): each for each in aws.items("LatestTable")}
    assert set(latest) == {(FRIDGE, "-"), (MACHINE, "temperature"), (CHILD, "-")}
    assert (latest[FRIDGE, "-"]["seq"], latest[FRIDGE, "-"]["temp_c"]) == (2, 9.25)


def test_what_is_quarantined_keeps_its_bytes_and_says_why(aws: AwsStack) -> None:
    aws.register(*DEVICES.values())

    function.handler(kinesis_event(mixed_batch()), CONTEXT)

    entries = aws.items("QuarantineTable")
    objects = aws.objects("quarantine")
    assert [each["reason"] for each in entries] == ["not_utf8", "unknown_device"]
    assert objects[entries[0]["s3_key"]] == b"\xff\xfe"
    assert entries[0]["s3_key"] == f"quarantine/2026-01-01/not_utf8/{entries[0]['quarantine_id']}"
    assert all(each["status"] == "OPEN" and each["attempts"] == 1 for each in entries)


def test_a_devices_own_words_do_not_reach_the_headers_of_its_object(aws: AwsStack) -> None:
    aws.register(*DEVICES.values())
    hostile = "n\r\nx-amz-acl: public-read\u2028" + "é" * 400

    function.handler(kinesis_event([message(1, b"", client_id=hostile)]), CONTEXT)

    (entry,) = aws.items("QuarantineTable")
    metadata = aws.s3.head_object(Bucket="quarantine", Key=entry["s3_key"])["Metadata"]
    assert metadata["client-id"].startswith("n%0D%0Ax-amz-acl%3A%20public-read%E2%80%A8")
    assert sum(len(name) + len(value) for name, value in metadata.items()) < 2048


def test_a_batch_says_once_what_it_came_to(
    aws: AwsStack, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    aws.register(*DEVICES.values())
    event = kinesis_event(mixed_batch())

    function.handler(event, CONTEXT)
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    function.handler(event, CONTEXT)

    first, second = (vars(record) for record in caplog.records)
    counts = {"accepted": 5, "duplicates": 1, "quarantined": 2, "conflicts": 1}
    about = {"fleets": ["acme", "plant1"], "reasons": {"not_utf8": 1, "unknown_device": 1}, "request_id": "r-1"}
    assert first | counts | about == first
    assert second | {"records": 8, "counted": 0, "accepted": 0} == second
    coldchain_counts = next(each for each in metrics if each.get("application") == "coldchain")
    assert coldchain_counts | {"Accepted": 4, "Quarantined": 2, "stage": "test"} == coldchain_counts
    assert {each["fleet_id"]: each["TemperatureMax"] for each in metrics if "fleet_id" in each} == {"acme": 9.25}
    heartbeats = {each["device_id"]: each["Heartbeat"] for each in metrics if "device_id" in each}
    assert heartbeats == {FRIDGE: 3, MACHINE: 1, CHILD: 1}
    assert '"_aws"' not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("devices", "cold", "warm"),
    [
        # 501 keys read, 501 items written: 500 readings and one latest reading.
        pytest.param(1, {"batch_get_item": 1 + 6, "batch_write_item": 21}, {"batch_get_item": 6}, id="one device"),
        # 1,000 keys, 1,000 items: every reading is a device's latest. The registry takes 5 requests, a minute long.
        pytest.param(500, {"batch_get_item": 5 + 10, "batch_write_item": 40}, {"batch_get_item": 10}, id="500 devices"),
    ],
)
def test_the_requests_that_500_readings_take(
    aws: AwsStack, devices: int, cold: dict[str, int], warm: dict[str, int]
) -> None:
    names = [f"acme-fridge-{n}" for n in range(devices)]
    aws.register(*(Device(name, "acme", "coldchain") for name in names))
    calls = Calls()
    ports = aws.ports(calls)

    for round_, expected in enumerate((cold, cold | warm)):
        calls.names.clear()
        batch = [
            message(n + 500 * round_, coldchain(device_id=name, seq=n + 500 * round_), thing=name)
            for n, name in enumerate(names * (500 // devices))
        ]
        ingest(batch, ports, RULES, now_ms=NOW)

        once = {"get_item": 1, "put_record_batch": 1, "update_item": 1}
        assert {name: calls.names.count(name) for name in set(calls.names)} == once | expected


@pytest.mark.parametrize("is_carried_out", [False, True], ids=["before the call", "after the call"])
def test_killed_at_any_call_and_delivered_again_everything_is_as_if_nothing_had_happened(
    aws: AwsStack, *, is_carried_out: bool
) -> None:
    calm = Calls()
    run(aws, calm)
    expected = aws.final()

    for kill_at in range(1, len(calm.names) + 1):
        clear(aws)
        run(aws, Calls(kill_at, is_carried_out))

        assert aws.final() == expected, f"killed at call {kill_at}, {calm.names[kill_at - 1]}"

    (ledger,) = expected["IngestLedgerTable"]
    counts = {name: ledger[name] for name in ("accepted", "duplicates", "quarantined", "released", "conflicts")}
    assert counts == {"accepted": 6, "duplicates": 1, "quarantined": 2, "released": 1, "conflicts": 1}
    assert len(expected["ReadingTable"]) == len(expected["archive"]) == 6


def run(aws: AwsStack, calls: Calls) -> None:
    """Deliver a batch, then redrives of what it had quarantined; one that dies comes twice more."""
    aws.register(*DEVICES.values())
    for records in (mixed_batch(), redrives()):
        try:
            ingest(records, aws.ports(calls), RULES, now_ms=NOW)
        except Killed:
            for _ in range(2):
                ingest(records, aws.ports(), RULES, now_ms=NOW)
        aws.register(Device(STRANGER, "acme", "coldchain"))


def clear(aws: AwsStack) -> None:
    for table in ("ReadingTable", "LatestTable", "DeviceTable", "QuarantineTable", "IngestLedgerTable"):
        description = aws.dynamodb.describe_table(TableName=table)["Table"]
        names = [key["AttributeName"] for key in description["KeySchema"]]
        for item in aws.dynamodb.scan(TableName=table)["Items"]:
            aws.dynamodb.delete_item(TableName=table, Key={name: item[name] for name in names})
    for bucket in ("quarantine", "archive"):
        for key in aws.objects(bucket):
            aws.s3.delete_object(Bucket=bucket, Key=key)


def refuse_to_archive(refused: StreamRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(_self: Any, readings: Any) -> set[Any]:
        return {each.key for each in readings if each.origin == refused.event_id}

    monkeypatch.setattr(function.ports().archive.__class__, "put", put)


def test_what_the_stream_must_deliver_again_is_named(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.register(*DEVICES.values())
    records = [message(n, coldchain(seq=n)) for n in (1, 2, 3)]
    refuse_to_archive(records[1], monkeypatch)

    answer = function.handler(kinesis_event(records), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": records[1].sequence_number}]}
    assert aws.items("IngestLedgerTable")[0]["accepted"] == 1


def test_a_record_is_named_as_the_stream_wrote_its_number(aws: AwsStack, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.register(*DEVICES.values())
    padded = [f"{n:030d}" for n in (8, 9)]
    records = [
        replace(message(n, coldchain(seq=n)), sequence_number=each, event_id=f"{SHARD}:{each}")
        for n, each in enumerate(padded)
    ]
    refuse_to_archive(records[1], monkeypatch)

    assert function.handler(kinesis_event(records), CONTEXT) == {"batchItemFailures": [{"itemIdentifier": padded[1]}]}


def test_a_batch_that_fails_at_its_first_record_fails_whole_so_that_the_stream_halves_it(
    aws: AwsStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aws.register(*DEVICES.values())
    records = [message(n, coldchain(seq=n)) for n in (1, 2, 3)]
    refuse_to_archive(records[0], monkeypatch)

    with pytest.raises(function.FirstRecordFailedError, match=f"{records[0].event_id}: reading not archived"):
        function.handler(kinesis_event(records), CONTEXT)

    assert function.handler(kinesis_event(records[1:]), CONTEXT) == {"batchItemFailures": []}
    assert aws.items("IngestLedgerTable")[0]["accepted"] == 2
    assert [vars(line)["failure_count"] for line in caplog.records] == [1, 0]


def test_the_sample_event_is_understood(aws: AwsStack) -> None:
    event = json.loads((Path(__file__).parents[3] / "events/store_telemetry.json").read_text())
    aws.register(*DEVICES.values())

    function.handler(event, CONTEXT)

    things = [json.loads(base64.b64decode(each["kinesis"]["data"]))["thing"] for each in event["Records"]]
    assert {each["thing"] for each in aws.items("ReadingTable")} == set(things[:2])
    assert [each["reason"] for each in aws.items("QuarantineTable")] == ["not_json"]
