"""Incidents that are over, of every kind a report must tell of, and what is kept of them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from coldwatch.incidents import evidence, recording
from coldwatch.incidents.incident import EventType, Incident, Page, Severity, Status, TimelineEvent
from coldwatch.reports.report import Kept, Sources
from tests.unit.incidents.builders import FRIDGE, MINUTE, NOW, incident

HOUR = 60 * MINUTE
PROFILE = {
    "name": "usp_controlled_cold",
    "version": 2,
    "high_c": 8.0,
    "high_is_inclusive": False,
    "low_c": 2.0,
    "low_is_inclusive": False,
    "silence_s": 600,
    "shock_g": 3.0,
    "battery_pct": 15.0,
}
ROOM = {**PROFILE, "name": "usp_controlled_room", "high_c": 30.0, "low_c": 15.0}
SHIPPING = {
    **PROFILE,
    "name": "who_shipping_type_2",
    "high_c": 45.0,
    "high_is_inclusive": False,
    "cumulative_high_c": 30.0,
    "cumulative_high_s": 36_000,
    "cumulative_second_c": 10.0,
    "cumulative_second_s": 72_000,
    "trip": "box-7",
}
FACTORY = {"name": "factory_default", "version": 1, "pressure_low": 2.0, "pressure_high": 6.0, "silence_s": 300}
HOSTILE = "<script>alert('x')</script> & \"quotes\" \u202eevil\u202c %PDF-1.7 endstream endobj"
LONG = "Zwischenlager Süd, Regal 14, Fach 3, hinter der Tür mit der Aufschrift „Kühlkette“; " * 12


def over(**changes: Any) -> Incident:
    known: dict[str, Any] = {
        "status": Status.RESOLVED,
        "profile": PROFILE,
        "began_at": NOW,
        "opened_at": NOW + 10 * MINUTE,
        "excursion_at": NOW + 10 * MINUTE,
        "tier": 1,
        "round": 1,
        "step": 1,
        "acknowledged_by": "ana",
        "acknowledged_at": NOW + 14 * MINUTE,
        "recovered_at": NOW + 130 * MINUTE,
        "resolved_by": "ana",
        "resolved_at": NOW + 150 * MINUTE,
        "resolution": "by ana",
        "note": "Door seal was loose; goods moved to the cold room.",
        "details": {"device_type": "reefer", "place": {"site": "Basel", "location": "Dock 4"}},
    }
    return incident(**{**known, **changes})


def fridge_readings(*, since: int = -120, until: int = 150, step: int = 1, sign: int = 1) -> list[dict[str, Any]]:
    """Up and down around 5 °C; for two hours a compressor that fails, or one that never stops (`sign` -1)."""
    found = []
    for minute in range(since, until + 1, step):
        bump = max(0.0, math.sin(minute / 125 * math.pi)) * 7 if 0 <= minute <= 125 else 0.0
        temp_c = round(
            5 + sign * 2.9 * (0 <= minute <= 125) + 0.7 * math.sin(minute / 4) * (minute < 0) + sign * bump, 2
        )
        at = NOW + minute * MINUTE
        found.append({"device_id": FRIDGE, "timestamp": at, "received_at": at + 900, "temp_c": temp_c, "probe": "OK"})
    return found


def shipment_readings(limit_c: float) -> list[dict[str, Any]]:
    """At the limit itself for the first hour, five degrees above it for the third; else three below."""
    found = []
    for minute in range(-120, 151):
        temp_c = limit_c + (0 if 0 <= minute < 60 else 5 if 120 <= minute < 150 else -3)
        at = NOW + minute * MINUTE
        found.append({"device_id": FRIDGE, "timestamp": at, "received_at": at + 900, "temp_c": temp_c, "probe": "OK"})
    return found


def with_gap_and_late(readings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Nothing from minute 60 to 85; what was measured from minute 30 to 45 came an hour late."""
    kept = [each for each in readings if not NOW + 60 * MINUTE < each["timestamp"] < NOW + 85 * MINUTE]
    late = {NOW + minute * MINUTE for minute in range(30, 46)}
    return [each | {"received_at": each["timestamp"] + HOUR} if each["timestamp"] in late else each for each in kept]


def pages(*more: Page) -> list[Page]:
    told = [
        Page("i", 1, 1, "ana", NOW + 10 * MINUTE + 900, is_sent=True, message_id="m1"),
        Page("i", 1, 1, "ben", NOW + 10 * MINUTE + 1200, is_sent=False, failure="no confirmed address"),
    ]
    return [*told, *more]


def timeline(of: Incident, *more: TimelineEvent) -> list[TimelineEvent]:
    said = [
        (of.opened_at, EventType.OPENED, "detector", f"{of.title}."),
        (of.opened_at + 400, EventType.EVIDENCE_KEPT, "coldwatch", f"133 readings kept, SHA-256 {'8b9e467f' * 8}."),
        (of.opened_at + 900, EventType.PAGED, "coldwatch", "Ana is told (round 1, tier 1)."),
        (of.opened_at + 1200, EventType.PAGE_FAILED, "coldwatch", "Ben cannot be told: no confirmed address."),
        (NOW + 14 * MINUTE, EventType.ACKNOWLEDGED, "ana", "Ana has it until 2026-01-01 00:29:00Z."),
        (NOW + 130 * MINUTE, EventType.RECOVERED, "detector", "It is right again."),
        (NOW + 150 * MINUTE, EventType.RESOLVED, "ana", f"Resolved by ana: {of.note}"),
    ]
    made = [TimelineEvent(at, str(number), kind, who, what) for number, (at, kind, who, what) in enumerate(said)]
    return [*made, *more]


def sources(
    of: Incident,
    readings: Sequence[dict[str, Any]] | None,
    *,
    told: Sequence[Page] | None = None,
    events: Sequence[TimelineEvent] | None = None,
    window: Sequence[dict[str, Any]] | None = None,
    **more: Any,
) -> Sources:
    """What would be in the bucket. `more` are members of the incident that other versions of it have."""
    document = recording.document(of, timeline(of) if events is None else events, pages() if told is None else told)
    document["incident"] |= more
    kept = None
    if readings is not None:
        period = of.began_at - 2 * HOUR, of.resolved_at or of.began_at
        kept = evidence.document(of, period, readings, now_ms=period[1])
    return Sources(
        record=msgspec.json.encode(document, order="sorted"),
        evidence=kept,
        window=None if window is None else msgspec.json.encode({"readings": window}),
        objects=[
            Kept(f"incidents/{of.incident_id}/{each}.json", each[0] * 64, 1, "v1") for each in ("record", "evidence")
        ],
    )


def all_cases() -> dict[str, Sources]:
    freeze = over(kind="too_cold", title="Too cold", resolution="by recovery", note=None)
    silent = over(kind="silent", title="Silent", acknowledged_by=None, acknowledged_at=None, severity=Severity.WARNING)
    hot, warm = (
        over(kind=f"cumulative_{which}", title="Too warm for too long", detector_model=model, profile=SHIPPING)
        for which, model in (("high", "cumulative_excursion"), ("second", "cumulative_excursion_second"))
    )
    machine = over(
        kind="out_of_range",
        application="factory",
        title="Pressure out of range",
        key="press-17:pressure",
        device_id="press-17",
        profile=FACTORY,
        thing_type="press",
    )
    bars = [
        {
            "timestamp": NOW + minute * MINUTE,
            "sensor_type": "pressure",
            "value": 4 + 3 * (0 < minute < 40) + minute % 3 / 5,
        }
        for minute in range(-120, 150)
    ]
    many = over(resolved_at=NOW + 14 * 24 * HOUR, recovered_at=None)
    fortnight = fridge_readings(until=20_000 - 121)
    hostile = over(
        title="Too warm <b>now</b>",
        note=HOSTILE * 3,
        details={"place": {"site": HOSTILE, "location": "冷蔵庫 7, Łódź, Αθήνα"}},
        resolved_by=HOSTILE,
    )
    long = over(note=LONG, device_id="d" * 128, details={"place": {"site": LONG, "location": "x" * 300}})
    waves = [Page("i", round_, 1, f"contact-{round_}", NOW + round_ * MINUTE, is_sent=True) for round_ in range(1, 200)]
    calibrated = {"certificate": "DKD-2026-0417", "due": "2027-04-17", "uncertainty_c": 0.2}
    details = {"place": {"site": "Basel"}, "calibration": calibrated}
    return {
        "heat": sources(
            over(), with_gap_and_late(fridge_readings()), cause="door_left_open", disposition="quarantined"
        ),
        "heat_a_day": sources(over(details=details), fridge_readings(), window=fridge_readings(since=-24 * 60)),
        "freeze": sources(freeze, fridge_readings(sign=-1)),
        "cumulative_high": sources(hot, shipment_readings(30.0)),
        "cumulative_second": sources(warm, shipment_readings(10.0)),
        "silent_without_readings": sources(silent, []),
        "no_evidence": sources(over(), None, told=[]),
        "factory": sources(machine, bars),
        "many": sources(many, fortnight),
        "hostile": sources(hostile, fridge_readings()),
        "long": sources(long, fridge_readings(), told=pages(*waves)),
        "room": sources(over(profile=ROOM), [each | {"temp_c": each["temp_c"] + 20} for each in fridge_readings()]),
        "one_reading": sources(replace(over(), recovered_at=None), fridge_readings(since=5, until=5)),
    }
