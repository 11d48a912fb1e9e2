"""Messages, envelopes and stream records as tests need them."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from coldwatch.telemetry.judgement import Rules

NOW = 1_767_225_600_000
SHARD = "shardId-000000000000"
FRIDGE = "acme-fridge-0001"
MACHINE = "plant1-machine-7"
GATEWAY = "acme-gateway-g1"
CHILD = "acme-fridge-behind"
RULES = Rules((), max_clock_lead_ms=3_600_000)

DEVICES = {
    FRIDGE: Device(FRIDGE, "acme", "coldchain"),
    MACHINE: Device(MACHINE, "plant1", "factory"),
    GATEWAY: Device(GATEWAY, "acme", "coldchain"),
    CHILD: Device(CHILD, "acme", "coldchain", gateway=GATEWAY),
}


def coldchain(**changes: Any) -> dict[str, Any]:
    return {
        "device_id": FRIDGE,
        "timestamp": NOW,
        "seq": 1,
        "temp_c": 4.2,
        "humidity_pct": 55.0,
        "shock_g": 0.1,
        "battery_pct": 88.0,
        **changes,
    }


def factory(**changes: Any) -> dict[str, Any]:
    return {"device_id": MACHINE, "sensor_type": "temperature", "value": 73.5, "timestamp": NOW, **changes}


def encoded(message: Any) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


def envelope_of(message: Any, *, thing: str = FRIDGE, application: str = "coldchain", **more: Any) -> dict[str, Any]:
    return {
        "payload": base64.b64encode(encoded(message)).decode(),
        "topic": f"dt/{application}/{thing}/telemetry",
        "thing": thing,
        "application": application,
        "client_id": thing,
        "received_at": NOW,
        "trace_id": "t-1",
        **more,
    }


def record(sequence: int, data: Any, *, partition_key: str = FRIDGE, shard: str = SHARD) -> StreamRecord:
    """A stream record of any data; `sequence` is made as long as real ones are."""
    number = sequence_number(sequence)
    return StreamRecord(f"{shard}:{number}", shard, number, partition_key, encoded(data), NOW + 5)


def message(
    sequence: int, content: Any, *, thing: str = FRIDGE, application: str = "coldchain", **more: Any
) -> StreamRecord:
    return record(sequence, envelope_of(content, thing=thing, application=application, **more), partition_key=thing)


def redrive(sequence: int, content: Any, *, origin: StreamRecord, application: str = "coldchain") -> StreamRecord:
    """`content`, quarantined when `origin` carried it, put on the stream once more."""
    more = {"origin": origin.event_id, "redrive_of": origin.event_id.replace(":", "-")}
    return message(sequence, content, thing=origin.partition_key, application=application, **more)


def sequence_number(sequence: int) -> str:
    return str(49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898 + sequence)


def kinesis_event(records: Iterable[StreamRecord]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventID": each.event_id,
                "kinesis": {
                    "sequenceNumber": each.sequence_number,
                    "partitionKey": each.partition_key,
                    "data": base64.b64encode(each.data).decode(),
                    "approximateArrivalTimestamp": each.arrived_at / 1000,
                },
            }
            for each in records
        ]
    }
