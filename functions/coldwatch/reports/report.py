"""The report of an incident that is over, as a document: the same bytes whenever it is made of the same objects.

It is made of what is kept in the bucket and of nothing else: the record, the evidence, the readings of the window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from coldwatch.incidents.incident import Incident
from coldwatch.incidents.readings import BEFORE_MS, StoredReading, shown
from coldwatch.reports.course import LATE_MS, Course, course
from coldwatch.reports.judgement import judge
from coldwatch.reports.time_out_of_range import Side

STATEMENT: Final = (
    "Coldwatch records and alerts. It is not a certified medical device nor a recorder certified by EN 12830, and this "
    "report is no decision about a product: validation, calibration and disposition stay with its user."
)


@dataclass(frozen=True, slots=True)
class Kept:
    """An object of the incident in the bucket, as it was read or written."""

    key: str
    sha256: str
    size_bytes: int
    version_id: str | None


@dataclass(frozen=True, slots=True)
class Sources:
    """What a report is made of. `evidence` is the one with the whole course where there is one, else the first."""

    record: bytes
    evidence: bytes | None
    window: bytes | None
    objects: Sequence[Kept]


def read_incident(record: bytes) -> Incident:
    """The incident of a record, as `incidents.recording` wrote it."""
    return msgspec.json.decode(record, type=_Record).incident


def encode(document: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(document, order="sorted")


def report(sources: Sources) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.json.decode(sources.record)
    incident = read_incident(sources.record)
    evidence: dict[str, Any] = msgspec.json.decode(sources.evidence) if sources.evidence else {}
    readings: list[StoredReading] = evidence.get("readings", [])
    of = course(incident, readings, since=evidence.get("from", incident.began_at - BEFORE_MS))
    samples = _window_samples(incident, sources.window) or list(of.samples)
    return {
        "report_version": 1,
        "incident": _incident(record["incident"]),
        "device": _device(record["incident"]),
        "thresholds": _thresholds(incident, of),
        "course": _course(of, evidence),
        "mean_kinetic_temperature": judge(incident, of, samples),
        "told": [_told(each) for each in record["pages"]],
        "outcome": _outcome(record["incident"]),
        "policy": {"policy_id": incident.plan.policy_id, "version": incident.plan.policy_version},
        "timeline": record["timeline"],
        "objects": [_object(each, record) for each in sources.objects],
        "statement": STATEMENT,
    }


class _Record(msgspec.Struct):
    incident: Incident


_ABOUT = ("incident_id", "title", "kind", "severity", "detector_model", "key", "clock", "began_at", "opened_at")
_DEVICE = ("device_id", "fleet_id", "thing_type", "application")
_OUTCOME = (
    "status",
    "acknowledged_by",
    "acknowledged_at",
    "recovered_at",
    "resolved_by",
    "resolved_at",
    "resolution",
    "cause",
    "disposition",
    "note",
    "useful",
    "useful_by",
    "parent_id",
)


def _incident(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in _ABOUT}


def _device(known: Mapping[str, Any]) -> dict[str, Any]:
    """Place and calibration where the registry has them."""
    details = known.get("details") or {}
    more = {name: details[name] for name in ("device_type", "place", "calibration") if details.get(name)}
    return {name: known[name] for name in _DEVICE} | more


def _thresholds(incident: Incident, of: Course) -> dict[str, Any]:
    return {
        "low": of.within.low,
        "high": of.within.high,
        "low_is_inclusive": of.within.low_is_inclusive,
        "high_is_inclusive": of.within.high_is_inclusive,
        "unit": of.unit,
        "profile": dict(incident.profile),
    }


def _course(of: Course, evidence: Mapping[str, Any]) -> dict[str, Any]:
    found = of.out_of_range
    return {
        "label": of.label,
        "unit": of.unit,
        "since": of.since,
        "until": of.until,
        "is_complete": evidence.get("is_complete", False),
        "complete_from": evidence.get("complete_from"),
        "readings": [[at, value] for at, value in of.samples],
        "gaps": of.gaps,
        "longest_gap_ms": of.longest_gap_ms,
        "late": of.late,
        "late_count": of.late_count,
        "late_after_ms": LATE_MS,
        "excursion": {"since": of.excursion[0], "until": of.excursion[1], "is_over": of.is_over, "peak": of.peak}
        if of.excursion
        else None,
        "above_ms": found.cumulative_ms(Side.ABOVE),
        "below_ms": found.cumulative_ms(Side.BELOW),
        "longest_above_ms": found.longest_ms(Side.ABOVE),
        "longest_below_ms": found.longest_ms(Side.BELOW),
        "known_ms": found.known_ms,
        "unknown_ms": sum(until - since for since, until in of.gaps),
        "spells": found.spells,
    }


def _told(page: Mapping[str, Any]) -> dict[str, Any]:
    """`delivery` is what the channel said of the message; before channels tell, that it was taken or why it was not."""
    said = page.get("delivery") or ("sent" if page["is_sent"] else "failed")
    return {**page, "channel": page.get("channel"), "delivery": said}


def _outcome(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known.get(name) for name in _OUTCOME}


def _object(kept: Kept, record: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence was noted with its hash when it was kept: whether this is still that."""
    noted = {each["key"]: each["sha256"] for each in (record["evidence"], record["final_evidence"]) if each["key"]}
    is_as_noted = {"is_as_noted": kept.sha256 == noted[kept.key]} if kept.key in noted else {}
    return {"key": kept.key, "sha256": kept.sha256, "version_id": kept.version_id} | is_as_noted


def _window_samples(incident: Incident, window: bytes | None) -> list[tuple[int, float]]:
    readings = msgspec.json.decode(window)["readings"] if window else []
    return [(int(each["timestamp"]), value) for each in readings if (value := shown(incident, each)) is not None]
