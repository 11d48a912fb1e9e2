"""Who plays what in the story, when it is over, and how it is read from the incidents. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.demo.responders import Page
from local.demo.verdict import Finding, Incident, Parts
from simulator.api import Scenario

SILENCE_S = 12
"""The device that falls silent gets a shorter silence than its profile's five minutes, as an operator may give it."""

ANSWERED, UNANSWERED = "north-fridge-4", "north-fridge-5"
"""Who gets a command and answers it, and who gets one and never answers."""


@dataclass(frozen=True, slots=True)
class Plot:
    parts: Parts
    answers: str
    never_answers: str

    @classmethod
    def of(cls, scenario: Scenario, cast: Mapping[str, str], *, start_ms: int) -> "Plot":
        """Which thing plays what; the scenario says what happens to it, from `start_ms` (epoch ms) on."""
        happens = {kind: [event for event in scenario.events if event.kind == kind] for kind in _KINDS}
        quiet = {cast[label] for kind in ("door_open", "spike") for event in happens[kind] for label in event.labels}
        (late,) = (event for event in happens["link_loss"] if event.about)
        (freezes,) = happens["freeze"][0].labels
        return cls(
            Parts(
                heats=cast[happens["compressor_failure"][0].labels[0]],
                freezes=cast[freezes],
                falls_silent=cast[happens["silence"][0].labels[0]],
                uploads_late=cast[late.labels[0]],
                stay_quiet=tuple(sorted(quiet - {cast[late.labels[0]], cast[_SHAKEN]})),
                offline_from=start_ms + round(late.at_s * 1000),
                offline_to=start_ms + round((late.at_s + (late.for_s or 0)) * 1000),
            ),
            cast[ANSWERED],
            cast[UNANSWERED],
        )

    def is_answered(self, page: Page) -> bool:
        """Ana answers for the failing compressor; for the freeze nobody does."""
        return page.contact_id == "ana" and self.parts.heats in page.text

    def is_over(self, incidents: Iterable[dict[str, Any]], player: str) -> bool:
        found = [seen(incident) for incident in incidents]
        status = {(each.device_id, each.detector_model): each.status for each in found}
        tiers = {each.device_id: each.tiers_notified for each in found}
        told = [each for each in incidents if each["device_id"] == player]
        return (
            status.get((self.parts.heats, "sustained_excursion_high")) == "RESOLVED"
            and 2 in tiers.get(self.parts.freezes, ())
            and (self.parts.falls_silent, "device_silence") in status
            and (self.parts.uploads_late, "sustained_excursion_high") in status
            and len(findings(told, player)) >= 3
        )


_KINDS = ("door_open", "spike", "compressor_failure", "freeze", "silence", "link_loss")
_SHAKEN = "road-reefer-3"
"""Its shock is an incident of its own."""


def seen(incident: Mapping[str, Any]) -> Incident:
    """What `demo.json` says of an incident, from what `coldwatch incidents show` says."""
    paged = {event["tier"] for event in incident["pages"]}
    return Incident(
        incident_id=incident["incident_id"],
        device_id=incident["device_id"],
        detector_model=incident["detector_model"],
        status=incident["status"],
        tiers_notified=tuple(sorted(paged)),
        acknowledged_by=incident.get("acknowledged_by"),
        opened_at=incident["opened_at"],
        resolved_at=incident.get("resolved_at"),
        began_at=incident["began_at"],
    )


def findings(incidents: Iterable[Mapping[str, Any]], device: str) -> tuple[Finding, ...]:
    """The departures of a device, by its own clock: each from the finding of it to the recovery after it."""
    starts, ends = [], []
    for incident in incidents:
        if incident["device_id"] == device and incident["detector_model"] == "sensor_range":
            starts += [event["occurred_at"] for event in incident["timeline"] if event["type"] in _FOUND]
            ends += [event["occurred_at"] for event in incident["timeline"] if event["type"] == "recovered"]
    return tuple(
        Finding(_rfc3339(start), _rfc3339(end)) for start, end in zip(sorted(starts), sorted(ends), strict=False)
    )


_FOUND = {"opened", "repeated"}


def _rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
