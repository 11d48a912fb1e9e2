"""What is kept of an incident in the evidence bucket, as its manifest lists it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coldwatch.incidents.incident import Incident
from coldwatch.reports.manifest import Found, Manifest, ManifestError, differences, manifest_key, read_manifest
from coldwatch.reports.report import Kept
from coldwatch_ops.errors import FailedError, NotFoundError
from coldwatch_ops.incidents import store as incidents
from coldwatch_ops.stack import Stack

if TYPE_CHECKING:
    from coldwatch.adapters.evidence_store import S3EvidenceStore


@dataclass(frozen=True, slots=True)
class Filed:
    """An incident whose report is kept, and the manifest as it is in the bucket."""

    incident: Incident
    found: Found
    manifest: Manifest


def find_filed(stack: Stack, incident_id: str) -> Filed:
    """NotFoundError where there is no incident, or no report of it yet; FailedError for a manifest that is none."""
    incident = incidents.tell(stack, incident_id).incident
    found = bucket(stack).read(manifest_key(incident_id))
    if found is None and incident.manifest_sha256 is None:
        why = (
            "it is written once the incident is over" if incident.resolved_at is None else "its workflow writes it last"
        )
        raise NotFoundError(f"Incident {incident_id} is {incident.status} and has no report: {why}.")
    if found is None:
        raise FailedError(f"{manifest_key(incident_id)} is gone, though the timeline says that it was written.")
    try:
        return Filed(incident, found, read_manifest(found.content))
    except ManifestError as error:
        raise FailedError(f"{manifest_key(incident_id)}: {error}") from error


def report_of(stack: Stack, filed: Filed) -> dict[str, Any]:
    """report.json, in the version that the manifest means."""
    key = f"incidents/{filed.incident.incident_id}/report.json"
    kept = next((each for each in filed.manifest.objects if each.key == key), None)
    document: dict[str, Any] = json.loads(_content(stack, kept)) if kept else {}
    if not document:
        raise FailedError(f"The manifest of incident {filed.incident.incident_id} lists no report.json.")
    return document


def fetch(stack: Stack, filed: Filed, folder: Path) -> list[Path]:
    """Write every object of the manifest, and the manifest, into a folder of the incident's own."""
    own = f"incidents/{filed.incident.incident_id}/"
    if foreign := [each.key for each in filed.manifest.objects if not _is_in(own, each.key)]:
        raise FailedError(f"The manifest names objects that are not of this incident: {', '.join(foreign)}.")
    into = folder / filed.incident.incident_id
    into.mkdir(parents=True, exist_ok=True)
    contents = {each.key: _content(stack, each) for each in filed.manifest.objects}
    contents[manifest_key(filed.incident.incident_id)] = filed.found.content
    written = []
    for key, content in contents.items():
        path = into / Path(key).name
        path.write_bytes(content)
        written.append(path)
    return written


def faults(stack: Stack, filed: Filed) -> Iterator[str]:
    """What is not as it was filed: the manifest itself by the incident's timeline, then all that it lists."""
    noted, key = filed.incident.manifest_sha256, manifest_key(filed.incident.incident_id)
    if noted is None:
        yield f"{key} is there, but the incident does not say that it was filed."
    elif filed.found.sha256 != noted:
        yield f"{key} is not the one that was filed: its SHA-256 is {filed.found.sha256}, the timeline says {noted}."
    if filed.manifest.incident_id != filed.incident.incident_id:
        yield f"{key} is the manifest of another incident, {filed.manifest.incident_id}."
    yield from differences(filed.manifest, bucket(stack))


def _is_in(own: str, key: str) -> bool:
    name = key.removeprefix(own)
    return key.startswith(own) and name.isascii() and name.replace("-", "").replace(".", "", 1).isalnum()


def _content(stack: Stack, kept: Kept) -> bytes:
    found = bucket(stack).read(kept.key, kept.version_id)
    if found is None:
        raise FailedError(f"{kept.key} is gone: there is no version {kept.version_id or 'of it'}.")
    return found.content


def bucket(stack: Stack) -> "S3EvidenceStore":
    from coldwatch.adapters.evidence_store import S3EvidenceStore  # noqa: PLC0415 - boto3 is an optional dependency

    return S3EvidenceStore(stack.clients.s3, stack.output("EvidenceBucketName"))
