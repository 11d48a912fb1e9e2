"""A storm that becomes graver goes by another plan: who is told when from then on, and what machines hear."""

from itertools import pairwise

import pytest

from coldwatch.incidents.answering import Action
from coldwatch.incidents.incident import EventType, Incident, Severity
from coldwatch.incidents.policy import Tier, by_severity
from tests.unit.incidents.builders import NOW, is_, plan
from tests.unit.incidents.storms.builders import device, opens, storm_world
from tests.unit.incidents.storms.telling import generous, settle
from tests.unit.incidents.storms.workflow import MINUTE, Clockwork

GATEWAY = "acme-gw-1"


def clockwork() -> Clockwork:
    """What warns is told to ana, each hour; what is critical to ben, then after 300 s to cem."""
    here = generous(storm_world())
    warning, critical = plan(Tier(("ana",), 3600)), plan(Tier(("ben",), 300), Tier(("cem",), 300))
    plans = {Severity.WARNING: warning, Severity.CRITICAL: critical}
    here.directory.policies["default"] = by_severity("default", "1", plans)
    here.directory.names["cem"] = "Cem"
    return Clockwork(here, NOW)


def warning_storm(clock: Clockwork) -> Incident:
    for number in range(3):
        opens(clock.here, device(clock.here, number, gateway=GATEWAY, site=None), at=NOW, model="shock")
    clock.run_until(NOW + 2 * MINUTE)
    (storm,) = clock.here.storm_incidents()
    return storm


def becomes_graver(clock: Clockwork) -> None:
    opens(clock.here, device(clock.here, 9, gateway=GATEWAY, site=None), at=clock.now)


def told_at(clock: Clockwork, storm: Incident) -> list[tuple[int, str]]:
    """The seconds at which who was told of it, since it opened."""
    pages = clock.here.incidents.pages(storm.incident_id)
    return sorted(((page.at - NOW) // 1000, page.contact_id) for page in pages if page.is_sent)


def test_the_next_tier_has_the_time_of_the_new_plan_not_of_the_one_that_it_began_with() -> None:
    clock = clockwork()
    storm = warning_storm(clock)

    becomes_graver(clock)
    clock.run_until(NOW + 13 * MINUTE)

    assert is_(clock.here, storm).severity is Severity.CRITICAL
    assert EventType.GREW in clock.here.what(storm)
    assert told_at(clock, storm) == [(0, "ana"), (120, "ben"), (420, "cem"), (720, "ben")]


def test_a_workflow_that_missed_it_is_told_of_the_new_plans_waits_at_its_next_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = clockwork()
    storm = warning_storm(clock)

    monkeypatch.setattr(clock.here.waiting, "wake", lambda *_, **__: None)
    becomes_graver(clock)
    clock.run_until(NOW + 80 * MINUTE)

    since = [at for at, _ in told_at(clock, storm)]
    assert since[1] == 3600, "each wake-up call was lost"
    assert [later - at for at, later in pairwise(since[1:])] == [300] * 3


def heard_of(clock: Clockwork, storm: Incident) -> list[tuple[str, str, str]]:
    """An alert may come twice, with the same id."""
    own = [each for each in clock.here.channel.alerts if each[1]["incident_id"] == storm.incident_id]
    once = {alert["alert_id"]: (topic, alert["event"], alert["severity"]) for topic, alert in own}
    return list(once.values())


def test_machines_hear_that_a_storm_is_graver_and_then_of_each_further_tier() -> None:
    clock = clockwork()
    storm = warning_storm(clock)

    becomes_graver(clock)
    clock.run_until(NOW + 25 * MINUTE)

    assert heard_of(clock, storm) == [
        ("alerts/gateway/warning", "opened", "warning"),
        ("alerts/gateway/critical", "escalated", "critical"),
        ("alerts/gateway/critical", "escalated", "critical"),
    ]
    told = [alert["tier"] for _, alert in clock.here.channel.alerts if alert["incident_id"] == storm.incident_id]
    assert told == [1, 1, 2]


def test_a_storm_that_was_graver_before_anybody_was_told_only_opens() -> None:
    clock = clockwork()
    clock.started_ms = MINUTE
    for number in range(3):
        opens(clock.here, device(clock.here, number, gateway=GATEWAY, site=None), at=NOW, model="shock")
    becomes_graver(clock)
    clock.run_until(NOW + 4 * MINUTE)

    (storm,) = clock.here.storm_incidents()
    assert heard_of(clock, storm) == [("alerts/gateway/critical", "opened", "critical")]


def test_machines_hear_of_a_silenced_child_only_that_it_is_over() -> None:
    clock = clockwork()
    storm = warning_storm(clock)
    child = opens(clock.here, device(clock.here, 5, gateway=GATEWAY, site=None), at=clock.now, model="shock")
    clock.run_until(clock.now + MINUTE)

    settle(clock.here, child, Action.RESOLVE, at=clock.now)
    clock.run_until(clock.now + MINUTE)

    assert child.incident_id != storm.incident_id
    assert heard_of(clock, child) == [("alerts/fridge/warning", "resolved", "warning")]
