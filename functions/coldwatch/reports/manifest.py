"""The manifest of an incident: all that is kept of it, by version and SHA-256; and what differs from it later."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

import msgspec

from coldwatch.reports.report import Kept


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it is in the bucket."""

    content: bytes
    version_id: str | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Reader(Protocol):
    def read(self, key: str, version_id: str | None = None) -> Found | None:
        """That version, or the newest one; None where there is none, or where the newest is a deletion."""


VERSION = 1
"""Of the form; whoever changes it reads the old ones as well."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    manifest_version: int
    incident_id: str
    objects: tuple[Kept, ...]


class ManifestError(Exception):
    """What is stored as a manifest is none."""


def manifest_key(incident_id: str) -> str:
    return f"incidents/{incident_id}/manifest.json"


def write_manifest(incident_id: str, objects: Sequence[Kept]) -> bytes:
    document = {"manifest_version": VERSION, "incident_id": incident_id, "objects": [asdict(each) for each in objects]}
    return msgspec.json.encode(document, order="sorted")


def read_manifest(content: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise ManifestError(f"This is no manifest: {error}.") from error
    if manifest.manifest_version != VERSION:
        raise ManifestError(
            f"This manifest is of version {manifest.manifest_version}, and this Coldwatch reads version {VERSION}: "
            "nothing in it was checked."
        )
    return manifest


def differences(manifest: Manifest, reader: Reader) -> Iterator[str]:
    """A sentence for each object that is not what the manifest says. Every object is read whole and hashed again."""
    for kept in manifest.objects:
        yield from _differences(kept, reader)


def _differences(kept: Kept, reader: Reader) -> Iterator[str]:
    found = reader.read(kept.key, kept.version_id)
    if found is None:
        yield f"{kept.key} is gone: there is no version {kept.version_id or 'of it'}."
        return
    if found.sha256 != kept.sha256:
        yield f"{kept.key} is not what the manifest says: its SHA-256 is {found.sha256}, not {kept.sha256}."
    newest = reader.read(kept.key)
    if newest is None:
        yield f"{kept.key} was deleted after the manifest was written; the version of the manifest is still there."
    elif newest.sha256 != found.sha256:
        yield f"{kept.key} was written over after the manifest; the manifest means version {kept.version_id}."
