"""Numbers of incidents: what is measured of one, what is left out, and what many come to."""

from typing import Any

import pytest

from coldwatch.incidents import lifecycle
from coldwatch.incidents.incident import Cause, EventType, Incident, Page, Status, TimelineEvent
from coldwatch.incidents.metrics import incident_metrics
from coldwatch.incidents.numbers import (
    LeftOut,
    Measured,
    Share,
    Spread,
    by_model,
    is_false_alarm,
    left_out,
    measure,
    numbers,
    spread,
)
from coldwatch.incidents.policy import Severity
from coldwatch.incidents.recording import record
from tests.unit.incidents.builders import MINUTE, NOW, incident, plan
from tests.unit.incidents.fakes import World


def over(minutes: float = 60, **changes: Any) -> Incident:
    return incident(status=Status.RESOLVED, resolved_at=NOW + round(minutes * MINUTE), **changes)


def event(kind: EventType, minutes: float) -> TimelineEvent:
    return TimelineEvent(NOW + round(minutes * MINUTE), f"{kind}-{minutes}", kind, "ana", "")


def page(contact: str, *, round_: int = 1, is_sent: bool = True) -> Page:
    return Page("i", round_, 1, contact, NOW, is_sent)


def measured(**changes: Any) -> Measured:
    known: dict[str, Any] = {
        "incident_id": "i",
        "detector_model": "shock",
        "severity": "warning",
        "to_acknowledge_ms": None,
        "to_resolve_ms": MINUTE,
        "is_in_time": None,
        "is_false": None,
        "messages": {},
    }
    return Measured(**known | changes)


def test_it_was_taken_when_somebody_first_did_also_where_that_was_not_kept() -> None:
    """The second acknowledgement, after the first expired, is what the incident itself still knows."""
    timeline = [event(EventType.OPENED, 0), event(EventType.ACKNOWLEDGED, 3), event(EventType.ACKNOWLEDGED, 40)]

    found = measure(over(acknowledged_at=NOW + 40 * MINUTE), timeline, [])

    assert (found.to_acknowledge_ms, found.to_resolve_ms) == (3 * MINUTE, 60 * MINUTE)


def test_a_snooze_takes_it_too() -> None:
    assert measure(over(), [event(EventType.SNOOZED, 2)], []).to_acknowledge_ms == 2 * MINUTE


@pytest.mark.parametrize(
    ("taken_after", "over_after", "is_in_time"),
    [(1, 60, True), (1.001, 60, False), (None, 60, False), (None, 1, None), (None, 0.5, None)],
    ids=["at the last moment", "a moment late", "never", "over at that moment", "over before"],
)
def test_in_time_is_what_was_taken_within_the_plans_target(
    taken_after: float | None,
    over_after: float,
    is_in_time: bool | None,  # noqa: FBT001 - a column of the table
) -> None:
    """The first tier has a minute. What passed by itself within that minute asked nobody."""
    timeline = [] if taken_after is None else [event(EventType.ACKNOWLEDGED, taken_after)]

    assert measure(over(over_after), timeline, []).is_in_time is is_in_time


def test_the_target_is_the_plans_own_where_it_says_one() -> None:
    taken = [event(EventType.ACKNOWLEDGED, 4)]

    assert measure(over(plan=plan(acknowledged_target_s=300)), taken, []).is_in_time is True
    assert measure(over(plan=plan(acknowledged_target_s=200)), taken, []).is_in_time is False


@pytest.mark.parametrize(
    ("cause", "useful", "is_false"),
    [
        (None, None, None),
        (Cause.UNKNOWN, None, None),
        (Cause.FALSE_ALARM, None, True),
        (Cause.SENSOR_FAULT, None, True),
        (Cause.DOOR_LEFT_OPEN, None, False),
        (Cause.DOOR_LEFT_OPEN, False, True),
        (Cause.FALSE_ALARM, True, True),
        (None, True, False),
        (None, False, True),
    ],
)
def test_a_false_alarm_is_one_by_its_cause_or_by_whoever_was_told(
    cause: Cause | None,
    useful: bool | None,  # noqa: FBT001 - a column of the table
    is_false: bool | None,  # noqa: FBT001 - likewise
) -> None:
    assert is_false_alarm(over(cause=cause, useful=useful)) is is_false


def test_what_is_left_out_and_why() -> None:
    assert left_out(over()) is None
    assert left_out(over(kind="test")) is LeftOut.TEST
    assert left_out(over(cause=Cause.TEST)) is LeftOut.TEST
    assert left_out(incident(status=Status.ACKNOWLEDGED)) is LeftOut.NOT_OVER


def test_only_messages_that_were_sent_count_each_for_its_contact() -> None:
    pages = [page("ana"), page("ana", round_=2), page("ben", is_sent=False), page("cem")]

    assert measure(over(), [], pages).messages == {"ana": 2, "cem": 1}


def test_many_come_to_shares_of_those_alone_of_which_it_can_be_said() -> None:
    found = numbers(
        [
            measured(is_in_time=True, is_false=False, messages={"ana": 1}),
            measured(is_in_time=False, is_false=True, messages={"ana": 2, "ben": 1}),
            measured(),
        ]
    )

    assert found.incidents == 3
    assert (found.in_time, found.false_alarms) == (Share(1, 2), Share(1, 2))
    assert found.messages == {"ana": 3, "ben": 1}
    assert found.to_acknowledge is None


def test_of_nothing_there_is_no_rate() -> None:
    found = numbers([])

    assert (found.in_time.rate, found.false_alarms.rate, found.to_resolve) == (None, None, None)


def test_percentiles_are_values_that_were_measured() -> None:
    found = spread(list(range(1, 101)))

    assert found is not None
    assert (found.median, found.nine_of_ten, found.longest) == (50, 90, 100)
    assert spread([7]) == Spread(1, 7, 7, 7)
    assert spread([]) is None


def test_models_have_numbers_of_their_own() -> None:
    found = by_model([measured(), measured(detector_model="battery_low", is_false=True)])

    assert {name: of.false_alarms for name, of in found.items()} == {"battery_low": Share(1, 1), "shock": Share(0, 0)}


def test_metrics_have_what_can_be_said_and_nothing_else() -> None:
    known = measured(to_acknowledge_ms=1500, is_in_time=True, messages={"ana": 2, "ben": 1})

    document = incident_metrics(known, stage="prod", now_ms=NOW)

    [definition] = document["_aws"]["CloudWatchMetrics"]
    assert definition["Dimensions"] == [["stage"], ["stage", "detector_model"]]
    assert {each["Name"]: document[each["Name"]] for each in definition["Metrics"]} == {
        "TimeToAcknowledge": 1.5,
        "TimeToResolve": 60,
        "AcknowledgedInTime": 1,
        "Messages": 3,
        "MessagesPerContact": 1.5,
    }
    assert (document["stage"], document["detector_model"]) == ("prod", "shock")


def resolved(here: World, **changes: Any) -> Incident:
    made = incident(severity=Severity.CRITICAL, **changes)
    assert here.incidents.open(made, lifecycle.opened(made, "Too warm."))
    change = lifecycle.resolve(made, who="ana", resolution="mended", note=None, now_ms=NOW + 5 * MINUTE)
    assert change is not None
    assert here.incidents.apply(change)
    return change.after


def test_recording_measures_once() -> None:
    here = World()
    made = resolved(here)

    first = record(made.incident_id, here.recording(), now_ms=NOW + 6 * MINUTE)
    again = record(made.incident_id, here.recording(), now_ms=NOW + 7 * MINUTE)

    assert first.measured is not None
    assert first.measured.to_resolve_ms == 5 * MINUTE
    assert again.measured is None


def test_a_test_is_recorded_and_not_measured() -> None:
    here = World()
    made = resolved(here, kind="test")

    recorded = record(made.incident_id, here.recording(), now_ms=NOW + 6 * MINUTE)

    assert recorded.incident.recorded_at is not None
    assert recorded.measured is None
