"""Keeps the readings around an excursion at once, whatever becomes of the hot store, with a hash to hold them to."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.incident import EventType, Incident
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.ports import EvidenceStore, IncidentStore, ReadingHistory
from coldwatch.incidents.readings import BEFORE_MS, StoredReading

AT_MOST = 20_000
"""About two weeks of a reading each minute; 6 MB."""

AHEAD_MS = 3_600_000
"""A device's clock may be ahead of ours by this much (validation lets no more pass by default)."""


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: IncidentStore
    readings: ReadingHistory
    evidence: EvidenceStore


def evidence_key(incident_id: str) -> str:
    return f"incidents/{incident_id}/evidence.json"


def keep_evidence(incident_id: str, ports: Ports, *, now_ms: int, before_ms: int = BEFORE_MS) -> Incident:
    """Once: evidence that is noted is not replaced. The object comes before the note, so that no note is of nothing."""
    incident = found(ports.incidents, incident_id)
    if incident.evidence_sha256:
        return incident
    window = incident.began_at - before_ms, now_ms + AHEAD_MS
    readings = ports.readings.between(incident.device_id, *window, at_most=AT_MOST + 1)
    content = document(incident, window, readings, now_ms=now_ms)
    ports.evidence.keep(evidence_key(incident_id), content)
    digest, count = hashlib.sha256(content).hexdigest(), min(len(readings), AT_MOST)
    incident, _ = carry_out(ports.incidents, incident_id, lambda each: _note(each, digest, count, now_ms))
    return incident


def document(incident: Incident, window: tuple[int, int], readings: Sequence[StoredReading], *, now_ms: int) -> bytes:
    """The readings as they are stored, late ones among them, in order of device time.

    Where there are too many the oldest ones are left out: none is missing from `complete_from` on.
    """
    kept = readings[-AT_MOST:]
    is_complete = len(kept) == len(readings)
    return msgspec.json.encode(
        {
            "incident_id": incident.incident_id,
            "device_id": incident.device_id,
            "detector_model": incident.detector_model,
            "taken_at": now_ms,
            "from": window[0],
            "to": window[1],
            "is_complete": is_complete,
            "complete_from": window[0] if is_complete else kept[0]["timestamp"] + 1,
            "readings": kept,
        }
    )


def _note(incident: Incident, digest: str, count: int, now_ms: int) -> Change | None:
    if incident.evidence_sha256:
        return None
    after = replace(incident, evidence_key=evidence_key(incident.incident_id), evidence_sha256=digest)
    what = f"{count} readings kept, SHA-256 {digest}."
    return lifecycle.note(incident, after, EventType.EVIDENCE_KEPT, what, now_ms=now_ms)
