"""What the demonstration must show: the identities of ingest, checked on the final accounts. Pure."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that was replayed; `findings` is filled by detectors."""

    name: str
    readings: int
    stored: int
    archived: int
    findings: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """`published` and `refused` are counted by the devices, the rest by the cloud."""

    iam_enforced: bool
    devices: int
    published: int
    accepted: int
    duplicates: int
    quarantined: int
    refused: int
    stored: int
    archived: int
    recording: Recording
    unrefused: tuple[str, ...] = field(default=())
    """Attempts that should have been refused or quarantined and were not."""


@dataclass(frozen=True, slots=True)
class Check:
    about: str
    holds: bool
    seen: str


def checks(figures: Figures) -> list[Check]:
    """Each identity with what was seen."""
    counted, recording = figures.accepted + figures.duplicates + figures.quarantined, figures.recording
    return [
        Check("IAM is enforced", figures.iam_enforced, "yes" if figures.iam_enforced else "no"),
        Check(
            "published = accepted + duplicates + quarantined",
            figures.published == counted,
            f"{figures.published} = {figures.accepted} + {figures.duplicates} + {figures.quarantined}",
        ),
        Check("stored = accepted", figures.stored == figures.accepted, f"{figures.stored} = {figures.accepted}"),
        Check(
            "distinct readings in the archive = accepted",
            figures.archived == figures.accepted,
            f"{figures.archived} = {figures.accepted}",
        ),
        Check(
            "every recorded reading is stored and archived",
            recording.readings == recording.stored == recording.archived,
            f"{recording.readings} = {recording.stored} = {recording.archived}",
        ),
        Check(
            "no attack got through",
            figures.refused > 0 and not figures.unrefused,
            ", ".join(figures.unrefused) or f"{figures.refused} refused",
        ),
    ]


def document(figures: Figures) -> dict[str, Any]:
    """What `demo.json` holds. Programs of others read it: its members stay as they are."""
    return {
        "iam_enforced": figures.iam_enforced,
        "devices": figures.devices,
        "published": figures.published,
        "accepted": figures.accepted,
        "duplicates": figures.duplicates,
        "quarantined": figures.quarantined,
        "refused": figures.refused,
        "stored": figures.stored,
        "archived": figures.archived,
        "recording": {
            "name": figures.recording.name,
            "readings": figures.recording.readings,
            "findings": list(figures.recording.findings),
        },
        "incidents": [],
        "commands": [],
    }
