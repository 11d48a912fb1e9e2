"""Writes the report of an incident whose record is kept: window, report.json, report.pdf, and last the manifest.

Each is made of what is in the bucket, so whoever dies and is called again writes the same bytes; what is there already
is not written a second time, as under a lock it could never be removed.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import msgspec

from coldwatch.incidents import lifecycle
from coldwatch.incidents.changing import carry_out, found
from coldwatch.incidents.evidence import evidence_key
from coldwatch.incidents.incident import EventType, Incident
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.ports import IncidentStore, ReadingHistory
from coldwatch.incidents.recording import record_key
from coldwatch.reports.judgement import window_needed
from coldwatch.reports.manifest import Reader, manifest_key, write_manifest
from coldwatch.reports.report import Kept, Sources, encode, read_incident, report

WINDOW_AT_MOST: Final = 50_000
"""Thirty days of a reading each minute, and some; 4 MB."""

_WINDOW_MEMBERS = ("timestamp", "temp_c", "probe")


class Objects(Reader, Protocol):
    def keep(self, key: str, content: bytes, content_type: str = "application/json") -> str | None:
        """Write an object; the id of its version, where the bucket keeps versions."""


type Printer = Callable[[bytes, str], bytes]
"""A PDF of report.json and its SHA-256."""


@dataclass(frozen=True, slots=True)
class Ports:
    incidents: IncidentStore
    objects: Objects
    readings: ReadingHistory
    print_report: Printer


class NotRecordedError(Exception):
    """A report is made of the record, and there is none yet."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(f"the record of incident {incident.incident_id} is not kept yet, so there is no report of it")


def report_key(incident_id: str, form: str = "json") -> str:
    return f"incidents/{incident_id}/report.{form}"


def window_key(incident_id: str) -> str:
    return f"incidents/{incident_id}/window.json"


def file_report(incident_id: str, ports: Ports, *, now_ms: int, has_pdf: bool = True) -> Incident:
    """Once. Without `has_pdf` there is a report all the same, and the timeline says that it was not printed."""
    incident = found(ports.incidents, incident_id)
    if incident.reported_at is not None:
        return incident
    record = ports.objects.read(record_key(incident_id))
    if incident.recorded_at is None or record is None:
        raise NotRecordedError(incident)
    recorded = Kept(record_key(incident_id), record.sha256, len(record.content), record.version_id)
    sources = _sources(read_incident(record.content), record.content, recorded, ports)
    content = encode(report(sources))
    objects = [*sources.objects, _keep(report_key(incident_id), content, "application/json", ports.objects)]
    if has_pdf:
        printed = ports.print_report(content, hashlib.sha256(content).hexdigest())
        objects.append(_keep(report_key(incident_id, "pdf"), printed, "application/pdf", ports.objects))
    manifest = write_manifest(incident_id, objects)
    kept = _keep(manifest_key(incident_id), manifest, "application/json", ports.objects)
    incident, _ = carry_out(ports.incidents, incident_id, lambda each: _note(each, kept, now_ms, has_pdf=has_pdf))
    return incident


def _sources(incident: Incident, record: bytes, recorded: Kept, ports: Ports) -> Sources:
    """What was kept of it: of the evidence both, and for the report the one with the whole course, if it is there."""
    objects, evidence = [recorded], None
    for key, content, version_id in _evidence(incident, ports.objects):
        objects.append(Kept(key, hashlib.sha256(content).hexdigest(), len(content), version_id))
        evidence = content
    window = _window(incident, ports)
    if window is not None:
        key = window_key(incident.incident_id)
        objects.append(_keep(key, window, "application/json", ports.objects))
    return Sources(record, evidence, window, objects)


def _evidence(incident: Incident, objects: Reader) -> Iterator[tuple[str, bytes, str | None]]:
    noted = ((incident.evidence_key, False), (incident.final_evidence_key, True))
    for key, is_final in noted:
        kept = objects.read(evidence_key(incident.incident_id, is_final=is_final)) if key else None
        if kept is not None and key:
            yield key, kept.content, kept.version_id


def _window(incident: Incident, ports: Ports) -> bytes | None:
    """The readings for the mean kinetic temperature, as they were when the report was first made; None where it needs
    none. They are kept as well: readings leave the hot store, and whoever doubts the figure can compute it again.
    """
    needed = window_needed(incident)
    if needed is None:
        return None
    kept = ports.objects.read(window_key(incident.incident_id))
    if kept is not None:
        return kept.content
    readings = ports.readings.between(incident.device_id, *needed, at_most=WINDOW_AT_MOST + 1)
    return _window_document(incident, needed, readings)


def _window_document(incident: Incident, needed: tuple[int, int], readings: Sequence[object]) -> bytes:
    kept = readings[-WINDOW_AT_MOST:]
    return msgspec.json.encode(
        {
            "incident_id": incident.incident_id,
            "device_id": incident.device_id,
            "from": needed[0],
            "to": needed[1],
            "is_complete": len(kept) == len(readings),
            "readings": [_cut(each) for each in kept],
        },
        order="sorted",
    )


def _cut(reading: object) -> dict[str, object]:
    assert isinstance(reading, dict)
    return {name: reading[name] for name in _WINDOW_MEMBERS if reading.get(name) is not None}


def _keep(key: str, content: bytes, content_type: str, objects: Objects) -> Kept:
    known, digest = objects.read(key), hashlib.sha256(content).hexdigest()
    if known is not None and known.sha256 == digest:
        return Kept(key, digest, len(content), known.version_id)
    return Kept(key, digest, len(content), objects.keep(key, content, content_type))


def _note(incident: Incident, manifest: Kept, now_ms: int, *, has_pdf: bool) -> Change | None:
    if incident.reported_at is not None:
        return None
    after = replace(incident, reported_at=now_ms, manifest_sha256=manifest.sha256)
    what = f"The report is kept at {report_key(incident.incident_id)}; its manifest has the SHA-256 {manifest.sha256}."
    unprinted = "" if has_pdf else " It could not be printed as a PDF; see the log of record_incident."
    return lifecycle.note(incident, after, EventType.REPORTED, what + unprinted, now_ms=now_ms)
