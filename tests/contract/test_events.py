"""The sample events: one per function, named after its folder, in the form that AWS documents."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from coldwatch.adapters.detector_files import load_deployment
from coldwatch.adapters.effect_targets import invocation_event
from coldwatch.adapters.timer_queue import read_wake
from coldwatch.commands.order import Order, read_order
from coldwatch.commands.response import Response, ResponseMessage, open_message, read_response
from coldwatch.detection.effect import decode_effect
from coldwatch.incidents.effects import read_effect
from coldwatch.incidents.identity import link_hash
from coldwatch.provisioning.claim import ClaimRequest, read_request
from coldwatch.provisioning.presence import Presence, read_presence
from coldwatch.telemetry.envelope import open_envelope, stream_record
from coldwatch.telemetry.judgement import Interpretation, interpret
from coldwatch.telemetry.rejection import Rejection
from incident_page.requests import read
from tests.contract.template import resources
from tests.unit.telemetry.builders import RULES

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def sample(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return event


def test_every_function_has_a_sample_event_and_every_event_a_function() -> None:
    assert sorted(path.stem for path in (ROOT / "events").glob("*.json")) == FUNCTIONS


def test_the_stream_sample_has_good_readings_of_both_applications_and_a_bad_one() -> None:
    validator = Draft202012Validator(json.loads((ROOT / "schemas/envelope.schema.json").read_text()))
    records = sample("store_telemetry")["Records"]
    for record in records:
        validator.validate(json.loads(base64.b64decode(record["kinesis"]["data"])))

    verdicts = [interpret(open_envelope(stream_record(record)), {}, RULES) for record in records]

    assert [each.application for each in verdicts if isinstance(each, Interpretation)] == ["coldchain", "factory"]
    assert [each.reason for each in verdicts if isinstance(each, Rejection)] == ["not_json"]


@pytest.mark.parametrize("key", ["eventID", "eventSourceARN", "eventSource", "awsRegion", "invokeIdentityArn"])
def test_the_stream_sample_has_what_lambda_sends(key: str) -> None:
    records = sample("store_telemetry")["Records"]

    assert all(record[key] for record in records)
    assert all(each["eventID"].endswith(":" + each["kinesis"]["sequenceNumber"]) for each in records)
    assert [each["kinesis"]["sequenceNumber"] for each in records] == sorted(
        (each["kinesis"]["sequenceNumber"] for each in records), key=int
    )


def test_the_stream_sample_is_of_a_shard_that_no_stream_has() -> None:
    # A ledger counts up to a sequence number: the sample, invoked beside a real stream, must not move a real shard's.
    shards = {record["eventID"].partition(":")[0] for record in sample("store_telemetry")["Records"]}

    assert shards == {"shardId-999999999999"}


def test_the_hooks_sample_is_a_request() -> None:
    event = sample("authorize_provisioning")
    parameters = json.loads((ROOT / "schemas/provisioning_parameters.schema.json").read_text())

    Draft202012Validator(parameters).validate(event["parameters"])

    assert isinstance(read_request(event), ClaimRequest)


def test_the_presence_sample_is_a_lifecycle_event() -> None:
    presence = read_presence(sample("record_presence"))

    assert presence == Presence("acme-fridge-0001", False, 1767225600123, 3, "CONNECTION_LOST")  # noqa: FBT003 - one case


def test_the_detectors_sample_has_readings_that_they_evaluate() -> None:
    records = sample("evaluate_detectors")["Records"]

    verdicts = [interpret(open_envelope(stream_record(record)), {}, RULES) for record in records]

    assert any(isinstance(each, Interpretation) for each in verdicts)
    assert {record["eventID"].partition(":")[0] for record in records} == {"shardId-999999999999"}


def test_the_timers_sample_wakes_a_detector() -> None:
    (record,) = sample("fire_timers")["Records"]

    wake = read_wake(record["body"])

    assert wake.detector_id == "device_silence/acme-fridge-0001"
    assert record["md5OfBody"] == md5(record["body"])


def test_the_effects_sample_is_an_effect_that_says_that_an_excursion_is_over() -> None:
    (record,) = sample("run_effects")["Records"]

    effect = decode_effect(record["body"])
    recovers = read_effect(invocation_event(effect))

    assert (recovers.effect_id, recovers.detector_model, recovers.device_id) == (
        effect.effect_id,
        "sustained_excursion_high",
        "acme-fridge-0099",
    )
    assert effect.action.fields["functionArn"].endswith(":recover_incident")
    assert record["md5OfBody"] == md5(record["body"])


def md5(body: str) -> str:
    """As SQS checks its messages; nothing is kept secret by it."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("name", ["open_incident", "recover_incident"])
def test_an_incidents_sample_is_what_a_detector_of_the_deployment_does(name: str) -> None:
    event = sample(name)

    effect = read_effect(event)

    assert effect.detector_model in load_deployment().models
    assert effect.detector_model == event["payload"]["detector"]["detectorModelName"]
    assert effect.began_at == event["payload"]["state"]["variables"]["began_at"] < effect.occurred_at


def payloads(machine: str) -> dict[str, set[str]]:
    """Function -> members of what a state machine invokes it with."""
    definition = json.loads((ROOT / "statemachines" / f"{machine}.asl.json").read_text())
    found = {}
    for state in definition["States"].values():
        arguments = state.get("Arguments", {})
        if isinstance(arguments.get("Payload"), dict):
            named = arguments["FunctionName"].removeprefix("${").removesuffix("FunctionArn}")
            found[re.sub("(?<!^)(?=[A-Z])", "_", named).lower()] = set(arguments["Payload"])
    return found


@pytest.mark.parametrize(("machine", "functions"), [("incident", 6), ("command", 2)])
def test_a_workflows_samples_have_the_members_that_it_invokes_with(machine: str, functions: int) -> None:
    found = payloads(machine)

    assert len(found) == functions
    assert {name: set(sample(name)) for name in found} == found


def test_the_commands_samples_are_read() -> None:
    order = read_order(sample("send_command"), fallback_token="token")
    dispatched = sample("dispatch_command")
    message = open_message(sample("record_command_response"))

    assert isinstance(order, Order)
    assert order.incident_on_timeout == "warning"
    assert isinstance(message, ResponseMessage)
    response = read_response(message.payload)
    assert isinstance(response, Response)
    assert response.execution_id == dispatched["execution_id"] == sample("time_out_command")["execution_id"]


def test_the_page_sample_asks_for_a_link_that_nobody_has() -> None:
    request = read(sample("incident_page"))
    before, _, secret = request.path.rpartition("/")

    assert (request.method, before) == ("GET", "/a")
    assert link_hash(secret)


def test_the_contacts_sample_is_what_the_schedule_sends() -> None:
    events = resources("AWS::Serverless::Function")["ManageContactsFunction"]["Properties"]["Events"]

    assert sample("manage_contacts") == json.loads(events["DailyCheck"]["Properties"]["Input"])
