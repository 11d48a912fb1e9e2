"""An incident, and the one-line facts of its timeline. Times are epoch milliseconds, UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from coldwatch.incidents.kinds import WITHOUT_RECOVERY, Kind
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

STORM, TEST = Kind.STORM, Kind.TEST

ANSWERED, NOT_ANSWERED = "answered", "not answered"
"""How a test ends by itself."""

REPORT_MISSED_MS = 7 * 86_400_000
"""For how long after its record the report of an incident is missed: those from before there were any have none."""


class Status(StrEnum):
    OPEN = "OPEN"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    SNOOZED = "SNOOZED"
    RESOLVED = "RESOLVED"


HELD = frozenset({Status.ACKNOWLEDGED, Status.SNOOZED})
"""Somebody has it, for a time: nobody is told before that time is over."""


class Cause(StrEnum):
    """What was found to be behind an incident, as whoever resolves it says."""

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
    SNOOZED = "snoozed"
    SNOOZE_EXPIRED = "snooze_expired"
    ESCALATION_ASKED = "escalation_asked"
    COMMAND_SENT = "command_sent"
    FEEDBACK = "feedback"
    RECOVERED = "recovered"
    RESOLVED = "resolved"
    RECORDED = "recorded"
    REATTACHED = "reattached"
    HANDED_OVER = "handed_over"
    REPORTED = "reported"
    JOINED = "joined"
    GREW = "grew"
    SILENCED = "silenced"
    UNSILENCED = "unsilenced"
    QUEUED = "queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """`occurrence` is the effect that opened it, `excursion_at` when the detector last said that it is wrong.

    `round` is how often somebody was told (0 before the first time), `step` where in the plan that was, `tier` who.
    `acknowledged_by` is a contact, or an operator by name; so are the others who did something. `escalated_round` is
    the round that somebody ended before its time, so that the next are told. `deadline_at` is when the present wait is
    over: for an answer, for the resolution, or the snooze. `executions` is how many workflow executions it has had.
    `revision` grows with every change.

    `gateway` and `site` are what the registry said when it opened. `parent_id` is the storm that it is part of, and
    `child_count` how many a storm had when it was last counted. `silenced_by` says why nobody is told
    (`storm:`, `gateway:` or `maintenance:` and an id), `inhibited_by` which incident of its gateway that is.
    `graver_round` is the round in which it was first told as graver than before, 0 while that is still to come.
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
    snoozed_by: str | None = None
    snoozed_at: int | None = None
    snoozed_until: int | None = None
    escalated_round: int = -1
    resolved_by: str | None = None
    resolved_at: int | None = None
    resolution: str | None = None
    note: str | None = None
    cause: Cause | None = None
    disposition: Disposition | None = None
    useful: bool | None = None
    useful_by: str | None = None
    recovered_at: int | None = None
    peak: float | None = None
    duration_s: int | None = None
    details: Mapping[str, Any] | None = None
    evidence_key: str | None = None
    evidence_sha256: str | None = None
    final_evidence_key: str | None = None
    final_evidence_sha256: str | None = None
    recorded_at: int | None = None
    executions: int = 1
    reported_at: int | None = None
    manifest_sha256: str | None = None
    revision: int = 1
    gateway: str | None = None
    site: str | None = None
    parent_id: str | None = None
    child_count: int = 0
    silenced_by: str | None = None
    inhibited_by: str | None = None
    graver_round: int = -1

    @property
    def is_recovered(self) -> bool:
        return self.recovered_at is not None

    @property
    def is_unrecovered(self) -> bool:
        """Whether a detector is still to say that it is right again; of some kinds none ever does."""
        return not self.is_recovered and self.kind not in WITHOUT_RECOVERY

    def is_complete(self, now_ms: int) -> bool:
        """Whether nothing is left for a workflow to do: it is recorded and reported."""
        if self.recorded_at is None:
            return False
        return self.reported_at is not None or now_ms - self.recorded_at >= REPORT_MISSED_MS

    @property
    def holder(self) -> str | None:
        """Who has it now; None while it is open or over."""
        match self.status:
            case Status.ACKNOWLEDGED:
                return self.acknowledged_by
            case Status.SNOOZED:
                return self.snoozed_by
        return None

    @property
    def held_since(self) -> int | None:
        return self.snoozed_at if self.status is Status.SNOOZED else self.acknowledged_at

    @property
    def is_escalated(self) -> bool:
        """Whether somebody asked for the next tier, which is not told yet."""
        return self.status is Status.OPEN and self.escalated_round >= self.round

    @property
    def standing(self) -> str:
        """What a wait depends on: while this stays the same, there is nothing new to tell whoever waits."""
        return f"{self.status}#{self.round}#{self.deadline_at or 0}#{self.escalated_round}"

    @property
    def held_until(self) -> int:
        """Until when nobody is told at all, should it recover by itself; the plan says for how long."""
        return self.opened_at + self.plan.hold_down_s * 1000

    def is_held_down(self, now_ms: int) -> bool:
        is_untold = self.status is Status.OPEN and self.round == 0 and not self.is_escalated
        return is_untold and now_ms < self.held_until

    def is_overdue(self, now_ms: int) -> bool:
        """Whether the time is over for which somebody has it: to resolve it, or the snooze."""
        return self.status in HELD and self.deadline_at is not None and now_ms >= self.deadline_at


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
    """What a responder was sent in a round on one channel, or why nothing could be sent.

    `channel` is empty where a failure concerns them all, and in pages from before there were several. `delivery` is
    what was heard of the message since: `sent`, `delivered`, `failed` or `complained`.
    """

    incident_id: str
    round: int
    tier: int
    contact_id: str
    at: int
    is_sent: bool
    message_id: str | None = None
    failure: str | None = None
    channel: str = ""
    delivery: str | None = None
