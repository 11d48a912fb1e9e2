"""What may change an incident, and what an incident that has changed no longer lets happen."""

from dataclasses import replace

import pytest

from coldwatch.incidents import lifecycle
from coldwatch.incidents.incident import EventType, Incident, Status
from coldwatch.incidents.lifecycle import Change
from coldwatch.incidents.policy import AutoResolve
from tests.unit.incidents.builders import NOW, incident, plan

TAKEN = incident(status=Status.ACKNOWLEDGED, acknowledged_by="ana", acknowledged_at=NOW, deadline_at=NOW + 900_000)
OVER = incident(status=Status.RESOLVED, resolved_by="ana", resolved_at=NOW)


def acknowledged(of: Incident, who: str = "ana") -> Change | None:
    return lifecycle.acknowledge(of, who=who, note=None, now_ms=NOW)


def begun(of: Incident, round_: int, number: int) -> Change | None:
    return lifecycle.begin_round(of, round_=round_, number=number, now_ms=NOW)


def recovered(of: Incident, at: int = NOW) -> Change | None:
    return lifecycle.recover(of, effect_id="r1", occurred_at=at, what="Recovered", now_ms=NOW)


def after(change: Change | None) -> Incident:
    assert change is not None
    return change.after


def test_an_acknowledgement_names_who_and_until_when_it_holds() -> None:
    change = lifecycle.acknowledge(incident(), who="ana", note="on my way", now_ms=NOW)

    taken = after(change)
    assert (taken.status, taken.acknowledged_by, taken.acknowledged_at) == (Status.ACKNOWLEDGED, "ana", NOW)
    assert taken.deadline_at == NOW + 900_000
    assert change is not None
    assert change.event is not None
    assert (change.event.type, change.event.who, change.event.what) == ("acknowledged", "ana", "ana has it. on my way")


@pytest.mark.parametrize("of", [TAKEN, OVER], ids=["taken", "over"])
def test_only_an_open_incident_can_be_acknowledged(of: Incident) -> None:
    assert acknowledged(of, "ben") is None


@pytest.mark.parametrize("of", [incident(), TAKEN], ids=["open", "taken"])
def test_a_resolution_gives_back_the_lock_and_ends_every_deadline(of: Incident) -> None:
    change = lifecycle.resolve(of, who="ben", resolution="by ben", note="door shut", now_ms=NOW + 1)

    assert change is not None
    assert change.releases_lock
    over = change.after
    assert (over.status, over.resolved_by, over.resolved_at) == (Status.RESOLVED, "ben", NOW + 1)
    assert (over.resolution, over.note, over.deadline_at) == ("by ben", "door shut", None)


def test_nothing_happens_to_an_incident_that_is_over() -> None:
    changes = [
        acknowledged(OVER),
        recovered(OVER),
        lifecycle.resolve(OVER, who="x", resolution="x", note=None, now_ms=NOW),
        begun(OVER, 9, 9),
        lifecycle.expire(OVER, now_ms=NOW * 2),
        lifecycle.settle_recovered(replace(OVER, recovered_at=NOW), now_ms=NOW),
        lifecycle.repeat(OVER, effect_id="e", occurred_at=NOW, what="x", now_ms=NOW),
    ]

    assert changes == [None] * len(changes)


@pytest.mark.parametrize(
    ("rule", "of", "resolves"),
    [
        (AutoResolve.ALWAYS, incident(), True),
        (AutoResolve.ALWAYS, TAKEN, True),
        (AutoResolve.ACKNOWLEDGED, incident(), False),
        (AutoResolve.ACKNOWLEDGED, TAKEN, True),
        (AutoResolve.NEVER, incident(), False),
        (AutoResolve.NEVER, TAKEN, False),
    ],
)
def test_a_recovery_resolves_what_the_plan_says(rule: AutoResolve, of: Incident, *, resolves: bool) -> None:
    seen = after(recovered(replace(of, plan=plan(auto_resolve=rule))))

    change = lifecycle.settle_recovered(seen, now_ms=NOW)

    assert seen.recovered_at == NOW
    assert (change is not None) is resolves
    if change:
        assert (change.after.resolved_by, change.after.resolution) == ("detector", "recovered")


def test_what_has_not_recovered_is_not_settled_as_recovered() -> None:
    assert lifecycle.settle_recovered(replace(TAKEN, plan=plan(auto_resolve=AutoResolve.ALWAYS)), now_ms=NOW) is None


def test_a_recovery_from_before_the_excursion_is_outdated() -> None:
    assert recovered(incident(excursion_at=NOW), at=NOW - 1) is None
    assert recovered(incident(excursion_at=NOW), at=NOW) is not None


def test_an_excursion_that_comes_again_is_no_longer_recovered() -> None:
    seen = after(recovered(incident(), at=NOW + 5))

    again = lifecycle.repeat(seen, effect_id="e2", occurred_at=NOW + 6, what="x", now_ms=NOW)
    late = lifecycle.repeat(seen, effect_id="e3", occurred_at=NOW + 4, what="x", now_ms=NOW)

    assert after(again).recovered_at is None
    assert recovered(after(again), at=NOW + 5) is None
    assert after(late).recovered_at == NOW + 5


def test_a_round_moves_on_once_and_says_until_when_it_waits() -> None:
    first = begun(incident(), 1, 1)
    second = begun(after(first), 2, 2)

    assert first is not None
    assert first.event is None
    assert (first.after.round, first.after.step, first.after.tier) == (1, 1, 1)
    assert first.after.deadline_at == NOW + 60_000
    assert second is not None
    assert second.event is not None
    assert (second.event.type, second.event.what) == (EventType.ESCALATED, "Nobody has it. Tier 2 is told now.")
    assert begun(after(second), 2, 2) is None
    assert begun(after(second), 1, 1) is None


def test_an_acknowledgement_is_taken_back_only_once_its_time_is_over() -> None:
    assert lifecycle.expire(TAKEN, now_ms=NOW + 899_999) is None

    change = lifecycle.expire(TAKEN, now_ms=NOW + 900_000)

    back = after(change)
    assert (back.status, back.acknowledged_by, back.deadline_at) == (Status.OPEN, None, None)
    assert change is not None
    assert change.event is not None
    assert change.event.what == "ana acknowledged, but it was not resolved within 900 s."


def test_every_change_makes_another_revision() -> None:
    changes = [acknowledged(incident()), recovered(incident()), begun(incident(), 1, 1)]

    assert [after(change).revision for change in changes] == [2, 2, 2]
