"""Stored detectors, effects and telemetry as tests of the runtime need them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from coldwatch.adapters.detector_files import load_detectors
from coldwatch.detection.detector import Detector, Watch, watches
from coldwatch.detection.effect import Effect, EffectAction, effect_id
from coldwatch.detection.ports import Entry
from coldwatch.detection.step import Arrival
from coldwatch.engine.loader import load_model
from coldwatch.engine.machines import Model
from coldwatch.engine.model import DetectorModel
from coldwatch.engine.snapshot import Snapshot, Timer
from coldwatch.profiles.deployment import Clock
from coldwatch.profiles.device import RegisteredDevice
from coldwatch.telemetry.envelope import StreamRecord
from coldwatch.telemetry.identity import Device
from tests.unit.telemetry.builders import FRIDGE, NOW, SHARD, coldchain, message

__all__ = ["FRIDGE", "NOW", "SHARD"]
FILES = load_detectors()
WATCHES = watches(FILES.models, FILES.versions, FILES.deployment, FILES.previous)
SILENCE = "device_silence"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


def detector_model(model: Model) -> DetectorModel:
    """A model that is none of alarms."""
    assert isinstance(model, DetectorModel)
    return model


def detector(
    *, key: str = FRIDGE, due_ms: int | None = None, model: str = SILENCE, version: int = 0, **changes: Any
) -> Detector:
    """One that has heard its device; `due_ms` is when its silence is noticed."""
    watch = WATCHES[model]
    timers = {} if due_ms is None else {"silence": Timer(due_ms, 600)}
    known = Detector(
        model=model,
        key=key,
        clock=watch.clock,
        model_version=watch.version,
        snapshot=Snapshot("heard", {}, timers, {}),
        device_id=key,
        application="coldchain",
        version=version,
    )
    return replace(known, **changes)


def effect(*, key: str = FRIDGE, index: int = 0, function: str = "open_incident", size: int = 0) -> Effect:
    return Effect(
        effect_id=effect_id(f"shock/{key}", ("message", "s:1"), index),
        detector_model="shock",
        model_version="1",
        key=key,
        device_id=key,
        application="coldchain",
        event_name="Shock",
        occurred_at=NOW,
        clock="event",
        trigger={},
        profile=None,
        action=EffectAction("lambda", {"functionArn": ARN + function}, {"text": "x" * size}, "a-1"),
    )


def arrival(sequence: int = 1, *, at: int = 0, arrived: int | None = None, **changes: Any) -> Arrival:
    """A message whose reading was taken `at` ms after NOW, and arrived then or at `arrived`."""
    timestamp = NOW + at
    payload = {"device_id": FRIDGE, "timestamp": timestamp, "seq": sequence, "value": 0, **changes}
    return Arrival(
        input_name="telemetry",
        payload=payload,
        origin=f"{SHARD}:{sequence}",
        shard_id=SHARD,
        sequence=sequence,
        thing=FRIDGE,
        device_id=FRIDGE,
        application="coldchain",
        reading_key=f"{timestamp:013d}#-#{payload['seq']}",
        timestamp=timestamp,
        arrived_at=timestamp if arrived is None else NOW + arrived,
    )


def records_of(
    readings: Iterable[tuple[int, Mapping[str, Any]]], *, first: int = 1, device_id: str = FRIDGE
) -> list[StreamRecord]:
    """Records of readings taken so many seconds after NOW, which arrived at once."""
    return [
        _arriving(
            message(
                first + n,
                coldchain(device_id=device_id, timestamp=NOW + 1000 * at, seq=first + n, **changes),
                thing=device_id,
                received_at=NOW + 1000 * max(at, 0),
            ),
            NOW + 1000 * max(at, 0),
        )
        for n, (at, changes) in enumerate(readings)
    ]


def _arriving(record: StreamRecord, at: int) -> StreamRecord:
    return replace(record, arrived_at=at)


def counting_watch(
    clock: Clock = Clock.EVENT,
    *,
    content: str = "'text'",
    actions: int = 1,
    version: str = "1",
    input_name: str = "telemetry",
) -> Watch:
    """A model that publishes at each message, `actions` times, and counts the messages."""
    publish = {"iotTopicPublish": {"mqttTopic": "t", "payload": {"contentExpression": content, "type": "STRING"}}}
    count = {"setVariable": {"variableName": "count", "value": "$variable.count + 1"}}
    zero = {"setVariable": {"variableName": "count", "value": "0"}}
    document = {
        "detectorModelName": "counting",
        "key": "device_id",
        "evaluationMethod": "SERIAL",
        "roleArn": "arn:aws:iam::123456789012:role/detector-models",
        "detectorModelDefinition": {
            "initialStateName": "only",
            "states": [
                {
                    "stateName": "only",
                    "onEnter": {"events": [{"eventName": "Begin", "condition": "true", "actions": [zero]}]},
                    "onInput": {
                        "events": [
                            {
                                "eventName": "Each",
                                "condition": f'currentInput("{input_name}")',
                                "actions": [count, *[publish] * actions],
                            }
                        ]
                    },
                }
            ],
        },
    }
    return Watch(load_model(document), clock, version)


def entry(name: str, **more: Any) -> Entry:
    watched = RegisteredDevice(device_id=name, fleet_id="acme", application="coldchain", **more)
    return Entry(Device(name, "acme", "coldchain"), watched)
