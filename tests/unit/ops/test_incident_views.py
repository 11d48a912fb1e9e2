"""Incidents as the command tells them: the same for people and machines, and nothing that a terminal would obey."""

import pytest

from coldwatch.incidents.answering import Answer as Settled
from coldwatch.incidents.answering import Outcome
from coldwatch.incidents.incident import EventType, Page, Status, TimelineEvent
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.incidents import view
from coldwatch_ops.incidents.store import Story
from tests.unit.incidents.builders import MINUTE, NOW, incident
from tests.unit.ops.telling import text_of


def test_the_list_says_what_where_who_and_for_how_long() -> None:
    taken = incident(status=Status.ACKNOWLEDGED, tier=2, acknowledged_by="ana")

    answer = view.listed([taken], now_ms=NOW + 125 * MINUTE)

    told = text_of(answer)
    for expected in ("ACKNOWLEDGED", "critical", "Too warm", "acme-fridge-0001", "ana", "2h 5m", "1 incident."):
        assert expected in told
    assert answer.document["incidents"][0]["opened_at"] == NOW


def test_no_incident_is_said_so() -> None:
    answer = view.listed([], now_ms=NOW)

    assert answer.document == {"incidents": []}
    assert text_of(answer) == "No incident fits."


def test_a_story_has_its_limits_timeline_and_pages_and_is_safe_to_look_at() -> None:
    event = TimelineEvent(NOW, "e", EventType.RESOLVED, "ana", "door was ajar \x1b[2J")
    page = Page("i", 1, 1, "ana", NOW, is_sent=False, failure="no address")

    answer = view.shown(Story(incident(), (event,), (page,)))

    told = text_of(answer)
    assert "high_c 8.0" in told
    assert "door was ajar \\x1b[2J" in told
    assert answer.document["timeline"][0]["type"] == "resolved"
    assert answer.document["pages"][0]["failure"] == "no address"


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        (Outcome.ACKNOWLEDGED, ExitCode.OK, "ana has it"),
        (Outcome.ALREADY_YOURS, ExitCode.OK, "ana has it since 2026-01-01"),
        (Outcome.RESOLVED, ExitCode.OK, "Resolved: Too warm"),
        (Outcome.ALREADY_TAKEN, ExitCode.FAILED, "ana was first"),
        (Outcome.ALREADY_RESOLVED, ExitCode.FAILED, "resolved before"),
    ],
)
def test_each_outcome_has_its_sentence_and_exit_code(outcome: Outcome, code: ExitCode, words: str) -> None:
    settled = incident(status=Status.ACKNOWLEDGED, acknowledged_by="ana", acknowledged_at=NOW, resolved_at=NOW)

    answer = view.settled(Settled(outcome, settled, None, frozenset()))

    assert answer.exit_code is code
    assert words in text_of(answer)
    assert answer.document["outcome"] == outcome.value
