"""Which thresholds hold for a device, and the message that detectors see."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.adapters.detector_files import load_catalog
from coldwatch.profiles import Catalog, Profile, ProfileError, RegisteredDevice, join, read_profile
from coldwatch.profiles.changes import change, check_changes
from coldwatch.profiles.deployment import DefaultProfiles
from coldwatch.profiles.errors import ChangesError

CATALOG = load_catalog()
DEFAULT = CATALOG.profiles["default"]


def device(**entry: Any) -> RegisteredDevice:
    return RegisteredDevice(**{"device_id": "north-fridge-1", "fleet_id": "north", "application": "coldchain", **entry})


def body(**other: Any) -> bytes:
    values = msgspec.to_builtins(DEFAULT.values) | other.pop("values", {})
    known = {"name": "default", "version": 1, "about": "a", "source": "s", "application": "coldchain", "values": values}
    return json.dumps(known | other).encode()


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({}, "default"),
        ({"device_type": "fridge"}, "default"),
        ({"device_type": "reefer"}, "frozen_18"),
        ({"device_type": "reefer", "profile": "who_refrigerator"}, "who_refrigerator"),
        ({"application": "factory", "device_type": "machine"}, "factory_default"),
        ({"application": "factory", "device_type": "reefer"}, "factory_default"),
        ({"application": "factory", "profile": "factory_fahrenheit"}, "factory_fahrenheit"),
    ],
)
def test_a_devices_own_profile_stands_before_its_types_and_that_before_its_applications(
    entry: dict[str, Any], name: str
) -> None:
    found = CATALOG.in_force(device(**entry))

    assert found.profile.name == name
    assert not found.faults


@pytest.mark.parametrize(
    ("name", "told"),
    [("vaccines", "There is no profile 'vaccines'"), ("factory_default", "is one of factory, not of coldchain")],
)
def test_a_profile_that_cannot_be_followed_is_told_and_the_next_one_holds(name: str, told: str) -> None:
    found = CATALOG.in_force(device(profile=name, device_type="reefer"))

    assert found.profile.name == "frozen_18"
    [fault] = found.faults
    assert told in fault
    assert "frozen_18 holds instead" in fault


def test_changes_override_members_and_are_named_with_the_profile() -> None:
    found = CATALOG.in_force(device(profile_changes='{"high_c": 6, "silence_s": 60}'))

    assert not found.faults
    members = found.members
    assert members["high_c"] == 6.0
    assert members["silence_s"] == 60
    assert members["low_c"] == DEFAULT.members()["low_c"]
    assert members["name"] == "default"
    assert members["changed"] == ["high_c", "silence_s"]
    assert "changed" not in DEFAULT.members()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ('{"hihg_c": 6}', "`hihg_c` is no member of a coldchain profile; there are high_c,"),
        ('{"temperature_high": 6}', "`temperature_high` is no member of a coldchain profile"),
        ('{"high_c": "6"}', "`high_c`: expected `float`, got `str`."),
        ('{"high_c": null}', "`high_c`: expected `float`, got `null`."),
        ('{"high_c": 2000}', "`high_c`: expected `float` <= 200"),
        ('{"high_is_inclusive": 1}', "`high_is_inclusive`: expected `bool`, got `int`."),
        ('{"silence_s": 0}', "`silence_s`: expected `int` >= 1"),
        ('{"silence_s": 1.5}', "`silence_s`: expected `int`, got `float`."),
        ('{"minimum_readings": 1}', "`minimum_readings`: expected `int` >= 2"),
        ('{"low_c": 8}', "leave nothing in range"),
        ('{"battery_pct": 50}', "`battery_recovery_pct` must not be below"),
        ("[1]", "must be a JSON object"),
        ("6", "must be a JSON object"),
        ("{high_c: 6}", "The changes are not JSON"),
        ("[" * 100_000, "The changes are not JSON"),
        ('{"' + "x" * 100_000 + '": 1}', "is no member"),
    ],
    ids=lambda each: each[:40],
)
def test_a_change_that_cannot_be_followed_is_told_and_not_used(changes: str, told: str) -> None:
    found = CATALOG.in_force(device(profile_changes=changes))

    assert found.profile.values == DEFAULT.values
    assert told in " ".join(found.faults)
    assert len(" ".join(found.faults)) < 600


def test_a_misspelt_change_does_not_take_its_neighbour_with_it() -> None:
    found = CATALOG.in_force(device(profile_changes='{"hihg_c": 6, "low_c": 2}'))

    assert found.members["low_c"] == 2.0
    assert found.members["changed"] == ["low_c"]
    assert len(found.faults) == 1


def test_changes_that_contradict_each_other_are_all_left_out() -> None:
    found = CATALOG.in_force(device(profile_changes='{"high_c": 3, "low_c": 2.5, "silence_s": 60}'))

    assert found.profile == DEFAULT
    assert "leave nothing in range" in found.faults[0]


def test_whoever_is_about_to_store_changes_hears_of_every_fault() -> None:
    with pytest.raises(ChangesError) as told:
        check_changes(DEFAULT, '{"hihg_c": 6, "low_c": "two"}')

    assert len(told.value.faults) == 2
    assert check_changes(DEFAULT, '{"low_c": 2}').changed == ("low_c",)


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_whatever_the_changes_say_there_is_a_profile(text: str) -> None:
    profile, faults = change(DEFAULT, text)

    assert isinstance(profile, Profile)
    assert faults or profile.changed or json.loads(text) == {}


members = st.sampled_from([*msgspec.structs.asdict(DEFAULT.values)])


@given(st.dictionaries(members, st.floats(-300, 300) | st.integers(-10, 10**9) | st.booleans(), max_size=4))
def test_what_comes_of_changes_is_always_a_profile_that_contradicts_nothing(changes: dict[str, Any]) -> None:
    profile, faults = change(DEFAULT, json.dumps(changes))

    assert not profile.values.contradictions()
    assert faults or set(profile.changed) == set(changes)


def test_a_reading_is_joined_with_the_profile_of_its_device() -> None:
    said = {"device_id": "north-fridge-1", "timestamp": 1, "seq": 2, "temp_c": 4.5, "probe": None, "sensor_type": None}

    input_name, payload = join(said, device(), CATALOG)

    assert input_name == "telemetry"
    joined = {"sensor_id": "north-fridge-1", "profile": DEFAULT.members()}
    assert payload == joined | {name: value for name, value in said.items() if value is not None}


def test_a_factory_sensor_is_named_and_gets_the_limits_of_its_type() -> None:
    machine = device(device_id="plant-machine-1", application="factory")

    joined = {
        sensor_type: join({"sensor_type": sensor_type, "value": 1.5}, machine, CATALOG)
        for sensor_type in ("pressure", "vibration")
    }

    assert {name for name, _ in joined.values()} == {"factory_telemetry"}
    assert joined["pressure"][1]["sensor_id"] == "plant-machine-1:pressure"
    assert joined["pressure"][1]["limits"] == {"low": 0.0, "high": 200.0, "hysteresis": 0.5}
    assert "limits" not in joined["vibration"][1]


def test_devices_that_agree_share_one_profile() -> None:
    first, second = (CATALOG.in_force(device(device_id=name)) for name in ("north-fridge-1", "north-fridge-2"))

    assert first is second
    assert first.members is second.members


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"", "Not a profile"),
        (body(version=0), "version"),
        (body(name="Who Fridge"), "name"),
        (body(application="ships"), "application"),
        (body(values={"hihg_c": 6}), "hihg_c"),
        (body(values={"low_c": 9}), "leave nothing in range"),
        (body(colour="red"), "colour"),
    ],
)
def test_a_file_that_is_no_profile_is_refused_with_a_reason(document: bytes, told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        read_profile(document)


def test_vibration_has_all_its_limits_or_none() -> None:
    factory = CATALOG.profiles["factory_default"]

    profile, faults = change(factory, '{"vibration_high": 11.2}')

    assert profile is factory
    assert "belong together" in faults[0]


@pytest.mark.parametrize(
    ("defaults", "told"),
    [
        (
            DefaultProfiles("vaccines", "factory_default"),
            "default profile of coldchain: There is no profile 'vaccines'",
        ),
        (DefaultProfiles("default", "default"), "default profile of factory: The profile default is one of coldchain"),
        (
            DefaultProfiles("default", "factory_default", {"reefer": "frozen"}),
            "type reefer: there is no profile frozen",
        ),
    ],
)
def test_a_catalog_without_its_defaults_is_refused(defaults: DefaultProfiles, told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        Catalog(CATALOG.profiles.values(), defaults)


def test_two_profiles_of_one_name_are_refused() -> None:
    with pytest.raises(ProfileError, match="Two profiles are called default"):
        Catalog([DEFAULT, DEFAULT], DefaultProfiles("default", "default"))
