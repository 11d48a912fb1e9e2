"""An incident, and the one-line facts of its timeline. Times are epoch milliseconds, UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coldwatch.incidents.policy import AutoResolve, Plan, Severity

__all__ = [
    "AutoResolve",
    "Cause",
    "Disposition",
    "EventType",
    "Incident",
    "Page",
    "Plan",
    "Severity",
    "Status",
    "TimelineEvent",
]

_WITHOUT_RECOVERY = frozenset({"command_timed_out"})
"""No detector stands behind a command that nobody answered."""


class Status(StrEnum):
    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    SNOOZED = "SNOOZED"
    RESOLVED = "RESOLVED"


class Cause(StrEnum):
    """What it was, as whoever resolves an incident says it."""

    DOOR_LEFT_OPEN = "door_left_open"
    LOADING = "loading"
    DEFROST = "defrost"
    EQUIPMENT_FAILURE = "equipment_failure"
    POWER_LOSS = "power_loss"
    SENSOR_FAULT = "sensor_fault"
    COMMUNICATION = "communication"
    HANDLING = "handling"
    TEST = "test"
    FALSE_ALARM = "false_alarm"
    OTHER = "other"
    UNKNOWN = "unknown"


class Disposition(StrEnum):
    """What becomes of the goods."""

    NOT_AFFECTED = "not_affected"
    RELEASED = "released"
    QUARANTINED = "quarantined"
    DISCARDED = "discarded"
    UNDECIDED = "undecided"


class EventType(StrEnum):
    OPENED = "opened"
    REPEATED = "repeated"
    EVIDENCE_KEPT = "evidence_kept"
    ENRICHED = "enriched"
    PAGED = "paged"
    PAGE_FAILED = "page_failed"
    ESCALATED = "escalated"
    ACKNOWLEDGED = "acknowledged"
    ACKNOWLEDGEMENT_EXPIRED = "acknowledgement_expired"
    RECOVERED = "recovered"
    RESOLVED = "resolved"
    RECORDED = "recorded"
    SNOOZED = "snoozed"
    SNOOZE_EXPIRED = "snooze_expired"
    ESCALATION_ASKED = "escalation_asked"
    COMMAND_SENT = "command_sent"
    FEEDBACK = "feedback"
    REATTACHED = "reattached"
    HANDED_OVER = "handed_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """`occurrence` is the effect that opened it, `excursion_at` when the detector last said that it is wrong.

    `round` is how often somebody was told (0 before the first time), `step` where in the plan that was, `tier` who.
    `acknowledged_by` is a contact, or an operator by name. `revision` grows with every change.
    """

    incident_id: str
    detector_model: str
    key: str
    device_id: str
    thing_type: str
    fleet_id: str
    application: str
    kind: str
    severity: Severity
    title: str
    status: Status
    began_at: int
    opened_at: int
    occurrence: str
    clock: str
    excursion_at: int
    profile: Mapping[str, Any]
    plan: Plan
    tier: int = 0
    round: int = 0
    step: int = 0
    deadline_at: int | None = None
    acknowledged_by: str | None = None
    acknowledged_at: int | None = None
    resolved_by: str | None = None
    resolved_at: int | None = None
    resolution: str | None = None
    note: str | None = None
    recovered_at: int | None = None
    peak: float | None = None
    duration_s: int | None = None
    details: Mapping[str, Any] | None = None
    evidence_key: str | None = None
    evidence_sha256: str | None = None
    final_evidence_key: str | None = None
    final_evidence_sha256: str | None = None
    recorded_at: int | None = None
    snoozed_by: str | None = None
    snoozed_until: int | None = None
    cause: Cause | None = None
    disposition: Disposition | None = None
    useful: bool | None = None
    useful_by: str | None = None
    revision: int = 1

    @property
    def is_recovered(self) -> bool:
        return self.recovered_at is not None

    @property
    def is_unrecovered(self) -> bool:
        """Whether a detector is still to say that it is right again; of some kinds none ever does."""
        return not self.is_recovered and self.kind not in _WITHOUT_RECOVERY

    def is_overdue(self, now_ms: int) -> bool:
        """Whether an acknowledgement was not followed by a resolution in time."""
        return self.status is Status.ACKNOWLEDGED and self.deadline_at is not None and now_ms >= self.deadline_at


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """`at` is when it was recorded; `what` is a sentence for people. `occurred_at` is the detector's own time of what
    it said: when an excursion began, when it was over.
    """

    at: int
    event_id: str
    type: EventType
    who: str
    what: str
    occurred_at: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What a responder was sent in a round, or why nothing could be sent."""

    incident_id: str
    round: int
    tier: int
    contact_id: str
    at: int
    is_sent: bool
    message_id: str | None = None
    failure: str | None = None
    channel: str | None = None
    delivery: str | None = None
