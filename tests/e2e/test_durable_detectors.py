"""Detectors under load, through the real thing: a burst that all of them see, and ten thousand timers at once."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from coldwatch_ops.accounts import Accounts
from coldwatch_ops.devices.watching import watch
from simulator.api import Fleet
from simulator.connection import Publication
from simulator.message import Kind
from tests.conftest import Cloud
from tests.e2e.figures import percentiles
from tests.e2e.test_ingest import Books, reading
from tests.unit.detection.builders import WATCHES

pytestmark = [pytest.mark.cloud, pytest.mark.long]

MESSAGES = 100_000
MODELS_OF_TELEMETRY = sum("telemetry" in each.inputs for each in WATCHES.values())
TIMERS = 10_000
FIRED = 4_000
"""So many of them are due during the test, evenly; the others stay pending until long after."""
HEARD_PER_SECOND = 100
DUE_PER_SECOND = 25
SHORTEST_S = TIMERS // HEARD_PER_SECOND + 20
"""So the first timer is due when the last is set, and ten thousand are pending."""
LONGEST_S = 86_400


@pytest.mark.timeout(1_800)
def test_of_a_burst_every_message_is_evaluated_stored_and_archived(cloud: Cloud, figures: list[str]) -> None:
    books = Books(cloud)
    with cloud.provision(*(f"STORM{number}" for number in range(10)), is_watched=True) as fleet:
        alone = without_a_rule(fleet, MESSAGES // 5)
        seen_before = evaluations(cloud)
        began = time.monotonic()
        summary = fleet.burst(MESSAGES)
        seen = books.balance(MESSAGES, within_s=900)
        stored_s = time.monotonic() - began
        wanted = seen_before + MESSAGES * MODELS_OF_TELEMETRY
        cloud.wait_for("every model has seen every message", lambda: evaluations(cloud) >= wanted, within_s=600)
        for thing in fleet.devices:  # nobody is to be told that they have fallen silent
            watch(cloud.stack, thing, is_watched=False)

    figures.append(
        f"{MESSAGES:,} messages: published at {summary.per_second:,.0f}/s (the broker alone, to a topic without a rule:"
        f" {alone:,.0f}/s), stored and archived after {stored_s:.1f} s, each evaluated by {MODELS_OF_TELEMETRY} models"
    )
    assert seen == Accounts(accepted=MESSAGES, duplicates=0, quarantined=0, conflicts=0)
    assert evaluations(cloud) == wanted, "each once"


@pytest.mark.timeout(1_800)
def test_of_ten_thousand_timers_those_due_fire_once_each_and_none_early(cloud: Cloud, figures: list[str]) -> None:
    with cloud.provision("MANY1", fleet="many", device_type="gateway") as fleet, effects_kept(cloud):
        gateway = next(iter(fleet.devices))
        children = [f"many-probe-{number:05d}" for number in range(TIMERS)]
        register(cloud, gateway, children)
        say(fleet, gateway, children)
        told = silences(cloud, children)

    late_s = [seconds for device in children for seconds in told[device]]
    figures.append(
        f"{TIMERS:,} pending timers, of which {FIRED:,} were due, {DUE_PER_SECOND} a second, fired late by"
        f" {percentiles(late_s)}"
    )
    wanted = dict.fromkeys(children[:FIRED], 1) | dict.fromkeys(children[FIRED:], 0)
    assert {device: len(told[device]) for device in children} == wanted
    assert min(late_s) >= 0


def without_a_rule(fleet: Fleet, messages: int) -> float:
    """Messages a second that the broker takes of the same devices when no rule listens."""
    fleet.open()
    devices = list(fleet.devices.values())
    began = time.monotonic()
    for number in range(messages):
        device = devices[number % len(devices)]
        topic = f"$aws/things/{device.identity.thing}/jobs/burst/update"
        device.connection.publish(Publication(topic, reading(device.identity.thing, number), Kind.BURST))
    for device in devices:
        device.connection.drain()
    return messages / (time.monotonic() - began)


def evaluations(cloud: Cloud) -> int:
    """Of messages by detectors, in all batches so far, as their log says."""
    logs, group = cloud.client("logs"), f"/coldwatch/{cloud.stack_name}/evaluate_detectors"
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, filterPattern='"batch evaluated"')
    lines = [json.loads(event["message"]) for page in pages for event in page["events"]]
    return sum(line["evaluated"] for line in lines)


def register(cloud: Cloud, gateway: str, children: list[str]) -> None:
    """They were never heard before: nobody has to be told of their entries."""
    common = {"gateway": gateway, "fleet_id": "many", "application": "coldchain", "device_type": "fridge"}
    with cloud.stack.table("DeviceTableName").batch_writer() as batch:
        for number, device in enumerate(children):
            changes = json.dumps({"silence_s": silence_s(number)})
            batch.put_item(Item={"device_id": device, "watched": True, "profile_changes": changes, **common})


def silence_s(number: int) -> int:
    """A device that is heard later is due later by less than that: then they are due evenly, DUE_PER_SECOND."""
    if number >= FIRED:
        return LONGEST_S
    return SHORTEST_S + round(number / DUE_PER_SECOND - number / HEARD_PER_SECOND)


def say(fleet: Fleet, gateway: str, children: list[str]) -> None:
    """One reading of each, HEARD_PER_SECOND."""
    device = fleet.devices[gateway]
    fleet.open([gateway])
    began = time.monotonic()
    for number, child in enumerate(children):
        time.sleep(max(0.0, began + number / HEARD_PER_SECOND - time.monotonic()))
        payload = reading(child, 1, timestamp=time.time_ns() // 1_000_000)
        device.connection.publish(Publication(device.topic, payload, Kind.LIVE))
    device.connection.drain()


@contextmanager
def effects_kept(cloud: Cloud) -> Iterator[None]:
    """Effects stay in their queue while the block runs: what they would set off is not what is looked at."""
    functions = cloud.client("lambda")
    (mapping,) = functions.list_event_source_mappings(FunctionName=cloud.output("RunEffectsFunctionName"))[
        "EventSourceMappings"
    ]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def silences(cloud: Cloud, devices: list[str]) -> dict[str, list[float]]:
    """Of each device the seconds between its timer's due time and its effect's arrival in the queue, which is emptied
    of these until all that are due have come.
    """
    sqs, url = cloud.client("sqs"), cloud.output("EffectQueueUrl")
    told: dict[str, list[float]] = {device: [] for device in devices}
    deadline = time.monotonic() + SHORTEST_S + FIRED / DUE_PER_SECOND + 300
    while time.monotonic() < deadline and not all(told[device] for device in devices[:FIRED]):
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageSystemAttributeNames=["SentTimestamp"]
        )
        for message in answer.get("Messages", []):
            _note(message, told)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return told


def _note(message: dict[str, Any], told: dict[str, list[float]]) -> None:
    effect = json.loads(message["Body"])
    if effect["detector_model"] == "device_silence" and effect["device_id"] in told:
        sent_at = int(message["Attributes"]["SentTimestamp"])
        told[effect["device_id"]].append((sent_at - effect["occurred_at"]) / 1000)
