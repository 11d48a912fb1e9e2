"""Who is told, in which order things happen, and what an answer in the middle of it stops."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from coldwatch.incidents.answering import Action
from coldwatch.incidents.awaiting import await_change
from coldwatch.incidents.incident import Incident, Status
from coldwatch.incidents.policy import Tier
from coldwatch.incidents.ports import Notification, Recipient
from coldwatch.incidents.recovery import Recovered, recover_incident
from coldwatch.incidents.telling import Fate, NotAllToldError, Round, tell
from coldwatch.incidents.workflow import answer_of
from tests.unit.incidents.builders import FRIDGE, NOW, effect, is_, opened, operated, pressed, secret_of, told, world
from tests.unit.incidents.fakes import Course, World
from tests.unit.incidents.workflow import Workflow

UNREACHABLE = {"outcome": "unreachable"}


def types(here: World, of: Incident) -> list[str]:
    return [event.type.value for event in here.incidents.timeline(of.incident_id)]


def settle(here: World, of: Incident, action: Action, who: str = "op") -> None:
    operated(here, of, action, who, now_ms=NOW)


def awaits(
    here: World, of: Incident, *, standing: str | None = None, course: Course | None = None, now_ms: int = NOW
) -> Incident:
    """The wait of an incident that stands as it does, if not said otherwise, with the token `end`."""
    store = (course or Course()).watch(here.incidents)
    return await_change(of.incident_id, "end", standing or is_(here, of).standing, store, here.waiting, now_ms=now_ms)


def answers(here: World) -> list[str]:
    return [output["outcome"] for _, output in here.waiting.heard]


def test_each_responder_of_the_tier_gets_a_message_of_their_own() -> None:
    here = world()
    incident = opened(here)

    result = told(here, incident, 2)

    assert result.fates == {"ben": Fate.SENT, "cem": Fate.SENT}
    ben, cem = here.channel.sent
    assert (ben.contact_id, ben.page_id) == ("ben", f"{incident.incident_id}-2-ben")
    assert ben.subject == f"CRITICAL: Too warm - {FRIDGE}"
    for said in ("Ben, ", "Too warm (critical)", FRIDGE, "2025-12-31 23:55:00Z", "2026-01-01 00:02:00Z"):
        assert said in ben.text
    assert secret_of(here, "ben") != secret_of(here, "cem")
    assert secret_of(here, "ben") not in str(here.links.links) + str(here.incidents) + cem.text
    assert types(here, incident) == ["opened", "paged", "paged"]


def test_the_workflow_keeps_waiting_once_somebody_is_told() -> None:
    here = world()
    incident = opened(here)

    told(here, incident, 1)

    assert here.waiting.open_tokens == {"token-1"}
    assert is_(here, incident).deadline_at == NOW + 60_000


def test_the_token_is_stored_before_anybody_is_told() -> None:
    here = world()
    incident = opened(here)
    here.channel.on_send = lambda _: settle(here, incident, Action.ACKNOWLEDGE)

    told(here, incident, 1)

    assert answers(here) == ["acknowledged"]


@pytest.mark.parametrize("action", [Action.ACKNOWLEDGE, Action.RESOLVE])
def test_nobody_is_told_of_what_is_settled_wherever_it_is_settled(action: Action) -> None:
    for at in range(1, 30):
        here = world()
        incident = opened(here)
        states: list[Status] = []

        def look(_: Notification, here: World = here, of: Incident = incident, to: list[Status] = states) -> None:
            to.append(is_(here, of).status)

        here.channel.on_send = look
        here.waiting.open_tokens.add("t")
        course = Course(at=at, act=lambda here=here, of=incident: settle(here, of, action))  # type: ignore[misc] # bound here

        tell(Round(incident.incident_id, 2, 2, "t", wait_s=120), here.telling(course), now_ms=NOW)

        late = [each for each in states if each is not Status.OPEN]
        assert len(late) <= 1, "only the one message that was on its way"
        assert not here.waiting.open_tokens or course.calls < at, at


def test_an_acknowledgement_cancels_what_is_still_queued() -> None:
    here = world()
    incident = opened(here)
    here.channel.on_send = lambda _: settle(here, incident, Action.ACKNOWLEDGE)

    result = told(here, incident, 2)

    assert result.fates == {"ben": Fate.SENT, "cem": Fate.CANCELLED}
    assert [each.contact_id for each in here.channel.sent] == ["ben"]
    assert not result.is_nobody_told


def test_a_round_that_is_told_again_sends_nothing_twice() -> None:
    here = world()
    incident = opened(here)
    told(here, incident, 2)

    again = told(here, incident, 2)

    assert again.fates == {"ben": Fate.ALREADY_SENT, "cem": Fate.ALREADY_SENT}
    assert len(here.channel.sent) == 2
    assert types(here, incident).count("paged") == 2


def test_a_contact_that_is_missing_or_unreadable_harms_only_itself() -> None:
    here = world()
    incident = opened(here)
    del here.directory.names["ben"]

    class Recipients:
        def find_recipient(self, contact_id: str, channels: Sequence[str] = ()) -> Recipient | None:
            if contact_id == "ben":
                raise KeyError("addresses")
            return here.directory.find_recipient(contact_id, channels)

    missing = told(here, incident, 2)
    unreadable = tell(
        Round(incident.incident_id, 4, 4, "t", wait_s=120), replace(here.telling(), recipients=Recipients()), now_ms=NOW
    )

    assert missing.fates == unreadable.fates == {"ben": Fate.UNREACHABLE, "cem": Fate.SENT}
    failed = [event.what for event in here.incidents.timeline(incident.incident_id) if event.type == "page_failed"]
    assert failed == [
        "ben could not be told (round 2, tier 2). There is no contact ben.",
        "ben could not be told (round 4, tier 2). The entry of contact ben cannot be read: 'addresses'.",
    ]


def test_when_nobody_can_be_reached_the_next_tier_is_told_without_a_wait() -> None:
    here = world()
    here.directory.names.clear()
    incident = opened(here)

    assert told(here, incident, 1).is_nobody_told

    assert [output for _, output in here.waiting.heard] == [answer_of(is_(here, incident), now_ms=NOW) | UNREACHABLE]


def test_after_the_last_tier_there_is_a_wait_so_that_an_empty_plan_does_not_spin() -> None:
    here, nobody = world(), world()
    here.directory.names.clear()
    nobody.directory.policies.clear()
    incident, lonely = opened(here), opened(nobody)

    assert told(here, incident, 2).is_nobody_told
    assert told(nobody, lonely, 1).is_nobody_told

    assert here.waiting.heard == nobody.waiting.heard == []
    assert types(nobody, lonely) == ["opened", "page_failed"]


def test_a_channel_that_takes_nothing_is_tried_again_and_fails_once_in_the_timeline() -> None:
    here = world()
    incident = opened(here)
    here.channel.refuses = {"ben", "cem"}
    for _ in range(3):
        with pytest.raises(NotAllToldError):
            told(here, incident, 2)

    here.channel.refuses.clear()
    told(here, incident, 2, now_ms=NOW + 1)

    assert [each.contact_id for each in here.channel.sent] == ["ben", "cem"]
    assert types(here, incident) == ["opened", "page_failed", "page_failed", "paged", "paged"]


def test_one_message_that_is_not_taken_does_not_hold_back_the_others() -> None:
    here = world()
    incident = opened(here)
    here.channel.refuses = {"ben"}

    with pytest.raises(NotAllToldError, match="took no message for ben"):
        told(here, incident, 2)

    assert [each.contact_id for each in here.channel.sent] == ["cem"]


def test_who_was_not_told_is_tried_again_and_the_others_are_not_told_twice() -> None:
    here = world()
    incident = opened(here)
    here.channel.refuses = {"ben"}
    with pytest.raises(NotAllToldError):
        told(here, incident, 2)
    here.channel.refuses.clear()

    assert told(here, incident, 2).fates == {"ben": Fate.SENT, "cem": Fate.ALREADY_SENT}

    assert sorted(here.told()) == [f"{incident.incident_id}-2-{each}" for each in ("ben", "cem")]
    assert set(here.told().values()) == {1}


def test_the_last_try_is_content_with_having_told_somebody_and_leaves_the_tiers_own_wait() -> None:
    here = world()
    incident = opened(here)
    here.channel.refuses = {"ben"}
    with pytest.raises(NotAllToldError):
        told(here, incident, 2)
    deadline_at = is_(here, incident).deadline_at
    here.waiting.open_tokens = {"last"}

    result = tell(
        Round(incident.incident_id, 2, 2, "last", is_last_try=True, wait_s=120), here.telling(), now_ms=NOW + 30_000
    )

    assert (result.fates, result.failing) == ({"ben": Fate.FAILING, "cem": Fate.ALREADY_SENT}, ("ben",))
    assert here.waiting.open_tokens == {"last"}, "nobody returned it: the step's time runs"
    assert here.incidents.tokens[incident.incident_id][0] == "last"
    assert is_(here, incident).deadline_at == deadline_at


def test_the_last_try_fails_where_it_told_nobody() -> None:
    here = world()
    incident = opened(here)
    here.channel.refuses = {"ben", "cem"}

    with pytest.raises(NotAllToldError):
        tell(Round(incident.incident_id, 2, 2, "last", is_last_try=True, wait_s=120), here.telling(), now_ms=NOW)


def test_a_message_that_was_not_taken_matters_no_more_once_somebody_has_it() -> None:
    here = world()
    incident = opened(here)
    here.channel.refuses = {"ben"}
    course = Course(at=8, is_after=True, act=lambda: settle(here, incident, Action.ACKNOWLEDGE))
    here.waiting.open_tokens.add("t")

    result = tell(Round(incident.incident_id, 2, 2, "t", wait_s=120), here.telling(course), now_ms=NOW)

    assert result.fates == {"ben": Fate.FAILING, "cem": Fate.CANCELLED}
    assert answers(here) == ["acknowledged"]


def test_a_tier_of_which_one_cannot_be_told_has_its_whole_time_before_the_next_is_told() -> None:
    here = world(tiers=(Tier(("ben", "cem"), 60), Tier(("ana",), 120)))
    incident = opened(here)
    here.channel.refuses = {"ben"}
    workflow = Workflow.of(here, incident)

    workflow.enter(NOW)

    assert (workflow.place, workflow.until) == ((1, 1), NOW + 60_000)
    assert workflow.token in here.waiting.open_tokens
    assert [each.contact_id for each in here.channel.sent] == ["cem"]
    workflow.time_out()
    assert [each.contact_id for each in here.channel.sent] == ["cem", "ana"]


def test_machines_hear_when_it_opens_and_when_a_further_tier_is_told() -> None:
    here = world()
    incident = opened(here)

    for number in range(1, 6):
        told(here, incident, number)

    heard = [(topic, alert["event"], alert["tier"]) for topic, alert in here.channel.alerts]
    assert heard == [("alerts/fridge/critical", "opened", 1), ("alerts/fridge/critical", "escalated", 2)]


def test_an_alert_that_is_not_taken_stops_nobody_from_being_told() -> None:
    here = world()
    here.channel.refuses_alerts = True

    result = told(here, opened(here), 1)

    assert (result.fates, result.alert_fault) == ({"ana": Fate.SENT}, "busy")


def test_a_workflow_that_is_behind_is_told_where_the_incident_stands() -> None:
    here = world()
    incident = opened(here)
    told(here, incident, 3)
    sent = len(here.channel.sent)

    told(here, incident, 2)

    assert here.waiting.heard[-1] == ("token-2", answer_of(is_(here, incident), now_ms=NOW))
    assert {"outcome": "open", "round": 3, "step": 3}.items() <= here.waiting.heard[-1][1].items()
    assert len(here.channel.sent) == sent


def test_an_acknowledgement_that_is_not_kept_pages_again_beginning_with_its_own_tier() -> None:
    here = world()
    incident = opened(here)
    told(here, incident, 1)
    settle(here, incident, Action.ACKNOWLEDGE, who="ana")
    assert told(here, incident, 2, step=1, now_ms=NOW + 899_999).fates == {}, "it still holds"

    told(here, incident, 2, step=1, now_ms=NOW + 900_000)

    assert [each.contact_id for each in here.channel.sent] == ["ana", "ana"]
    assert types(here, incident)[-3:] == ["acknowledgement_expired", "escalated", "paged"]
    assert is_(here, incident).status is Status.OPEN


def test_whoever_forgot_may_take_it_again_by_the_new_link() -> None:
    here = world()
    incident = opened(here)
    told(here, incident, 1)
    settle(here, incident, Action.ACKNOWLEDGE, who="ana")
    told(here, incident, 2, step=1, now_ms=NOW + 900_000)

    answer = pressed(here, secret_of(here, "ana"), Action.ACKNOWLEDGE, now_ms=NOW + 900_001)

    assert answer.outcome == "acknowledged"


def test_the_resolution_is_awaited_with_a_token_of_its_own() -> None:
    here = world()
    incident = opened(here)
    told(here, incident, 1)
    settle(here, incident, Action.ACKNOWLEDGE)
    here.waiting.open_tokens.add("end")

    awaits(here, incident)
    assert here.waiting.open_tokens == {"end"}
    settle(here, incident, Action.RESOLVE)

    assert answers(here) == ["acknowledged", "resolved"]


def test_what_recovered_before_it_was_acknowledged_is_resolved_once_it_is() -> None:
    here = world()
    incident = opened(here)
    told(here, incident, 1)
    early = recover_incident(effect("r1", occurred_at=NOW + 1), here.incidents, here.waiting, now_ms=NOW)
    assert early.outcome is Recovered.RECORDED
    settle(here, incident, Action.ACKNOWLEDGE)
    here.waiting.open_tokens.add("end")

    after = awaits(here, incident)

    assert (after.status, after.resolution) == (Status.RESOLVED, "recovered")
    assert answers(here) == ["acknowledged", "resolved"]
    assert types(here, incident) == ["opened", "paged", "recovered", "acknowledged", "resolved"]


def test_a_workflow_from_before_waits_were_measured_waits_for_the_incident_as_it_is() -> None:
    here = world()
    incident = opened(here)
    told(here, incident, 1)
    settle(here, incident, Action.ACKNOWLEDGE)
    here.waiting.open_tokens.add("end")

    await_change(incident.incident_id, "end", None, here.incidents, here.waiting, now_ms=NOW)
    assert here.waiting.open_tokens == {"end"}
    settle(here, incident, Action.RESOLVE)

    assert answers(here) == ["acknowledged", "resolved"]


@pytest.mark.parametrize("how", ["open", "overdue", "resolved"])
def test_there_is_no_wait_for_a_resolution_where_nobody_works_on_it(how: str) -> None:
    here = world()
    incident = opened(here)
    if how == "overdue":
        settle(here, incident, Action.ACKNOWLEDGE)
    if how == "resolved":
        settle(here, incident, Action.RESOLVE)
    here.waiting.open_tokens.add("end")

    awaits(here, incident, standing="ACKNOWLEDGED#0#0#-1", now_ms=NOW + 900_000)

    assert answers(here) == [how]


def test_a_resolution_is_heard_wherever_in_the_wait_it_comes() -> None:
    for at in range(1, 10):
        here = world()
        incident = opened(here)
        settle(here, incident, Action.ACKNOWLEDGE)
        here.waiting.open_tokens.add("end")
        course = Course(at=at, act=lambda here=here, of=incident: settle(here, of, Action.RESOLVE))  # type: ignore[misc] # bound here

        awaits(here, incident, course=course)

        assert answers(here) == (["resolved"] if course.calls >= at else []), at


def test_a_recovery_that_the_plan_lets_resolve_wakes_the_workflow() -> None:
    here = world(auto_resolve="always")
    incident = opened(here)
    told(here, incident, 1)

    recovery = recover_incident(effect("r1", occurred_at=NOW + 1), here.incidents, here.waiting, now_ms=NOW)

    assert recovery.outcome is Recovered.RESOLVED
    assert answers(here) == ["resolved"]
    assert here.incidents.locks == {}
    assert types(here, incident) == ["opened", "paged", "recovered", "resolved"]


def test_a_recovery_is_taken_in_once_and_an_outdated_one_not_at_all() -> None:
    here = world()
    incident = opened(here)

    outcomes = [
        recover_incident(effect(name, occurred_at=NOW + at), here.incidents, here.waiting, now_ms=NOW).outcome
        for name, at in (("r1", 2), ("r1", 2), ("r0", -1))
    ]

    assert outcomes == [Recovered.RECORDED, Recovered.RECORDED, Recovered.OUTDATED]
    assert types(here, incident) == ["opened", "recovered"]


def test_a_recovery_of_nothing_is_remembered_and_no_fault() -> None:
    here = world()

    assert recover_incident(effect("r1"), here.incidents, here.waiting, now_ms=NOW).outcome is Recovered.NOTED


def test_a_repeat_joins_in_the_middle_of_a_round_and_the_round_goes_on() -> None:
    here = world(tiers=(Tier(("ben", "cem"), 60),))
    incident = opened(here)

    def come_again(notification: Notification) -> None:
        opened(here, effect(f"again-{notification.contact_id}"))

    here.channel.on_send = come_again

    result = told(here, incident, 1)

    assert result.fates == {"ben": Fate.SENT, "cem": Fate.SENT}
    assert types(here, incident).count("repeated") == 2
