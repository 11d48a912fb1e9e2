"""Alarm models on the stream: stored, redelivered and woken as detectors are."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coldwatch.detection.detector import RESEND_AFTER_MS, Watch, decode_detector, encode_detector
from coldwatch.detection.orders import REFUSED, respond
from coldwatch.detection.ports import Wake
from coldwatch.engine.alarm_model import load_alarm_model
from coldwatch.engine.customer_action import CustomerAction, CustomerActionName
from coldwatch.engine.evaluation import Message
from coldwatch.engine.machines import machine_of
from coldwatch.profiles import Clock
from evaluate_detectors.evaluation import evaluate_batch
from evaluate_detectors.intake import Knowledge
from fire_timers.firing import fire, sweep
from tests.unit.detection.builders import FILES, FRIDGE, NOW, counting_watch, detector, entry, records_of
from tests.unit.detection.fakes import World, evaluation_ports, firing_ports
from tests.unit.telemetry.builders import RULES

NAME = f"hot/{FRIDGE}"


def watch(*, is_disabled: bool = False) -> Watch:
    """Above 8 °C, as the profile says; publishes each change of its state."""
    rule = {"inputProperty": "$input.telemetry.temp_c", "comparisonOperator": "GREATER"}
    document = {
        "alarmModelName": "hot",
        "key": "device_id",
        "roleArn": "arn:aws:iam::123456789012:role/alarm-models",
        "alarmRule": {"simpleRule": {**rule, "threshold": "$input.telemetry.profile.high_c"}},
        "alarmEventActions": {"alarmActions": [{"iotTopicPublish": {"mqttTopic": "hot"}}]},
        "alarmCapabilities": {
            "initializationConfiguration": {"disabledOnInitialization": is_disabled},
            "acknowledgeFlow": {"enabled": True},
        },
    }
    return Watch(load_alarm_model(document), Clock.WALL, "1")


def world_with(*readings: tuple[int, dict[str, Any]], watched: Watch | None = None, halves: int = 0) -> World:
    """After these readings, as (seconds after NOW, values); the first `halves` come twice."""
    world = World(entries={FRIDGE: entry(FRIDGE)}, now_ms=NOW + 1000 * readings[-1][0])
    knowledge = Knowledge(RULES, {"telemetry": [watched or watch()]}, FILES.catalog)
    batch = records_of(readings)
    for part in (batch[:halves], batch):
        if part:
            evaluate_batch(part, evaluation_ports(world), knowledge, now_ms=world.now_ms)
    return world


def said(world: World) -> list[tuple[str, int]]:
    return [(each.event_name, each.occurred_at - NOW) for each in world.sent]


def test_an_alarm_on_the_stream_tells_each_change_of_its_state_once() -> None:
    world = world_with((0, {"temp_c": 4.0}), (10, {"temp_c": 9.0}), (20, {"temp_c": 9.5}), (30, {"temp_c": 4.0}))

    assert said(world) == [("ACTIVE", 10_000), ("LATCHED", 30_000)]
    assert world.sent[0].action.payload["payload"]["alarm"]["alarmModelName"] == "hot"


def test_an_alarm_is_kept_from_its_first_message_on_and_a_message_that_changes_nothing_costs_nothing() -> None:
    world = world_with(*((n, {"temp_c": 4.0}) for n in range(20)), watched=watch(is_disabled=True))

    snapshot = world.detectors[NAME].snapshot
    assert snapshot is not None
    assert (snapshot.state, world.writes, world.sent) == ("DISABLED", 1, [])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([4.0, 9.0]), min_size=1, max_size=10), st.integers(0, 10))
def test_records_that_come_again_change_no_alarm(temperatures: list[float], halves: int) -> None:
    readings = [(10 * n, {"temp_c": each}) for n, each in enumerate(temperatures)]

    assert settled(world_with(*readings, halves=halves)).final() == settled(world_with(*readings)).final()


def settled(world: World) -> World:
    """A minute later, when nothing is owed any more."""
    ports = replace(firing_ports(world), watches={"hot": watch()})
    world.now_ms += RESEND_AFTER_MS
    fire([Wake(NAME, world.now_ms, 0)], ports, now_ms=world.now_ms)
    return world


def test_a_snooze_ends_when_nothing_comes() -> None:
    own, world = watch(), world_with((0, {"temp_c": 9.0}))
    alarm = world.detectors[NAME]
    assert alarm.snapshot is not None
    action = CustomerAction(CustomerActionName.SNOOZE, "r", snooze_s=30)
    step = respond(alarm, alarm.snapshot, action, own, now_ms=NOW + 1_000)
    ports = replace(firing_ports(world), watches={"hot": own})
    ports.commit.detectors.write([replace(step.detector, pending=())], now_ms=NOW)
    world.now_ms = NOW + 60_000

    sweep(ports, now_ms=world.now_ms)
    fire([wake for _, wake in world.wakes], ports, now_ms=world.now_ms)

    assert said(world)[-1] == ("NORMAL", 31_000)
    (event,) = (each for each in world.sent if each.event_name == "NORMAL")
    assert event.trigger == {"type": "timer", "timerName": "snooze"}


def test_what_an_alarm_refuses_leaves_it_as_it_is() -> None:
    alarm = world_with((0, {"temp_c": 4.0})).detectors[NAME]
    assert alarm.snapshot is not None

    step = respond(alarm, alarm.snapshot, CustomerAction(CustomerActionName.ACKNOWLEDGE, "r"), watch(), now_ms=NOW)

    assert (step.detector, step.has_changed, [note.path for note in step.notes]) == (alarm, False, [REFUSED])


def test_a_detector_is_no_alarm() -> None:
    known = detector()
    assert known.snapshot is not None

    with pytest.raises(TypeError, match="no alarm model"):
        respond(known, known.snapshot, CustomerAction(CustomerActionName.RESET, "r"), counting_watch(), now_ms=NOW)


def test_an_alarm_keeps_what_it_remembers_for_what_a_customer_may_do() -> None:
    own = machine_of(watch().model)
    first = own.evaluate(None, Message("telemetry", {"temp_c": 9}, "m"), key=FRIDGE, now_ms=NOW).after
    remembering = replace(first, inputs={"telemetry": {"temp_c": 9}})

    assert own.without_unseen(remembering) is remembering
    assert not own.is_as_new(first)


def test_ids_and_the_beginning_are_stored_with_a_detector() -> None:
    known = replace(detector(), message_ids={"a" * 12: 7, "b" * 12: 7, "c" * 12: 8}, created_at=NOW)

    assert decode_detector(encode_detector(known), 0, is_owing=False) == known
    assert "message_ids" not in encode_detector(detector())
