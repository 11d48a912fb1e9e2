"""The schemas say outside what validation does inside: one corpus, and whatever hypothesis thinks of, given to both.

What validation knows beyond a schema is named here, and nothing else may differ: the end of the time span, identity,
the size and depth of a message, and numbers that no double holds.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coldwatch.adapters.mapping_files import load_mappings
from coldwatch.commands.execution import created
from coldwatch.commands.request import request
from coldwatch.commands.response import Response, read_response
from coldwatch.incidents.alerts import AlertEvent, alert
from coldwatch.incidents.escalation.policy_document import read_policy
from coldwatch.incidents.policy import PolicyError, Severity
from coldwatch.profiles.deployment import read_deployment
from coldwatch.profiles.errors import ProfilesError
from coldwatch.profiles.profile import read_profile
from coldwatch.telemetry.envelope import open_envelope
from coldwatch.telemetry.judgement import interpret, judge
from coldwatch.telemetry.quarantine import Quarantined, entry
from coldwatch.telemetry.reading import Reading, as_conflict, canonical_record
from coldwatch.telemetry.rejection import Reason, Rejection
from coldwatch.telemetry.shapes import EARLIEST_TIMESTAMP, SHAPES
from coldwatch.telemetry.topics import Application
from coldwatch.telemetry.validation import validate
from tests.unit.commands.fakes import DEVICE, response
from tests.unit.commands.fakes import order as command_order
from tests.unit.incidents.builders import NOW, incident
from tests.unit.telemetry.builders import DEVICES, MACHINE, RULES, coldchain, factory, message

ROOT = Path(__file__).parents[2]
SCHEMAS = sorted((ROOT / "schemas").glob("*.schema.json"))
MAPPINGS = sorted((ROOT / "schemas" / "payload_mappings").glob("*.json"))
POLICIES = [ROOT / "local" / "play_policy.json", ROOT / "local" / "demo" / "policy.json"]
READERS: dict[str, Callable[[bytes], object]] = {"profile": read_profile, "deployment": read_deployment}
SHOCK = {"incident": {"kind": "shock", "severity": "warning", "title": "Shock"}}
NO_ROLLOUTS: list[Any] = [{}, 0.1, {"rollout": "0.1"}, {"rollout": 2}, {"rollout": 0.1, "file": "x"}]
GOOD = {Application.COLDCHAIN: coldchain(), Application.FACTORY: factory()}


def schema(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text())
    return document


VALIDATORS = {each: Draft202012Validator(schema(f"telemetry_{each}")) for each in Application}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_schema_is_one_and_its_examples_fit(path: Path) -> None:
    document = json.loads(path.read_text())

    Draft202012Validator.check_schema(document)

    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"].endswith(path.name)
    assert document["description"]
    for example in document.get("examples", []):
        Draft202012Validator(document).validate(example)


@pytest.mark.parametrize("application", list(Application))
def test_schema_and_shape_name_the_same_members(application: Application) -> None:
    document, shape = schema(f"telemetry_{application}"), SHAPES[application]

    assert set(document["properties"]) == set(shape.__struct_fields__)
    assert set(document["required"]) == set(shape.required)
    assert all("description" in each for each in document["properties"].values())


numbers = (
    st.integers(-2, 101)
    | st.sampled_from([1e-300, -0.0, 4.5, 100.0, 100.5, 200, 201, -120.5, 1000, 1001, 1e9, -1e9, 1e10, 10**400, 2**53])
    | st.sampled_from([EARLIEST_TIMESTAMP - 1, EARLIEST_TIMESTAMP, float(EARLIEST_TIMESTAMP), 1_767_225_600_000.5])
)
texts = st.sampled_from(
    ["", "OK", "ok", "LOST", "temperature", "humidity", "acme-fridge-1", "a b", "a\n", "v1", "é", "x" * 65, "x" * 129]
)
places = st.fixed_dictionaries({}, optional={"lat": numbers | texts | st.none(), "lon": numbers, "other": texts})
anything = numbers | texts | places | st.none() | st.booleans() | st.lists(numbers, max_size=1)
members = st.sampled_from(
    [*coldchain(), *factory(), "fleet_id", "door_open", "probe", "firmware", "location", "metadata"]
)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(list(Application)), st.dictionaries(members, anything, max_size=3), st.sets(members, max_size=1))
def test_schema_and_validation_agree(application: Application, changes: dict[str, Any], lacking: set[str]) -> None:
    content = {name: value for name, value in (GOOD[application] | changes).items() if name not in lacking}

    accepted = not isinstance(validate(content, application), Rejection)
    accepted = accepted and content["timestamp"] >= EARLIEST_TIMESTAMP

    assert accepted == VALIDATORS[application].is_valid(content)


def readings() -> list[Reading]:
    contents = [coldchain(location={"lat": 1, "lon": 2}, firmware="1", probe="HI", door_open=True, x=[1]), coldchain()]
    envelopes = [open_envelope(message(n, content)) for n, content in enumerate(contents)]
    envelopes.append(open_envelope(message(9, factory(seq=3), thing=MACHINE, application="factory")))
    verdicts = [judge(each, interpret(each, DEVICES, RULES), DEVICES) for each in envelopes]
    return [verdict for verdict in verdicts if isinstance(verdict, Reading)]


def test_what_is_archived_fits_its_schema() -> None:
    validator = Draft202012Validator(schema("archive_record"))
    made = readings()

    for reading in [*made, as_conflict(made[0])]:
        validator.validate(canonical_record(reading))

    assert len(made) == 3


def test_an_entry_fits_its_schema_which_knows_every_reason() -> None:
    document = schema("quarantine_entry")
    made = entry(Quarantined(open_envelope(message(1, b"")), Rejection(Reason.EMPTY, "No bytes.")))

    Draft202012Validator(document).validate({name: value for name, value in made.items() if value is not None})

    assert document["properties"]["reason"]["enum"] == [reason.value for reason in Reason]


def test_every_reason_is_explained_to_people() -> None:
    rows = [line for line in (ROOT / "docs" / "telemetry.md").read_text().splitlines() if line.startswith("| `")]
    explained = {word for row in rows for word in re.findall("`([a-z_0-9]+)`", row.split("|")[1])}

    assert {reason.value for reason in Reason} <= explained


def test_an_envelope_of_the_builders_fits_its_schema_and_is_opened() -> None:
    record = message(1, coldchain())

    Draft202012Validator(schema("envelope")).validate(json.loads(record.data))

    assert open_envelope(record).application == "coldchain"


@pytest.mark.parametrize(
    "fault",
    [
        {"payload": 5},
        {"topic": ""},
        {"received_at": -1},
        {"received_at": 1.5},
        {"thing": None},
        {"redrive_of": "a"},
        {"origin": "a/b:1"},
        {"instead_of": ["s:1"]},
        {"origin": "s:1", "instead_of": "s:1"},
        {"client_id": 5},
    ],
)
def test_what_does_not_fit_the_envelopes_schema_is_not_opened_as_one(fault: dict[str, Any]) -> None:
    record = message(1, coldchain(), **fault) if "thing" not in fault else message(1, coldchain(), thing=None)  # type: ignore[arg-type] # the fault

    assert not Draft202012Validator(schema("envelope")).is_valid(json.loads(record.data))
    assert open_envelope(record).payload == record.data


@pytest.mark.parametrize("path", MAPPINGS, ids=lambda path: path.name)
def test_a_mapping_fits_its_schema_and_is_called_after_its_file(path: Path) -> None:
    document = json.loads(path.read_text())

    Draft202012Validator(schema("payload_mapping")).validate(document)

    assert document["name"] == path.stem


def test_a_mapping_maps_to_members_that_exist() -> None:
    known = {name for shape in SHAPES.values() for name in shape.__struct_fields__} | {"location.lat", "location.lon"}

    assert all(set(mapping.fields.values()) <= known for mapping in load_mappings())
    assert len(load_mappings()) == len(MAPPINGS) >= 2


@pytest.mark.parametrize("path", sorted((ROOT / "detectors" / "profiles").glob("*.json")), ids=lambda path: path.stem)
def test_a_profile_fits_its_schema_and_is_called_after_its_file(path: Path) -> None:
    document = json.loads(path.read_text())

    Draft202012Validator(schema("profile")).validate(document)

    assert read_profile(path.read_bytes()).name == document["name"] == path.stem


def test_the_deployment_fits_its_schema_and_names_models_and_profiles_that_exist() -> None:
    path = ROOT / "detectors" / "deployment.json"
    document = json.loads(path.read_text())

    Draft202012Validator(schema("deployment")).validate(document)

    assert set(read_deployment(path.read_bytes()).models) == set(document["models"])
    assert set(document["models"]) == {each.stem for each in (ROOT / "detectors" / "models").glob("*.json")}


@pytest.mark.parametrize("previous", [{"rollout": 0}, {"rollout": 0.25, "clock": "event"}, {"rollout": 1}])
def test_a_roll_out_fits_the_deployments_schema_and_is_read(previous: dict[str, Any]) -> None:
    document = json.loads((ROOT / "detectors" / "deployment.json").read_text())
    document["models"] = {"shock": SHOCK | {"previous": previous}}

    Draft202012Validator(schema("deployment")).validate(document)

    read = read_deployment(json.dumps(document).encode()).models["shock"].previous
    assert read is not None
    assert read.rollout == previous["rollout"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("profile", {"version": 0}),
        ("profile", {"name": "Default"}),
        ("profile", {"application": "kitchen"}),
        ("profile", {"values": {"high_c": "8"}}),
        ("profile", {"more": 1}),
        ("deployment", {"models": {"shock": {"clock": "sun"}}}),
        *(("deployment", {"models": {"shock": SHOCK | {"previous": each}}}) for each in NO_ROLLOUTS),
        ("deployment", {"more": 1}),
    ],
)
def test_what_does_not_fit_a_detectors_schema_is_not_read_either(name: str, fault: dict[str, Any]) -> None:
    paths = {"profile": "profiles/default.json", "deployment": "deployment.json"}
    document = json.loads((ROOT / "detectors" / paths[name]).read_text()) | fault

    assert not Draft202012Validator(schema(name)).is_valid(document)
    with pytest.raises(ProfilesError):
        READERS[name](json.dumps(document).encode())


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_a_policy_fits_its_schema_and_is_read(path: Path) -> None:
    document = json.loads(path.read_text())

    Draft202012Validator(schema("escalation_policy")).validate(document)

    assert len(read_policy(document).plans) == len(Severity)


seconds = st.sampled_from([-1, 0, 1, 59, 60, 900, 31_536_000, 31_536_001, 1.5, "900", None, True])
contacts = st.lists(st.sampled_from(["ana", "ben", "", "x" * 65, 5]), max_size=3) | st.none()
tiers = st.fixed_dictionaries({}, optional={"contacts": contacts, "acknowledge_within_s": seconds, "more": st.just(1)})
plan_members = {
    "tiers": st.lists(tiers, max_size=2) | st.just([{"contacts": ["ana"], "acknowledge_within_s": 60}]),
    "rounds": st.sampled_from([-1, 0, 1, 100, 101, 1.5, "1"]),
    "repeat_every_s": seconds,
    "resolve_within_s": seconds,
    "auto_resolve": st.sampled_from(["always", "acknowledged", "never", "ALWAYS", None]),
    "more": st.just(1),
}
faults = st.fixed_dictionaries({}, optional=plan_members)


@settings(max_examples=300, deadline=None)
@given(faults, st.sets(st.sampled_from([*plan_members]), max_size=1))
def test_schema_and_reader_agree_on_a_plan(changes: dict[str, Any], lacking: set[str]) -> None:
    document = json.loads(POLICIES[0].read_text())
    plan = {name: each for name, each in (document["severities"]["critical"] | changes).items() if name not in lacking}
    document["severities"] = {"critical": plan}

    is_read = True
    try:
        read_policy(document)
    except PolicyError:
        is_read = False

    assert is_read == Draft202012Validator(schema("escalation_policy")).is_valid(document)


@pytest.mark.parametrize("event", list(AlertEvent))
def test_an_alert_fits_its_schema_at_any_time_of_its_incident(event: AlertEvent) -> None:
    settled = {"acknowledged_by": "ana", "resolved_at": NOW, "resolution": "back in range", "peak": 11.5, "tier": 2}
    validator = Draft202012Validator(schema("alert"))

    for made in (incident(), incident(**settled, round=3)):
        document = alert(made, event, at=NOW)
        validator.validate(json.loads(json.dumps(document)))
        assert set(document) <= set(schema("alert")["properties"])


def test_a_request_and_a_response_fit_their_schemas() -> None:
    execution = created(
        "d9ezxgr1kfygfgtdd7hb1maqcw", command_order(), thing=DEVICE, application="coldchain", now_ms=NOW
    )
    asked = request(execution, 1, expires_at=NOW + 30_000, now_ms=NOW)

    Draft202012Validator(schema("command_request")).validate(json.loads(json.dumps(asked)))
    Draft202012Validator(schema("command_response")).validate(json.loads(response(execution.execution_id)))


def test_schema_and_reader_agree_on_the_statuses_of_a_response() -> None:
    validator = Draft202012Validator(schema("command_response"))
    for status in ("IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CREATED", "done", ""):
        payload = response("d9ezxgr1kfygfgtdd7hb1maqcw", status)

        assert isinstance(read_response(payload), Response) == validator.is_valid(json.loads(payload))
