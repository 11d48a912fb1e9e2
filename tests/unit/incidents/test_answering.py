"""Who may do what by a link, who was first, and what each other press is told."""

from dataclasses import replace

import pytest

from coldwatch.commands.incident import DETECTOR_MODEL, KIND
from coldwatch.incidents import answering
from coldwatch.incidents.answering import RATING, Action, Answer, Asked, Outcome
from coldwatch.incidents.identity import link_secret
from coldwatch.incidents.incident import EventType, Incident, Status
from coldwatch.incidents.links import LIFETIME_MS
from tests.unit.incidents.builders import NOW, effect, is_, opened, operated, pressed, secret_of, told, world
from tests.unit.incidents.fakes import Course, Killed, World

RESPONDER_MAY = frozenset({Action.ACKNOWLEDGE, Action.SNOOZE, Action.ESCALATE})
HOLDER_MAY = RATING | {Action.RESOLVE, Action.SNOOZE, Action.ESCALATE}


@pytest.fixture
def here() -> World:
    return world()


@pytest.fixture
def incident(here: World) -> Incident:
    """Open, and ana has been told."""
    made = opened(here)
    told(here, made, 1)
    return made


def press(
    here: World, secret: str, action: Action = Action.ACKNOWLEDGE, *, now_ms: int = NOW, course: Course | None = None
) -> Answer:
    return pressed(here, secret, action, now_ms=now_ms, course=course)


def operate(here: World, of: Incident, action: Action, who: str = "op") -> Answer:
    return operated(here, of, Asked(action, note="n"), who)


def look(here: World, secret: str, now_ms: int = NOW) -> tuple[Outcome, frozenset[Action]]:
    answer = answering.look(secret, here.incidents, here.links, here.directory, now_ms=now_ms)
    return answer.outcome, answer.may


def test_looking_writes_nothing_however_often(here: World, incident: Incident) -> None:
    before = is_(here, incident), dict(here.links.links), list(here.waiting.heard)

    seen = {look(here, secret_of(here, "ana")) for _ in range(50)}

    assert seen == {(Outcome.SHOWN, RESPONDER_MAY)}
    assert (is_(here, incident), here.links.links, here.waiting.heard) == before


def test_a_press_acknowledges_and_wakes_the_workflow(here: World, incident: Incident) -> None:
    answer = press(here, secret_of(here, "ana"))

    assert (answer.outcome, answer.may) == (Outcome.ACKNOWLEDGED, HOLDER_MAY)
    assert is_(here, incident).acknowledged_by == "ana"
    assert [output["outcome"] for _, output in here.waiting.heard] == ["acknowledged"]


def test_the_first_acknowledgement_wins_and_the_second_is_told_who_has_it(here: World, incident: Incident) -> None:
    told(here, incident, 2)
    press(here, secret_of(here, "ben"))

    second = press(here, secret_of(here, "cem"))

    assert second.outcome is Outcome.ALREADY_TAKEN
    assert second.may == RATING
    assert second.incident is not None
    assert second.incident.acknowledged_by == "ben"


def test_of_two_who_press_at_once_one_has_it(here: World, incident: Incident) -> None:
    told(here, incident, 2)
    ben, cem = secret_of(here, "ben"), secret_of(here, "cem")

    def be_quicker() -> None:
        press(here, cem)

    slower = press(here, ben, course=Course(at=3, act=be_quicker))

    assert slower.outcome is Outcome.ALREADY_TAKEN
    assert is_(here, incident).acknowledged_by == "cem"


def test_only_who_has_it_may_resolve_by_link(here: World, incident: Incident) -> None:
    told(here, incident, 2)
    ben, cem = secret_of(here, "ben"), secret_of(here, "cem")
    assert press(here, ben, Action.RESOLVE).outcome is Outcome.SHOWN, "an open incident is acknowledged first"
    press(here, ben)

    assert press(here, cem, Action.RESOLVE).outcome is Outcome.ALREADY_TAKEN
    assert press(here, ben, Action.RESOLVE).outcome is Outcome.RESOLVED

    over = is_(here, incident)
    assert (over.status, over.resolved_by) == (Status.RESOLVED, "ben")
    assert look(here, cem) == (Outcome.ALREADY_RESOLVED, RATING)


def test_a_link_of_an_earlier_round_is_too_late(here: World, incident: Incident) -> None:
    ana = secret_of(here, "ana")
    told(here, incident, 2)
    before = is_(here, incident)

    assert press(here, ana).outcome is Outcome.TOO_LATE
    assert look(here, ana) == (Outcome.TOO_LATE, frozenset())
    assert is_(here, incident) == before


def test_a_link_expires(here: World, incident: Incident) -> None:
    ana = secret_of(here, "ana")
    assert look(here, ana, NOW + LIFETIME_MS - 1)[0] is Outcome.SHOWN
    assert press(here, ana, now_ms=NOW + LIFETIME_MS).outcome is Outcome.EXPIRED
    assert is_(here, incident).status is Status.OPEN


@pytest.mark.parametrize("action", Action)
def test_who_is_removed_from_the_contacts_can_neither_look_nor_stop_an_escalation(
    here: World, incident: Incident, action: Action
) -> None:
    ana = secret_of(here, "ana")
    if action is Action.RESOLVE:
        press(here, ana)
    before = is_(here, incident)
    del here.directory.names["ana"]

    assert press(here, ana, action).outcome is Outcome.EXPIRED
    assert look(here, ana) == (Outcome.EXPIRED, frozenset())
    assert is_(here, incident) == before


@pytest.mark.parametrize("secret", ["", "../../etc/passwd", "a" * 26, link_secret(bytes(16))])
def test_unknown_forged_and_malformed_secrets_get_one_answer(here: World, incident: Incident, secret: str) -> None:
    before = is_(here, incident)

    assert press(here, secret) == Answer(Outcome.UNKNOWN)
    assert is_(here, incident) == before


def test_pressing_again_changes_nothing_but_wakes_a_workflow_that_was_not_told(here: World, incident: Incident) -> None:
    ana = secret_of(here, "ana")
    with pytest.raises(Killed):
        press(here, ana, course=Course(at=5))
    assert here.waiting.heard == [], "killed between the write and the wake-up call"
    before = is_(here, incident)

    again = press(here, ana)

    assert (again.outcome, is_(here, incident)) == (Outcome.ALREADY_YOURS, before)
    assert [output["outcome"] for _, output in here.waiting.heard] == ["acknowledged"]


def test_pressing_again_does_not_wake_who_waits_for_the_resolution(here: World, incident: Incident) -> None:
    press(here, secret_of(here, "ana"))
    here.waiting.open_tokens.add("later")
    here.incidents.keep_token(is_(here, incident), "later")

    press(here, secret_of(here, "ana"))

    assert here.waiting.open_tokens == {"later"}


def test_an_operator_may_acknowledge_and_resolve_without_a_link(here: World, incident: Incident) -> None:
    assert operate(here, incident, Action.ACKNOWLEDGE).outcome is Outcome.ACKNOWLEDGED
    assert operate(here, incident, Action.ACKNOWLEDGE).outcome is Outcome.ALREADY_YOURS
    assert operate(here, incident, Action.ACKNOWLEDGE, who="other").outcome is Outcome.ALREADY_TAKEN
    assert operate(here, incident, Action.RESOLVE, who="other").outcome is Outcome.RESOLVED
    assert operate(here, incident, Action.RESOLVE).outcome is Outcome.ALREADY_RESOLVED

    assert is_(here, incident).resolution == "by other"


def test_an_operator_may_resolve_what_nobody_acknowledged(here: World, incident: Incident) -> None:
    assert operate(here, incident, Action.RESOLVE).outcome is Outcome.RESOLVED

    assert here.incidents.locks == {}
    assert [output["outcome"] for _, output in here.waiting.heard] == ["resolved"]


def test_an_operator_who_names_no_incident_is_told_so(here: World, incident: Incident) -> None:
    assert operate(here, replace(incident, incident_id="?"), Action.RESOLVE) == Answer(Outcome.UNKNOWN)


def test_the_record_says_that_it_was_resolved_before_a_recovery_was_seen(here: World, incident: Incident) -> None:
    operate(here, incident, Action.RESOLVE)

    (event,) = (each for each in here.incidents.timeline(incident.incident_id) if each.type is EventType.RESOLVED)
    assert event.what == "Resolved: by op. No recovery had been seen. n"


def test_a_command_that_nobody_answered_has_no_recovery_to_be_missed() -> None:
    here = world()
    unanswered = opened(here, effect("c1", kind=KIND, detector_model=DETECTOR_MODEL))

    operate(here, unanswered, Action.RESOLVE)

    (event,) = (each for each in here.incidents.timeline(unanswered.incident_id) if each.type is EventType.RESOLVED)
    assert event.what == "Resolved: by op. n"


@pytest.mark.parametrize("seconds", [None, 600])
def test_where_the_plan_allows_no_snooze_there_is_none_and_nobody_is_told_that_there_was(seconds: int | None) -> None:
    here = world(snooze_max_s=0)
    made = opened(here)
    told(here, made, 1)
    ana, before = secret_of(here, "ana"), is_(here, made)

    assert look(here, ana) == (Outcome.SHOWN, RESPONDER_MAY - {Action.SNOOZE})
    assert pressed(here, ana, Asked(Action.SNOOZE, snooze_s=seconds)).outcome is Outcome.SHOWN
    by_operator = operated(here, made, Asked(Action.SNOOZE, snooze_s=seconds))

    assert (by_operator.outcome, by_operator.detail) == (
        Outcome.NOT_ALLOWED,
        "The plan of this incident allows no snooze.",
    )
    assert Action.SNOOZE not in by_operator.may
    assert is_(here, made) == before
    press(here, ana)
    assert look(here, ana) == (Outcome.ALREADY_YOURS, HOLDER_MAY - {Action.SNOOZE})


def test_a_snooze_for_no_time_said_is_refused_where_the_plans_shortest_is_longer_than_its_longest() -> None:
    here = world(snooze_min_s=300, snooze_max_s=120)
    made = opened(here)
    told(here, made, 1)

    answer = pressed(here, secret_of(here, "ana"), Action.SNOOZE)

    assert (answer.outcome, is_(here, made).status) == (Outcome.NOT_ALLOWED, Status.OPEN)
