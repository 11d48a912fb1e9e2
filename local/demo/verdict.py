"""What the demonstration must show: the identities of ingest, and who was told what. Pure."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

LABEL_WINDOWS = (
    ("2013-12-10T06:25:00Z", "2013-12-12T05:35:00Z", "an anomaly"),
    ("2013-12-15T17:50:00Z", "2013-12-17T17:00:00Z", "the planned shutdown"),
    ("2014-01-27T14:20:00Z", "2014-01-29T13:30:00Z", "early signs of the failure"),
    ("2014-02-07T14:55:00Z", "2014-02-09T14:05:00Z", "the catastrophic failure"),
)
"""What the Numenta Anomaly Benchmark says of its machine-temperature recording (simulator/recordings/README.md)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A departure from the range that lasted, by the device's own time (RFC 3339)."""

    start: str
    end: str

    @property
    def label(self) -> str | None:
        """What the benchmark says of the window that the finding lies in."""
        return next((about for since, until, about in LABEL_WINDOWS if since <= self.start and self.end <= until), None)


@dataclass(frozen=True, slots=True)
class Incident:
    """Times are epoch ms; `began_at` is by the device's clock."""

    incident_id: str
    device_id: str
    detector_model: str
    status: str
    tiers_notified: tuple[int, ...]
    acknowledged_by: str | None
    opened_at: int
    resolved_at: int | None
    began_at: int


@dataclass(frozen=True, slots=True)
class Command:
    execution_id: str
    device_id: str
    status: str
    round_trip_ms: int | None


@dataclass(frozen=True, slots=True)
class Parts:
    """Which device plays what, and when (epoch ms, device time) the late logger was without its link."""

    heats: str
    freezes: str
    falls_silent: str
    uploads_late: str
    stay_quiet: tuple[str, ...]
    offline_from: int
    offline_to: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording that was replayed; `findings` is filled by detectors."""

    name: str
    readings: int
    stored: int
    archived: int
    findings: tuple[Finding, ...] = ()


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
    parts: Parts
    incidents: tuple[Incident, ...]
    commands: tuple[Command, ...]
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
        *_incident_checks(figures),
        *_command_checks(figures.commands),
    ]


def _incident_checks(figures: Figures) -> list[Check]:
    parts, of = figures.parts, figures.incidents
    heat = _of(of, parts.heats, "sustained_excursion_high")
    freeze = _of(of, parts.freezes, "sustained_excursion_freeze")
    silence = _of(of, parts.falls_silent, "device_silence")
    late = _of(of, parts.uploads_late, "sustained_excursion_high")
    quiet = [incident for device in parts.stay_quiet for incident in _of(of, device)]
    findings = figures.recording.findings
    return [
        Check(
            "the failing compressor: tier 1 told, acknowledged by link, recovered, resolved",
            [(each.tiers_notified, each.acknowledged_by, each.status) for each in heat] == [((1,), "ana", "RESOLVED")],
            _told(heat),
        ),
        Check(
            "the freeze that nobody acknowledged went on to tier 2",
            [(each.tiers_notified[:2], each.acknowledged_by) for each in freeze] == [((1, 2), None)],
            _told(freeze),
        ),
        Check("the silent device was noticed", len(silence) == 1, _told(silence)),
        Check("a door opening and a single spike raised nothing", not quiet, _told(quiet)),
        Check(
            "the excursion uploaded late was found where it happened",
            [parts.offline_from <= each.began_at < parts.offline_to for each in late] == [True],
            ", ".join(_time(each.began_at) for each in late) or "none",
        ),
        Check(
            "the recording's lasting departures lie in windows that its makers labelled",
            bool(findings) and all(finding.label for finding in findings),
            f"{sum(1 for finding in findings if finding.label)} of {len(findings)}",
        ),
    ]


def _command_checks(commands: Iterable[Command]) -> list[Check]:
    statuses = sorted(command.status for command in commands)
    return [
        Check(
            "one command was answered, another one timed out",
            statuses == ["SUCCEEDED", "TIMED_OUT"],
            ", ".join(statuses) or "none",
        )
    ]


def _of(incidents: Iterable[Incident], device: str, model: str | None = None) -> list[Incident]:
    return [each for each in incidents if each.device_id == device and model in {None, each.detector_model}]


def _told(incidents: Iterable[Incident]) -> str:
    return ", ".join(f"{each.device_id} {each.status}" for each in incidents) or "none"


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%S")


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
            "findings": [{"from": finding.start, "to": finding.end} for finding in figures.recording.findings],
        },
        "incidents": [
            asdict(incident) | {"tiers_notified": list(incident.tiers_notified)} for incident in figures.incidents
        ],
        "commands": [asdict(command) for command in figures.commands],
    }
