"""A page of every kind, for tests that read them and for people who look at their pictures."""

import math
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from coldwatch.incidents.answering import Action, Asked, Outcome
from coldwatch.incidents.incident import Cause, Disposition, EventType, Incident, Page, Severity, Status, TimelineEvent
from coldwatch.incidents.pages import answers, code_page
from coldwatch.incidents.pages.document import Document
from coldwatch.incidents.pages.incident_page import render
from coldwatch.incidents.pages.view import View
from tests.unit.incidents.builders import FRIDGE, MINUTE, NOW, PROFILE, incident, plan

SECRET = "6raj61sw9nq8hdqdb4hqvp1xbb"
NAMES = {"ana": "Ana Silva", "ben": "Ben Okafor", "cem": "Cem Yilmaz"}
PLAN = plan(snooze_max_s=14_400, commands=("defrost_off", "compressor_restart"))
OPEN = incident(
    tier=1,
    round=1,
    step=1,
    deadline_at=NOW + 17 * MINUTE,
    peak=11.4,
    duration_s=1020,
    details={"place": {"site": "Basel, Hall 2", "location": "Cold room 4", "gateway": "acme-gw-0001"}},
    profile=PROFILE,
    plan=PLAN,
)
TAKEN = replace(
    OPEN,
    status=Status.ACKNOWLEDGED,
    acknowledged_by="ana",
    acknowledged_at=NOW + MINUTE,
    deadline_at=NOW + 28 * MINUTE,
)
SNOOZED = replace(
    OPEN,
    status=Status.SNOOZED,
    snoozed_by="ana",
    snoozed_at=NOW + MINUTE,
    snoozed_until=NOW + 43 * MINUTE,
    deadline_at=NOW + 43 * MINUTE,
)
OVER = replace(
    TAKEN,
    status=Status.RESOLVED,
    resolved_by="ana",
    resolved_at=NOW + 40 * MINUTE,
    resolution="by ana",
    cause=Cause.DOOR_LEFT_OPEN,
    disposition=Disposition.NOT_AFFECTED,
    note="Door seal was loose; goods moved to the cold room.",
    recovered_at=NOW + 30 * MINUTE,
    deadline_at=None,
)
RECORDED = replace(OVER, recorded_at=NOW + 41 * MINUTE)
ESCALATED = replace(OPEN, tier=2, round=2, step=2)


def readings(*, since: int = -120) -> list[dict[str, Any]]:
    """A fridge whose compressor fails, from that many minutes on: up and down, then up."""
    found: list[dict[str, Any]] = []
    for minute in range(since, 13):
        warm = max(0, minute + 20) * 0.22
        temp_c = round(4.5 + 0.8 * math.sin(minute / 4) + warm, 2)
        found.append({"timestamp": NOW + minute * MINUTE, "temp_c": temp_c, "battery_pct": 24 - (minute + 120) // 8})
    return found


def gap_and_late() -> list[dict[str, Any]]:
    """Nothing for forty minutes; what was measured in the twenty after that came an hour late."""
    quiet, late = range(-90, -50), range(-50, -30)
    known = [(each, (each["timestamp"] - NOW) // MINUTE) for each in readings()]
    return [
        each | {"received_at": each["timestamp"] + (60 * MINUTE if minute in late else 900)}
        for each, minute in known
        if minute not in quiet
    ]


TIMELINE = [
    TimelineEvent(NOW, "1", EventType.OPENED, "detector", "Too warm.", NOW - 5 * MINUTE),
    TimelineEvent(
        NOW + 400, "2", EventType.EVIDENCE_KEPT, "coldwatch", f"133 readings kept, SHA-256 {'8b9e467f' * 8}."
    ),
    TimelineEvent(NOW + 900, "3", EventType.PAGED, "coldwatch", "Ana is told (round 1, tier 1)."),
]
PAGES = [
    Page("i", 1, 1, "ana", NOW + 900, is_sent=True, message_id="m1", channel="email", delivery="delivered"),
    Page("i", 2, 2, "ben", NOW + 5 * MINUTE, is_sent=True, message_id="m2", channel="sms", delivery="sent"),
    Page("i", 2, 2, "cem", NOW + 5 * MINUTE, is_sent=False, failure="no address"),
]
LATER = NOW + 13 * MINUTE
BEFORE = frozenset({Action.ACKNOWLEDGE, Action.SNOOZE, Action.ESCALATE})
AFTERWARDS = frozenset({Action.USEFUL, Action.NOT_USEFUL})
HAVING = AFTERWARDS | {Action.RESOLVE, Action.SNOOZE, Action.ESCALATE, Action.COMMAND}


def view(outcome: Outcome, found: Incident, *may: Action, **changes: Any) -> View:
    made = View(
        outcome=outcome,
        may=frozenset(may),
        incident=found,
        timeline=TIMELINE,
        pages=PAGES if found.round > 1 else PAGES[:1],
        readings=readings(),
        names=NAMES,
        reader="Ana Silva",
        secret=SECRET,
        root="../",
        now_ms=max(LATER, found.recorded_at or found.resolved_at or 0),
    )
    return replace(made, **changes)


def _shown(outcome: Outcome, found: Incident, *may: Action, status: int = 200, **changes: Any) -> Document:
    return render(view(outcome, found, *may, **changes), status=status)


def _answered(outcome: Outcome, found: Incident, action: Action, *may: Action, **changes: Any) -> Document:
    """The page that a press is answered with."""
    status = answers.NOT_DONE.get(outcome, 200)
    return _shown(outcome, found, *may, status=status, **{"asked": Asked(action), "root": "", **changes})


BATTERY = replace(
    OPEN,
    kind="battery_low",
    title="Battery low",
    severity=Severity.WARNING,
    profile=PROFILE | {"battery_pct": 10.0},
    peak=8.0,
    duration_s=None,
)
SILENT = replace(OPEN, kind="silent", title="Silent, last seen too warm, unconfirmed", peak=None, duration_s=None)
DAYS = replace(OPEN, began_at=NOW - 20 * 60 * MINUTE)
LONG = replace(
    OPEN,
    device_id="a" * 90 + "-fridge-" + "9" * 20,
    title="Silent, last seen too warm, unconfirmed, and with a title that is very long",
    note="<b>not bold</b> " * 12,
)
MARKUP = "<script>alert(1)</script><svg onload=alert(1)>\u202e\"'>{}</style>"
HOSTILE = replace(
    TAKEN,
    device_id=MARKUP,
    thing_type=MARKUP,
    fleet_id=MARKUP,
    title=MARKUP,
    note=MARKUP,
    details={"place": {"site": MARKUP, "location": MARKUP, "gateway": MARKUP, "latitude": MARKUP, "longitude": MARKUP}},
    profile=PROFILE | {"name": MARKUP},
    plan=replace(PLAN, commands=(MARKUP,)),
)
EXAMPLES: dict[str, Document] = {
    "shown": _shown(Outcome.SHOWN, OPEN, *BEFORE),
    "shown-on-another-clock": _shown(Outcome.SHOWN, OPEN, *BEFORE, zone=ZoneInfo("Asia/Kathmandu")),
    "acknowledged": _answered(Outcome.ACKNOWLEDGED, TAKEN, Action.ACKNOWLEDGE, *HAVING),
    "already-yours": _shown(Outcome.ALREADY_YOURS, TAKEN, *HAVING),
    "already-taken": _answered(Outcome.ALREADY_TAKEN, TAKEN, Action.ACKNOWLEDGE, *AFTERWARDS, reader="Ben Okafor"),
    "too-late": _answered(Outcome.TOO_LATE, ESCALATED, Action.ACKNOWLEDGE),
    "snoozed": _answered(Outcome.SNOOZED, SNOOZED, Action.SNOOZE, *HAVING, Action.ACKNOWLEDGE),
    "snoozed-by-another": _shown(Outcome.ALREADY_TAKEN, SNOOZED, *AFTERWARDS, reader="Ben Okafor"),
    "escalated": _answered(Outcome.ESCALATED, replace(OPEN, deadline_at=NOW + 2 * MINUTE), Action.ESCALATE, *BEFORE),
    "command-sent": _answered(
        Outcome.COMMAND_SENT, TAKEN, Action.COMMAND, *HAVING, asked=Asked(Action.COMMAND, command="defrost_off")
    ),
    "not-allowed": _answered(
        Outcome.NOT_ALLOWED, TAKEN, Action.COMMAND, *HAVING, detail="The plan of this incident does not allow that."
    ),
    "incomplete": _shown(
        Outcome.ALREADY_YOURS,
        TAKEN,
        *HAVING,
        status=422,
        root="",
        asked=Asked(Action.RESOLVE, note="Seal was loose."),
        fault="Nothing was changed yet: choose what it was.",
    ),
    "resolved": _answered(Outcome.RESOLVED, OVER, Action.RESOLVE, *AFTERWARDS),
    "already-resolved": _shown(Outcome.ALREADY_RESOLVED, RECORDED, *AFTERWARDS),
    "thanked": _answered(Outcome.THANKED, RECORDED, Action.USEFUL, *AFTERWARDS),
    "expired": answers.expired(),
    "few-readings": _shown(Outcome.SHOWN, OPEN, Action.ACKNOWLEDGE, readings=readings()[:1]),
    "battery": _shown(Outcome.SHOWN, BATTERY, Action.ACKNOWLEDGE, timeline=[]),
    "silent": _shown(Outcome.SHOWN, SILENT, Action.ACKNOWLEDGE, timeline=[]),
    "gap-and-late": _shown(Outcome.SHOWN, OPEN, *BEFORE, readings=gap_and_late()),
    "days": _shown(Outcome.SHOWN, DAYS, Action.ACKNOWLEDGE, readings=readings(since=-1400)),
    "long-texts": _shown(Outcome.SHOWN, LONG, *BEFORE),
    "hostile-texts": _shown(Outcome.ALREADY_YOURS, HOSTILE, *HAVING, names={"ana": MARKUP}, reader=MARKUP),
    "by-code": _answered(Outcome.ACKNOWLEDGED, TAKEN, Action.ACKNOWLEDGE, secret=""),
    "code": code_page.form(OPEN.incident_id),
    "code-wrong": code_page.wrong(OPEN.incident_id),
    "code-locked": code_page.locked(),
    "unknown": answers.unknown(),
    "no-report": answers.no_report(),
    "wrong-form": answers.wrong_form(400),
    "foreign-origin": answers.foreign_origin(),
    "unsaid-origin": answers.unsaid_origin(),
    "too-many": answers.too_many(),
    "contended": answers.contended(),
    "wrong-method": answers.refused_method(),
}

INBOX = [
    {
        "at": NOW - 60_000,
        "protocol": "email",
        "to": "ana@example.com",
        "subject": "AWS Notification - Subscription Confirmation",
        "text": "You have chosen to subscribe.\n\nTo confirm this subscription, open:\nhttp://localhost:4566/?Token=abc\n",
    },
    {
        "at": NOW + 900,
        "protocol": "email",
        "to": "ana@example.com",
        "subject": f"CRITICAL: Too warm - {FRIDGE}",
        "text": (
            "Ana, you are asked to look after this incident.\n\nWhat:     Too warm (critical)\n"
            f"Where:    {FRIDGE} (fleet acme)\n\nhttp://localhost:4566/_aws/lambda-url/do5jfb4h3kruv07o/a/{SECRET}\n\n"
            "The link shows the incident; the button on its page says that you have it. The link is yours alone."
        ),
    },
    {"at": NOW + 5000, "protocol": "sms", "to": "+4915112345678", "subject": "", "text": "CRITICAL: Too warm"},
]
