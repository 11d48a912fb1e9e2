"""Every file in `detectors/`: what the service would have taken, what the schemas say, and what belongs together."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from coldwatch.adapters.detector_files import FOLDER, load_deployment, load_detectors
from coldwatch.detection.detector import watches
from coldwatch.engine.alarm_model import AlarmModel
from coldwatch.engine.checker import check
from coldwatch.engine.errors import Level
from coldwatch.engine.machine import Message, advance, evaluate
from coldwatch.profiles import Clock, DeploymentError, ProfileError
from coldwatch.profiles.values import SHAPES
from tests.unit.detection.builders import detector_model

ROOT = Path(__file__).parents[3]
MODELS = sorted((ROOT / "detectors" / "models").glob("*.json"))
PREVIOUS = sorted((ROOT / "detectors" / "previous").glob("*.json"))
INPUTS = sorted((ROOT / "detectors" / "inputs").glob("*.json"))
PROFILES = sorted((ROOT / "detectors" / "profiles").glob("*.json"))
PAGE = (ROOT / "docs" / "detectors.md").read_text()
FILES = load_detectors()

CONDITION_LIMIT, DESCRIPTION_LIMIT, TIMERS, STATES, EVENTS, ACTIONS, ATTRIBUTES = 512, 1024, 5, 20, 20, 10, 200
"""Of the service."""


def schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text()))


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def events(model: Any) -> Iterator[Any]:
    for state in model["detectorModelDefinition"]["states"]:
        yield from state["onInput"].get("events", [])
        yield from state["onInput"]["transitionEvents"]


def name_of(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", [*MODELS, *PREVIOUS], ids=name_of)
def test_the_checker_has_nothing_to_say_about_a_model(path: Path) -> None:
    findings = check(path.read_bytes(), FILES.inputs)

    assert [str(each) for each in findings if each.level is not Level.INFO] == []
    assert read(path)["detectorModelName"] == path.stem


@pytest.mark.parametrize("path", MODELS, ids=name_of)
def test_a_model_keeps_the_services_limits(path: Path) -> None:
    model = read(path)
    states = model["detectorModelDefinition"]["states"]
    timers = {a["setTimer"]["timerName"] for event in events(model) for a in event["actions"] if "setTimer" in a}

    assert len(model["detectorModelDescription"]) <= DESCRIPTION_LIMIT
    assert len(states) <= STATES
    assert len(timers) <= TIMERS
    assert all(len(event["condition"]) <= CONDITION_LIMIT for event in events(model))
    assert all(len(event["actions"]) <= ACTIONS for event in events(model))
    assert all(len(state["onInput"]["transitionEvents"]) <= EVENTS for state in states)


@pytest.mark.parametrize("path", MODELS, ids=name_of)
def test_a_model_looks_at_a_message_only_when_that_message_has_come(path: Path) -> None:
    """So a timer reads no old message, and nothing of a message need be stored."""
    for event in events(read(path)):
        guarded = event["condition"].startswith(("currentInput(", "timeout("))

        assert guarded or "$input" not in event["condition"]
    assert detector_model(FILES.models[path.stem]).remembered == {}


@pytest.mark.parametrize("path", MODELS, ids=name_of)
def test_a_model_opens_in_one_state_and_recovers_by_a_message(path: Path) -> None:
    calls = [(a["lambda"], event) for event in events(read(path)) for a in event["actions"] if "lambda" in a]
    opening = [event for call, event in calls if call["functionArn"].endswith(":open_incident")]
    recovering = [event for call, event in calls if call["functionArn"].endswith(":recover_incident")]

    assert {event["nextState"] for event in opening} <= {"excursion", "exceeded", "silent", "low", "shaken", "lost"}
    assert len(opening) == 1
    assert recovering
    assert all(call.keys() == {"functionArn"} for call, _ in calls)
    assert all(event["condition"].startswith("currentInput(") for event in recovering)


@pytest.mark.parametrize("path", INPUTS, ids=name_of)
def test_an_input_declares_every_member_of_the_profiles(path: Path) -> None:
    body = read(path)
    paths = [each["jsonPath"] for each in body["inputDefinition"]["attributes"]]
    application = "factory" if path.stem.startswith("factory") else "coldchain"

    assert body["inputName"] == path.stem
    assert len(paths) == len(set(paths)) <= ATTRIBUTES
    declared = {path.removeprefix("profile.") for path in paths if path.startswith("profile.")}
    assert declared == {"name", "version", *SHAPES[application].__struct_fields__}


@pytest.mark.parametrize("path", PROFILES, ids=name_of)
def test_a_profile_fits_its_schema(path: Path) -> None:
    schema("profile").validate(read(path))

    assert FILES.catalog.profiles[path.stem].name == path.stem


@pytest.mark.parametrize("application", sorted(SHAPES))
def test_schema_and_shape_name_the_same_members(application: str) -> None:
    document = json.loads((ROOT / "schemas" / "profile.schema.json").read_text())["$defs"][application]
    shape = SHAPES[application]

    assert list(document["properties"]) == list(shape.__struct_fields__)
    optional = {name for name in shape.__struct_fields__ if name.startswith(("vibration_", "cumulative_", "trip"))}
    assert set(document["required"]) == set(shape.__struct_fields__) - optional


@pytest.mark.parametrize(
    "change", [{"version": 0}, {"name": "No"}, {"values": {}}, {"application": "factory"}, {"colour": "red"}]
)
def test_the_schema_refuses_what_is_no_profile(change: dict[str, Any]) -> None:
    assert not schema("profile").is_valid(read(PROFILES[0]) | change)


def test_the_deployment_fits_its_schema_and_runs_every_model() -> None:
    document = read(ROOT / "detectors" / "deployment.json")

    schema("deployment").validate(document)

    assert set(FILES.models) == {path.stem for path in MODELS} == set(document["models"])
    assert {name for name, each in load_deployment().models.items() if each.clock == "wall"} == {"device_silence"}


def test_the_files_ship_with_the_code() -> None:
    assert FOLDER.parent.name == "functions"
    assert FOLDER.resolve() == ROOT / "detectors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "detectors"))


def test_another_layout_is_the_same_version_and_another_content_is_not(folder: Path) -> None:
    shock, battery = folder / "models" / "shock.json", folder / "models" / "battery_low.json"
    shock.write_text(json.dumps(read(shock)))
    battery.write_text(battery.read_text().replace("Battery low", "Battery is low"))

    versions = load_detectors(folder).versions

    assert versions["shock"] == FILES.versions["shock"]
    assert versions["battery_low"] != FILES.versions["battery_low"]


def test_a_model_that_the_deployment_names_must_be_there(folder: Path) -> None:
    (folder / "models" / "shock.json").unlink()

    with pytest.raises(DeploymentError, match="not in models/: shock"):
        load_detectors(folder)


def test_a_model_that_it_does_not_name_is_not_run(folder: Path) -> None:
    deployment = read(folder / "deployment.json")
    del deployment["models"]["shock"]
    (folder / "deployment.json").write_text(json.dumps(deployment))

    assert "shock" not in load_detectors(folder).models


def roll_out(folder: Path, model: str = "shock", **previous: Any) -> None:
    """`models/` gets another version of the model; the one that was there is the previous one."""
    (folder / "previous").mkdir(exist_ok=True)
    path = folder / "models" / f"{model}.json"
    (folder / "previous" / path.name).write_text(path.read_text())
    path.write_text(json.dumps(read(path) | {"detectorModelDescription": "Another."}))
    deployment = read(folder / "deployment.json")
    deployment["models"][model]["previous"] = previous
    (folder / "deployment.json").write_text(json.dumps(deployment))


def test_while_a_version_is_rolled_out_both_are_loaded(folder: Path) -> None:
    roll_out(folder, rollout=0.1)

    files = load_detectors(folder)
    watch = watches(files.models, files.versions, files.deployment, files.previous)["shock"]

    assert files.previous["shock"][1] == FILES.versions["shock"] != files.versions["shock"]
    assert watch.rollout is not None
    assert (watch.rollout.previous.clock, watch.rollout.fraction) == (Clock.EVENT, 0.1)
    assert {watch.for_key(str(n)).version for n in range(100)} == {FILES.versions["shock"], files.versions["shock"]}


def test_the_clock_alone_can_be_rolled_out(folder: Path) -> None:
    roll_out(folder, rollout=0.5, clock="wall")
    shutil.copy(folder / "previous" / "shock.json", folder / "models" / "shock.json")

    files = load_detectors(folder)
    watch = watches(files.models, files.versions, files.deployment, files.previous)["shock"]

    assert {watch.for_key(str(n)).clock for n in range(100)} == {Clock.WALL, Clock.EVENT}


def test_a_version_that_is_rolled_out_in_place_of_none_is_told(folder: Path) -> None:
    roll_out(folder, rollout=0.1)
    (folder / "previous" / "shock.json").unlink()

    with pytest.raises(DeploymentError, match="rolls shock out, and previous/ has no model of that name"):
        load_detectors(folder)


def test_a_version_that_is_rolled_out_in_place_of_itself_is_told(folder: Path) -> None:
    roll_out(folder, rollout=0.1)
    shutil.copy(folder / "previous" / "shock.json", folder / "models" / "shock.json")

    with pytest.raises(DeploymentError, match="previous/ has the same version as models/"):
        load_detectors(folder)


def test_a_version_with_another_key_cannot_be_rolled_out(folder: Path) -> None:
    roll_out(folder, rollout=0.1)
    path = folder / "previous" / "shock.json"
    path.write_text(json.dumps(read(path) | {"key": "sensor_id"}))

    with pytest.raises(DeploymentError, match="another key than the previous one"):
        load_detectors(folder)


@pytest.mark.parametrize("previous", [{}, {"rollout": -0.1}, {"rollout": 1.1}, {"rollout": 0.5, "clock": "sun"}])
def test_a_roll_out_has_a_fraction(folder: Path, previous: dict[str, Any]) -> None:
    roll_out(folder, **previous)

    assert not schema("deployment").is_valid(read(folder / "deployment.json"))
    with pytest.raises(DeploymentError):
        load_detectors(folder)


def test_a_previous_version_that_no_model_is_rolled_out_in_place_of_is_not_run(folder: Path) -> None:
    shutil.copytree(folder / "models", folder / "previous")

    assert load_detectors(folder).previous == {}


ALARM = {
    "alarmModelName": "hot",
    "key": "device_id",
    "roleArn": "arn:aws:iam::123456789012:role/alarm-models",
    "alarmRule": {
        "simpleRule": {"inputProperty": "$input.telemetry.temp_c", "comparisonOperator": "GREATER", "threshold": "8"}
    },
}


def test_an_alarm_model_is_deployed_as_any_other_and_may_open_no_incident(folder: Path) -> None:
    deployment = read(folder / "deployment.json")
    deployment["models"]["hot"] = {"clock": "wall"}
    schema("deployment").validate(deployment)
    (folder / "deployment.json").write_text(json.dumps(deployment))
    (folder / "models" / "hot.json").write_text(json.dumps(ALARM))

    files = load_detectors(folder)

    assert isinstance(files.models["hot"], AlarmModel)
    assert files.versions["hot"]
    assert files.deployment.models["hot"].incident is None


def test_two_models_of_one_name_are_refused(folder: Path) -> None:
    (folder / "models" / "other.json").write_text(json.dumps(ALARM | {"alarmModelName": "shock"}))

    with pytest.raises(DeploymentError, match="two models of the name shock"):
        load_detectors(folder)


def test_a_faulty_profile_is_told_by_its_files_name(folder: Path) -> None:
    (folder / "profiles" / "frozen_18.json").write_text("{}")

    with pytest.raises(ProfileError, match=r"frozen_18\.json: Not a profile"):
        load_detectors(folder)


def test_a_profiles_file_has_its_name(folder: Path) -> None:
    (folder / "profiles" / "frozen_18.json").rename(folder / "profiles" / "frozen.json")

    with pytest.raises(ProfileError, match=r"frozen\.json holds the profile frozen_18"):
        load_detectors(folder)


def test_a_deployment_that_is_none_is_refused(folder: Path) -> None:
    (folder / "deployment.json").write_text('{"profiles": {}, "models": {}}')

    with pytest.raises(DeploymentError, match="coldchain"):
        load_detectors(folder)


def test_the_trace_shows_what_its_page_says() -> None:
    """A reading a minute: a spike, then seven minutes of heat."""
    model = detector_model(FILES.models["sustained_excursion_high"])
    acted: dict[int, list[str]] = {}
    snapshot, began = None, None
    for line in (ROOT / "detectors" / "traces" / "spike_then_heat.jsonl").read_text().splitlines():
        sent = json.loads(line)
        now_ms = sent["timestamp"]["timeInMillis"]
        began = began or now_ms
        if snapshot is not None:
            for evaluation in advance(model, snapshot, key="acme-fridge-0001", until_ms=now_ms):
                snapshot = evaluation.after
        message = Message(sent["inputName"], sent["payload"], sent["messageId"])
        evaluation = evaluate(model, snapshot, message, key="acme-fridge-0001", now_ms=now_ms)
        snapshot = evaluation.after
        if evaluation.actions:
            acted[(now_ms - began) // 60_000] = [action.event_name for action in evaluation.actions]

        assert sent["payload"]["profile"] == FILES.catalog.profiles["default"].members()

    assert acted == {8: ["Too warm"], 15: ["Recovered"]}


@pytest.mark.parametrize("path", PROFILES, ids=name_of)
def test_the_page_tells_of_every_profile_with_its_limits(path: Path) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{path.stem}` |")]
    values = read(path)["values"]

    names = ("high_c", "low_c") if "high_c" in values else ("temperature_high", "temperature_low")
    assert all(re.search(rf"(?<![\d.]){re.escape(f'{values[name]:g}')}(?![\d.]*\d)", row) for name in names)


@pytest.mark.parametrize("name", sorted(FILES.models))
def test_the_page_tells_of_every_model_as_it_is_deployed(name: str) -> None:
    deployed = FILES.deployment.models[name]

    assert deployed.incident is not None
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    assert row.endswith(f"| {deployed.clock} | `{deployed.incident.kind}`, {deployed.incident.severity} |")
