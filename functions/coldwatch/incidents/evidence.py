"""Keeps the readings around an excursion, whatever becomes of the hot store, with a hash to hold them to.

Twice: at once, and with its whole course when the incident is over.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.incident import EventType, Incident
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.ports import EvidenceStore, IncidentStore, ReadingHistory
from coldwatch.incidents.readings import AHEAD_MS, BEFORE_MS, StoredReading, shows_what_was_said

AT_MOST = 20_000
"""About two weeks of a reading each minute; 6 MB."""

PATIENCE_MS = 15_000
"""How long after the opening, or the resolution, a store that is behind is waited for: three times what it collects."""


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: IncidentStore
    readings: ReadingHistory
    evidence: EvidenceStore


class NotStoredYetError(Exception):
    """The store has not caught up with what the detector said; to be asked again in a moment."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(f"no reading from when the detector spoke of incident {incident.incident_id} is stored yet")


def evidence_key(incident_id: str, *, is_final: bool = False) -> str:
    return f"incidents/{incident_id}/evidence{'-final' if is_final else ''}.json"


def keep_evidence(incident_id: str, ports: Ports, *, now_ms: int, is_final: bool = False) -> Incident:
    """Once: evidence that is noted is not replaced. The object comes before the note, so that no note is of nothing.

    Raises `NotStoredYetError` for as long as `PATIENCE_MS`; then what there is is kept, so that nobody waits for it.
    """
    incident = found(ports.incidents, incident_id)
    if _digest(incident, is_final=is_final):
        return incident
    until = (incident.resolved_at or now_ms) if is_final else now_ms
    window = incident.began_at - BEFORE_MS, until + AHEAD_MS
    readings = ports.readings.between(incident.device_id, *window, at_most=AT_MOST + 1)
    waited_ms = now_ms - (until if is_final else incident.opened_at)
    if waited_ms < PATIENCE_MS and not shows_what_was_said(incident, readings):
        raise NotStoredYetError(incident)
    content = document(incident, window, readings, now_ms=now_ms)
    ports.evidence.keep(evidence_key(incident_id, is_final=is_final), content)
    digest, count = hashlib.sha256(content).hexdigest(), min(len(readings), AT_MOST)
    incident, _ = carry_out(
        ports.incidents, incident_id, lambda each: _note(each, digest, count, now_ms, is_final=is_final)
    )
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


def _digest(incident: Incident, *, is_final: bool) -> str | None:
    return incident.final_evidence_sha256 if is_final else incident.evidence_sha256


def _note(incident: Incident, digest: str, count: int, now_ms: int, *, is_final: bool) -> Change | None:
    if _digest(incident, is_final=is_final):
        return None
    key = evidence_key(incident.incident_id, is_final=is_final)
    if is_final:
        after = replace(incident, final_evidence_key=key, final_evidence_sha256=digest)
    else:
        after = replace(incident, evidence_key=key, evidence_sha256=digest)
    what = f"{count} readings {'of its whole course ' if is_final else ''}kept, SHA-256 {digest}."
    return lifecycle.note(incident, after, EventType.EVIDENCE_KEPT, what, now_ms=now_ms)
