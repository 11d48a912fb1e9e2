import re
from pathlib import Path
from typing import Any

import pytest

from simulator import scenario
from simulator.errors import ScenarioError
from simulator.scenario import SCENARIOS

VALID: dict[str, Any] = {
    "about": "a test",
    "seed": 1,
    "duration_s": 60,
    "reporting_period_s": 10,
    "devices": [{"fleet": "north", "type": "fridge", "count": 2}, {"fleet": "plant", "type": "machine", "count": 1}],
}


def event(**changes: Any) -> dict[str, Any]:
    return VALID | {"events": [{"at_s": 1, "kind": "door_open", "for_s": 5, "devices": ["north-*"]} | changes]}


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("[!.]*[!a].json")), ids=lambda path: path.stem)
def test_every_shipped_scenario_is_valid(file: Path) -> None:
    assert scenario.load(file.stem).name == file.stem


def test_the_demo_has_nineteen_devices_and_lasts_a_minute() -> None:
    demo = scenario.load("demo")

    assert len(demo.devices) == 19
    assert demo.wall_s == 60
    assert {each.kind for each in demo.events} >= {
        "door_open",
        "compressor_failure",
        "compressor_repair",
        "freeze",
        "link_loss",
        "duplicates",
        "reordering",
        "clock_drift",
        "silence",
    }


def test_each_device_of_a_scenario_has_a_serial_of_its_own_on_the_allow_list() -> None:
    allowed = scenario.allow_list(scenario.load("demo"))

    assert len({each.serial for each in allowed}) == 19
    assert {(each.device_type, each.application) for each in allowed} == {
        ("fridge", "coldchain"),
        ("coldroom", "coldchain"),
        ("reefer", "coldchain"),
        ("machine", "factory"),
    }


def test_a_pattern_names_every_device_it_fits() -> None:
    told = scenario.parse(event(), name="test")

    assert told.events[0].labels == ("north-fridge-1", "north-fridge-2")


def test_two_groups_of_one_fleet_and_type_count_on() -> None:
    groups = [{"fleet": "north", "type": "fridge", "count": 1}, {"fleet": "north", "type": "fridge", "count": 2}]

    told = scenario.parse(VALID | {"devices": groups}, name="test")

    assert [device.label for device in told.devices] == ["north-fridge-1", "north-fridge-2", "north-fridge-3"]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({}, "The file: about and seed and duration_s and reporting_period_s and devices missing."),
        ([], "The file: [] is not of type 'object'."),
        (VALID | {"seed": "x"}, "seed: 'x' is not of type 'integer'."),
        (VALID | {"acceleration": 0}, "acceleration: 0 is not more than 0."),
        (VALID | {"speed": 2}, "The file: Additional properties are not allowed ('speed' was unexpected)."),
        (event(kind="door_opn"), "events[0].kind: 'door_opn' is not one of door_open, compressor_failure,"),
        (event(kind="shock", for_s=1), "events[0]: peak_g missing."),
        (event(rate=1), "events[0]: Unevaluated properties are not allowed ('rate' was unexpected)."),
        (event(devices=["south-*"]), "events[0].devices: no device of this scenario is called 'south-*'."),
        (event(devices=["*"]), "events[0].devices: plant-machine-1 is a machine: door_open happens to refrigerated"),
        (
            VALID | {"events": [{"at_s": 1, "kind": "hostile", "messages": ["rude"], "devices": ["north-*"]}]},
            "events[0].messages: there is no malformed message 'rude'; there are not_json, invalid_utf8,",
        ),
    ],
)
def test_a_fault_in_a_scenario_is_told_with_its_place(document: Any, sentence: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(sentence)):
        scenario.parse(document, name="test")


def test_every_fault_is_told_at_once_and_each_only_once() -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.parse({"seed": "x", "duration_s": 0}, name="test")

    assert caught.value.faults == (
        "The file: about and reporting_period_s and devices missing.",
        "duration_s: 0 is not more than 0.",
        "seed: 'x' is not of type 'integer'.",
    )


def test_a_scenario_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(ScenarioError, match="the shipped ones are broken_fridge, burst, demo, steady"):
        scenario.load("nothing")


def test_a_file_that_is_not_json_says_where(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text('{"about": ')

    with pytest.raises(ScenarioError, match=r"It is not JSON: .* line 1"):
        scenario.load(file)
