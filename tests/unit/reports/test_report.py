"""What a report says of an incident; made of what is kept and of nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from coldwatch.reports.report import STATEMENT, Sources, encode, report
from coldwatch.reports.sentences import profile_in_words
from tests.unit.incidents.builders import MINUTE, NOW
from tests.unit.reports.examples import (
    FACTORY,
    HOUR,
    PROFILE,
    ROOM,
    SHIPPING,
    all_cases,
    fridge_readings,
    over,
    sources,
    with_gap_and_late,
)

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "incident_report.schema.json").read_text())
MODELS = json.loads((Path(__file__).parents[3] / "detectors" / "deployment.json").read_text())["models"]
CASES = all_cases()


def made(of: Sources) -> dict[str, Any]:
    """As whoever reads report.json sees it."""
    decoded: dict[str, Any] = json.loads(encode(report(of)))
    return decoded


@pytest.mark.parametrize("name", CASES)
def test_every_report_fits_its_schema(name: str) -> None:
    Draft202012Validator(SCHEMA).validate(made(CASES[name]))


def test_an_excursion_has_its_peak_its_times_and_the_thresholds_that_were_in_force() -> None:
    said = made(sources(over(), fridge_readings()))

    excursion = said["course"]["excursion"]
    assert excursion["peak"] == 14.9
    assert (excursion["since"], excursion["until"], excursion["is_over"]) == (NOW + MINUTE, NOW + 125 * MINUTE, True)
    assert said["course"]["above_ms"] == said["course"]["longest_above_ms"] == 124 * MINUTE
    assert said["course"]["below_ms"] == 0
    assert said["thresholds"]["profile"] == PROFILE
    assert (said["thresholds"]["low"], said["thresholds"]["high"]) == (2.0, 8.0)
    assert said["statement"] == STATEMENT


@pytest.mark.parametrize(("case", "limit"), [("cumulative_high", 30.0), ("cumulative_second", 10.0)])
def test_what_was_too_warm_for_too_long_is_told_by_the_limit_above_which_it_was_counted(
    case: str, limit: float
) -> None:
    """A cumulative limit is out of range itself; what the profile says of its other limits does not matter."""
    said = made(CASES[case])

    thresholds, of = said["thresholds"], said["course"]
    assert (thresholds["low"], thresholds["high"], thresholds["high_is_inclusive"]) == (None, limit, True)
    assert of["excursion"] == {
        "since": NOW,
        "until": NOW + 150 * MINUTE,
        "is_over": True,
        "peak": limit + 5,
    }
    assert (of["above_ms"], of["longest_above_ms"], of["below_ms"]) == (90 * MINUTE, 60 * MINUTE, 0)
    assert said["mean_kinetic_temperature"]["is_meaningful"]


EXTREMES = (
    {"temp_c": 60.0, "battery_pct": 100.0, "shock_g": 9.0, "sensor_type": "pressure", "value": 99.0},
    {"temp_c": -60.0, "battery_pct": 1.0, "shock_g": 0.0, "sensor_type": "pressure", "value": -99.0},
)


@pytest.mark.parametrize("extreme", EXTREMES, ids=["high", "low"])
@pytest.mark.parametrize("model", MODELS)
def test_whatever_was_out_of_range_on_the_side_of_its_incident_is_an_excursion(
    model: str, extreme: dict[str, Any]
) -> None:
    kind = MODELS[model]["incident"]["kind"]
    key = "press-17:pressure" if kind == "out_of_range" else "device"
    of = over(kind=kind, detector_model=model, key=key, profile=SHIPPING | FACTORY)
    readings = [extreme | {"timestamp": NOW + minute * MINUTE} for minute in range(60)]

    said = made(sources(of, readings))["course"]

    is_high = extreme is EXTREMES[0]
    is_out = {"too_cold": not is_high, "battery_low": not is_high, "out_of_range": True, "silent": False}
    assert (said["excursion"] is not None) == is_out.get(kind, is_high)
    if said["excursion"]:
        assert said["above_ms" if is_high else "below_ms"] == 59 * MINUTE


@pytest.mark.parametrize(
    ("model", "after"),
    [
        ("sustained_excursion_high", "3 h of it"),
        ("sustained_excursion_freeze", "15 min of it"),
        ("cumulative_excursion", "10 h of it in all"),
        ("cumulative_excursion_second", "20 h of it in all"),
        ("device_silence", "5 min of it"),
        ("probe_lost", "10 min of it"),
        ("sensor_range", "2 min of it"),
    ],
)
def test_a_report_says_after_how_long_there_is_an_incident(model: str, after: str) -> None:
    """A lost probe is of the kind `silent`, and has a duration of its own."""
    lasts = {"high_duration_s": 10_800, "low_duration_s": 900, "duration_s": 120, "probe_lost_s": 600, "silence_s": 300}
    of = over(kind=MODELS[model]["incident"]["kind"], detector_model=model, profile=SHIPPING | lasts)

    assert profile_in_words(made(sources(of, []))).endswith(f"; an incident after {after}")


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_battery_at_its_limit_is_not_low_whatever_counts_as_too_cold(inclusive: bool) -> None:  # noqa: FBT001 - a case
    of = over(kind="battery_low", profile=PROFILE | {"low_is_inclusive": inclusive})
    readings = [{"timestamp": NOW + minute * MINUTE, "battery_pct": 15.0} for minute in range(60)]

    assert made(sources(of, readings))["course"]["excursion"] is None


def test_gaps_are_gaps_and_late_data_is_marked() -> None:
    said = made(sources(over(), with_gap_and_late(fridge_readings())))["course"]

    assert said["gaps"] == [[NOW + 60 * MINUTE, NOW + 85 * MINUTE]]
    assert said["late"] == [[NOW + 30 * MINUTE, NOW + 46 * MINUTE]]
    assert said["late_count"] == 16
    assert said["unknown_ms"] == 25 * MINUTE
    assert said["above_ms"] == (124 - 25) * MINUTE


def test_late_data_counts() -> None:
    """What came late is out of range as long as it says."""
    missing = [each for each in fridge_readings() if not 20 < (each["timestamp"] - NOW) / MINUTE < 50]
    late = [each | {"received_at": each["timestamp"] + HOUR} for each in fridge_readings(since=21, until=49)]

    without, whole = (made(sources(over(), each))["course"] for each in (missing, missing + late))

    assert whole["above_ms"] - without["above_ms"] == 30 * MINUTE
    assert (len(without["gaps"]), len(whole["gaps"])) == (1, 0)


def test_a_dead_device_is_a_gap_up_to_the_end() -> None:
    said = made(CASES["silent_without_readings"])["course"]

    assert said["readings"] == []
    assert said["gaps"] == [[said["since"], said["until"]]]
    assert (said["excursion"], said["known_ms"]) == (None, 0)


@pytest.mark.parametrize(
    ("case", "why_not"),
    [
        ("freeze", "Not meaningful: it says nothing about freezing."),
        ("factory", "Not meaningful: it is about products, not machines."),
        ("silent_without_readings", "Not meaningful: this is about no high temperature."),
        ("one_reading", "Not known: too few readings, or too far apart."),
    ],
)
def test_where_a_mean_kinetic_temperature_would_mislead_there_is_none_and_a_reason(case: str, why_not: str) -> None:
    assert made(CASES[case])["mean_kinetic_temperature"] == {"is_meaningful": False, "why_not": why_not}


def test_frozen_goods_have_no_mean_kinetic_temperature() -> None:
    frozen = over(profile=PROFILE | {"high_c": -15.0, "low_c": -50.0})

    assert not made(sources(frozen, fridge_readings()))["mean_kinetic_temperature"]["is_meaningful"]


def test_a_refrigerator_is_judged_by_a_day_that_reaches_beyond_the_evidence() -> None:
    short, whole = (made(CASES[name])["mean_kinetic_temperature"] for name in ("heat", "heat_a_day"))

    assert (whole["storage_class"], whole["window_ms"], whole["limit_c"]) == ("refrigerated", 24 * HOUR, 8.0)
    assert whole["known_ms"] == 24 * HOUR
    assert short["known_ms"] == 4 * HOUR + 5 * MINUTE
    assert whole["celsius"] < short["celsius"]


def test_a_room_is_judged_by_thirty_days() -> None:
    said = made(CASES["room"])["mean_kinetic_temperature"]

    assert (said["window_ms"], said["limit_c"]) == (30 * 24 * HOUR, 25.0)


def test_a_profile_may_say_itself_of_which_class_it_is() -> None:
    named = over(profile=ROOM | {"storage_class": "refrigerated"})

    assert made(sources(named, fridge_readings()))["mean_kinetic_temperature"]["window_ms"] == 24 * HOUR


def test_who_was_told_and_whether_it_arrived() -> None:
    told = made(CASES["heat"])["told"]

    assert [(each["contact_id"], each["delivery"]) for each in told] == [("ana", "sent"), ("ben", "failed")]
    assert told[1]["failure"] == "no confirmed address"


def test_channel_and_delivery_are_told_where_pages_have_them() -> None:
    document = json.loads(CASES["heat"].record)
    document["pages"][0] |= {"channel": "sms", "delivery": "delivered"}
    known = CASES["heat"]

    told = made(Sources(json.dumps(document).encode(), known.evidence, known.window, known.objects))["told"]

    assert (told[0]["channel"], told[0]["delivery"]) == ("sms", "delivered")


def test_cause_and_disposition_are_told_where_somebody_said_them() -> None:
    said, unsaid = (made(CASES[name])["outcome"] for name in ("heat", "freeze"))

    assert (said["cause"], said["disposition"]) == ("door_left_open", "quarantined")
    assert (unsaid["cause"], unsaid["disposition"]) == (None, None)


def test_place_and_calibration_are_told_where_the_registry_has_them() -> None:
    calibrated = made(CASES["heat_a_day"])["device"]

    assert calibrated["calibration"]["certificate"] == "DKD-2026-0417"
    assert made(CASES["heat"])["device"]["place"] == {"site": "Basel", "location": "Dock 4"}
    assert "calibration" not in made(CASES["heat"])["device"]


def test_evidence_that_is_not_what_was_noted_of_it_is_said_to_be_so() -> None:
    key = f"incidents/{over().incident_id}/evidence.json"
    noted = sources(over(evidence_key=key, evidence_sha256="e" * 64), fridge_readings())
    other = sources(over(evidence_key=key, evidence_sha256="f" * 64), fridge_readings())

    assert made(noted)["objects"][1]["is_as_noted"]
    assert not made(other)["objects"][1]["is_as_noted"]


def test_a_report_without_evidence_tells_the_rest() -> None:
    said = made(CASES["no_evidence"])

    assert said["course"]["readings"] == []
    assert said["outcome"]["resolved_by"] == "ana"
    assert not said["course"]["is_complete"]
