"""What simulated devices say fits the schemas that real ones are held to."""

import json
from itertools import islice
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from simulator import burst, malformed, recording, scenario, timeline
from simulator.identity import Identity
from simulator.message import Transmission

SCHEMAS = Path(__file__).parents[2] / "schemas"
START_MS = 1_760_000_000_000


def validator(application: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((SCHEMAS / f"telemetry_{application}.schema.json").read_text()))


VALIDATORS = {application: validator(application) for application in ("coldchain", "factory")}


def faults(payload: bytes, application: str) -> list[str]:
    return [error.message for error in VALIDATORS[application].iter_errors(json.loads(payload))]


def test_every_message_of_the_demo_fits_its_schema() -> None:
    demo = scenario.load("demo")
    applications = {planned.label: planned.application for planned in demo.devices}
    things = {label: f"{label}-thing" for label in applications}

    sent = [step for step in timeline.steps(demo, things, START_MS) if isinstance(step, Transmission)]

    assert len(sent) > 3000
    assert [fault for step in sent for fault in faults(step.payload, applications[step.label])] == []


def test_the_recording_fits_the_factory_schema() -> None:
    recorded = recording.load(recording.MACHINE_TEMPERATURE)

    for message in islice(recording.messages(recorded, "plant-machine-1"), 0, None, 100):
        assert faults(message.payload, "factory") == []


@pytest.mark.parametrize("application", ["coldchain", "factory"])
def test_a_burst_fits_its_schema(application: str) -> None:
    identity = Identity("1", "a-b-1", "template", application, "", "rule", Path("certificate"), Path("key"))

    sent = [message.payload for _, message in burst.messages([identity], 300, START_MS)]

    assert len(set(sent)) == 300
    assert [fault for payload in sent for fault in faults(payload, application)] == []


@pytest.mark.parametrize("application", ["coldchain", "factory"])
def test_a_spoofed_message_has_nothing_wrong_but_its_topic(application: str) -> None:
    sender = malformed.Sender("a-b-1", application, "a-b-2", START_MS)

    assert faults(malformed.valid(sender), application) == []
