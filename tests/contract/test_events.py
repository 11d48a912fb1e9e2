"""The sample events: one per function, named after its folder, in the form that AWS documents."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from coldwatch.provisioning.claim import ClaimRequest, read_request
from coldwatch.provisioning.presence import Presence, read_presence
from coldwatch.telemetry.envelope import open_envelope, stream_record
from coldwatch.telemetry.judgement import Interpretation, interpret
from coldwatch.telemetry.rejection import Rejection
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
