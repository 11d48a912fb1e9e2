from dataclasses import replace
from typing import Any

import pytest

from local.demo.verdict import Command, Figures, Finding, Incident, Parts, Recording, checks, document

HEAT = Incident("i1", "heats", "sustained_excursion_high", "RESOLVED", (1,), "ana", 10, 20, 5)
FREEZE = Incident("i2", "freezes", "sustained_excursion_freeze", "OPEN", (1, 2), None, 10, None, 5)
SILENCE = Incident("i3", "silent", "device_silence", "OPEN", (1,), None, 10, None, 5)
LATE = Incident("i4", "late", "sustained_excursion_high", "OPEN", (1,), None, 60, None, 50)
SHUTDOWN = Finding("2013-12-16T16:00:00Z", "2013-12-16T17:30:00Z")
ANSWERED, UNANSWERED = Command("c1", "heats", "SUCCEEDED", 90), Command("c2", "late", "TIMED_OUT", None)
GOOD = Figures(
    iam_enforced=True,
    devices=20,
    published=30,
    accepted=20,
    duplicates=4,
    quarantined=6,
    refused=3,
    stored=20,
    archived=20,
    recording=Recording("heat", 10, stored=10, archived=10, findings=(SHUTDOWN,)),
    parts=Parts("heats", "freezes", "silent", "late", ("door", "spike"), offline_from=40, offline_to=60),
    incidents=(HEAT, FREEZE, SILENCE, LATE),
    commands=(ANSWERED, UNANSWERED),
)


def test_figures_that_agree_pass_every_check() -> None:
    assert all(check.holds for check in checks(GOOD))


@pytest.mark.parametrize(
    "fault",
    [
        {"iam_enforced": False},
        {"published": 31},
        {"stored": 19},
        {"archived": 21},
        {"recording": Recording("heat", 10, stored=9, archived=10, findings=(SHUTDOWN,))},
        {"recording": Recording("heat", 10, stored=10, archived=9, findings=(SHUTDOWN,))},
        {"recording": Recording("heat", 10, stored=10, archived=10)},
        {"recording": Recording("heat", 10, 10, 10, (SHUTDOWN, replace(SHUTDOWN, end="2014-01-01T00:00:00Z")))},
        {"incidents": (FREEZE, SILENCE, LATE)},
        {"incidents": (HEAT, HEAT, FREEZE, SILENCE, LATE)},
        {"incidents": (replace(HEAT, acknowledged_by=None), FREEZE, SILENCE, LATE)},
        {"incidents": (replace(HEAT, status="ACKNOWLEDGED"), FREEZE, SILENCE, LATE)},
        {"incidents": (replace(HEAT, tiers_notified=(1, 2)), FREEZE, SILENCE, LATE)},
        {"incidents": (HEAT, replace(FREEZE, tiers_notified=(1,)), SILENCE, LATE)},
        {"incidents": (HEAT, replace(FREEZE, acknowledged_by="ana"), SILENCE, LATE)},
        {"incidents": (HEAT, FREEZE, LATE)},
        {"incidents": (HEAT, FREEZE, SILENCE)},
        {"incidents": (HEAT, FREEZE, SILENCE, replace(LATE, began_at=60))},
        {"incidents": (HEAT, FREEZE, SILENCE, LATE, replace(LATE, device_id="door"))},
        {"commands": (ANSWERED,)},
        {"commands": (ANSWERED, replace(UNANSWERED, status="SUCCEEDED"))},
        {"refused": 0},
        {"unrefused": ("another device's commands",)},
    ],
)
def test_one_figure_that_is_off_fails_one_check(fault: dict[str, Any]) -> None:
    assert [check.holds for check in checks(replace(GOOD, **fault))].count(False) == 1


def test_the_document_has_the_members_that_programs_of_others_read() -> None:
    found = document(GOOD)

    assert list(found) == [
        "iam_enforced",
        "devices",
        "published",
        "accepted",
        "duplicates",
        "quarantined",
        "refused",
        "stored",
        "archived",
        "recording",
        "incidents",
        "commands",
    ]
    assert found["recording"] == {
        "name": "heat",
        "readings": 10,
        "findings": [{"from": "2013-12-16T16:00:00Z", "to": "2013-12-16T17:30:00Z"}],
    }
    assert found["incidents"][1] == {
        "incident_id": "i2",
        "device_id": "freezes",
        "detector_model": "sustained_excursion_freeze",
        "status": "OPEN",
        "tiers_notified": [1, 2],
        "acknowledged_by": None,
        "opened_at": 10,
        "resolved_at": None,
        "began_at": 5,
    }
    assert found["commands"][0] == {
        "execution_id": "c1",
        "device_id": "heats",
        "status": "SUCCEEDED",
        "round_trip_ms": 90,
    }
