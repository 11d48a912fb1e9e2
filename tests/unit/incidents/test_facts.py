"""What is kept of an incident and added to it: evidence, what a responder needs to know, record, alert, wording."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coldwatch.incidents.alerts import AlertEvent, alert, alert_topic
from coldwatch.incidents.answering import Action, Asked
from coldwatch.incidents.changing import IncidentMissingError
from coldwatch.incidents.enrichment import enrich, enrichment
from coldwatch.incidents.evidence import AT_MOST, PATIENCE_MS, NotStoredYetError, Ports, document, keep_evidence
from coldwatch.incidents.incident import Incident
from coldwatch.incidents.readings import excursion, shows_what_was_said
from coldwatch.incidents.recording import NotResolvedError, record
from coldwatch.incidents.wording import SUBJECT_LIMIT, Key, subject, text
from tests.unit.incidents.builders import FRIDGE, MINUTE, NOW, PROFILE, incident, is_, opened, operated, told, world
from tests.unit.incidents.fakes import World

BEGAN = NOW - 5 * MINUTE
ALERT = Draft202012Validator(json.loads((Path(__file__).parents[3] / "schemas/alert.schema.json").read_text()))


def reading(minutes: float, **measured: Any) -> dict[str, Any]:
    """A stored reading, so many minutes after the excursion began."""
    at = int(BEGAN + minutes * MINUTE)
    return {"device_id": FRIDGE, "reading_key": f"{at:013d}#-#1", "timestamp": at, **measured}


def with_readings(*readings: dict[str, Any]) -> tuple[World, Incident]:
    here = world()
    here.readings.readings = list(readings)
    return here, opened(here)


def close(here: World, of: Incident) -> None:
    operated(here, of, Asked(Action.RESOLVE, note="door shut"), "op", now_ms=NOW + 1)


def test_the_readings_around_an_excursion_are_kept_with_their_hash() -> None:
    inside = [reading(3, temp_c=9.0), reading(-119, temp_c=4.0), reading(60, temp_c=5.0)]
    here, made = with_readings(*inside, reading(-121, temp_c=4.0), reading(66, temp_c=4.0))

    kept = keep_evidence(made.incident_id, here.evidence(), now_ms=NOW)

    ((key, content),) = here.objects.kept.items()
    assert (kept.evidence_key, key) == (key, f"incidents/{made.incident_id}/evidence.json")
    assert kept.evidence_sha256 == hashlib.sha256(content).hexdigest()
    told_of = json.loads(content)
    assert [each["timestamp"] for each in told_of["readings"]] == sorted(each["timestamp"] for each in inside)
    assert told_of["is_complete"] is True


def test_evidence_that_is_noted_is_not_replaced() -> None:
    here, made = with_readings(reading(5, temp_c=9.0))
    first = keep_evidence(made.incident_id, here.evidence(), now_ms=NOW)
    before = dict(here.objects.kept)
    here.readings.readings.append(reading(2, temp_c=9.5))

    again = keep_evidence(made.incident_id, here.evidence(), now_ms=NOW + 9)

    assert (again, here.objects.kept) == (first, before)


class Behind:
    """A history that has a reading from the third question on."""

    def __init__(self, reading: dict[str, Any], *, asked_before: int = 2) -> None:
        self.asked, self._reading, self._before = 0, reading, asked_before

    def between(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        self.asked += 1
        return [reading(4, temp_c=9.0)] + ([self._reading] if self.asked > self._before else [])


def ask_each_two_seconds(ports: Ports, made: Incident, since: int, *, is_final: bool = False) -> int:
    """As the workflow does; after how many milliseconds the evidence was kept."""
    for waited in range(0, 60_000, 2000):
        try:
            keep_evidence(made.incident_id, ports, now_ms=since + waited, is_final=is_final)
        except NotStoredYetError:
            continue
        return waited
    raise AssertionError("never kept")


def test_evidence_waits_for_the_reading_that_opened_the_incident() -> None:
    here, made = with_readings()
    ports = replace(here.evidence(), readings=Behind(reading(5, temp_c=9.5)))

    assert ask_each_two_seconds(ports, made, NOW) == 4000

    (content,) = here.objects.kept.values()
    assert [each["temp_c"] for each in json.loads(content)["readings"]] == [9.0, 9.5]


def test_evidence_of_a_store_that_never_catches_up_is_what_there_is_and_holds_nobody_up_for_long() -> None:
    here, made = with_readings(reading(4, temp_c=9.0))

    assert ask_each_two_seconds(here.evidence(), made, NOW) == 16_000

    assert PATIENCE_MS <= 16_000
    assert is_(here, made).evidence_sha256


def test_the_last_evidence_waits_for_the_reading_of_the_recovery() -> None:
    here, made = with_readings(reading(5, temp_c=9.0))
    late = reading(20, temp_c=5.0)
    here.incidents.incidents[made.incident_id] = replace(made, recovered_at=late["timestamp"], resolved_at=NOW + 9)
    ports = replace(here.evidence(), readings=Behind(late))

    assert ask_each_two_seconds(ports, made, NOW + 9, is_final=True) == 4000

    assert is_(here, made).final_evidence_sha256


def test_readings_of_another_sensor_are_not_those_that_are_waited_for() -> None:
    of = incident(kind="out_of_range", key=f"{FRIDGE}:pressure")

    assert not shows_what_was_said(of, [reading(6, sensor_type="temperature", value=1.0)])
    assert not shows_what_was_said(of, [reading(4, sensor_type="pressure", value=1.0)])
    assert shows_what_was_said(of, [reading(5, sensor_type="pressure", value=1.0)])


@pytest.mark.parametrize("kind", ["silent", "command_timed_out"])
def test_what_is_about_no_reading_waits_for_none(kind: str) -> None:
    here, made = with_readings()
    here.incidents.incidents[made.incident_id] = replace(made, kind=kind)

    assert keep_evidence(made.incident_id, here.evidence(), now_ms=NOW).evidence_sha256


def test_a_device_whose_clock_is_ahead_has_its_peak() -> None:
    here, made = with_readings(reading(30, temp_c=9.5))

    assert enrich(made.incident_id, here.enrichment(), now_ms=NOW).peak == 9.5


def test_evidence_that_is_cut_keeps_the_newest_and_says_from_when_on_nothing_is_missing() -> None:
    many = [{"timestamp": at} for at in range(AT_MOST + 1)]

    cut = json.loads(document(incident(), (0, NOW), many, now_ms=NOW))
    whole = json.loads(document(incident(), (0, NOW), many[1:], now_ms=NOW))

    assert (len(cut["readings"]), cut["readings"][-1]) == (AT_MOST, {"timestamp": AT_MOST})
    assert (cut["is_complete"], cut["complete_from"]) == (False, 2), "another reading of the first one's time may be"
    assert (whole["is_complete"], whole["complete_from"]) == (True, 0)


def test_a_device_that_speaks_each_second_still_has_its_peak() -> None:
    usual = [reading(-second / 60, temp_c=4.0) for second in range(1, 7200)]
    here, made = with_readings(*usual, reading(1, temp_c=9.5))

    assert enrich(made.incident_id, here.enrichment(), now_ms=NOW).peak == 9.5


def test_a_responder_learns_where_how_bad_and_since_when() -> None:
    here, made = with_readings(
        reading(-1, temp_c=9.9, latitude=47.5, longitude=7.5),
        reading(0, temp_c=8.5),
        reading(1, temp_c=9.25),
        reading(4, temp_c=8.1),
        reading(4.5, temp_c=7.9),
    )

    after = enrich(made.incident_id, here.enrichment(), now_ms=NOW)

    assert (after.peak, after.duration_s) == (9.25, 240)
    details = after.details
    assert details is not None
    assert details["place"] == {"site": "Basel", "latitude": 47.5, "longitude": 7.5}
    assert (details["high"], details["last_reading_at"]) == (8.0, BEGAN + int(4.5 * MINUTE))
    assert (details["first_out_of_range_at"], details["last_out_of_range_at"]) == (BEGAN, BEGAN + 4 * MINUTE)
    assert [each["temp_c"] for each in details["recent"]] == [9.9, 8.5, 9.25, 8.1, 7.9]
    message = text(after, name="Ana", key=Key("https://x/a/s"))
    assert "Peak:     9.25 degrees C" in message
    assert "site Basel" in message


def test_what_the_registry_knows_of_the_calibration_is_stamped_on_the_incident() -> None:
    here, made = with_readings(reading(0, temp_c=9.0))
    known = here.directory.devices[FRIDGE]
    here.directory.devices[FRIDGE] = replace(known, calibration={"certificate": "DKD-1", "due": "2027-04-17"})

    details = enrich(made.incident_id, here.enrichment(), now_ms=NOW).details

    assert details is not None
    assert details["calibration"] == {"certificate": "DKD-1", "due": "2027-04-17"}


def test_enrichment_is_done_once_and_needs_neither_device_nor_reading() -> None:
    here, made = with_readings()
    here.directory.devices.clear()

    first = enrich(made.incident_id, here.enrichment(), now_ms=NOW)
    here.readings.readings.append(reading(1, temp_c=20.0))

    assert (first.peak, first.duration_s) == (None, None)
    assert enrich(made.incident_id, here.enrichment(), now_ms=NOW + 5) == first
    assert enrichment(first, None, here.readings.readings, now_ms=NOW) is None


@pytest.mark.parametrize(
    ("about", "readings", "peak"),
    [
        ({"kind": "too_warm"}, [{"temp_c": 8.0}], None),
        ({"kind": "too_warm", "profile": PROFILE | {"high_is_inclusive": True}}, [{"temp_c": 8.0}], 8.0),
        ({"kind": "too_warm"}, [{"temp_c": 4.0, "probe": "HI"}], 4.0),
        ({"kind": "too_warm"}, [{"temp_c": 85.0, "probe": "LOST"}, {"temp_c": 9.0, "probe": "OK"}], 9.0),
        ({"kind": "too_cold"}, [{"temp_c": -1.0}, {"temp_c": -3.0}, {"temp_c": 0.0}], -3.0),
        ({"kind": "battery_low", "profile": {"battery_pct": 15.0}}, [{"battery_pct": 14}, {"battery_pct": 9}], 9.0),
        ({"kind": "shock", "profile": {"shock_g": 3.0}}, [{"shock_g": 3.0}, {"shock_g": 2.9}], 3.0),
        (
            {
                "kind": "out_of_range",
                "key": f"{FRIDGE}:pressure",
                "profile": {"pressure_low": 0.0, "pressure_high": 200.0},
            },
            [
                {"sensor_type": "pressure", "value": -7.0},
                {"sensor_type": "pressure", "value": 205.0},
                {"sensor_type": "temperature", "value": 900.0},
            ],
            -7.0,
        ),
        ({"kind": "silent"}, [{"temp_c": 99.0}], None),
        ({"kind": "too_warm", "profile": {}}, [{"temp_c": 99.0}], None),
    ],
)
def test_the_peak_is_the_worst_value_out_of_range_by_the_thresholds_in_force(
    about: dict[str, Any], readings: list[dict[str, Any]], peak: float | None
) -> None:
    found = excursion(incident(**about), [reading(number, **each) for number, each in enumerate(readings)])

    assert (found.peak if found else None) == peak


def test_the_record_holds_all_that_happened_and_under_which_thresholds() -> None:
    here, made = with_readings(reading(5, temp_c=9.0))
    keep_evidence(made.incident_id, here.evidence(), now_ms=NOW)
    told(here, made, 1)
    here.readings.readings.append(reading(6, temp_c=12.0))
    close(here, made)
    keep_evidence(made.incident_id, here.evidence(), now_ms=NOW + 2, is_final=True)

    recorded = record(made.incident_id, here.recording(), now_ms=NOW + 2)

    written = json.loads(here.objects.kept[f"incidents/{made.incident_id}/record.json"])
    assert [event["type"] for event in written["timeline"]] == [
        "opened",
        "evidence_kept",
        "paged",
        "resolved",
        "evidence_kept",
    ]
    assert [(page["contact_id"], page["is_sent"]) for page in written["pages"]] == [("ana", True)]
    assert written["incident"]["profile"]["high_c"] == 8.0
    assert written["incident"]["plan"]["tiers"][0]["contacts"] == ["ana"]
    assert written["evidence"]["sha256"] == is_(here, made).evidence_sha256
    final = here.objects.kept[f"incidents/{made.incident_id}/evidence-final.json"]
    assert written["final_evidence"] == {
        "key": f"incidents/{made.incident_id}/evidence-final.json",
        "sha256": hashlib.sha256(final).hexdigest(),
    }
    assert [each["temp_c"] for each in json.loads(final)["readings"]] == [9.0, 12.0]
    assert len(json.loads(here.objects.kept[written["evidence"]["key"]])["readings"]) == 1, "the first is left alone"
    assert recorded.incident.recorded_at == NOW + 2
    assert [alert["event"] for _, alert in here.channel.alerts] == ["opened", "resolved"]


def test_there_is_no_record_of_what_is_not_over_or_not_there() -> None:
    here, made = with_readings()

    with pytest.raises(NotResolvedError, match="is OPEN"):
        record(made.incident_id, here.recording(), now_ms=NOW)
    with pytest.raises(IncidentMissingError, match="no incident nobody"):
        record("nobody", here.recording(), now_ms=NOW)

    assert here.objects.kept == {}


def test_a_record_is_kept_though_machines_cannot_be_told() -> None:
    here, made = with_readings()
    close(here, made)
    here.channel.refuses_alerts = True

    recorded = record(made.incident_id, here.recording(), now_ms=NOW)

    assert recorded.alert_fault == "busy"
    assert recorded.incident.recorded_at == NOW


@pytest.mark.parametrize("event", list(AlertEvent))
def test_an_alert_fits_its_schema(event: AlertEvent) -> None:
    here, made = with_readings(reading(1, temp_c=9.0))
    enrich(made.incident_id, here.enrichment(), now_ms=NOW)
    told(here, made, 1)
    if event is AlertEvent.RESOLVED:
        close(here, made)

    ALERT.validate(alert(is_(here, made), event, at=NOW))

    assert alert_topic(made) == "alerts/fridge/critical"


def test_an_alert_that_comes_twice_has_one_id_and_each_escalation_its_own() -> None:
    of = incident(round=2)
    again = alert(of, AlertEvent.ESCALATED, at=NOW)

    assert again["alert_id"] == alert(of, AlertEvent.ESCALATED, at=NOW + 1)["alert_id"]
    assert again["alert_id"] != alert(replace(of, round=3), AlertEvent.ESCALATED, at=NOW)["alert_id"]


@given(st.text(), st.text(min_size=1))
def test_a_subject_is_one_that_sns_takes(title: str, device_id: str) -> None:
    made = subject(incident(title=title, device_id=device_id))

    assert len(made) < SUBJECT_LIMIT
    assert all(" " <= each <= "~" for each in made)
    assert made.startswith("CRITICAL: ")
