"""Stories of incidents in minutes: who is told when, and what an answer changes. `timeline` says how they are read.

The plan, where a story says no other: ana has 1 minute, then ben and cem 2, twice; then those two every 10 minutes.
Whoever has it has 15 minutes to resolve it.
"""

from itertools import pairwise

import pytest

from coldwatch.incidents.answering import Outcome
from coldwatch.incidents.incident import Cause, Disposition, EventType, Status
from coldwatch.incidents.policy import AutoResolve
from tests.unit.incidents.timeline import Story


def begun(**plan: object) -> Story:
    story = Story(dict(plan))
    story.at(minutes=0).detector().says_too_warm()
    return story


def test_tier_after_tier_is_told_twice_and_then_the_last_one_again_and_again() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.told("ben", "cem", between=(1, 1.1))
    story.told("ana", between=(3, 3.1))
    story.told("ben", "cem", between=(4, 4.1))
    story.told("ben", "cem", between=(6, 6.1))
    story.told("ben", "cem", between=(16, 16.1))
    story.told("ben", "cem", between=(26, 26.1))

    assert story.play().incident.status is Status.OPEN


def test_whoever_has_it_and_resolves_it_is_the_only_one_who_was_told() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").acknowledges()
    story.at(minutes=10).responder("ana").resolves(cause=Cause.DOOR_LEFT_OPEN, goods=Disposition.NOT_AFFECTED)
    story.told_nobody_else(until=120)

    incident = story.play().incident
    assert (incident.status, incident.cause, incident.disposition) == ("RESOLVED", "door_left_open", "not_affected")
    assert incident.recorded_at is not None
    assert story.here.executions.ended == {incident.incident_id}


def test_whoever_forgets_it_is_told_again_first_and_then_the_others() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").acknowledges()
    story.told("ana", between=(15.5, 15.6))
    story.told("ben", "cem", between=(16.5, 16.6))
    story.told_nobody_else(until=17.9)

    assert EventType.ACKNOWLEDGEMENT_EXPIRED in story.play().events


def test_who_presses_after_the_next_tier_was_told_is_too_late() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.told("ben", "cem", between=(1, 1.1))
    story.at(minutes=1.5).responder("ana").acknowledges()
    story.at(minutes=2).responder("cem").acknowledges()
    story.at(minutes=2.1).responder("ben").acknowledges()
    story.told_nobody_else(until=16)

    assert story.play().answers == [Outcome.TOO_LATE, Outcome.ACKNOWLEDGED, Outcome.ALREADY_TAKEN]


def test_nobody_is_told_during_a_snooze_and_its_own_tier_is_first_after_it() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").snoozes(minutes=30)
    story.told("ana", between=(30.5, 30.6))
    story.told("ben", "cem", between=(31.5, 31.6))
    story.told_nobody_else(until=32.9)

    assert {EventType.SNOOZED, EventType.SNOOZE_EXPIRED} <= set(story.play().events)


def test_a_snooze_that_is_shortened_ends_when_it_says() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").snoozes(minutes=60)
    story.at(minutes=5).responder("ana").snoozes(minutes=10)
    story.told("ana", between=(15, 15.1))
    story.told_nobody_else(until=15.9)

    assert story.play().answers == [Outcome.SNOOZED, Outcome.SNOOZED]


def test_a_snooze_that_is_longer_or_shorter_than_the_plan_allows_changes_nothing() -> None:
    story = begun(snooze_min_s=300, snooze_max_s=600)

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.2).responder("ana").snoozes(minutes=4)
    story.at(minutes=0.3).responder("ana").snoozes(minutes=11)
    story.told("ben", "cem", between=(1, 1.1))

    assert story.play().answers == [Outcome.NOT_ALLOWED, Outcome.NOT_ALLOWED]


def test_whoever_snoozed_it_may_take_it_up_and_has_the_whole_time_then() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").snoozes(minutes=5)
    story.at(minutes=3).responder("ana").acknowledges()
    story.told_nobody_else(until=17.9)
    story.told("ana", between=(18, 18.1))

    assert story.play().answers == [Outcome.SNOOZED, Outcome.ACKNOWLEDGED]


def test_what_recovers_during_a_snooze_is_resolved_as_what_somebody_has() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").snoozes(minutes=30)
    story.at(minutes=12).detector().says_recovered()
    story.told_nobody_else(until=120)

    incident = story.play().incident
    assert (incident.status, incident.resolution) == (Status.RESOLVED, "recovered")


def test_a_new_excursion_after_a_recovery_ends_a_snooze_at_once() -> None:
    story = begun(auto_resolve=AutoResolve.NEVER)

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").snoozes(minutes=60)
    story.at(minutes=10).detector().says_recovered()
    story.at(minutes=20).detector().says_too_warm()
    story.told("ana", between=(20, 20.1))
    story.told("ben", "cem", between=(21, 21.1))
    story.told_nobody_else(until=22.9)

    story.play()


def test_the_same_excursion_that_is_said_again_leaves_a_snooze_alone() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").snoozes(minutes=30)
    story.at(minutes=20).detector().says_too_warm()
    story.told_nobody_else(until=30.4)

    assert story.play().incident.status is Status.SNOOZED


def test_escalate_now_tells_the_next_tier_at_once() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.2).responder("ana").escalates()
    story.told("ben", "cem", between=(0.2, 0.25))
    story.told("ana", between=(2.2, 2.3))

    assert story.play().answers == [Outcome.ESCALATED]


def test_whoever_has_it_may_give_it_to_the_next_tier() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").acknowledges()
    story.at(minutes=8).responder("ana").escalates()
    story.told("ben", "cem", between=(8, 8.1))
    story.at(minutes=9).responder("ben").acknowledges()
    story.told_nobody_else(until=23.9)

    assert story.play().incident.acknowledged_by == "ben"


def test_after_the_last_tier_escalate_now_tells_that_one_again() -> None:
    story = begun(rounds=1)

    story.told("ana", between=(0, 0.1))
    story.told("ben", "cem", between=(1, 1.1))
    story.told("ben", "cem", between=(3, 3.1))
    story.at(minutes=5).responder("cem").escalates()
    story.told("ben", "cem", between=(5, 5.1))
    story.told_nobody_else(until=14.9)

    story.play()


def test_what_recovers_while_it_is_held_down_is_told_to_nobody() -> None:
    story = begun(hold_down_s=600)

    story.at(minutes=7).detector().says_recovered()
    story.told_nobody_else(until=120)

    incident = story.play().incident
    assert (incident.status, incident.round) == (Status.RESOLVED, 0)
    assert incident.recorded_at is not None


def test_what_lasts_longer_than_it_is_held_down_is_told_then() -> None:
    story = begun(hold_down_s=600)

    story.told("ana", between=(10, 10.1))
    story.told("ben", "cem", between=(11, 11.1))
    story.told_nobody_else(until=12.9)

    story.play()


def test_an_operator_need_not_wait_until_it_is_held_down_no_longer() -> None:
    story = begun(hold_down_s=600)

    story.at(minutes=2).operator().escalates()
    story.told("ana", between=(2, 2.1))
    story.told("ben", "cem", between=(3, 3.1))
    story.told_nobody_else(until=4.9)

    story.play()


def test_a_recovery_that_may_resolve_anything_ends_the_telling() -> None:
    story = begun(auto_resolve=AutoResolve.ALWAYS)

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.9).detector().says_recovered()
    story.told_nobody_else(until=120)

    assert story.play().incident.status is Status.RESOLVED


def test_what_recovered_is_still_asked_about_until_somebody_has_it_and_then_it_is_over() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).detector().says_recovered()
    story.told("ben", "cem", between=(1, 1.1))
    story.at(minutes=1.5).responder("ben").acknowledges()
    story.told_nobody_else(until=120)

    assert story.play().incident.resolution == "recovered"


def test_while_it_is_silenced_nobody_is_told_and_no_round_is_counted() -> None:
    story = Story()

    story.at(minutes=0).is_silenced(until=20)
    story.at(minutes=0).detector().says_too_warm()
    story.told("ana", between=(20, 20.1))
    story.told("ben", "cem", between=(21, 21.1))
    story.told_nobody_else(until=22.9)

    assert story.play().incident.round == 2


def test_a_silence_that_begins_in_a_round_holds_from_the_next_one_on() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).is_silenced(until=30)
    story.told("ben", "cem", between=(30, 30.1))
    story.told_nobody_else(until=31.9)

    story.play()


def test_what_is_resolved_while_it_is_silenced_is_recorded_at_once() -> None:
    story = Story()

    story.at(minutes=0).is_silenced(until=60)
    story.at(minutes=0).detector().says_too_warm()
    story.at(minutes=5).operator().resolves()
    story.told_nobody_else(until=6)

    assert story.play().incident.recorded_at is not None


def test_a_tier_that_nobody_can_reach_is_not_waited_for() -> None:
    story = Story()

    story.at(minutes=0).forget("ana")
    story.at(minutes=0).detector().says_too_warm()
    story.told("ben", "cem", between=(0, 0.1))
    story.told_nobody_else(until=1.9)

    story.play()


def test_a_hand_over_changes_nobodys_minute() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).workflow_is_nearly_at_its_end()
    story.told("ben", "cem", between=(1, 1.1))
    story.at(minutes=1.5).responder("ben").acknowledges()
    story.at(minutes=8).responder("ben").resolves()
    story.told_nobody_else(until=60)

    played = story.play()
    first = played.incident.incident_id
    assert list(played.clock.all) == [first, f"{first}-2"]
    assert played.here.executions.ended == {first, f"{first}-2"}
    assert played.events.count(EventType.HANDED_OVER) == 1
    assert played.incident.recorded_at is not None


def test_what_somebody_has_is_waited_for_across_a_hand_over() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.4).responder("ana").acknowledges()
    story.at(minutes=0.5).workflow_is_nearly_at_its_end()
    story.told("ana", between=(15.4, 15.5))
    story.at(minutes=15.6).responder("ana").acknowledges()
    story.told_nobody_else(until=30.5)
    story.told("ana", between=(30.6, 30.7))

    story.play()


def test_a_workflow_that_is_stopped_is_missed_for_an_hour_at_most() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).workflow_is_stopped()
    story.at(minutes=60).hourly_check()
    story.told("ben", "cem", between=(60, 60.1))
    story.told("ana", between=(62, 62.1))
    story.at(minutes=62.5).hourly_check()
    story.told_nobody_else(until=62.9)

    assert story.play().events.count(EventType.REATTACHED) == 1


def test_a_workflow_that_stops_between_the_record_and_the_report_is_taken_up_for_the_report() -> None:
    story, unreported = begun(), []

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").acknowledges()
    story.at(minutes=1).report_is_never_called_for()
    story.at(minutes=10).responder("ana").resolves()
    story.at(minutes=10.5).workflow_is_stopped()
    story.at(minutes=11).does(lambda: unreported.append(story.incident.reported_at is None))
    story.at(minutes=60).hourly_check()
    story.at(minutes=120).hourly_check()
    story.told_nobody_else(until=180)

    played = story.play()
    assert unreported == [True]
    assert played.incident.reported_at is not None
    assert played.events.count(EventType.REATTACHED) == 1
    assert played.events.count(EventType.RECORDED) == 1


def test_a_report_is_not_missed_of_what_was_recorded_long_ago() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).report_is_never_called_for()
    story.at(minutes=0.6).operator().resolves()
    story.at(minutes=2).workflow_is_stopped()
    story.at(minutes=7 * 1440 + 60).hourly_check()
    story.told_nobody_else(until=7 * 1440 + 61)

    assert EventType.REATTACHED not in story.play().events


def test_a_workflow_that_is_redriven_goes_on_where_it_stood() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).workflow_is_stopped()
    story.at(minutes=5).workflow_is_redriven()
    story.told("ben", "cem", between=(6, 6.1))
    story.at(minutes=6.5).responder("cem").acknowledges()
    story.at(minutes=7).workflow_is_stopped()
    story.at(minutes=8).workflow_is_redriven()
    story.at(minutes=9).responder("cem").resolves()
    story.told_nobody_else(until=120)

    assert story.play().incident.recorded_at is not None


def test_a_second_excursion_while_it_is_open_joins_it_and_tells_nobody_sooner() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).detector().says_too_warm()
    story.told("ben", "cem", between=(1, 1.1))
    story.told_nobody_else(until=2.9)

    assert EventType.REPEATED in story.play().events


def test_an_operator_snoozes_escalates_and_resolves_as_a_responder_does() -> None:
    story = begun()

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).operator("op").snoozes(minutes=20)
    story.at(minutes=5).operator("other").escalates()
    story.told("ben", "cem", between=(5, 5.1))
    story.at(minutes=6).operator("other").resolves()
    story.told_nobody_else(until=120)

    assert story.play().answers == [Outcome.SNOOZED, Outcome.ESCALATED, Outcome.RESOLVED]


def test_the_same_press_of_a_command_sends_one_and_a_later_one_another() -> None:
    story = begun(commands=("start_defrost",))

    story.told("ana", between=(0, 0.1))
    story.at(minutes=0.5).responder("ana").acknowledges()
    for minutes, revision in ((1, 7), (1.1, 7), (5, 9)):
        story.at(minutes=minutes).responder("ana").sends("start_defrost", revision=revision)
    story.at(minutes=6).responder("ana").sends("open_door", revision=9)
    story.at(minutes=7).responder("ana").says_it_was_useful()
    story.told_nobody_else(until=15)

    played = story.play()
    assert played.answers[1:] == [*[Outcome.COMMAND_SENT] * 3, Outcome.NOT_ALLOWED, Outcome.THANKED]
    assert len(played.here.commands.sent) == played.events.count(EventType.COMMAND_SENT) == 2
    assert (played.incident.useful, played.incident.useful_by) == (True, "ana")


def test_days_of_rounds_are_handed_over_and_over_and_told_at_their_pace() -> None:
    story = begun(rounds=1)
    story.until = 3 + 320 * 10
    story.clock.run_until(story.clock.now)

    with pytest.raises(AssertionError, match="nobody expected"):
        story.play()

    minutes = [minute for minute, who in story.pages if who == "ben"][2:]
    gaps = [later - earlier for earlier, later in pairwise(minutes)]
    assert len(gaps) > 300
    assert all(10 <= gap <= 10.1 for gap in gaps)
    assert len(story.clock.all) == 2
    assert max(each.execution.entered for each in story.clock.all.values()) < 1_500
